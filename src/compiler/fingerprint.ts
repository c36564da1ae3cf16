import { createHash } from 'node:crypto';
import { memoizeByIdentity } from '../kernel/memo.ts';
import type { Cluster, FilterSettings, Route, RouteConfig, RouteTable, VirtualHost } from '../table/index.ts';

/**
 * Content hashes, remembered for parts that stay the same object. They depend on content alone, so that equal
 * resources give equal revisions on every replica, in whatever order they came.
 */
const hashOf = (text: string): string => createHash('sha256').update(text).digest('base64url').slice(0, 22);

/** Boxed, since what is remembered by identity must be an object. */
interface Hash {
  readonly text: string;
}

const hash = (text: string): Hash => ({ text: hashOf(text) });

const hashRoute = memoizeByIdentity((route: Route) => hash(JSON.stringify(route)));
const hashCluster = memoizeByIdentity((cluster: Cluster) => hash(JSON.stringify(cluster)));
const hashFilters = memoizeByIdentity((filters: FilterSettings) => hash(JSON.stringify(filters)));
const hashClusters = memoizeByIdentity((clusters: readonly Cluster[]) =>
  hash(clusters.map((cluster) => hashCluster(cluster).text).join()),
);

const hashHost = memoizeByIdentity((host: VirtualHost) =>
  hash(`${host.domain} ${host.requireTls} ${host.routes.map((route) => hashRoute(route).text).join()}`),
);

const hashRouteConfig = memoizeByIdentity((config: RouteConfig) =>
  hash(`${config.name} ${config.port} ${config.virtualHosts.map((host) => hashHost(host).text).join()}`),
);

export function revisionOf(table: Omit<RouteTable, 'revision'>): string {
  return hashOf(
    JSON.stringify([
      table.settings,
      table.listeners,
      table.routeConfigs.map((config) => hashRouteConfig(config).text),
      hashClusters(table.clusters).text,
      hashFilters(table.filters).text,
    ]),
  );
}
