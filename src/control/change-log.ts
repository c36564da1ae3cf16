import { diffTables, isEmptyDiff, type PartsDiff, type Route, type RouteTable } from '../table/index.ts';
import type { LogFields } from './log.ts';

/** Names beyond these are counted, not listed. */
const MOST_NAMES = 5;

/** What a publication changed, for one line of the log; undefined: nothing that a request could notice. */
export function describeChange(before: RouteTable | undefined, after: RouteTable): LogFields | undefined {
  if (before === undefined) return describeWhole(after);
  const diff = diffTables(before, after);
  if (isEmptyDiff(diff)) return undefined;
  const owners = new Set<string>();
  const count = (parts: readonly PartsDiff<Route>[]): string | undefined => {
    const [added, removed, changed] = [
      parts.flatMap((part) => part.added),
      parts.flatMap((part) => part.removed),
      parts.flatMap((part) => part.changed.map((pair) => pair.after)),
    ];
    for (const route of [...added, ...removed, ...changed]) owners.add(route.owner.namespace);
    return signed(added.length, removed.length, changed.length);
  };
  return {
    routes: count(diff.virtualHosts.map((host) => host.routes)),
    hosts: names(diff.virtualHosts.map((host) => host.domain)),
    namespaces: names([...owners].sort()),
    listeners: signed(diff.listeners.added.length, diff.listeners.removed.length, diff.listeners.changed.length),
    clusters: signed(diff.clusters.added.length, diff.clusters.removed.length, diff.clusters.changed.length),
    policies: diff.filtersChanged || diff.settingsChanged ? 'changed' : undefined,
  };
}

function describeWhole({ routeConfigs, listeners, clusters }: RouteTable): LogFields {
  const hosts = routeConfigs.flatMap((config) => config.virtualHosts);
  return {
    routes: hosts.reduce((sum, host) => sum + host.routes.length, 0),
    hosts: new Set(hosts.map((host) => host.domain)).size,
    ports: names([...new Set(listeners.map((listener) => String(listener.port)))]),
    clusters: clusters.length,
  };
}

/** `+2 -1 ~3`; undefined: nothing. */
function signed(added: number, removed: number, changed: number): string | undefined {
  const parts = [added > 0 && `+${added}`, removed > 0 && `-${removed}`, changed > 0 && `~${changed}`].filter(
    (part) => part !== false,
  );
  return parts.length === 0 ? undefined : parts.join(' ');
}

function names(all: readonly string[]): string | undefined {
  if (all.length === 0) return undefined;
  const unique = [...new Set(all)];
  const more = unique.length - MOST_NAMES;
  return `${unique.slice(0, MOST_NAMES).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}
