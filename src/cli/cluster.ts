import type { Clock } from '../kernel/clock.ts';
import { systemClock } from '../kernel/clock.ts';
import type { MeshSettings } from '../resources/index.ts';
import type { Settings } from '../settings.ts';
import {
  type ApiClient,
  createApiClient,
  type KubernetesOptions,
  kubernetesSource,
  loadAccess,
} from '../sources/kubernetes.ts';
import type { SourceSnapshot } from '../sources/source.ts';
import { usageError } from './terminal.ts';

/** Longer nobody waits at a prompt. */
const READ_LIMIT_MS = 30_000;

export interface OpenCluster {
  readonly client: ApiClient;
  /** The kubeconfig's, where none is named. */
  readonly namespace: string;
}

export async function openCluster({ kubeconfig }: Settings): Promise<OpenCluster> {
  const access = await loadAccess(kubeconfig).catch((error: Error) => {
    throw usageError(error.message, 'see --kubeconfig');
  });
  return { client: createApiClient(access), namespace: access.namespace };
}

/** What of the settings concerns the source; the rest is the caller's. */
export const clusterOptions = (
  client: ApiClient,
  { gatewayNamespace, namespaceSelector }: Settings,
  { rootNamespace }: MeshSettings,
  clock: Clock,
): Omit<KubernetesOptions, 'log'> => ({
  client,
  gatewayNamespace,
  namespaceSelector,
  ownNamespaces: [rootNamespace],
  clock,
});

/** The cluster as it is now. */
export async function readCluster(settings: Settings, mesh: MeshSettings): Promise<SourceSnapshot> {
  const { client } = await openCluster(settings);
  const troubles: string[] = [];
  const log = { info: () => {}, warn: (message: string) => void troubles.push(message) };
  const source = kubernetesSource({ ...clusterOptions(client, settings, mesh, systemClock), log });
  const limit = setTimeout(() => void source.close(), READ_LIMIT_MS);
  const look = setInterval(() => {
    const { kinds } = source.health();
    // A right that is lacking now will be lacking in half a minute.
    if (kinds.some(({ state }) => state === 'denied') && kinds.every(({ state }) => state !== 'waiting'))
      void source.close();
  }, 200);
  try {
    return await source.start(() => {});
  } catch {
    throw usageError([`the cluster at ${client.server} cannot be read`, ...troubles].join('\n        '));
  } finally {
    clearTimeout(limit);
    clearInterval(look);
    await source.close();
    await client.close();
  }
}
