import type { Clock } from '../kernel/clock.ts';
import { systemClock } from '../kernel/clock.ts';
import type { MeshSettings } from '../resources/index.ts';
import type { Settings } from '../settings.ts';
import {
  type ApiClient,
  createApiClient,
  type KubernetesHealth,
  type KubernetesOptions,
  kubernetesSource,
  loadAccess,
} from '../sources/kubernetes.ts';
import type { SourceSnapshot } from '../sources/source.ts';
import { usageError } from './terminal.ts';

/** Longer nobody waits at a prompt. */
const READ_LIMIT_MS = 30_000;
/** A server that has not answered well until then is away, or does not know who asks. */
const AWAY_LIMIT_MS = 3_000;
const LOOK_MS = 200;

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
  const beganMs = systemClock.monotonicMs();
  const look = setInterval(() => {
    const { kinds } = source.health();
    const tookMs = systemClock.monotonicMs() - beganMs;
    // A right that is lacking now will be lacking in half a minute.
    const isRefused = kinds.some(({ state }) => state === 'denied') && kinds.every(({ state }) => state !== 'waiting');
    const isAway = tookMs > AWAY_LIMIT_MS && troubles.length > 0 && kinds.every((kind) => kind.contactMs === undefined);
    if (isRefused || isAway || tookMs > READ_LIMIT_MS) void source.close();
  }, LOOK_MS);
  try {
    return await source.start(() => {});
  } catch {
    throw notRead(source.health(), troubles);
  } finally {
    clearInterval(look);
    await source.close();
    await client.close();
  }
}

/** Kinds that are refused are told together: whoever lacks a right to one mostly lacks it to all. */
function notRead({ server, kinds }: KubernetesHealth, troubles: readonly string[]): Error {
  const denied = kinds.filter(({ state }) => state === 'denied');
  const others = troubles.filter((text) => !denied.some(({ kind }) => text.includes(`(${kind}): `)));
  const refusal = `it may not be asked for ${denied.map(({ kind }) => kind).join(', ')}: ${denied[0]?.trouble}`;
  const lines = [...(denied.length > 0 ? [refusal] : []), ...others.map((text) => text.replace(/; tried again$/, ''))];
  const hint = denied.length > 0 ? 'deploy/base/cluster-role.yaml has the rights that this takes' : undefined;
  return usageError([`the cluster at ${server} cannot be read`, ...lines].join('\n        '), hint);
}
