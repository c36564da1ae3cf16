import { type Diagnostic, report } from '../diagnostics/index.ts';
import type { L4MatchAttributes, RouteDestination, TLSMatchAttributes } from '../resources/index.ts';
import type { RouteOwner, TcpDestination, TcpRoute } from '../table/index.ts';
import { nameMatches } from '../table/index.ts';
import { hostsFor } from './attach.ts';
import type { AttachmentIndex } from './attach-index.ts';
import { clusterOf, subsetOf } from './backend-reads.ts';
import type { Backends } from './backends/index.ts';
import type { CompileOptions } from './compilation.ts';
import type { Entry } from './entry.ts';
import { type ServerPlan, serverNames } from './from-gateway.ts';
import type { VirtualService } from './http-rule.ts';
import { resolveGateway, resolveHost } from './names.ts';

/** Routes for connections rather than requests: `tcp` and `tls` of VirtualServices (istio-semantics §2.13). */
export interface ConnectionRoutes {
  /** The first `tcp` rule that fits a server which does not look at SNI; undefined: none, and connections are closed. */
  tcp(server: ServerPlan): FoundRoute | undefined;
  /** One chain for each `tls` match that fits a passthrough server. */
  tls(server: ServerPlan, names: SniBook): readonly SniChain[];
}

interface FoundRoute {
  readonly object: VirtualService;
  readonly route: TcpRoute;
}

interface SniChain extends FoundRoute {
  /** `namespace/virtualService/rule.match`. */
  readonly id: string;
  readonly serverNames: readonly string[];
}

export function createConnectionRoutes(
  attached: AttachmentIndex,
  backends: Backends,
  options: CompileOptions,
): ConnectionRoutes {
  const candidates = (server: ServerPlan): readonly Entry[] =>
    (attached.get(server.gateway) ?? []).filter((one) => hostsMeet(server, one));
  const route = (
    object: VirtualService,
    kind: 'tcp' | 'tls',
    index: number,
    written: readonly RouteDestination[],
    port: number,
    match = '',
  ) => ({
    object,
    route: {
      id: `${object.meta.namespace}/${object.meta.name}/${kind}/${index}${match}`,
      owner: ownerOf(object, kind, index),
      destinations: destinationsOf(object, written, port, backends, options),
      ...connectionPolicy(object, written, backends, options),
    },
  });
  return {
    tcp(server) {
      for (const { object } of candidates(server)) {
        for (const [index, { match = [], route: to = [] }] of (object.body.spec.tcp ?? []).entries()) {
          const fits = match.length === 0 || match.some((one) => isForServer(one, object, server));
          if (fits && to.length > 0) return route(object, 'tcp', index, to, server.port);
        }
      }
      return undefined;
    },
    tls(server, names) {
      const chains: SniChain[] = [];
      for (const { object } of candidates(server)) {
        for (const [index, { match = [], route: to = [] }] of (object.body.spec.tls ?? []).entries()) {
          for (const [i, one] of match.entries()) {
            if (to.length === 0 || !isForServer(one, object, server)) continue;
            const wanted = serverNames(one.sniHosts ?? []);
            if (!names.claim(wanted, object, ['spec', 'tls', index, 'match', i, 'sniHosts'], server)) continue;
            const id = `${object.meta.namespace}/${object.meta.name}/${index}.${i}`;
            chains.push({ ...route(object, 'tls', index, to, server.port, `.${i}`), id, serverNames: wanted });
          }
        }
      }
      return chains;
    },
  };
}

const hostsMeet = (server: ServerPlan, { object, attachable }: Entry): boolean =>
  hostsFor(server, object.meta.namespace).some((mine) => attachable.hosts.some((theirs) => nameMatches(mine, theirs)));

/** Subnets and source labels do not count at a gateway (istio-semantics §2.13). */
function isForServer(
  match: L4MatchAttributes | TLSMatchAttributes,
  object: VirtualService,
  server: ServerPlan,
): boolean {
  if (match.port !== undefined && match.port !== 0 && match.port !== server.port) return false;
  const { gateways = [] } = match;
  return (
    gateways.length === 0 || gateways.some((name) => resolveGateway(name, object.meta.namespace) === server.gateway)
  );
}

function ownerOf(object: VirtualService, kind: 'tcp' | 'tls', index: number): RouteOwner {
  const { namespace, name } = object.meta;
  const { line } = object.origin.locate(['spec', kind, index]);
  return { namespace, kind: 'VirtualService', name, delegate: undefined, file: object.origin.file, line };
}

/** One destination alone has its whole weight; of several, those without weight get nothing (istio-semantics §2.5). */
function destinationsOf(
  object: VirtualService,
  written: readonly RouteDestination[],
  port: number,
  backends: Backends,
  options: CompileOptions,
): readonly TcpDestination[] {
  const chosen = written.length === 1 ? written : written.filter(({ weight = 0 }) => weight > 0);
  return chosen.map(({ destination, weight = 0 }) => {
    const host = resolveHost(destination.host, object.meta.namespace, options.mesh.clusterDomain);
    // Unlike for HTTP, the VirtualService's own namespace is not looked at first.
    const cluster = clusterOf(backends, { ...destination, host }, options.gatewayNamespace, port);
    return { cluster, weight: written.length === 1 ? 1 : weight };
  });
}

/** Of the first destination; its subset has a say only where it is the only one. */
function connectionPolicy(
  object: VirtualService,
  written: readonly RouteDestination[],
  backends: Backends,
  options: CompileOptions,
) {
  const [first] = written;
  const host = resolveHost(first?.destination.host ?? '', object.meta.namespace, options.mesh.clusterDomain);
  const subset = first !== undefined && written.length === 1 ? subsetOf(first.destination) : undefined;
  return backends.connectionPolicy(host, subset, options.gatewayNamespace);
}

/* -------------------------------------------------------- SNI of a port */

/** Which SNI of one listener are taken; a match with one that is taken is left out whole (istio-semantics §2.13). */
export class SniBook {
  readonly #taken = new Map<string, VirtualService | ServerPlan>();
  readonly diagnostics: Diagnostic[] = [];

  reserve(names: readonly string[], server: ServerPlan): void {
    for (const name of names) this.#taken.set(name, server);
  }

  claim(
    names: readonly string[],
    object: VirtualService,
    field: readonly (string | number)[],
    server: ServerPlan,
  ): boolean {
    const taken = names.find((name) => this.#taken.has(name));
    if (taken === undefined) {
      for (const name of names) this.#taken.set(name, object);
      return true;
    }
    const holder = this.#taken.get(taken);
    const holderObject = holder !== undefined && 'gateway' in holder ? holder.object : holder;
    this.diagnostics.push(
      report('host-already-served', {
        message: `SNI ${taken} on port ${server.port} is already routed`,
        consequence: 'This match is left out, with all its SNI hosts.',
        object: object.ref,
        field,
        location: object.origin.locate(field),
        related: holderObject === undefined ? [] : [{ message: 'by this one', object: holderObject.ref }],
      }),
    );
    return false;
  }
}
