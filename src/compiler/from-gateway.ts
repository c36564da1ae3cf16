import { type Diagnostic, formatObjectRef, report } from '../diagnostics/index.ts';
import type { ResourceOf, Server, TlsDefaults } from '../resources/index.ts';
import type { TlsTermination } from '../table/index.ts';
import type { CompileOptions } from './compilation.ts';
import { translateTermination } from './from-tls.ts';

export type Gateway = ResourceOf<'Gateway'>;

/** Who may bind to a host of a server: the VirtualServices of one namespace, or all (istio-semantics §1.1 `hosts[]`). */
export interface ServerHost {
  readonly namespace: string | undefined;
  readonly host: string;
}

/** What a server does with a connection. */
type ServerHandling =
  | { readonly kind: 'http'; readonly routeConfig: string }
  | { readonly kind: 'tcp' }
  | { readonly kind: 'https'; readonly routeConfig: string; readonly termination: TlsTermination }
  | { readonly kind: 'terminated-tcp'; readonly termination: TlsTermination }
  | { readonly kind: 'passthrough' }
  /** Reaches only endpoints with sidecars, of which an edge that stands alone has none (istio-semantics §2.13). */
  | { readonly kind: 'auto-passthrough' };

/** One server of one Gateway that is opened here. */
export interface ServerPlan {
  readonly object: Gateway;
  readonly index: number;
  /** `namespace/name` of the Gateway. */
  readonly gateway: string;
  readonly port: number;
  readonly portName: string;
  readonly bind: string | undefined;
  readonly hosts: readonly ServerHost[];
  readonly handling: ServerHandling;
  readonly httpsRedirect: boolean;
  readonly grpcWeb: boolean;
  readonly hasTls: boolean;
}

export interface GatewayPlan {
  /** In the order of precedence: oldest Gateway first. */
  readonly servers: readonly ServerPlan[];
  /** Every Gateway there is, `namespace/name`: those of other gateways can be named without being unknown. */
  readonly known: ReadonlyMap<string, Gateway>;
  /** Those whose selector fits. */
  readonly selected: ReadonlySet<Gateway>;
  readonly diagnostics: readonly Diagnostic[];
}

/** Which servers are opened here, and how those of one port live together (istio-semantics §1.3). */
export function planGateways(gateways: readonly Gateway[], options: CompileOptions): GatewayPlan {
  const selected = gateways.filter((gateway) => selects(gateway, options));
  const ports = new PortBook();
  const servers: ServerPlan[] = [];
  const diagnostics: Diagnostic[] = [];
  for (const object of selected) {
    for (const [index, server] of object.body.spec.servers.entries()) {
      const plan = readServer(object, server, index, options.mesh.tlsDefaults);
      const refusal = ports.admit(plan);
      if (refusal === undefined) servers.push(plan);
      else diagnostics.push(refusal);
    }
  }
  return {
    servers,
    known: new Map(gateways.map((object) => [nameOf(object), object])),
    selected: new Set(selected),
    diagnostics,
  };
}

const nameOf = (object: Gateway): string => `${object.meta.namespace}/${object.meta.name}`;

/** A selector without labels is every gateway's (istio-semantics §1.1). */
const selects = (gateway: Gateway, options: CompileOptions): boolean =>
  Object.entries(gateway.body.spec.selector ?? {}).every(([key, value]) => options.gatewayLabels[key] === value);

function readServer(object: Gateway, server: Server, index: number, tlsDefaults: TlsDefaults): ServerPlan {
  const { port, tls } = server;
  const bind = server.bind || undefined;
  const number = port.number ?? 0;
  const portName = port.name ?? '';
  return {
    object,
    index,
    gateway: nameOf(object),
    port: number,
    portName,
    bind,
    hosts: readHosts(server.hosts, object.meta.namespace),
    handling: readHandling(object, server, { number, name: portName, bind }, tlsDefaults),
    httpsRedirect: tls?.httpsRedirect === true,
    grpcWeb: port.protocol?.toUpperCase() === 'GRPC-WEB',
    hasTls: tls !== undefined,
  };
}

/** `./h` is of the Gateway's namespace, `*` + `/h` of any; `*` + `/*` swallows all others (istio-semantics §1.1). */
function readHosts(written: readonly string[], namespace: string): readonly ServerHost[] {
  if (written.includes('*/*')) return [{ namespace: undefined, host: '*' }];
  return written.map((text) => {
    const slash = text.indexOf('/');
    if (slash < 0) return { namespace: undefined, host: text };
    const [prefix, host] = [text.slice(0, slash), text.slice(slash + 1)];
    return { namespace: prefix === '.' ? namespace : prefix === '*' ? undefined : prefix, host };
  });
}

const HTTP_FAMILY = new Set(['HTTP', 'HTTP2', 'HTTP_PROXY', 'GRPC', 'GRPC-WEB']);

