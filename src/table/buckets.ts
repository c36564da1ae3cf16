import type { StringMatch } from '../kernel/string-match.ts';
import { lowerAscii, toBytes } from './bytes.ts';
import { type BoundMatch, bindMatch } from './conditions.ts';
import { type HeaderSource, headerSource } from './facts.ts';
import type { Route } from './model.ts';
import { bindRegex } from './regex.ts';
import { buildTrie, type TrieEntry, type TrieNode } from './trie.ts';

/** A route of a bound virtual host. */
export interface BoundRoute {
  readonly route: Route;
  /** Its place in the virtual host: the lowest that fits answers. */
  readonly index: number;
  readonly match: BoundMatch;
}

/**
 * Routes that cannot be told apart by what led here. Few of them are tried one after the other; many are told apart by
 * further conditions, so that ten thousand previews on one path, each with its own header, cost what ten do. Each
 * route is in one place only. A bucket only finds candidates: whoever finds one still asks all of its conditions.
 */
export interface Bucket {
  /** Lowest index in it. */
  readonly first: number;
  /** In order. */
  readonly routes: readonly BoundRoute[];
  readonly headers: ReadonlyMap<string, HeaderField>;
  readonly queries: ReadonlyMap<string, TrieNode<Bucket>>;
  readonly claims: readonly ClaimField[];
  /** Routes whose path is a pattern, by a piece of text that it requires: see `gramHash`. */
  readonly grams: ReadonlyMap<number, readonly BoundRoute[]>;
}

export interface HeaderField {
  readonly source: HeaderSource;
  readonly values: TrieNode<Bucket>;
}

export interface ClaimField {
  readonly path: readonly string[];
  readonly values: TrieNode<Bucket>;
}

export const GRAM_LENGTH = 4;

/** Of the characters from there on; equal texts have equal hashes, and that is all that is asked of it. */
export function gramHash(text: string, at: number): number {
  let hash = 0;
  for (let i = 0; i < GRAM_LENGTH; i++) hash = (hash * 131 + text.charCodeAt(at + i)) & 0x3fff_ffff;
  return hash;
}

export const bindRoute = (route: Route, index: number): BoundRoute => ({ route, index, match: bindMatch(route.match) });

const SCANNED = 8;
const NO_FIELDS: ReadonlyMap<string, never> = new Map<string, never>();
const NO_CLAIMS: readonly ClaimField[] = [];
const NO_GRAMS: ReadonlyMap<number, never> = new Map<number, never>();

/** `routes` in order. */
export function buildBucket(routes: readonly BoundRoute[], used: readonly string[] = []): Bucket {
  const first = routes[0]?.index ?? Number.POSITIVE_INFINITY;
  const plain: Bucket = { first, routes, headers: NO_FIELDS, queries: NO_FIELDS, claims: NO_CLAIMS, grams: NO_GRAMS };
  if (routes.length <= SCANNED) return plain;
  const { fields, rest } = partition(routes, used);
  const headers = new Map<string, HeaderField>();
  const queries = new Map<string, TrieNode<Bucket>>();
  const claims: ClaimField[] = [];
  for (const [id, { field, entries }] of fields) {
    const values = valueTrie(entries, [...used, id]);
    if (field.kind === 'header') headers.set(field.name, { source: headerSource(field.name), values });
    else if (field.kind === 'query') queries.set(field.name, values);
    else claims.push({ path: field.path, values });
  }
  return { first, headers, queries, claims, ...splitByGrams(rest) };
}

export const valueTrie = (entries: readonly TrieEntry<BoundRoute>[], used: readonly string[]): TrieNode<Bucket> =>
  buildTrie(
    entries,
    (items) => buildBucket(items, used),
    (bucket) => bucket.first,
  );

/* --------------------------------------------------- telling routes apart */

type Field =
  | { readonly kind: 'header'; readonly name: string }
  | { readonly kind: 'query'; readonly name: string }
  | { readonly kind: 'claim'; readonly path: readonly string[] };

/** A condition that only a request with a value of some beginning can fulfil. */
interface Demand {
  readonly id: string;
  readonly field: Field;
  readonly key: string;
  readonly exact: boolean;
}

interface Share {
  readonly field: Field;
  readonly entries: TrieEntry<BoundRoute>[];
}

