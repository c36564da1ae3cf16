import type { Diagnostic } from '../diagnostics/index.ts';
import { compareStrings } from '../kernel/compare.ts';
import { type Route, type RouteConfig, sortCatchAllsLast, type VirtualHost } from '../table/index.ts';
import { changedDomains, NO_BINDINGS, type ServerBindings } from './bindings.ts';
import { createHostsHash } from './fingerprint.ts';
import type { ServerPlan } from './from-gateway.ts';
import type { ListHash } from './list-hash.ts';
import type { Completion } from './policies.ts';
import { OverlapMemory } from './rules/overlaps.ts';
import { Slot, sameElements } from './slot.ts';
import type { Translation } from './translation.ts';

/** What one VirtualService brings to a host. */
interface HostPart {
  readonly translation: Translation;
  readonly completion: Completion;
}

/** One virtual host, what it is made of, and what is remembered about it. */
export interface BuiltHost {
  readonly host: VirtualHost;
  /** In order, before catch-alls were moved. */
  readonly parts: readonly HostPart[];
  readonly diagnostics: readonly Diagnostic[];
  readonly fingerprint: Slot<string>;
  /** Handed on from one state of the host to the next. */
  readonly overlaps: OverlapMemory;
}

export interface BuiltRouteConfig {
  readonly config: RouteConfig;
  readonly servers: readonly ServerPlan[];
  readonly bindings: ReadonlyMap<ServerPlan, ServerBindings>;
  /** In order; the same list as long as no domain comes or goes. */
  readonly domains: readonly string[];
  /** One for each of them. */
  readonly hosts: readonly BuiltHost[];
  /** Handed on from one state of the hosts to the next. */
  readonly hostsHash: ListHash<BuiltHost>;
}

export interface HostBuilding {
  /** `sameServers`: of the route config, as those of `before`. */
  bind(server: ServerPlan, before: ServerBindings, sameServers: boolean): ServerBindings;
  complete(translation: Translation, domain: string): Completion;
  /** What filters make of a route may have changed for all of them. */
  readonly completeAnew: boolean;
  /** A VirtualService may come to one host by more than one of them. */
  readonly severalServers: boolean;
}

/**
 * The virtual hosts of the servers that share a route config, oldest server first; each VirtualService adds its routes to
 * each of its domains there (istio-semantics §2.1). Hosts that are made of the same as before are the same objects, and
 * only those whose makings changed are looked at.
 */
export function buildRouteConfig(
  name: string,
  servers: readonly ServerPlan[],
  building: HostBuilding,
  before: BuiltRouteConfig | undefined,
): BuiltRouteConfig {
  const sameServers = before !== undefined && sameElements(servers, before.servers);
  const bindings = new Map(
    servers.map((server) => [server, building.bind(server, before?.bindings.get(server) ?? NO_BINDINGS, sameServers)]),
  );
  const dirty = building.completeAnew || !sameServers ? undefined : dirtyDomains(bindings, before);
  if (before !== undefined && dirty?.size === 0) return { ...before, bindings };
  const drafts = collectHosts(servers, bindings, dirty);
  const { domains, hosts } =
    before === undefined || dirty === undefined
      ? buildHosts(drafts, building, before)
      : rebuildHosts(drafts, dirty, building, before);
  const virtualHosts = hosts.map(({ host }) => host);
  // Servers that share a listener share its filters: those of the oldest.
  const grpcWeb = servers[0]?.grpcWeb === true;
  const same = before !== undefined && sameElements(virtualHosts, before.config.virtualHosts);
  if (same && before.config.grpcWeb === grpcWeb) return { ...before, servers, bindings, domains, hosts };
  const config: RouteConfig = { name, port: servers[0]?.port ?? 0, grpcWeb, virtualHosts };
  return { config, servers, bindings, domains, hosts, hostsHash: before?.hostsHash ?? createHostsHash() };
}

function dirtyDomains(
  bindings: ReadonlyMap<ServerPlan, ServerBindings>,
  before: BuiltRouteConfig,
): ReadonlySet<string> {
  const dirty = new Set<string>();
  for (const [server, { list }] of bindings) {
    changedDomains((before.bindings.get(server) ?? NO_BINDINGS).list, list, dirty);
  }
  return dirty;
}

/* -------------------------------------------------- what hosts are made of */

interface HostDraft {
  readonly translations: Translation[];
  requireTls: boolean;
}

function collectHosts(
  servers: readonly ServerPlan[],
  bindings: ReadonlyMap<ServerPlan, ServerBindings>,
  wanted: ReadonlySet<string> | undefined,
): ReadonlyMap<string, HostDraft> {
  const hosts = new Map<string, HostDraft>();
  const hostOf = (domain: string): HostDraft => {
    const known = hosts.get(domain);
    if (known !== undefined) return known;
    const draft: HostDraft = { translations: [], requireTls: false };
    hosts.set(domain, draft);
    return draft;
  };
  for (const server of servers) {
    for (const { domains, translation } of (bindings.get(server) ?? NO_BINDINGS).list) {
      if (translation === undefined) continue;
      for (const domain of domains) {
        if (wanted?.has(domain) === false) continue;
        const host = hostOf(domain);
        host.translations.push(translation);
        host.requireTls ||= server.httpsRedirect;
      }
    }
    if (server.httpsRedirect) requireTls(server, hostOf, wanted);
  }
  return hosts;
}