function readHandling(
  object: Gateway,
  { port, tls }: Server,
  {
    number,
    name: portName,
    bind,
  }: { readonly number: number; readonly name: string; readonly bind: string | undefined },
  tlsDefaults: TlsDefaults,
): ServerHandling {
  const protocol = (port.protocol ?? '').toUpperCase();
  const suffix = bind === undefined ? '' : `.${bind}`;
  if (HTTP_FAMILY.has(protocol)) return { kind: 'http', routeConfig: `http.${number}${suffix}` };
  if (tls === undefined) return { kind: 'tcp' };
  const mode = tls.mode ?? 'PASSTHROUGH';
  if (mode === 'PASSTHROUGH') return { kind: 'passthrough' };
  if (mode === 'AUTO_PASSTHROUGH') return { kind: 'auto-passthrough' };
  const termination = translateTermination(tls, mode, tlsDefaults);
  if (protocol !== 'HTTPS') return { kind: 'terminated-tcp', termination };
  const { name, namespace } = object.meta;
  return { kind: 'https', routeConfig: `https.${number}.${portName}.${name}.${namespace}${suffix}`, termination };
}

/** The SNI that a server which ends TLS itself is chosen by. A host for all makes it the choice for every connection. */
export function serverNames(hosts: readonly string[]): readonly string[] {
  if (hosts.includes('*')) return ['*'];
  return [...new Set(hosts.map((host) => host.toLowerCase()))];
}

/* ----------------------------------------------- who was first at a port */

interface PortState {
  plaintext: ServerPlan | undefined;
  /** Hosts of servers with TLS settings, as written. */
  readonly claimed: Map<string, ServerPlan>;
  /** SNI of servers that end TLS themselves. */
  readonly names: Map<string, ServerPlan>;
}

/**
 * Servers of one port and bind address, in order. Plaintext HTTP servers merge. A plaintext server after TLS servers
 * lives beside them, and closes the port for TLS servers after it; otherwise the later of two kinds is dropped, and so
 * is a server with TLS settings for a host that an earlier one has (istio-semantics §1.3).
 */
class PortBook {
  readonly #ports = new Map<string, PortState>();

  /** undefined: it is opened. */
  admit(server: ServerPlan): Diagnostic | undefined {
    const state = this.#stateOf(server);
    const rival = server.hasTls ? claimHosts(server, state) : undefined;
    if (rival !== undefined) return alreadyServed(server, rival.holder, rival.host);
    const isPlain = server.handling.kind === 'http' || server.handling.kind === 'tcp';
    const { plaintext } = state;
    if (plaintext !== undefined && !(plaintext.handling.kind === 'http' && server.handling.kind === 'http')) {
      return conflict(server, plaintext);
    }
    if (isPlain) {
      state.plaintext ??= server;
      return undefined;
    }
    const taken = claimNames(server, state);
    return taken === undefined ? undefined : alreadyServed(server, taken.holder, taken.host);
  }

  #stateOf(server: ServerPlan): PortState {
    const key = `${server.port} ${server.bind ?? ''}`;
    let state = this.#ports.get(key);
    if (state === undefined) {
      state = { plaintext: undefined, claimed: new Map(), names: new Map() };
      this.#ports.set(key, state);
    }
    return state;
  }
}

interface Rival {
  readonly holder: ServerPlan;
  readonly host: string;
}

/** Compared as written, namespace included; a server that is dropped for another reason has still claimed its hosts. */
const claimHosts = (server: ServerPlan, state: PortState): Rival | undefined =>
  claim(server, server.hosts.map(formatHost), state.claimed);

/**
 * Istio does not see that `a/x.com` and `x.com` are one SNI, and Envoy then refuses the whole listener; here only the
 * later server is dropped.
 */
function claimNames(server: ServerPlan, state: PortState): Rival | undefined {
  if (server.handling.kind !== 'https' && server.handling.kind !== 'terminated-tcp') return undefined;
  return claim(server, serverNames(server.hosts.map(({ host }) => host)), state.names);
}

function claim(server: ServerPlan, names: readonly string[], book: Map<string, ServerPlan>): Rival | undefined {
  for (const host of names) {
    const holder = book.get(host);
    if (holder !== undefined) return { holder, host };
  }
  for (const host of names) book.set(host, server);
  return undefined;
}

export const formatHost = ({ namespace, host }: ServerHost): string =>
  namespace === undefined ? host : `${namespace}/${host}`;

function alreadyServed(server: ServerPlan, holder: ServerPlan, host: string): Diagnostic {
  const index = Math.max(
    0,
    server.hosts.findIndex((one) => formatHost(one) === host || one.host.toLowerCase() === host),
  );
  return reportServer(
    'host-already-served',
    server,
    ['hosts', index],
    `${formatObjectRef(holder.object.ref)}, which is older, serves ${host} on port ${server.port} already`,
    holder,
  );
}

const conflict = (server: ServerPlan, holder: ServerPlan): Diagnostic =>
  reportServer(
    'server-conflict',
    server,
    ['port', 'protocol'],
    `port ${server.port} is already opened for ${describe(holder)} by ${formatObjectRef(holder.object.ref)}, and a server for ${describe(server)} cannot share it`,
    holder,
  );

const describe = ({ handling }: ServerPlan): string =>
  handling.kind === 'http' ? 'plain HTTP' : handling.kind === 'tcp' ? 'plain TCP' : 'TLS';

function reportServer(
  code: 'host-already-served' | 'server-conflict',
  server: ServerPlan,
  inside: readonly (string | number)[],
  message: string,
  holder: ServerPlan,
): Diagnostic {
  const field = ['spec', 'servers', server.index, ...inside];
  return report(code, {
    message,
    object: server.object.ref,
    field,
    location: server.object.origin.locate(field),
    related: [
      {
        message: 'this server was there first',
        object: holder.object.ref,
        location: holder.object.origin.locate(['spec', 'servers', holder.index]),
      },
    ],
  });
}
