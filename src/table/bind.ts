import { changedStretch, NOWHERE, replaceStretch } from '../kernel/stretch.ts';
import { type Bucket, bindRoute, pathEntry, valueTrie } from './buckets.ts';
import { buildHostIndex, type HostIndex, withValues } from './host-index.ts';
import type { Listener, RouteConfig, RouteTable, TlsServer, VirtualHost } from './model.ts';
import type { TrieNode } from './trie.ts';

/** A table made ready to answer: indexes, and patterns compiled. Made beside the one that serves, then swapped in. */
export interface BoundTable {
  readonly table: RouteTable;
  readonly routeConfigs: ReadonlyMap<string, BoundRouteConfig>;
  /** In the order of the table. */
  readonly listeners: readonly BoundListener[];
}

export interface BoundListener {
  readonly listener: Listener;
  /** By SNI: `lookUpHost(tls, serverName)`; a client without SNI asks with '' (istio-semantics §0.1). */
  readonly tls: HostIndex<TlsServer>;
}

export interface BoundRouteConfig {
  readonly routeConfig: RouteConfig;
  readonly hosts: HostIndex<BoundVirtualHost>;
}

export interface BoundVirtualHost {
  readonly virtualHost: VirtualHost;
  readonly paths: TrieNode<Bucket>;
  /** Conditions that ignore letter case, asked about the path in lower case; undefined: there are none. */
  readonly foldedPaths: TrieNode<Bucket> | undefined;
}

/** Virtual hosts, route configs and listeners that the previous table had, as the same objects, are taken over. */
export function bindTable(table: RouteTable, previous?: BoundTable): BoundTable {
  const fresh = new Map<VirtualHost, BoundVirtualHost>();
  const bind = (host: VirtualHost): BoundVirtualHost => {
    const bound = fresh.get(host) ?? bindVirtualHost(host);
    fresh.set(host, bound);
    return bound;
  };
  const routeConfigs = new Map<string, BoundRouteConfig>();
  for (const routeConfig of table.routeConfigs) {
    const before = previous?.routeConfigs.get(routeConfig.name);
    const same = before?.routeConfig === routeConfig;
    routeConfigs.set(routeConfig.name, same ? before : bindRouteConfig(routeConfig, before, bind));
  }
  return { table, routeConfigs, listeners: bindListeners(table.listeners, previous) };
}

/** Only what stands in the stretch that is another is looked at; and with the same domains, their index stays. */
function bindRouteConfig(
  routeConfig: RouteConfig,
  before: BoundRouteConfig | undefined,
  bind: (host: VirtualHost) => BoundVirtualHost,
): BoundRouteConfig {
  const { virtualHosts } = routeConfig;
  const old = before?.routeConfig.virtualHosts ?? [];
  const stretch = changedStretch(old, virtualHosts) ?? NOWHERE;
  const gone = old.slice(stretch.from, stretch.toBefore);
  const come = virtualHosts.slice(stretch.from, stretch.toNow);
  const known = new Map(gone.map((host, i) => [host, before?.hosts.values[stretch.from + i]]));
  const bound = come.map((host) => known.get(host) ?? bind(host));
  const values = replaceStretch(before?.hosts.values ?? [], stretch, bound);
  const sameDomains = gone.length === come.length && gone.every((host, i) => host.domain === come[i]?.domain);
  const domains = (): readonly string[] => virtualHosts.map(({ domain }) => domain);
  const hosts =
    before !== undefined && sameDomains ? withValues(before.hosts, values) : buildHostIndex(domains(), values);
  return { routeConfig, hosts };
}

export function bindVirtualHost(virtualHost: VirtualHost): BoundVirtualHost {
  const entries = virtualHost.routes.map((route, index) => pathEntry(bindRoute(route, index)));
  const folded = entries.filter((entry) => entry.folded);
  const exactCase = folded.length === 0 ? entries : entries.filter((entry) => !entry.folded);
  return {
    virtualHost,
    paths: valueTrie(exactCase, []),
    foldedPaths: folded.length === 0 ? undefined : valueTrie(folded, []),
  };
}

function bindListeners(listeners: readonly Listener[], previous: BoundTable | undefined): readonly BoundListener[] {
  const known = new Map(previous?.listeners.map((bound) => [bound.listener, bound]));
  return listeners.map((listener) => known.get(listener) ?? bindListener(listener));
}

function bindListener(listener: Listener): BoundListener {
  const names = listener.tls.flatMap((server) => server.serverNames.map((name) => ({ name, server })));
  const tls = buildHostIndex(
    names.map(({ name }) => name),
    names.map(({ server }) => server),
  );
  return { listener, tls };
}
