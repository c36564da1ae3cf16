import { changedStretch } from '../kernel/stretch.ts';
import type { Cluster, Listener, Route, RouteConfig, RouteTable, VirtualHost } from './model.ts';

/** What two tables do not have in common. Parts that are the same object are the same, whatever they hold. */
export interface TableDiff {
  readonly settingsChanged: boolean;
  readonly filtersChanged: boolean;
  /** By port and bind address. */
  readonly listeners: PartsDiff<Listener>;
  /** By id. */
  readonly clusters: PartsDiff<Cluster>;
  /** Of all route configs that are not the same; by name, then by domain. */
  readonly virtualHosts: readonly VirtualHostDiff[];
}

export interface PartsDiff<T> {
  readonly added: readonly T[];
  readonly removed: readonly T[];
  readonly changed: readonly { readonly before: T; readonly after: T }[];
}

export interface VirtualHostDiff {
  readonly routeConfig: string;
  readonly domain: string;
  readonly kind: 'added' | 'removed' | 'changed';
  readonly requireTlsChanged: boolean;
  /** By id. */
  readonly routes: PartsDiff<Route>;
  /** The routes that both have do not stand in the same order. */
  readonly reordered: boolean;
}

export function diffTables(before: RouteTable, after: RouteTable): TableDiff {
  return {
    settingsChanged: !isSame(before.settings, after.settings),
    filtersChanged: !isSame(before.filters, after.filters),
    listeners: diffParts(before.listeners, after.listeners, ({ port, bind }) => `${port} ${bind ?? ''}`),
    clusters: diffParts(before.clusters, after.clusters, ({ id }) => id),
    virtualHosts: diffVirtualHosts(before.routeConfigs, after.routeConfigs),
  };
}

export const isEmptyDiff = (diff: TableDiff): boolean =>
  !diff.settingsChanged &&
  !diff.filtersChanged &&
  isEmpty(diff.listeners) &&
  isEmpty(diff.clusters) &&
  diff.virtualHosts.length === 0;

const isEmpty = <T>({ added, removed, changed }: PartsDiff<T>): boolean =>
  added.length === 0 && removed.length === 0 && changed.length === 0;

function diffVirtualHosts(before: readonly RouteConfig[], after: readonly RouteConfig[]): readonly VirtualHostDiff[] {
  const configs = diffParts(
    before,
    after,
    ({ name }) => name,
    (a, b) => a === b,
  );
  return [
    ...configs.removed.flatMap((config) => diffHosts(config.name, config.virtualHosts, [])),
    ...configs.added.flatMap((config) => diffHosts(config.name, [], config.virtualHosts)),
    ...configs.changed.flatMap((pair) => diffHosts(pair.after.name, pair.before.virtualHosts, pair.after.virtualHosts)),
  ].sort((a, b) => compare(a.routeConfig, b.routeConfig) || compare(a.domain, b.domain));
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

function diffHosts(
  routeConfig: string,
  before: readonly VirtualHost[],
  after: readonly VirtualHost[],
): readonly VirtualHostDiff[] {
  const hosts = diffParts(before, after, ({ domain }) => domain);
  const whole = (kind: 'added' | 'removed') => (host: VirtualHost) => ({
    routeConfig,
    domain: host.domain,
    kind,
    requireTlsChanged: false,
    routes: { added: [], removed: [], changed: [], [kind]: host.routes },
    reordered: false,
  });
  return [
    ...hosts.removed.map(whole('removed')),
    ...hosts.added.map(whole('added')),
    ...hosts.changed.map((pair) => diffHost(routeConfig, pair.before, pair.after)),
  ];
}

function diffHost(routeConfig: string, before: VirtualHost, after: VirtualHost): VirtualHostDiff {
  const routes = diffParts(before.routes, after.routes, ({ id }) => id);
  const added = new Set(routes.added.map(({ id }) => id));
  const removed = new Set(routes.removed.map(({ id }) => id));
  const keptBefore = before.routes.filter(({ id }) => !removed.has(id));
  const keptAfter = after.routes.filter(({ id }) => !added.has(id));
  return {
    routeConfig,
    domain: after.domain,
    kind: 'changed',
    requireTlsChanged: before.requireTls !== after.requireTls,
    routes,
    reordered: keptAfter.some(({ id }, i) => keptBefore[i]?.id !== id),
  };
}

function diffParts<T extends object>(
  before: readonly T[],
  after: readonly T[],
  keyOf: (part: T) => string,
  same: (a: T, b: T) => boolean = isSame,
): PartsDiff<T> {
  // What both begin and end with is the same: of ten thousand hosts one is looked at.
  const stretch = changedStretch(before, after);
  if (stretch === undefined) return { added: [], removed: [], changed: [] };
  const old = new Map(before.slice(stretch.from, stretch.toBefore).map((part) => [keyOf(part), part]));
  const added: T[] = [];
  const changed: { before: T; after: T }[] = [];
  for (const part of after.slice(stretch.from, stretch.toNow)) {
    const was = old.get(keyOf(part));
    if (was === undefined) added.push(part);
    else {
      old.delete(keyOf(part));
      if (was !== part && !same(was, part)) changed.push({ before: was, after: part });
    }
  }
  return { added, removed: [...old.values()], changed };
}

/** Tables are plain data: what is written the same is the same. Only asked of parts that are not one object. */
function isSame(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  const keys = Object.keys(a);
  if (keys.length !== Object.keys(b).length) return false;
  return keys.every(
    (key) => Object.hasOwn(b, key) && isSame((a as Record<string, unknown>)[key], (b as Record<string, unknown>)[key]),
  );
}
