import type { StringMatch } from '../kernel/string-match.ts';
import { lowerAscii, toBytes } from './bytes.ts';
import { forwardedProto, headerSource, type RequestFacts } from './facts.ts';
import { compareDomains, hostMatches } from './host.ts';
import type {
  ClaimCondition,
  HeaderCondition,
  PathMatch,
  QueryCondition,
  Route,
  RouteConfig,
  RouteMatch,
  RouteTable,
  VirtualHost,
} from './model.ts';
import { bindRegex } from './regex.ts';

/*
 * The slow and obvious matcher: straight from the model, one route after the other, without any index. Tests hold the
 * fast one against it; `banyan explain` tells people what it finds.
 */

/** Why a route does not take a request. `found`: what the request has there; undefined: nothing. */
export type Loss =
  | { readonly kind: 'path'; readonly wanted: PathMatch; readonly found: string }
  | { readonly kind: 'header'; readonly wanted: HeaderCondition; readonly found: readonly string[] }
  | { readonly kind: 'query'; readonly wanted: QueryCondition; readonly found: string | undefined }
  | { readonly kind: 'claim'; readonly wanted: ClaimCondition; readonly found: readonly string[] };

export type CandidateOutcome =
  | { readonly kind: 'answers' }
  /** It fits as well, but an earlier route answers. */
  | { readonly kind: 'shadowed'; readonly by: Route }
  /** It fits as well, but the request is answered before any route: see `redirectToTls`. */
  | { readonly kind: 'unasked' }
  /** Every condition that does not hold. */
  | { readonly kind: 'lost'; readonly losses: readonly Loss[] };

export interface Candidate {
  readonly route: Route;
  readonly outcome: CandidateOutcome;
}

export interface MatchExplanation {
  /** undefined: there is no such route config. */
  readonly routeConfig: RouteConfig | undefined;
  /** Domains that take the host, the chosen one first; the others are never tried (istio-semantics §2.2). */
  readonly domains: readonly string[];
  readonly virtualHost: VirtualHost | undefined;
  /** 301 to https before any route is asked (istio-semantics §1.4). */
  readonly redirectToTls: boolean;
  /** All routes of the chosen virtual host, in order. */
  readonly candidates: readonly Candidate[];
  readonly route: Route | undefined;
}

/** What the reference matcher finds in the route config of that name, and why each route that lost did. */
export function explainMatch(table: RouteTable, routeConfig: string, facts: RequestFacts): MatchExplanation {
  const config = table.routeConfigs.find(({ name }) => name === routeConfig);
  const takers = (config?.virtualHosts ?? [])
    .filter(({ domain }) => hostMatches(domain, facts.host))
    .sort((a, b) => compareDomains(a.domain, b.domain));
  const virtualHost = takers[0];
  const proto = forwardedProto(facts);
  const redirectToTls = virtualHost?.requireTls === true && proto !== '' && proto !== 'https';
  const open = !redirectToTls && proto !== '';
  const candidates = explainRoutes(virtualHost?.routes ?? [], facts, open);
  return {
    routeConfig: config,
    domains: takers.map(({ domain }) => domain),
    virtualHost,
    redirectToTls,
    candidates,
    route: candidates.find(({ outcome }) => outcome.kind === 'answers')?.route,
  };
}

function explainRoutes(routes: readonly Route[], facts: RequestFacts, open: boolean): readonly Candidate[] {
  const winner = open ? routes.find((route) => lossesOf(route.match, facts).length === 0) : undefined;
  return routes.map((route) => {
    const losses = lossesOf(route.match, facts);
    if (losses.length > 0) return { route, outcome: { kind: 'lost', losses } };
    if (winner === undefined) return { route, outcome: { kind: 'unasked' } };
    return { route, outcome: route === winner ? { kind: 'answers' } : { kind: 'shadowed', by: winner } };
  });
}

