import type { Diagnostic } from '../diagnostics/index.ts';
import { compareStrings } from '../kernel/compare.ts';
import { type Route, type RouteConfig, sortCatchAllsLast, type VirtualHost } from '../table/index.ts';
import { type Binding, changedDomains, NO_BINDINGS, type ServerBindings } from './bindings.ts';
import { createHostsHash } from './fingerprint.ts';
import type { ServerPlan } from './from-gateway.ts';
import type { ListHash } from './list-hash.ts';
import type { Completion } from './policies.ts';
import { OverlapMemory } from './rules/overlaps.ts';
import { keepSame, Slot, sameElements } from './slot.ts';
import type { Translation } from './translation.ts';

/** What one VirtualService brings to a host. */
interface HostPart {
  readonly binding: Binding;
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
  const { domains, hosts, virtualHosts } =
    before === undefined || dirty === undefined
      ? buildHosts(collectHosts(servers, bindings), building, before)
      : rebuildHosts(collectDirty(servers, bindings, dirty, before), dirty, building, before);
  // Servers that share a listener share its filters: those of the oldest.
  const grpcWeb = servers[0]?.grpcWeb === true;
  if (before?.config.virtualHosts === virtualHosts && before.config.grpcWeb === grpcWeb)
    return { ...before, servers, bindings, domains, hosts };
  const config: RouteConfig = { name, port: servers[0]?.port ?? 0, grpcWeb, virtualHosts };
  return { config, servers, bindings, domains, hosts, hostsHash: before?.hostsHash ?? createHostsHash() };
}

/** With the bindings that are new there. */
type DirtyDomains = ReadonlyMap<string, readonly Binding[]>;

function dirtyDomains(bindings: ReadonlyMap<ServerPlan, ServerBindings>, before: BuiltRouteConfig): DirtyDomains {
  const dirty = new Map<string, readonly Binding[]>();
  for (const [server, { list }] of bindings) {
    changedDomains((before.bindings.get(server) ?? NO_BINDINGS).list, list, dirty);
  }
  return dirty;
}

/* -------------------------------------------------- what hosts are made of */

interface HostDraft {
  /** Those that have a translation. */
  readonly bindings: Binding[];
  requireTls: boolean;
}

type HostDrafts = ReadonlyMap<string, HostDraft>;
type DraftOf = (domain: string) => HostDraft;

function createDrafts(): { readonly drafts: HostDrafts; readonly draftOf: DraftOf } {
  const drafts = new Map<string, HostDraft>();
  const draftOf = (domain: string): HostDraft => {
    const known = drafts.get(domain);
    if (known !== undefined) return known;
    const draft: HostDraft = { bindings: [], requireTls: false };
    drafts.set(domain, draft);
    return draft;
  };
  return { drafts, draftOf };
}

function collectHosts(
  servers: readonly ServerPlan[],
  bindings: ReadonlyMap<ServerPlan, ServerBindings>,
  wanted?: ReadonlyMap<string, unknown>,
): HostDrafts {
  const { drafts, draftOf } = createDrafts();
  for (const server of servers) {
    for (const binding of (bindings.get(server) ?? NO_BINDINGS).list) {
      if (binding.translation === undefined) continue;
      for (const domain of binding.domains) {
        if (wanted?.has(domain) !== false) add(draftOf(domain), binding, server);
      }
    }
    requireTls(server, draftOf, wanted);
  }
  return drafts;
}

function add(draft: HostDraft, binding: Binding, server: ServerPlan): void {
  draft.bindings.push(binding);
  draft.requireTls ||= server.httpsRedirect;
}

/** With more candidates, all bindings are looked at. */
const FEW = 32;