/** The server's own hosts redirect even without a VirtualService; an entry with a namespace makes no domain (istio-semantics §1.4). */
function requireTls(
  server: ServerPlan,
  hostOf: (domain: string) => HostDraft,
  wanted: ReadonlySet<string> | undefined,
): void {
  for (const { namespace, host } of server.hosts) {
    const domain = host.toLowerCase();
    if (namespace === undefined && wanted?.has(domain) !== false) hostOf(domain).requireTls = true;
  }
}

/* ------------------------------------------------------ hosts, one by one */

type Hosts = Pick<BuiltRouteConfig, 'domains' | 'hosts'>;

/** All of them. */
function buildHosts(
  drafts: ReadonlyMap<string, HostDraft>,
  building: HostBuilding,
  before: BuiltRouteConfig | undefined,
): Hosts {
  const old = new Map(before?.domains.map((domain, i) => [domain, before.hosts[i]]));
  const domains = [...drafts.keys()].sort(compareStrings);
  const hosts = domains.map((domain) => buildHost(domain, drafts.get(domain) as HostDraft, building, old.get(domain)));
  return { domains: before !== undefined && sameElements(domains, before.domains) ? before.domains : domains, hosts };
}

/** Those that are dirty; the others stay what they are. */
function rebuildHosts(
  drafts: ReadonlyMap<string, HostDraft>,
  dirty: ReadonlySet<string>,
  building: HostBuilding,
  before: BuiltRouteConfig,
): Hosts {
  let { domains } = before;
  const hosts = [...before.hosts];
  for (const domain of dirty) {
    const { index, isThere } = placeOf(domain, domains);
    const draft = drafts.get(domain);
    if (draft !== undefined) {
      const built = buildHost(domain, draft, building, isThere ? hosts[index] : undefined);
      hosts.splice(index, isThere ? 1 : 0, built);
      if (!isThere) domains = domains.toSpliced(index, 0, domain);
    } else if (isThere) {
      hosts.splice(index, 1);
      domains = domains.toSpliced(index, 1);
    }
  }
  return { domains, hosts };
}

/** Where the domain is, or would be. */
function placeOf(domain: string, domains: readonly string[]): { readonly index: number; readonly isThere: boolean } {
  let [low, high] = [0, domains.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((domains[middle] as string) < domain) low = middle + 1;
    else high = middle;
  }
  return { index: low, isThere: domains[low] === domain };
}

function buildHost(
  domain: string,
  { translations, requireTls }: HostDraft,
  building: HostBuilding,
  before: BuiltHost | undefined,
): BuiltHost {
  const completions = translations.map((translation) => building.complete(translation, domain));
  if (before !== undefined && before.host.requireTls === requireTls && areThese(before.parts, completions)) {
    return before;
  }
  const parts = completions.map((completion, i) => ({ translation: translations[i] as Translation, completion }));
  // Most hosts are one VirtualService's alone, and share its lists.
  const [only] = completions;
  const isAlone = only !== undefined && completions.length === 1;
  const diagnostics = isAlone ? only.diagnostics : completions.flatMap((completion) => completion.diagnostics);
  const routes = isAlone ? only.routes : completions.flatMap((completion) => completion.routes);
  if (before !== undefined && hasSame(before, routes, requireTls)) {
    // Filters were asked anew and said the same.
    return { ...before, parts, diagnostics };
  }
  return {
    host: { domain, requireTls, routes: inOrder(completions, routes, building.severalServers) },
    parts,
    diagnostics,
    fingerprint: new Slot(),
    overlaps: before?.overlaps ?? new OverlapMemory(),
  };
}

const areThese = (parts: readonly HostPart[], completions: readonly Completion[]): boolean =>
  parts.length === completions.length && parts.every(({ completion }, i) => completion === completions[i]);

const hasSame = ({ host, parts }: BuiltHost, routes: readonly Route[], requireTls: boolean): boolean =>
  host.requireTls === requireTls &&
  sameElements(
    parts.flatMap(({ completion }) => completion.routes),
    routes,
  );

/** All catch-alls go to the end (istio-semantics §2.1). */
function inOrder(
  completions: readonly Completion[],
  routes: readonly Route[],
  severalServers: boolean,
): readonly Route[] {
  // The last of a VirtualService's own is where it belongs.
  if (completions.length === 1) return routes;
  const once = severalServers ? firstOfEach(routes) : routes;
  return completions.some(({ endsInCatchAll }) => endsInCatchAll) ? sortCatchAllsLast(once) : once;
}

/** A VirtualService that comes by two Gateways brings every route twice, and the second is never reached. */
function firstOfEach(routes: readonly Route[]): readonly Route[] {
  const seen = new Set<string>();
  return routes.filter(({ id }) => !seen.has(id) && seen.add(id));
}
