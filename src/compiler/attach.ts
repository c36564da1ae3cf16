import type { Visibility } from '../table/index.ts';
import { intersectHosts } from '../table/index.ts';
import type { CompileOptions } from './compilation.ts';
import type { ServerPlan } from './from-gateway.ts';
import type { VirtualService } from './http-rule.ts';
import { MESH, resolveGateway, resolveHost } from './names.ts';
import { visibilityAtGateway } from './visibility.ts';

/** What decides where a VirtualService is served, with all names resolved. */
export interface Attachable {
  readonly object: VirtualService;
  /** Empty: a delegate, which is served only through its roots. */
  readonly hosts: readonly string[];
  /** `namespace/name`; sidecars (`mesh`) left out, so that none means: not for any gateway (istio-semantics §1.2). */
  readonly gateways: readonly string[];
  /** undefined: not exported to the gateway's namespace. */
  readonly visibility: Visibility | undefined;
}

export function readAttachable(object: VirtualService, options: CompileOptions): Attachable {
  const { clusterDomain, defaultVirtualServiceExportTo } = options.mesh;
  const { hosts = [], gateways = [], exportTo } = object.body.spec;
  const { namespace } = object.meta;
  const names = gateways.filter((name) => name !== MESH).map((name) => resolveGateway(name, namespace));
  return {
    object,
    hosts: hosts.map((host) => resolveHost(host, namespace, clusterDomain)),
    gateways: [...new Set(names)],
    visibility: visibilityAtGateway(exportTo, namespace, options.gatewayNamespace, defaultVirtualServiceExportTo),
  };
}

/** The server's hosts that a namespace may bind to (istio-semantics §1.2 no. 3). */
export const hostsFor = (server: ServerPlan, namespace: string): readonly string[] =>
  server.hosts.filter((host) => host.namespace === undefined || host.namespace === namespace).map(({ host }) => host);

/**
 * The domains that a VirtualService has at a server: of each pair of hosts that overlap the narrower one. They are
 * compared as written, and lower case from then on (istio-semantics §1.1, §1.2 no. 4).
 */
export function domainsAt(server: ServerPlan, attachable: Attachable): readonly string[] {
  const common = intersectHosts(hostsFor(server, attachable.object.meta.namespace), attachable.hosts);
  return [...new Set(common.map((host) => host.toLowerCase()))];
}
