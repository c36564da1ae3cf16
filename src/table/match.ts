import type { BoundRouteConfig, BoundTable, BoundVirtualHost } from './bind.ts';
import { type BoundRoute, type Bucket, GRAM_LENGTH, gramHash, type HeaderField } from './buckets.ts';
import { lowerAscii } from './bytes.ts';
import { claimValues, fits, headerValue } from './conditions.ts';
import { forwardedProto, queryValue, type RequestFacts } from './facts.ts';
import { lookUpHost } from './host-index.ts';
import type { Route } from './model.ts';
import type { TrieNode } from './trie.ts';

export interface MatchResult {
  /** undefined: no virtual host takes this Host: 404. */
  readonly virtualHost: BoundVirtualHost | undefined;
  /** undefined: none fits, and no other virtual host is tried: 404 (istio-semantics §2.2). */
  readonly route: Route | undefined;
  /** Place in the virtual host; -1 without a route. */
  readonly index: number;
  /** Answered before any route: 301 to https (istio-semantics §1.4). */
  readonly redirectToTls: boolean;
}

const NOWHERE: MatchResult = { virtualHost: undefined, route: undefined, index: -1, redirectToTls: false };

/** Which route answers. A time that does not grow with the number of hosts or routes. `routeConfig`: its name. */
export function matchRequest(bound: BoundTable, routeConfig: string, facts: RequestFacts): MatchResult {
  const config = bound.routeConfigs.get(routeConfig);
  return config === undefined ? NOWHERE : matchIn(config, facts);
}

/** `matchRequest` for callers that keep the route config of their listener. */
export function matchIn(config: BoundRouteConfig, facts: RequestFacts): MatchResult {
  const virtualHost = lookUpHost(config.hosts, facts.host);
  return virtualHost === undefined ? NOWHERE : selectRoute(virtualHost, facts);
}

/** Chooses anew among the routes of one virtual host, after claims or headers changed (istio-semantics §6.1, last row). */
export function selectRoute(virtualHost: BoundVirtualHost, facts: RequestFacts): MatchResult {
  const proto = forwardedProto(facts);
  const redirectToTls = virtualHost.virtualHost.requireTls && proto !== '' && proto !== 'https';
  // A request that says it came by no protocol at all is given no route (istio-semantics §7.2, `x-forwarded-proto`).
  const index = redirectToTls || proto === '' ? -1 : findRoute(virtualHost, facts);
  return { virtualHost, route: index < 0 ? undefined : virtualHost.virtualHost.routes[index], index, redirectToTls };
}

function findRoute(virtualHost: BoundVirtualHost, facts: RequestFacts): number {
  const { paths, foldedPaths } = virtualHost;
  const lowerPath = foldedPaths === undefined ? facts.path : lowerAscii(facts.path);
  let best = searchTrie(paths, facts.path, facts, lowerPath, Number.POSITIVE_INFINITY);
  if (foldedPaths !== undefined) best = searchTrie(foldedPaths, lowerPath, facts, lowerPath, best);
  return best === Number.POSITIVE_INFINITY ? -1 : best;
}

/* All searches take the lowest index found so far and give back a lower one, or the same. */

function searchTrie(
  root: TrieNode<Bucket>,
  text: string,
  facts: RequestFacts,
  lowerPath: string,
  best: number,
): number {
  let lowest = best;
  let node = root;
  let at = 0;
  while (node.first < lowest) {
    if (node.prefix !== undefined) lowest = searchBucket(node.prefix, facts, lowerPath, lowest);
    if (at === text.length)
      return node.exact === undefined ? lowest : searchBucket(node.exact, facts, lowerPath, lowest);
    const child = node.children.get(text.charCodeAt(at));
    if (child === undefined || !text.startsWith(child.label, at)) return lowest;
    at += child.label.length;
    node = child;
  }
  return lowest;
}

