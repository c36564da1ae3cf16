/** The Kubernetes API as a source of resources, and as the place where their statuses are written. */
export { type ApiAccess, loadAccess } from './kubernetes/access.ts';
export { type ApiClient, ApiError, createApiClient } from './kubernetes/client.ts';
export {
  type Condition,
  type DesiredStatus,
  UNATTACHED,
  type Verdict,
} from './kubernetes/conditions.ts';
export type { KindHealth, KubernetesHealth } from './kubernetes/health.ts';
export type { KnownObject } from './kubernetes/kind-store.ts';
export { objectPath } from './kubernetes/kinds.ts';
export {
  type KubernetesOptions,
  type KubernetesSource,
  type KubernetesTimings,
  kubernetesSource,
} from './kubernetes/kubernetes-source.ts';
export { type StatusReport, type StatusWriter, startStatusWriter } from './kubernetes/status-writer.ts';
