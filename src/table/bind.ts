import { type Bucket, bindRoute, pathEntry, valueTrie } from './buckets.ts';
import { buildHostIndex, type HostIndex } from './host-index.ts';
import type { Listener, RouteConfig, RouteTable, TlsServer, VirtualHost } from './model.ts';
import type { TrieNode } from './trie.ts';

/** A table made ready to answer: indexes, and patterns compiled. Made beside the one that serves, then swapped in. */
export interface BoundTable {
  readonly table: RouteTable;
  readonly routeConfigs: ReadonlyMap<string, BoundRouteConfig>;
  /** In the order of the table. */
  readonly listeners: readonly BoundListener[];
  /** By definition: what the next table takes over. */
  readonly virtualHosts: ReadonlyMap<VirtualHost, BoundVirtualHost>;
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
  const virtualHosts = new Map<VirtualHost, BoundVirtualHost>();
  const bindHost = (virtualHost: VirtualHost): BoundVirtualHost => {
    const bound =
      virtualHosts.get(virtualHost) ?? previous?.virtualHosts.get(virtualHost) ?? bindVirtualHost(virtualHost);
    virtualHosts.set(virtualHost, bound);
    return bound;
  };
  const routeConfigs = new Map<string, BoundRouteConfig>();
  for (const routeConfig of table.routeConfigs) {
    const hosts = routeConfig.virtualHosts.map((host) => [host.domain, bindHost(host)] as const);
    const before = previous?.routeConfigs.get(routeConfig.name);
    const same = before?.routeConfig === routeConfig;
    routeConfigs.set(routeConfig.name, same ? before : { routeConfig, hosts: buildHostIndex(hosts) });
  }
  return { table, routeConfigs, listeners: bindListeners(table.listeners, previous), virtualHosts };
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
  const names = listener.tls.flatMap((server) => server.serverNames.map((name) => [name, server] as const));
  return { listener, tls: buildHostIndex(names) };
}
