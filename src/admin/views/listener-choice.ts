import { err, ok, type Result } from '../../kernel/result.ts';
import { compareDomains, hostMatches } from '../../table/index.ts';
import type { Listener, RouteTable, TcpRoute, TlsServer } from '../../table/model.ts';
import type { Question } from './question.ts';

/** What takes a connection, before a single route is asked. */
export interface ListenerChoice {
  readonly listener: Listener;
  readonly scheme: 'http' | 'https';
  /** The TLS server that SNI leads to. */
  readonly server: TlsServer | undefined;
  readonly target:
    | { readonly kind: 'http'; readonly routeConfig: string }
    | { readonly kind: 'tcp'; readonly route: TcpRoute | undefined };
}

/** The listener a question means, by its port or scheme, and what is behind it. The error says why there is none. */
export function chooseListener(
  table: RouteTable,
  question: Question,
  host: string,
  portOffset: number,
): Result<ListenerChoice, string> {
  const listener = listenerFor(table.listeners, question, portOffset);
  if (listener === undefined) return err(noListener(table, question));
  const scheme = question.scheme ?? (listener.plaintext === undefined ? 'https' : 'http');
  if (scheme === 'http') {
    const { plaintext } = listener;
    if (plaintext === undefined)
      return err(`port ${listener.port} speaks TLS alone: a plaintext request gets no answer there`);
    return ok({ listener, scheme, server: undefined, target: plaintext });
  }
  const server = serverFor(listener.tls, host);
  if (server === undefined)
    return err(`no TLS server of port ${listener.port} takes the name '${host}': the connection is closed`);
  const { handling } = server;
  return ok({
    listener,
    scheme,
    server,
    target: handling.kind === 'http' ? handling : { kind: 'tcp', route: handling.route },
  });
}

function listenerFor(
  listeners: readonly Listener[],
  { port, scheme }: Question,
  portOffset: number,
): Listener | undefined {
  if (port !== undefined)
    return (
      listeners.find((listener) => listener.port === port) ??
      listeners.find((listener) => listener.port + portOffset === port)
    );
  const plaintext = listeners.filter((listener) => listener.plaintext !== undefined);
  const tls = listeners.filter((listener) => listener.tls.length > 0);
  const preferred = (some: readonly Listener[], usual: number): Listener | undefined =>
    some.find((listener) => listener.port === usual) ?? some[0];
  if (scheme === 'http') return preferred(plaintext, 80);
  return scheme === 'https' ? preferred(tls, 443) : (preferred(plaintext, 80) ?? preferred(tls, 443));
}

function noListener({ listeners }: RouteTable, { port, scheme }: Question): string {
  if (listeners.length === 0) return 'there is no listener: no Gateway is selected by the labels of this gateway';
  const ports = listeners.map((listener) => listener.port).join(', ');
  return port === undefined
    ? `no listener takes ${scheme}; there are ports ${ports}`
    : `nothing listens on port ${port}; there are ports ${ports} (where they are shifted, say so by --port-offset here too)`;
}

/** Exact name, else the longest wildcard, else `*` (istio-semantics §0.1). */
function serverFor(servers: readonly TlsServer[], host: string): TlsServer | undefined {
  const fitting = servers.flatMap((server) =>
    server.serverNames.filter((name) => hostMatches(name, host)).map((name) => ({ name, server })),
  );
  return fitting.sort((a, b) => compareDomains(a.name, b.name))[0]?.server;
}
