import type { StringMatch } from '../kernel/string-match.ts';
import { lowerAscii, toBytes } from './bytes.ts';
import { type HeaderSource, headerSource, joinLines, queryValue, type RequestFacts } from './facts.ts';
import type { ClaimCondition, HeaderCondition, PathMatch, QueryCondition, RouteMatch } from './model.ts';
import { bindRegex } from './regex.ts';

/** The conditions of one route with their texts as bytes and their patterns compiled. */
export interface BoundMatch {
  readonly path: BoundPath;
  readonly headers: readonly BoundHeader[];
  readonly queryParams: readonly BoundQuery[];
  readonly claims: readonly BoundClaim[];
}

type Test = (value: string) => boolean;

interface BoundPath {
  readonly fits: Test;
  /** To be asked about the path in lower case. */
  readonly folded: boolean;
}

interface BoundHeader {
  readonly name: string;
  readonly source: HeaderSource;
  /** undefined: presence is enough. */
  readonly fits: Test | undefined;
  readonly invert: boolean;
  /** The answer when the request has no such header. */
  readonly whenMissing: boolean;
}

interface BoundQuery {
  readonly name: string;
  readonly fits: Test | undefined;
}

interface BoundClaim {
  readonly path: readonly string[];
  readonly fits: Test;
  readonly invert: boolean;
}

export function bindMatch(match: RouteMatch): BoundMatch {
  return {
    path: bindPath(match.path),
    headers: bindAll(match.headers, bindHeader),
    queryParams: bindAll(match.queryParams, bindQuery),
    claims: bindAll(match.claims, bindClaim),
  };
}

/** Most routes ask for little, and share the empty list. */
const bindAll = <C, B>(conditions: readonly C[], bind: (condition: C) => B): readonly B[] =>
  conditions.length === 0 ? NOTHING : conditions.map(bind);

const NOTHING: readonly never[] = [];

const ANY_PATH: BoundPath = { fits: () => true, folded: false };

function bindPath(path: PathMatch): BoundPath {
  switch (path.kind) {
    case 'any':
      return ANY_PATH;
    case 'regex':
      return { fits: bindRegex(path.value).matches, folded: false };
    case 'exact':
    case 'prefix': {
      const value = path.ignoreCase ? lowerAscii(toBytes(path.value)) : toBytes(path.value);
      return { fits: path.kind === 'exact' ? isText(value) : startsWith(value), folded: path.ignoreCase };
    }
  }
}

const isText = (value: string): Test => {
  return (text) => text === value;
};

const startsWith = (value: string): Test => {
  return (text) => text.startsWith(value);
};

function bindText(match: StringMatch): Test {
  switch (match.kind) {
    case 'exact':
      return isText(toBytes(match.value));
    case 'prefix':
      return startsWith(toBytes(match.value));
    case 'suffix': {
      const value = toBytes(match.value);
      return (text) => text.endsWith(value);
    }
    case 'regex':
      return bindRegex(match.value).matches;
  }
}

/** A missing header fits nothing; inverted it counts as '', unless presence is asked (istio-semantics §2.3). */
function bindHeader({ name, match, invert }: HeaderCondition): BoundHeader {
  const fits = match.kind === 'present' ? undefined : bindText(match);
  return { name, source: headerSource(name), fits, invert, whenMissing: invert && (fits === undefined || !fits('')) };
}

const bindQuery = ({ name, match }: QueryCondition): BoundQuery => ({
  name: toBytes(name),
  fits: match.kind === 'present' ? undefined : bindText(match),
});

const bindClaim = ({ path, match, invert }: ClaimCondition): BoundClaim => ({
  path,
  fits: match.kind === 'present' ? () => true : bindText(match),
  invert,
});

/* ----------------------------------------------------------- evaluation */

/** `lowerPath` is only read by conditions that ignore letter case. */
export function fits(match: BoundMatch, facts: RequestFacts, lowerPath: string): boolean {
  for (const header of match.headers) if (!headerFits(header, facts)) return false;
  for (const param of match.queryParams) if (!queryFits(param, facts.query)) return false;
  if (!match.path.fits(match.path.folded ? lowerPath : facts.path)) return false;
  for (const claim of match.claims) if (!claimFits(claim, facts.identity)) return false;
  return true;
}

function headerFits(header: BoundHeader, facts: RequestFacts): boolean {
  if (header.source === 'lines') return linesFit(header, facts.headers.raw());
  const value = headerValue(header.source, header.name, facts);
  if (value === undefined) return header.whenMissing;
  return (header.fits === undefined || header.fits(value)) !== header.invert;
}

/** Any one line may fit; inverted, none may (istio-semantics §2.3). */
function linesFit(header: BoundHeader, flat: readonly string[]): boolean {
  let missing = true;
  for (let i = 0; i < flat.length; i += 2) {
    if (flat[i] !== header.name) continue;
    missing = false;
    if (header.fits === undefined || header.fits(flat[i + 1] as string)) return !header.invert;
  }
  return missing ? header.whenMissing : header.invert;
}

/** Of headers that have one value; undefined: the request has none. */
export function headerValue(source: HeaderSource, name: string, facts: RequestFacts): string | undefined {
  switch (source) {
    case 'method':
      return facts.method;
    case 'authority':
      return facts.authority;
    case 'scheme':
      return facts.scheme;
    case 'path':
      return facts.path + facts.query;
    case 'joined':
      return joinLines(facts.headers, name);
    case 'nowhere':
    case 'lines':
      return undefined;
  }
}

function queryFits(param: BoundQuery, query: string): boolean {
  const value = queryValue(query, param.name);
  return value !== undefined && (param.fits === undefined || param.fits(value));
}

function claimFits(claim: BoundClaim, identity: RequestFacts['identity']): boolean {
  for (const value of claimValues(claim.path, identity)) if (claim.fits(value)) return !claim.invert;
  return claim.invert;
}

const WORD_LISTS: readonly string[] = ['scope', 'permission'];
const NONE: readonly string[] = [];

/**
 * The texts that a claim condition may fit: a string, the strings of a list, or the words of `scope`, `permission` and
 * the rule's own spaceDelimitedClaims. Numbers, booleans, null and objects give none (istio-semantics §6.4).
 */
export function claimValues(path: readonly string[], identity: RequestFacts['identity']): readonly string[] {
  let value: unknown = identity?.claims;
  for (const name of path) {
    if (typeof value !== 'object' || value === null || Array.isArray(value) || !Object.hasOwn(value, name)) return NONE;
    value = (value as Readonly<Record<string, unknown>>)[name];
  }
  if (typeof value === 'string') {
    const name = path[0] ?? '';
    const isList = path.length === 1 && (WORD_LISTS.includes(name) || identity?.spaceDelimitedClaims.includes(name));
    return isList
      ? toBytes(value)
          .split(' ')
          .filter((word) => word !== '')
      : [toBytes(value)];
  }
  if (!Array.isArray(value)) return NONE;
  return value.filter((element): element is string => typeof element === 'string').map(toBytes);
}
