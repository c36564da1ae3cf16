/** The Kubernetes API as a source of resources, and as the place where their statuses are written. */
export { type ApiAccess, loadAccess } from './kubernetes/access.ts';
export { type ApiClient, ApiError, createApiClient } from './kubernetes/client.ts';
export type { KindHealth, KubernetesHealth } from './kubernetes/health.ts';
export type { ObjectFacts } from './kubernetes/kind-store.ts';
export {
  type KubernetesOptions,
  type KubernetesSource,
  type KubernetesTimings,
  kubernetesSource,
} from './kubernetes/kubernetes-source.ts';
