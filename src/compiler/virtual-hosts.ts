import type { Diagnostic } from '../diagnostics/index.ts';
import { compareStrings } from '../kernel/compare.ts';
import type { ClusterId, Route, RouteConfig, VirtualHost } from '../table/index.ts';
import { sortCatchAllsLast } from '../table/index.ts';
import { type Attachable, type AttachmentIndex, domainsAt } from './attach.ts';
import type { FilterOutcome } from './filter-run.ts';
import type { ServerPlan } from './from-gateway.ts';
import type { RouteContext } from './from-virtual-service.ts';
import { sameElements } from './remember-last.ts';
import type { RouteDrafts } from './translations.ts';

/** One virtual host and what came up while it was built. */
export interface BuiltHost {
  readonly host: VirtualHost;
  /** What the host is made of: the routes of each VirtualService, in order, before catch-alls were moved. */
  readonly parts: readonly HostPart[];
  readonly clusters: ReadonlySet<ClusterId>;
  readonly diagnostics: readonly Diagnostic[];
}

export interface HostPart {
  readonly drafts: RouteDrafts;
  readonly outcome: FilterOutcome<readonly Route[]>;
}

export interface BuiltRouteConfig {
  readonly config: RouteConfig;
  readonly hosts: ReadonlyMap<string, BuiltHost>;
}

/** What building virtual hosts needs of the rest of the compiler. */
export interface HostBuilding {
  readonly attached: AttachmentIndex;
  contextOf(server: ServerPlan): RouteContext;
  translate(attachable: Attachable, context: RouteContext): RouteDrafts;
  complete(drafts: RouteDrafts, domain: string): FilterOutcome<readonly Route[]>;
  /** Notes that some host has these routes of the VirtualService. */
  serve(attachable: Attachable, drafts: RouteDrafts): void;
}

/**
 * The virtual hosts of the servers that share a route config, oldest server first; each VirtualService adds its routes to
 * each of its domains there (istio-semantics §2.1). Hosts that are made of the same as before are the same objects.
 */
export function buildRouteConfig(
  name: string,
  servers: readonly ServerPlan[],
  building: HostBuilding,
  before: BuiltRouteConfig | undefined,
): BuiltRouteConfig {
  const drafts = collectHosts(servers, building);
  const hosts = new Map<string, BuiltHost>();
  for (const domain of orderOf(drafts, before)) {
    const draft = drafts.get(domain);
    if (draft !== undefined) hosts.set(domain, buildHost(domain, draft, building, before?.hosts.get(domain)));
  }
  const virtualHosts = [...hosts.values()].map(({ host }) => host);
  const old = before?.config.virtualHosts;
  const unchanged = old !== undefined && sameElements(virtualHosts, old);
  const config: RouteConfig = { name, port: servers[0]?.port ?? 0, virtualHosts };
  return { config: before !== undefined && unchanged ? before.config : config, hosts };
}

interface HostDraft {
  readonly drafts: RouteDrafts[];
  requireTls: boolean;
}

function collectHosts(servers: readonly ServerPlan[], building: HostBuilding): ReadonlyMap<string, HostDraft> {
  const hosts = new Map<string, HostDraft>();
  const hostOf = (domain: string): HostDraft => {
    const draft = hosts.get(domain) ?? { drafts: [], requireTls: false };
    hosts.set(domain, draft);
    return draft;
  };
  // Routes are built once for each Gateway, by the first of its servers here (istio-semantics §2.1).
  const contexts = new Map<string, Map<Attachable, RouteContext>>();
  for (const server of servers) {
    const ofGateway = contexts.get(server.gateway) ?? new Map<Attachable, RouteContext>();
    contexts.set(server.gateway, ofGateway);
    for (const attachable of building.attached.get(server.gateway) ?? []) {
      const domains = domainsAt(server, attachable);
      if (domains.length === 0) continue;
      const context = ofGateway.get(attachable) ?? building.contextOf(server);
      ofGateway.set(attachable, context);
      const drafts = building.translate(attachable, context);
      if (drafts.length === 0) continue;
      building.serve(attachable, drafts);
      for (const domain of domains) {
        const host = hostOf(domain);
        host.drafts.push(drafts);
        host.requireTls ||= server.httpsRedirect;
      }
    }
    if (server.httpsRedirect) requireTls(server, hostOf);
  }
  return hosts;
}

/** The server's own hosts redirect even without a VirtualService; an entry with a namespace makes no domain (istio-semantics §1.4). */
function requireTls(server: ServerPlan, hostOf: (domain: string) => HostDraft): void {
  for (const { namespace, host } of server.hosts) {
    if (namespace === undefined) hostOf(host.toLowerCase()).requireTls = true;
  }
}

/** Sorted, so that input order never shows; the same domains as before are in order already. */
function orderOf(drafts: ReadonlyMap<string, HostDraft>, before: BuiltRouteConfig | undefined): readonly string[] {
  const old = before?.config.virtualHosts ?? [];
  if (old.length === drafts.size && old.every(({ domain }) => drafts.has(domain)))
    return old.map(({ domain }) => domain);
  return [...drafts.keys()].sort(compareStrings);
}

function buildHost(
  domain: string,
  { drafts, requireTls }: HostDraft,
  building: HostBuilding,
  before: BuiltHost | undefined,
): BuiltHost {
  const parts = drafts.map((one): HostPart => ({ drafts: one, outcome: building.complete(one, domain) }));
  if (before !== undefined && isMadeOf(before, parts)) {
    // Filters may have been asked anew and have said the same.
    const same = before.host.requireTls === requireTls;
    if (same && parts.every((part, i) => part.outcome === before.parts[i]?.outcome)) return before;
    return {
      ...before,
      host: same ? before.host : { ...before.host, requireTls },
      parts,
      ...notesOf(before.host, parts),
    };
  }
  const routes = sortCatchAllsLast(firstOfEach(parts.flatMap((part) => part.outcome.value)));
  const host: VirtualHost = { domain, requireTls, routes };
  return { host, parts, ...notesOf(host, parts) };
}

const isMadeOf = (host: BuiltHost, parts: readonly HostPart[]): boolean =>
  host.parts.length === parts.length && parts.every((part, i) => part.outcome.value === host.parts[i]?.outcome.value);

const notesOf = (host: VirtualHost, parts: readonly HostPart[]): Pick<BuiltHost, 'clusters' | 'diagnostics'> => ({
  clusters: new Set([...host.routes.flatMap(clustersOf), ...parts.flatMap((part) => part.outcome.clusters)]),
  diagnostics: parts.flatMap((part) => part.outcome.diagnostics),
});

/** A VirtualService that comes by two Gateways brings every route twice, and the second is never reached. */
function firstOfEach(routes: readonly Route[]): readonly Route[] {
  const seen = new Set<string>();
  return routes.filter(({ id }) => !seen.has(id) && seen.add(id));
}

function clustersOf({ action }: Route): readonly ClusterId[] {
  if (action.kind !== 'forward') return [];
  return [...action.destinations, ...action.mirrors].map(({ cluster }) => cluster);
}