/** Every condition that a request does not fulfil; none: the route takes it. */
export function lossesOf(match: RouteMatch, facts: RequestFacts): readonly Loss[] {
  const losses: Loss[] = [];
  if (!pathFits(match.path, facts.path)) losses.push({ kind: 'path', wanted: match.path, found: facts.path });
  for (const wanted of match.headers) {
    const found = linesOf(wanted.name, facts);
    if (!headerFits(wanted, found)) losses.push({ kind: 'header', wanted, found });
  }
  for (const wanted of match.queryParams) {
    const found = firstParameter(toBytes(wanted.name), facts.query);
    if (!queryFits(wanted, found)) losses.push({ kind: 'query', wanted, found });
  }
  for (const wanted of match.claims) {
    const found = claimTexts(wanted.path, facts.identity);
    if (!claimFits(wanted, found)) losses.push({ kind: 'claim', wanted, found });
  }
  return losses;
}

export const takes = (match: RouteMatch, facts: RequestFacts): boolean => lossesOf(match, facts).length === 0;

/** istio-semantics §2.3 `uri`, `ignoreUriCase`: letter case is never ignored for a pattern. */
function pathFits(wanted: PathMatch, path: string): boolean {
  if (wanted.kind === 'any') return true;
  if (wanted.kind === 'regex') return bindRegex(wanted.value).matches(path);
  const fold = wanted.ignoreCase ? lowerAscii : (text: string) => text;
  const value = fold(toBytes(wanted.value));
  return wanted.kind === 'exact' ? fold(path) === value : fold(path).startsWith(value);
}

/** The values of a header, each to be compared alone; of headers with one value, that one. */
function linesOf(name: string, facts: RequestFacts): readonly string[] {
  switch (headerSource(name)) {
    case 'method':
      return [facts.method];
    case 'authority':
      return [facts.authority];
    case 'scheme':
      return [facts.scheme];
    case 'path':
      return [`${facts.path}${facts.query}`];
    case 'nowhere':
      return [];
    case 'joined': {
      const lines = facts.headers.getAll(name);
      return lines.length === 0 ? [] : [lines.join(',')];
    }
    case 'lines':
      return facts.headers.getAll(name);
  }
}

/** istio-semantics §2.3 `headers`, `withoutHeaders`. */
function headerFits({ match, invert }: HeaderCondition, lines: readonly string[]): boolean {
  if (match.kind === 'present') return lines.length > 0 !== invert;
  if (!invert) return lines.some((line) => textFits(match, line));
  const compared = lines.length === 0 ? [''] : lines;
  return !compared.some((line) => textFits(match, line));
}

/** istio-semantics §2.3 `queryParams`: the first of a name counts. */
function firstParameter(name: string, query: string): string | undefined {
  const parameters = query.slice(1).split('&');
  // Envoy's reader stops at the end of the text: nothing is no parameter, there alone.
  if (parameters.at(-1) === '') parameters.pop();
  for (const parameter of parameters) {
    const [key, ...rest] = parameter.split('=');
    if (key === name) return rest.join('=');
  }
  return undefined;
}

function queryFits({ match }: QueryCondition, value: string | undefined): boolean {
  if (value === undefined) return false;
  return match.kind === 'present' || textFits(match, value);
}

/** istio-semantics §6.4: strings, strings in lists, words of word lists; nothing else is ever compared. */
function claimTexts(path: readonly string[], identity: RequestFacts['identity']): readonly string[] {
  if (identity === undefined) return [];
  let value: unknown = identity.claims;
  for (const name of path) {
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
    value = isObject && Object.hasOwn(value as object, name) ? (value as Record<string, unknown>)[name] : undefined;
  }
  const wordLists = ['scope', 'permission', ...identity.spaceDelimitedClaims];
  if (typeof value === 'string' && path.length === 1 && wordLists.includes(path[0] as string)) {
    return toBytes(value)
      .split(' ')
      .filter((word) => word.length > 0);
  }
  const elements = Array.isArray(value) ? value : [value];
  return elements.filter((element) => typeof element === 'string').map((element) => toBytes(element));
}

function claimFits({ match, invert }: ClaimCondition, texts: readonly string[]): boolean {
  return texts.some((text) => match.kind === 'present' || textFits(match, text)) !== invert;
}

function textFits(match: StringMatch, text: string): boolean {
  const value = toBytes(match.value);
  switch (match.kind) {
    case 'exact':
      return text === value;
    case 'prefix':
      return text.startsWith(value);
    case 'suffix':
      return text.endsWith(value);
    case 'regex':
      return bindRegex(match.value).matches(text);
  }
}