function searchBucket(bucket: Bucket, facts: RequestFacts, lowerPath: string, best: number): number {
  if (bucket.first >= best) return best;
  let lowest = searchList(bucket.routes, facts, lowerPath, best);
  if (bucket.headers.size > 0) lowest = searchHeaders(bucket.headers, facts, lowerPath, lowest);
  if (bucket.queries.size > 0) lowest = searchQueries(bucket.queries, facts, lowerPath, lowest);
  for (const { path, values } of bucket.claims) {
    for (const value of claimValues(path, facts.identity)) lowest = searchTrie(values, value, facts, lowerPath, lowest);
  }
  if (bucket.grams.size > 0) lowest = searchGrams(bucket.grams, facts, lowerPath, lowest);
  return lowest;
}

function searchList(routes: readonly BoundRoute[], facts: RequestFacts, lowerPath: string, best: number): number {
  for (const route of routes) {
    if (route.index >= best) return best;
    if (fits(route.match, facts, lowerPath)) return route.index;
  }
  return best;
}

/** Above this number of fields the request's own names are looked up among them, not theirs in the request. */
const FEW = 8;
const PSEUDO = [':method', ':authority', ':scheme', ':path'] as const;

function searchHeaders(
  fields: ReadonlyMap<string, HeaderField>,
  facts: RequestFacts,
  lowerPath: string,
  best: number,
): number {
  let lowest = best;
  if (fields.size <= FEW) {
    for (const [name, field] of fields) lowest = searchHeader(field, name, facts, lowerPath, lowest);
    return lowest;
  }
  for (const name of PSEUDO) {
    const field = fields.get(name);
    if (field !== undefined) lowest = searchHeader(field, name, facts, lowerPath, lowest);
  }
  const flat = facts.headers.raw();
  for (let i = 0; i < flat.length; i += 2) {
    const name = flat[i] as string;
    const field = fields.get(name);
    if (field === undefined) continue;
    const value = field.source === 'lines' ? flat[i + 1] : headerValue(field.source, name, facts);
    if (value !== undefined) lowest = searchTrie(field.values, value, facts, lowerPath, lowest);
  }
  return lowest;
}

function searchHeader(field: HeaderField, name: string, facts: RequestFacts, lowerPath: string, best: number): number {
  if (field.source !== 'lines') {
    const value = headerValue(field.source, name, facts);
    return value === undefined ? best : searchTrie(field.values, value, facts, lowerPath, best);
  }
  let lowest = best;
  const flat = facts.headers.raw();
  for (let i = 0; i < flat.length; i += 2) {
    if (flat[i] === name) lowest = searchTrie(field.values, flat[i + 1] as string, facts, lowerPath, lowest);
  }
  return lowest;
}

function searchQueries(
  fields: ReadonlyMap<string, TrieNode<Bucket>>,
  facts: RequestFacts,
  lowerPath: string,
  best: number,
): number {
  let lowest = best;
  if (fields.size <= FEW) {
    for (const [name, values] of fields) lowest = searchQuery(values, name, facts, lowerPath, lowest);
    return lowest;
  }
  for (const parameter of facts.query.slice(1).split('&')) {
    const equals = parameter.indexOf('=');
    const name = equals < 0 ? parameter : parameter.slice(0, equals);
    const values = fields.get(name);
    if (values !== undefined) lowest = searchQuery(values, name, facts, lowerPath, lowest);
  }
  return lowest;
}

function searchQuery(
  values: TrieNode<Bucket>,
  name: string,
  facts: RequestFacts,
  lowerPath: string,
  best: number,
): number {
  const value = queryValue(facts.query, name);
  return value === undefined ? best : searchTrie(values, value, facts, lowerPath, best);
}

function searchGrams(
  grams: ReadonlyMap<number, readonly BoundRoute[]>,
  facts: RequestFacts,
  lowerPath: string,
  best: number,
): number {
  let lowest = best;
  for (let at = 0; at + GRAM_LENGTH <= facts.path.length; at++) {
    const routes = grams.get(gramHash(facts.path, at));
    if (routes !== undefined) lowest = searchList(routes, facts, lowerPath, lowest);
  }
  return lowest;
}
