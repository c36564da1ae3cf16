import { AUTHORITY_ALPHABET, CLAIM_ALPHABET, METHOD_ALPHABET, QUERY_ALPHABET, VALUE_ALPHABET } from './alphabets.ts';
import type { TextSearch } from './automaton.ts';
import { fromBytes, toBytes } from './bytes.ts';
import { headerSource } from './facts.ts';
import { compareDomains, domainKind, hostMatches } from './host.ts';
import { findCommon, type Language, languageOf } from './language.ts';
import type { ClaimCondition, HeaderCondition, PathNormalization, QueryCondition, RouteMatch } from './model.ts';
import { findCommonPath } from './path-languages.ts';
import { takes } from './reference.ts';
import { type Witness, witnessFacts } from './witness.ts';

export type Intersection =
  /** No request fulfils both. */
  | { readonly kind: 'disjoint' }
  | { readonly kind: 'overlap'; readonly witness: Witness }
  /** Not decided: patterns with word boundaries or Unicode classes, or a question too large. */
  | { readonly kind: 'unknown' };

/** Where the two matches stand. */
export interface Setting {
  /** Of their virtual host. */
  readonly domain: string;
  /** A host that belongs to it: see `sampleHost`. */
  readonly host: string;
  readonly scheme: 'http' | 'https';
  readonly pathNormalization: PathNormalization;
}

export const ANYWHERE: Setting = {
  domain: '*',
  host: 'any.example',
  scheme: 'http',
  pathNormalization: 'decode-and-merge-slashes',
};

/** Whether one request can fulfil both matches, with a request that does: the reference matcher has confirmed it. */
export function intersect(a: RouteMatch, b: RouteMatch, setting: Setting = ANYWHERE): Intersection {
  const path = findCommonPath(a.path, b.path, setting.pathNormalization);
  const headers = findHeaders([...a.headers, ...b.headers], setting);
  const query = findQuery([...a.queryParams, ...b.queryParams]);
  const claims = findClaims([...a.claims, ...b.claims]);
  const parts = [path, headers, query, claims];
  if (parts.some((part) => part.kind === 'none')) return { kind: 'disjoint' };
  if (path.kind !== 'found' || headers.kind !== 'found' || query.kind !== 'found' || claims.kind !== 'found') {
    return { kind: 'unknown' };
  }
  const witness = { ...headers.value, path: path.text, query: query.value, claims: claims.value };
  const facts = witnessFacts(witness);
  return takes(a, facts) && takes(b, facts) ? { kind: 'overlap', witness } : { kind: 'unknown' };
}

type Found<T> =
  | { readonly kind: 'found'; readonly value: T }
  | { readonly kind: 'none' }
  | { readonly kind: 'unknown' };

/* ---------------------------------------------------------------- headers */

type HeaderPart = Omit<Witness, 'path' | 'query' | 'claims'>;

const like = (pattern: string): Language => languageOf({ kind: 'regex', value: pattern });
/** Blanks around a value are not part of it (RFC 9110 §5.5). */
const BLANK_ENDS = like('[ \\t].*|.*[ \\t]');
const NOT_EMPTY = like('.+');

/** Conditions by the header they are about; `host` is `:authority`. */
export function byHeader(conditions: readonly HeaderCondition[]): ReadonlyMap<string, readonly HeaderCondition[]> {
  return Map.groupBy(conditions, ({ name }) => (name === 'host' ? ':authority' : name));
}

function findHeaders(conditions: readonly HeaderCondition[], setting: Setting): Found<HeaderPart> {
  const groups = byHeader(conditions);
  const method = findPseudo(groups.get(':method') ?? [], [NOT_EMPTY], METHOD_ALPHABET, ['GET', 'POST']);
  const scheme = findPseudo(groups.get(':scheme') ?? [], [like('https?')], AUTHORITY_ALPHABET, [setting.scheme]);
  const authority = findPseudo(groups.get(':authority') ?? [], [authorityOf(setting.domain)], AUTHORITY_ALPHABET, [
    setting.host,
  ]);
  const found = [method, scheme, authority];
  const lines: [string, string][] = [];
  let repeatsHeader = false;
  let unknown = scheme.kind === 'none';
  for (const [name, own] of groups) {
    if (name === ':method' || name === ':scheme' || name === ':authority' || name === ':path') continue;
    const values = findLines(name, own);
    if (values.kind === 'none') return values;
    if (values.kind === 'unknown') unknown = true;
    else {
      lines.push(...values.value.map((value) => [name, value] as [string, string]));
      repeatsHeader ||= values.value.length > 1;
    }
  }
  if (method.kind === 'none' || authority.kind === 'none') return { kind: 'none' };
  if (unknown || found.some(({ kind }) => kind !== 'found')) return { kind: 'unknown' };
  const text = (search: TextSearch) => (search.kind === 'found' ? search.text : '');
  const value = {
    method: text(method),
    scheme: text(scheme),
    authority: text(authority),
    headers: lines,
    repeatsHeader,
  };
  return { kind: 'found', value };
}

/** Of a part that every request has once. */
function findPseudo(
  conditions: readonly HeaderCondition[],
  extra: readonly Language[],
  alphabet: string,
  samples: readonly string[],
): TextSearch {
  const [sample] = samples;
  if (conditions.length === 0 && sample !== undefined) return { kind: 'found', text: sample };
  if (conditions.some(({ match, invert }) => invert && match.kind === 'present')) return { kind: 'none' };
  return findCommon({
    wanted: [...conditions.filter(({ invert }) => !invert).map(({ match }) => languageOf(match)), ...extra],
    unwanted: conditions.filter(({ invert }) => invert).map(({ match }) => languageOf(match)),
    alphabet,
    samples,
  });
}