/** A dirty host is made of what it was made of before, and of what is new there: of thousands of bindings few are looked at. */
function collectDirty(
  servers: readonly ServerPlan[],
  bindings: ReadonlyMap<ServerPlan, ServerBindings>,
  dirty: DirtyDomains,
  before: BuiltRouteConfig,
): HostDrafts {
  const { drafts, draftOf } = createDrafts();
  const candidates = [...dirty].map(([domain, come]) => {
    const { index, isThere } = placeOf(domain, before.domains);
    const old = isThere ? (before.hosts[index] as BuiltHost).parts.map(({ binding }) => binding) : [];
    return [domain, new Set([...old, ...come])] as const;
  });
  if (candidates.reduce((sum, [, some]) => sum + some.size, 0) > FEW) return collectHosts(servers, bindings, dirty);
  for (const server of servers) {
    const { list } = bindings.get(server) ?? NO_BINDINGS;
    for (const [domain, some] of candidates) {
      const here = [...some].map((binding) => ({ binding, place: list.indexOf(binding) }));
      for (const { binding, place } of here.sort((a, b) => a.place - b.place)) {
        if (place !== -1 && binding.translation !== undefined) add(draftOf(domain), binding, server);
      }
    }
    requireTls(server, draftOf, dirty);
  }
  return drafts;
}

/** The server's own hosts redirect even without a VirtualService; an entry with a namespace makes no domain (istio-semantics §1.4). */
function requireTls(server: ServerPlan, draftOf: DraftOf, wanted: ReadonlyMap<string, unknown> | undefined): void {
  if (!server.httpsRedirect) return;
  for (const { namespace, host } of server.hosts) {
    const domain = host.toLowerCase();
    if (namespace === undefined && wanted?.has(domain) !== false) draftOf(domain).requireTls = true;
  }
}

/* ------------------------------------------------------ hosts, one by one */

interface Hosts extends Pick<BuiltRouteConfig, 'domains' | 'hosts'> {
  readonly virtualHosts: readonly VirtualHost[];
}

/** All of them. */
function buildHosts(drafts: HostDrafts, building: HostBuilding, before: BuiltRouteConfig | undefined): Hosts {
  const old = new Map(before?.domains.map((domain, i) => [domain, before.hosts[i]]));
  const domains = [...drafts.keys()].sort(compareStrings);
  const hosts = domains.map((domain) => buildHost(domain, drafts.get(domain) as HostDraft, building, old.get(domain)));
  return {
    domains: keepSame(domains, before?.domains),
    hosts,
    virtualHosts: keepSame(
      hosts.map(({ host }) => host),
      before?.config.virtualHosts,
    ),
  };
}

/** Those that are dirty; the others stay what they are. */
function rebuildHosts(
  drafts: HostDrafts,
  dirty: DirtyDomains,
  building: HostBuilding,
  before: BuiltRouteConfig,
): Hosts {
  let { domains } = before;
  const hosts = [...before.hosts];
  const virtualHosts = [...before.config.virtualHosts];
  let same = true;
  for (const domain of dirty.keys()) {
    const { index, isThere } = placeOf(domain, domains);
    const draft = drafts.get(domain);
    const old = isThere ? hosts[index] : undefined;
    if (draft === undefined && old === undefined) continue;
    const built = draft === undefined ? [] : [buildHost(domain, draft, building, old)];
    same &&= built[0]?.host === old?.host;
    hosts.splice(index, isThere ? 1 : 0, ...built);
    virtualHosts.splice(index, isThere ? 1 : 0, ...built.map(({ host }) => host));
    if (built.length !== (isThere ? 1 : 0))
      domains = domains.toSpliced(index, isThere ? 1 : 0, ...(isThere ? [] : [domain]));
  }
  return { domains, hosts, virtualHosts: same ? before.config.virtualHosts : virtualHosts };
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
  { bindings, requireTls }: HostDraft,
  building: HostBuilding,
  before: BuiltHost | undefined,
): BuiltHost {
  const parts = bindings.flatMap((binding): readonly HostPart[] => {
    const { translation } = binding;
    return translation === undefined
      ? []
      : [{ binding, translation, completion: building.complete(translation, domain) }];
  });
  const completions = parts.map(({ completion }) => completion);
  if (before !== undefined && before.host.requireTls === requireTls && areThese(before.parts, parts)) return before;
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

const areThese = (before: readonly HostPart[], now: readonly HostPart[]): boolean =>
  before.length === now.length &&
  before.every(({ binding, completion }, i) => binding === now[i]?.binding && completion === now[i].completion);

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
