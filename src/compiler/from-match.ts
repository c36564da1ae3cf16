import { by, compareStrings } from '../kernel/compare.ts';
import type { StringMatch as Condition } from '../kernel/string-match.ts';
import type { HTTPMatchRequest, StringMatch } from '../resources/index.ts';
import type { ClaimCondition, HeaderCondition, PathMatch, QueryCondition, RouteMatch } from '../table/index.ts';
import { compact } from './compact.ts';

const PRESENT = { kind: 'present' } as const;
const ANY_PATH: PathMatch = { kind: 'any' };
const NO_CONDITIONS: readonly never[] = [];

/** What a rule without `match`, and an empty match, stand for. */
export const MATCHES_ALL: RouteMatch = {
  path: ANY_PATH,
  headers: NO_CONDITIONS,
  queryParams: NO_CONDITIONS,
  claims: NO_CONDITIONS,
};

/** A match as the table has it; port, gateways and source labels were settled before (istio-semantics §2.3). */
export function translateMatch(match: HTTPMatchRequest): RouteMatch {
  const { headers, claims } = translateHeaders(match);
  for (const [name, condition] of requestLine(match)) {
    if (condition !== undefined) headers.push({ name, match: translateCondition(condition), invert: false });
  }
  const queryParams = Object.entries(match.queryParams ?? {}).map(([name, condition]) => ({
    name,
    match: translateCondition(condition),
  }));
  return {
    path: translatePath(match.uri, match.ignoreUriCase === true),
    headers: compact(headers),
    queryParams: compact(queryParams.sort(by((condition: QueryCondition) => condition.name, compareStrings))),
    claims: compact(claims),
  };
}

const requestLine = (match: HTTPMatchRequest): readonly (readonly [string, StringMatch | undefined])[] => [
  [':method', match.method],
  [':authority', match.authority],
  [':scheme', match.scheme],
];

function translatePath(uri: StringMatch | undefined, ignoreCase: boolean): PathMatch {
  if (uri?.exact !== undefined) return { kind: 'exact', value: uri.exact, ignoreCase };
  if (uri?.prefix !== undefined) return { kind: 'prefix', value: uri.prefix, ignoreCase };
  if (uri?.regex !== undefined) return { kind: 'regex', value: uri.regex };
  return ANY_PATH;
}

/** `{}` asks for presence, and so does `regex: "*"`, which is no regular expression at all (istio-semantics §2.3). */
function translateCondition(condition: StringMatch): Condition | typeof PRESENT {
  if (condition.exact !== undefined) return { kind: 'exact', value: condition.exact };
  if (condition.prefix !== undefined) return { kind: 'prefix', value: condition.prefix };
  if (condition.regex !== undefined && condition.regex !== '*') return { kind: 'regex', value: condition.regex };
  return PRESENT;
}

function translateHeaders(match: HTTPMatchRequest): { headers: HeaderCondition[]; claims: ClaimCondition[] } {
  const headers: HeaderCondition[] = [];
  const claims: ClaimCondition[] = [];
  const add = (name: string, condition: StringMatch, invert: boolean): void => {
    const path = claimPath(name);
    const wanted = translateCondition(condition);
    if (path === undefined) headers.push({ name: name.toLowerCase(), match: wanted, invert });
    else claims.push({ path, match: wanted, invert });
  };
  for (const [name, condition] of Object.entries(match.headers ?? {})) add(name, condition, false);
  for (const [name, condition] of Object.entries(match.withoutHeaders ?? {})) add(name, condition, true);
  // The order in which a team wrote its conditions says nothing and must not show in the table.
  headers.sort(by((condition) => condition.name, compareStrings));
  claims.sort(by((condition) => condition.path.join('\0'), compareStrings));
  return { headers, claims };
}

const CLAIMS = '@request.auth.claims';

/**
 * The claim that a header key stands for: `@request.auth.claims.a.b`, or `@request.auth.claims[a][b]` for names with
 * dots; the prefix in any case, the names as written (istio-semantics §6.4). undefined: a plain header.
 */
export function claimPath(key: string): readonly string[] | undefined {
  if (!key.toLowerCase().startsWith(CLAIMS)) return undefined;
  const rest = key.slice(CLAIMS.length);
  if (rest.startsWith('.') && rest.length > 1) return rest.slice(1).split('.');
  if (rest.startsWith('[') && rest.endsWith(']') && rest.length > 2) return rest.slice(1, -1).split('][');
  return undefined;
}
