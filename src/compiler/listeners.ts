import type { Diagnostic } from '../diagnostics/index.ts';
import { compareStrings } from '../kernel/compare.ts';
import type { Listener, PlaintextServer, TlsServer } from '../table/index.ts';
import { type ServerPlan, serverNames } from './from-gateway.ts';
import type { VirtualService } from './http-rule.ts';
import { type ConnectionRoutes, SniBook } from './tcp-routes.ts';

export interface BuiltListeners {
  readonly listeners: readonly Listener[];
  /** VirtualServices that `tcp` or `tls` routes of these listeners come from. */
  readonly attached: ReadonlySet<VirtualService>;
  readonly diagnostics: readonly Diagnostic[];
}

/** The ports to open, by number and then bind address. A port where nothing could be answered is not opened (istio-semantics §2.13). */
export function buildListeners(
  servers: readonly ServerPlan[],
  routes: ConnectionRoutes,
  proxyProtocol: boolean,
): BuiltListeners {
  const attached = new Set<VirtualService>();
  const diagnostics: Diagnostic[] = [];
  const listeners = Map.groupBy(servers, ({ port, bind }) => `${port} ${bind ?? ''}`)
    .values()
    .flatMap((group) => {
      const names = new SniBook();
      const listener = { ...buildListener(group, routes, names, attached), ...(proxyProtocol && { proxyProtocol }) };
      diagnostics.push(...names.diagnostics);
      return listener.plaintext === undefined && listener.tls.length === 0 ? [] : [listener];
    })
    .toArray();
  listeners.sort((a, b) => a.port - b.port || compareStrings(a.bind ?? '', b.bind ?? ''));
  return { listeners, attached, diagnostics };
}

function buildListener(
  group: readonly ServerPlan[],
  routes: ConnectionRoutes,
  names: SniBook,
  attached: Set<VirtualService>,
): Listener {
  // A server that ends TLS has its hosts before any route that passes TLS through.
  for (const server of group) {
    const { kind } = server.handling;
    if (kind === 'https' || kind === 'terminated-tcp') names.reserve(ownNames(server), server);
  }
  const plain = group.find(({ handling }) => handling.kind === 'http' || handling.kind === 'tcp');
  const [first] = group;
  return {
    port: first?.port ?? 0,
    bind: first?.bind,
    plaintext: plain === undefined ? undefined : plaintextOf(plain, routes, attached),
    tls: group.flatMap((server) => tlsServersOf(server, routes, names, attached)),
  };
}

const ownNames = (server: ServerPlan): readonly string[] => serverNames(server.hosts.map(({ host }) => host));

function plaintextOf(
  server: ServerPlan,
  routes: ConnectionRoutes,
  attached: Set<VirtualService>,
): PlaintextServer | undefined {
  if (server.handling.kind === 'http') return { kind: 'http', routeConfig: server.handling.routeConfig };
  const found = routes.tcp(server);
  if (found === undefined) return undefined;
  attached.add(found.object);
  return { kind: 'tcp', route: found.route };
}

function tlsServersOf(
  server: ServerPlan,
  routes: ConnectionRoutes,
  names: SniBook,
  attached: Set<VirtualService>,
): readonly TlsServer[] {
  const { handling } = server;
  const id = `${server.gateway}/${server.portName}`;
  switch (handling.kind) {
    case 'http':
    case 'tcp':
    case 'auto-passthrough':
      return [];
    case 'https': {
      const { termination, routeConfig } = handling;
      return [{ id, serverNames: ownNames(server), handling: { kind: 'http', termination, routeConfig } }];
    }
    case 'terminated-tcp': {
      const found = routes.tcp(server);
      if (found === undefined) return [];
      attached.add(found.object);
      const { termination } = handling;
      return [{ id, serverNames: ownNames(server), handling: { kind: 'tcp', termination, route: found.route } }];
    }
    case 'passthrough':
      return routes.tls(server, names).map((chain): TlsServer => {
        attached.add(chain.object);
        const { route } = chain;
        return { id: `${id}/${chain.id}`, serverNames: chain.serverNames, handling: { kind: 'passthrough', route } };
      });
  }
}