/** Values of the lines of a header; none at all where that will do. */
function findLines(name: string, conditions: readonly HeaderCondition[]): Found<readonly string[]> {
  const wanted = conditions.filter(({ invert }) => !invert).map(({ match }) => languageOf(match));
  const absent = conditions.some(({ match, invert }) => invert && match.kind === 'present');
  const unwanted = conditions
    .filter(({ match, invert }) => invert && match.kind !== 'present')
    .map(({ match }) => languageOf(match));
  const source = headerSource(name);
  if (wanted.length === 0 && !unwanted.some((language) => language.takes(''))) return { kind: 'found', value: [] };
  if (absent || source === 'nowhere') return { kind: 'none' };
  const question = { unwanted: [...unwanted, BLANK_ENDS], alphabet: VALUE_ALPHABET, samples: ['yes'] };
  const one = findCommon({ ...question, wanted });
  if (one.kind === 'found') return { kind: 'found', value: [one.text] };
  if (source === 'joined' || wanted.length < 2 || one.kind === 'unknown') return one;
  const each = wanted.map((language) => findCommon({ ...question, wanted: [language] }));
  if (each.some(({ kind }) => kind === 'none')) return { kind: 'none' };
  const values = each.flatMap((search) => (search.kind === 'found' ? [search.text] : []));
  return values.length < each.length ? { kind: 'unknown' } : { kind: 'found', value: values };
}

const quote = (text: string): string => text.replace(/[^\w-]/g, '\\$&');

/** Every authority that leads to a domain, in any letter case and with any port (istio-semantics §2.2). */
function authorityOf(domain: string): Language {
  const host = domain.split('*').map(quote).join('[^:]+');
  return domain === '*' ? NOT_EMPTY : like(`(?i)${host}(:[0-9]+)?`);
}

/** A host that belongs to a domain and to none of its neighbours that come before it. */
export function sampleHost(domain: string, otherDomains: readonly string[]): string {
  if (domainKind(domain) === 'exact') return domain;
  const before = otherDomains.filter((other) => other !== domain && compareDomains(other, domain) < 0);
  const start = domain === '*' ? '*.example' : domain;
  const names = Array.from({ length: 20 }, (_, i) => start.replace('*', i === 0 ? 'any' : `any${i}`));
  return names.find((name) => !before.some((other) => hostMatches(other, name))) ?? (names[0] as string);
}

/* ----------------------------------------------------- query and claims */

function findQuery(conditions: readonly QueryCondition[]): Found<string> {
  const parameters: string[] = [];
  let unknown = false;
  for (const [name, own] of Map.groupBy(conditions, (condition) => toBytes(condition.name))) {
    // What no target can carry, or no name can have: it is never met.
    if (!Array.from(name).every((char) => char !== '=' && QUERY_ALPHABET.includes(char))) return { kind: 'none' };
    const value = findCommon({
      wanted: own.map(({ match }) => languageOf(match)),
      unwanted: [],
      alphabet: QUERY_ALPHABET,
    });
    if (value.kind === 'none') return value;
    if (value.kind === 'unknown') unknown = true;
    else parameters.push(`${name}=${value.text}`);
  }
  if (unknown) return { kind: 'unknown' };
  return { kind: 'found', value: parameters.length === 0 ? '' : `?${parameters.join('&')}` };
}

function findClaims(conditions: readonly ClaimCondition[]): Found<Witness['claims']> {
  if (conditions.every(({ invert }) => invert)) return { kind: 'found', value: undefined };
  const claims: Record<string, unknown> = {};
  let unknown = false;
  for (const own of Map.groupBy(conditions, ({ path }) => JSON.stringify(path)).values()) {
    const wanted = own.filter(({ invert }) => !invert).map(({ match }) => languageOf(match));
    const unwanted = own.filter(({ invert }) => invert).map(({ match }) => languageOf(match));
    const each = wanted.map((language) => findCommon({ wanted: [language], unwanted, alphabet: CLAIM_ALPHABET }));
    if (each.some(({ kind }) => kind === 'none')) return { kind: 'none' };
    const values = each.flatMap((search) => (search.kind === 'found' ? [fromBytes(search.text)] : []));
    unknown ||= values.length < each.length || (values.length > 0 && !place(claims, own[0]?.path ?? [], values));
  }
  return unknown ? { kind: 'unknown' } : { kind: 'found', value: claims };
}

/** false: another claim stands in the way. */
function place(claims: Record<string, unknown>, path: readonly string[], values: readonly string[]): boolean {
  let at = claims;
  for (const name of path.slice(0, -1)) {
    const next = Object.hasOwn(at, name) ? at[name] : {};
    if (typeof next !== 'object' || next === null || Array.isArray(next)) return false;
    at[name] = next;
    at = next as Record<string, unknown>;
  }
  const last = path.at(-1) ?? '';
  if (Object.hasOwn(at, last)) return false;
  const [first = ''] = values;
  // Some claims are split at blanks when they are texts, none when they are lists.
  at[last] = values.length > 1 || first === '' || first.includes(' ') ? values : first;
  return true;
}
