import { createHash } from 'node:crypto';
import type { ClusterId, Endpoint, EndpointTable } from '../../table/model.ts';
import type { ClusterPlan } from './cluster.ts';
import { gather, isAddress, type Member } from './members.ts';
import { labelsFit } from './names.ts';
import { placeMembers } from './placement.ts';
import { remembered } from './remember.ts';
import { sameElements } from './same.ts';
import { type BackendService, isResolvedByName } from './service.ts';
import { type Scope, slicesOf } from './world.ts';

/* What is remembered here changes nothing but identities: each answer is what its arguments alone say. */

interface Remembered {
  readonly scope: Scope;
  readonly sources: readonly object[];
  readonly members: readonly Member[];
}

const gathered = new WeakMap<BackendService, Map<string, Remembered>>();

/** Members of one service on one port; the same array as long as no object that they come from has changed. */
function membersOf(service: BackendService, portName: string, scope: Scope): readonly Member[] {
  const ports = remembered(gathered, service, () => new Map<string, Remembered>());
  const before = ports.get(portName);
  if (before !== undefined && isUntouched(service, before.scope, scope)) return before.members;
  const { members, sources } = gather(service, portName, scope);
  const kept = before !== undefined && sameElements(before.sources, sources) ? before.members : members;
  ports.set(portName, { scope, sources, members: kept });
  return kept;
}

/** Nothing that the service's members may come from is another object. */
function isUntouched(service: BackendService, before: Scope, now: Scope): boolean {
  if (before === now) return true;
  if (before.pods !== now.pods || before.workloadEntries !== now.workloadEntries) return false;
  const { kind, object } = service;
  return kind === 'entry' || sameElements(slicesOf(before, object.name), slicesOf(now, object.name));
}

interface Placed {
  readonly parts: readonly (readonly Member[])[];
  readonly endpoints: readonly Endpoint[];
}

const placed = new WeakMap<ClusterPlan, Placed>();
const NONE: readonly Endpoint[] = [];

/**
 * Endpoints of a cluster. `providers`: the services of its host and namespace, since several ServiceEntries of one
 * namespace may list endpoints for the same host. `before`: the list that was published last, kept where it is equal.
 */
export function endpointsOf(
  plan: ClusterPlan,
  providers: readonly BackendService[],
  scope: Scope,
  before: readonly Endpoint[] | undefined,
): readonly Endpoint[] {
  if (plan.unreachable) return NONE;
  const parts = providers.map((service) => membersOf(service, plan.port.name, scope));
  const known = placed.get(plan);
  if (known !== undefined && sameElements(known.parts, parts)) return known.endpoints;
  const byName = isResolvedByName(plan.service);
  const members = parts
    .flat()
    .filter(({ labels, address }) => labelsFit(plan.labels, labels) && (byName || isAddress(address)));
  const fresh = placeMembers(members, plan.locality);
  const endpoints = before !== undefined && sameEndpoints(before, fresh) ? before : fresh;
  placed.set(plan, { parts, endpoints });
  return endpoints;
}

/** Does the host have any endpoint on the cluster's port, whatever the subset? */
export const hasMembers = (plan: ClusterPlan, providers: readonly BackendService[], scope: Scope): boolean =>
  providers.some((service) => membersOf(service, plan.port.name, scope).length > 0);

const sameEndpoints = (a: readonly Endpoint[], b: readonly Endpoint[]): boolean =>
  a.length === b.length &&
  a.every((x, i) => {
    const y = b[i] as Endpoint;
    return (
      x.address === y.address &&
      x.port === y.port &&
      x.weight === y.weight &&
      x.healthy === y.healthy &&
      x.locality === y.locality &&
      x.priority === y.priority
    );
  });

const digests = new WeakMap<readonly Endpoint[], string>();

function digestOf(endpoints: readonly Endpoint[]): string {
  let digest = digests.get(endpoints);
  if (digest === undefined) {
    const lines = endpoints.map((e) => [e.address, e.port, e.weight, e.healthy, e.locality, e.priority].join(' '));
    digest = createHash('sha256').update(lines.join('\n')).digest('base64url');
    digests.set(endpoints, digest);
  }
  return digest;
}

/** Unchanged lists are not hashed again: the revision costs one line a cluster. */
export function endpointTable(lists: readonly (readonly [ClusterId, readonly Endpoint[]])[]): EndpointTable {
  const lines = lists.map(([id, endpoints]) => `${id} ${digestOf(endpoints)}`);
  const revision = createHash('sha256').update(lines.join('\n')).digest('hex').slice(0, 16);
  return { revision, clusters: Object.fromEntries(lists) };
}
