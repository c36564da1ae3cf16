import { changedStretch } from '../kernel/stretch.ts';
import type { ClusterId, Listener } from '../table/index.ts';
import type { BuiltHost, BuiltRouteConfig } from './virtual-hosts.ts';

interface Counted {
  readonly hosts: readonly BuiltHost[];
  /** How many parts of the hosts name a cluster. */
  readonly counts: Map<ClusterId, number>;
}

/** The clusters that something leads to: the same set as long as it holds the same. */
export class ReferencedClusters {
  #counted: ReadonlyMap<string, Counted> = new Map();
  #last: ReadonlySet<ClusterId> = new Set();

  of(
    routeConfigs: readonly BuiltRouteConfig[],
    listeners: readonly Listener[],
    more: readonly ClusterId[],
  ): ReadonlySet<ClusterId> {
    const counted = new Map<string, Counted>();
    const now = new Set<ClusterId>(more);
    for (const { config, hosts } of routeConfigs) {
      const { counts } = this.#counted.get(config.name) ?? { counts: new Map<ClusterId, number>() };
      recount(counts, this.#counted.get(config.name)?.hosts ?? [], hosts);
      counted.set(config.name, { hosts, counts });
      for (const id of counts.keys()) now.add(id);
    }
    this.#counted = counted;
    addConnections(now, listeners);
    if (now.size !== this.#last.size || !now.isSubsetOf(this.#last)) this.#last = now;
    return this.#last;
  }
}

function recount(counts: Map<ClusterId, number>, before: readonly BuiltHost[], now: readonly BuiltHost[]): void {
  const stretch = changedStretch(before, now);
  if (stretch === undefined) return;
  for (const id of clustersOf(now.slice(stretch.from, stretch.toNow))) counts.set(id, (counts.get(id) ?? 0) + 1);
  for (const id of clustersOf(before.slice(stretch.from, stretch.toBefore))) {
    const left = (counts.get(id) ?? 0) - 1;
    if (left > 0) counts.set(id, left);
    else counts.delete(id);
  }
}

const clustersOf = (hosts: readonly BuiltHost[]): readonly ClusterId[] =>
  hosts.flatMap(({ parts }) => parts.flatMap(({ completion }) => completion.clusters));

function addConnections(into: Set<ClusterId>, listeners: readonly Listener[]): void {
  for (const { plaintext, tls } of listeners) {
    const routes = [plaintext, ...tls.map(({ handling }) => handling)].flatMap((one) =>
      one !== undefined && 'route' in one && one.route !== undefined ? [one.route] : [],
    );
    for (const { destinations } of routes) for (const { cluster } of destinations) into.add(cluster);
  }
}
