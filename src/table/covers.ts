import { CLAIM_ALPHABET, QUERY_ALPHABET, VALUE_ALPHABET } from './alphabets.ts';
import { toBytes } from './bytes.ts';
import { headerSource } from './facts.ts';
import { byHeader } from './intersect.ts';
import { everything, findCommon, type Language, languageOf } from './language.ts';
import type { ClaimCondition, HeaderCondition, PathNormalization, QueryCondition, RouteMatch } from './model.ts';
import { coversPath } from './path-languages.ts';

/**
 * Whether every request that fulfils `b` fulfils `a` too, so that a route with `a` before one with `b` leaves it
 * nothing. true is certain; false may also mean that it could not be decided.
 */
export function covers(a: RouteMatch, b: RouteMatch, pathNormalization: PathNormalization): boolean {
  return (
    a.headers.every((condition) => headerFollows(condition, b.headers)) &&
    a.queryParams.every((condition) => queryFollows(condition, b.queryParams)) &&
    a.claims.every((condition) => claimFollows(condition, b.claims)) &&
    coversPath(a.path, b.path, pathNormalization)
  );
}

/** Whether nothing fulfils all of `wanted` but not `broader`. */
const isWithin = (
  wanted: readonly Language[],
  broader: Language,
  unwanted: readonly Language[],
  alphabet: string,
): boolean => findCommon({ wanted, unwanted: [broader, ...unwanted], alphabet }).kind === 'none';

const areApart = (wanted: readonly Language[], other: Language, alphabet: string): boolean =>
  findCommon({ wanted: [...wanted, other], unwanted: [], alphabet }).kind === 'none';

/** Whether a header condition holds wherever those of the other match do. */
function headerFollows(condition: HeaderCondition, others: readonly HeaderCondition[]): boolean {
  const name = condition.name === 'host' ? ':authority' : condition.name;
  const source = headerSource(name);
  const own = byHeader(others).get(name) ?? [];
  const single = source !== 'lines';
  const always = single && source !== 'joined' && source !== 'nowhere';
  const positive = own.filter(({ invert }) => !invert).map(({ match }) => languageOf(match));
  const negative = own.filter(({ invert }) => invert);
  const forbidden = negative.filter(({ match }) => match.kind !== 'present').map(({ match }) => languageOf(match));
  const present = always ? [...positive, everything] : positive;
  const asked = languageOf(condition.match);
  if (!condition.invert) {
    if (condition.match.kind === 'present') return present.length > 0;
    // One value has to be in all of them; of several lines each is only known to be in one.
    const known = single ? [present] : present.map((language) => [language]);
    return present.length > 0 && known.some((wanted) => isWithin(wanted, asked, forbidden, VALUE_ALPHABET));
  }
  const absent = negative.some(({ match }) => match.kind === 'present');
  if (absent) return condition.match.kind === 'present' || !asked.takes('');
  if (condition.match.kind === 'present') return source === 'nowhere';
  if (forbidden.some((language) => isWithin([asked], language, [], VALUE_ALPHABET))) return true;
  return single && present.length > 0 && areApart(present, asked, VALUE_ALPHABET);
}

function queryFollows(condition: QueryCondition, others: readonly QueryCondition[]): boolean {
  const name = toBytes(condition.name);
  const own = others.filter((other) => toBytes(other.name) === name).map(({ match }) => languageOf(match));
  return own.length > 0 && isWithin(own, languageOf(condition.match), [], QUERY_ALPHABET);
}

/** A claim may be a list: of several conditions each may be met by another of its elements. */
function claimFollows(condition: ClaimCondition, others: readonly ClaimCondition[]): boolean {
  const path = JSON.stringify(condition.path);
  const own = others.filter((other) => JSON.stringify(other.path) === path);
  const asked = languageOf(condition.match);
  const forbidden = own.filter(({ invert }) => invert).map(({ match }) => languageOf(match));
  if (condition.invert) return forbidden.some((language) => isWithin([asked], language, [], CLAIM_ALPHABET));
  return own
    .filter(({ invert }) => !invert)
    .some(({ match }) => isWithin([languageOf(match)], asked, forbidden, CLAIM_ALPHABET));
}
