import { memoizeByIdentity } from '../../kernel/memo.ts';
import type { ResourceOf } from '../../resources/kinds.ts';
import type { ResourceSet } from '../../resources/set.ts';
import { sameElements } from './same.ts';

type Slice = ResourceOf<'EndpointSlice'>;
type Pod = ResourceOf<'Pod'>;
type WorkloadEntry = ResourceOf<'WorkloadEntry'>;

/** What addresses in one namespace come from. The same object from one world to the next while nothing in it changes. */
export interface Scope {
  readonly slices: readonly Slice[];
  readonly pods: readonly Pod[];
  readonly workloadEntries: readonly WorkloadEntry[];
}

interface Lists {
  readonly slices: readonly Slice[];
  readonly pods: readonly Pod[];
  readonly workloadEntries: readonly WorkloadEntry[];
}

/** All that changes most often, by namespace: a rollout in one leaves the others untouched. */
export interface World {
  readonly lists: Lists;
  readonly scopes: ReadonlyMap<string, Scope>;
}

const NOTHING: readonly never[] = [];
const EMPTY_SCOPE: Scope = { slices: NOTHING, pods: NOTHING, workloadEntries: NOTHING };

/** `before`: the world before, whose untouched scopes are kept. */
export function worldOf(resources: ResourceSet, before: World | undefined): World {
  const lists: Lists = {
    slices: resources.ofKind('EndpointSlice'),
    pods: resources.ofKind('Pod'),
    workloadEntries: resources.ofKind('WorkloadEntry'),
  };
  if (before !== undefined && sameLists(before.lists, lists)) return before;
  const slices = byNamespace(lists.slices);
  const pods = byNamespace(lists.pods);
  const workloadEntries = byNamespace(lists.workloadEntries);
  const scopes = new Map<string, Scope>();
  for (const namespace of new Set([...slices.keys(), ...pods.keys(), ...workloadEntries.keys()])) {
    const scope: Scope = {
      slices: slices.get(namespace) ?? NOTHING,
      pods: pods.get(namespace) ?? NOTHING,
      workloadEntries: workloadEntries.get(namespace) ?? NOTHING,
    };
    const known = before?.scopes.get(namespace);
    scopes.set(namespace, known === undefined ? scope : kept(known, scope));
  }
  return { lists, scopes };
}

export const scopeOf = (world: World, namespace: string): Scope => world.scopes.get(namespace) ?? EMPTY_SCOPE;

const byNamespace = <R extends Slice | Pod | WorkloadEntry>(objects: readonly R[]): ReadonlyMap<string, R[]> =>
  Map.groupBy(objects, ({ meta }) => meta.namespace);

const sameLists = (a: Lists, b: Lists): boolean =>
  a.slices === b.slices && a.pods === b.pods && a.workloadEntries === b.workloadEntries;

/** Each list by itself too, since the indexes below remember it. */
function kept(before: Scope, now: Scope): Scope {
  const slices = sameElements(before.slices, now.slices) ? before.slices : now.slices;
  const pods = sameElements(before.pods, now.pods) ? before.pods : now.pods;
  const same = sameElements(before.workloadEntries, now.workloadEntries);
  const workloadEntries = same ? before.workloadEntries : now.workloadEntries;
  const scope = { slices, pods, workloadEntries };
  return sameLists(before, scope) ? before : scope;
}

/* ------------------------------------------------------------------------ looking things up in one namespace */

const SERVICE_LABEL = 'kubernetes.io/service-name';

const byService = memoizeByIdentity((slices: readonly Slice[]) =>
  Map.groupBy(slices, ({ meta }) => meta.labels[SERVICE_LABEL] ?? ''),
);
const byName = memoizeByIdentity((pods: readonly Pod[]) => new Map(pods.map((pod) => [pod.meta.name, pod])));
const byIp = memoizeByIdentity((pods: readonly Pod[]) => {
  const current = pods.filter((pod) => !isOver(pod));
  return new Map(current.flatMap((pod) => podIps(pod).map((ip) => [ip, pod] as const)));
});

export const slicesOf = ({ slices }: Scope, service: string): readonly Slice[] =>
  byService(slices).get(service) ?? NOTHING;
export const podNamed = ({ pods }: Scope, name: string): Pod | undefined => byName(pods).get(name);
export const podAt = ({ pods }: Scope, ip: string): Pod | undefined => byIp(pods).get(ip);

/** Its address may be another pod's by now. */
const isOver = ({ body }: Pod): boolean => body.status?.phase === 'Succeeded' || body.status?.phase === 'Failed';

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