/** Each route goes to that field of its own which has the most different values. */
function partition(routes: readonly BoundRoute[], used: readonly string[]) {
  const demands = routes.map((route) => demandsOf(route.route).filter(({ id }) => !used.includes(id)));
  const values = new Map<string, Set<string>>();
  for (const { id, key, exact } of demands.flat()) {
    const known = values.get(id);
    const value = `${exact ? '=' : '^'}${key}`;
    if (known === undefined) values.set(id, new Set([value]));
    else known.add(value);
  }
  const fields = new Map<string, Share>();
  const rest: BoundRoute[] = [];
  routes.forEach((route, i) => {
    const demand = mostTelling(demands[i] ?? [], values);
    if (demand === undefined) {
      rest.push(route);
      return;
    }
    const share = fields.get(demand.id) ?? { field: demand.field, entries: [] };
    fields.set(demand.id, share);
    share.entries.push({ key: demand.key, exact: demand.exact, item: route });
  });
  return { fields, rest };
}

function mostTelling(demands: readonly Demand[], values: ReadonlyMap<string, Set<string>>): Demand | undefined {
  let best: Demand | undefined;
  let most = 0;
  for (const demand of demands) {
    const count = values.get(demand.id)?.size ?? 0;
    if (count > most || (count === most && best !== undefined && demand.id < best.id)) {
      best = demand;
      most = count;
    }
  }
  return best;
}

/** Only conditions that a missing value cannot fulfil: nothing inverted. */
function demandsOf(route: Route): readonly Demand[] {
  const demands: Demand[] = [];
  for (const { name, match, invert } of route.match.headers) {
    if (invert) continue;
    const known = headerSource(name) === 'authority' ? ':authority' : name;
    demands.push({ id: `header ${known}`, field: { kind: 'header', name: known }, ...demandedText(match) });
  }
  for (const { name, match } of route.match.queryParams) {
    const bytes = toBytes(name);
    demands.push({ id: `query ${bytes}`, field: { kind: 'query', name: bytes }, ...demandedText(match) });
  }
  for (const { path, match, invert } of route.match.claims) {
    if (invert) continue;
    demands.push({ id: `claim ${JSON.stringify(path)}`, field: { kind: 'claim', path }, ...demandedText(match) });
  }
  return demands;
}

function demandedText(match: StringMatch | { readonly kind: 'present' }): { key: string; exact: boolean } {
  switch (match.kind) {
    case 'exact':
      return { key: toBytes(match.value), exact: true };
    case 'prefix':
      return { key: toBytes(match.value), exact: false };
    case 'regex': {
      const { prefix, shape } = bindRegex(match.value);
      if (shape?.kind === 'exact') return { key: shape.text, exact: true };
      return { key: prefix.fold ? '' : prefix.text, exact: false };
    }
    case 'suffix':
    case 'present':
      return { key: '', exact: false };
  }
}

/* ------------------------------------------------------ patterns of paths */

/** Where a route stands in the tries of a virtual host: `folded` ones are asked about the path in lower case. */
export function pathEntry(item: BoundRoute): TrieEntry<BoundRoute> & { readonly folded: boolean } {
  const { path } = item.route.match;
  switch (path.kind) {
    case 'any':
      return { key: '', exact: false, folded: false, item };
    case 'regex': {
      const { prefix, shape } = bindRegex(path.value);
      if (shape?.kind === 'exact') return { key: shape.text, exact: true, folded: false, item };
      return { key: prefix.text, exact: false, folded: prefix.fold, item };
    }
    case 'exact':
    case 'prefix': {
      const key = toBytes(path.value);
      const folded = path.ignoreCase;
      return { key: folded ? lowerAscii(key) : key, exact: path.kind === 'exact', folded, item };
    }
  }
}

/** Patterns that begin alike (`/v[0-9]+/cart/.*`) are told apart by the rarest piece of text that they require. */
function splitByGrams(routes: readonly BoundRoute[]): Pick<Bucket, 'routes' | 'grams'> {
  if (routes.length <= SCANNED) return { routes, grams: NO_GRAMS };
  const required = routes.map(gramsOf);
  const counts = new Map<number, number>();
  for (const gram of required.flat()) counts.set(gram, (counts.get(gram) ?? 0) + 1);
  const grams = new Map<number, BoundRoute[]>();
  const rest: BoundRoute[] = [];
  routes.forEach((route, i) => {
    const own = required[i] ?? [];
    if (own.length === 0) {
      rest.push(route);
      return;
    }
    const rarest = own.reduce((best, gram) => ((counts.get(gram) ?? 0) < (counts.get(best) ?? 0) ? gram : best));
    const same = grams.get(rarest);
    if (same === undefined) grams.set(rarest, [route]);
    else same.push(route);
  });
  return { routes: rest, grams };
}

function gramsOf(route: BoundRoute): readonly number[] {
  const { path } = route.route.match;
  if (path.kind !== 'regex') return [];
  const grams = new Set<number>();
  for (const literal of bindRegex(path.value).literals) {
    for (let at = 0; at + GRAM_LENGTH <= literal.length; at++) grams.add(gramHash(literal, at));
  }
  return [...grams];
}
