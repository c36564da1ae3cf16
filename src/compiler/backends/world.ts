import { memoizeByIdentity } from '../../kernel/memo.ts';
import type { ResourceOf } from '../../resources/kinds.ts';
import type { ResourceSet } from '../../resources/set.ts';

type Slice = ResourceOf<'EndpointSlice'>;
type Pod = ResourceOf<'Pod'>;
type WorkloadEntry = ResourceOf<'WorkloadEntry'>;

/** Everything that addresses come from, indexed; what changes most often and is read in no other file. */
export interface World {
  slicesOf(namespace: string, service: string): readonly Slice[];
  podNamed(namespace: string, name: string): Pod | undefined;
  podAt(namespace: string, ip: string): Pod | undefined;
  podsIn(namespace: string): readonly Pod[];
  workloadEntriesIn(namespace: string): readonly WorkloadEntry[];
}

const SERVICE_LABEL = 'kubernetes.io/service-name';

const byService = memoizeByIdentity((slices: readonly Slice[]) =>
  Map.groupBy(slices, ({ meta }) => `${meta.namespace}/${meta.labels[SERVICE_LABEL] ?? ''}`),
);

const byNamespace = memoizeByIdentity(<R extends Pod | WorkloadEntry>(objects: readonly R[]) =>
  Map.groupBy(objects, ({ meta }) => meta.namespace),
) as <R extends Pod | WorkloadEntry>(objects: readonly R[]) => ReadonlyMap<string, readonly R[]>;

const byName = memoizeByIdentity(
  (pods: readonly Pod[]) => new Map(pods.map((pod) => [`${pod.meta.namespace}/${pod.meta.name}`, pod])),
);

const byIp = memoizeByIdentity((pods: readonly Pod[]) => {
  const map = new Map<string, Pod>();
  for (const pod of pods) {
    if (isOver(pod)) continue;
    for (const ip of podIps(pod)) map.set(`${pod.meta.namespace}/${ip}`, pod);
  }
  return map;
});

/** Its address may be another pod's by now. */
const isOver = ({ body }: Pod): boolean => body.status?.phase === 'Succeeded' || body.status?.phase === 'Failed';

const NONE: readonly never[] = [];

export const worldOf = (resources: ResourceSet): World =>
  worldOfLists(resources.ofKind('EndpointSlice'), resources.ofKind('Pod'), resources.ofKind('WorkloadEntry'));

const worldOfLists = memoizeByIdentity(
  (slices: readonly Slice[], pods: readonly Pod[], entries: readonly WorkloadEntry[]): World => ({
    slicesOf: (namespace, service) => byService(slices).get(`${namespace}/${service}`) ?? NONE,
    podNamed: (namespace, name) => byName(pods).get(`${namespace}/${name}`),
    podAt: (namespace, ip) => byIp(pods).get(`${namespace}/${ip}`),
    podsIn: (namespace) => byNamespace(pods).get(namespace) ?? NONE,
    workloadEntriesIn: (namespace) => byNamespace(entries).get(namespace) ?? NONE,
  }),
);

export const podIps = ({ body }: Pod): readonly string[] => {
  const { podIP, podIPs = [] } = body.status ?? {};
  return [...new Set([podIP, ...podIPs.map(({ ip }) => ip)])].filter(
    (ip): ip is string => ip !== undefined && ip !== '',
  );
};

/** Running, addressed and ready: what a selector may choose (as Istio's own registry has it). */
export const isPodReady = (pod: Pod): boolean =>
  !isOver(pod) &&
  pod.body.metadata.deletionTimestamp === undefined &&
  (pod.body.status?.conditions ?? []).some(({ type, status }) => type === 'Ready' && status === 'True');
