import { HeaderList } from '../../src/contract/headers.ts';
import type { StringMatch } from '../../src/kernel/string-match.ts';
import type { RequestFacts } from '../../src/table/facts.ts';
import type { HeaderCondition, PathMatch, Route, RouteMatch, RouteTable, VirtualHost } from '../../src/table/model.ts';
import { seeded } from '../support/seeded.ts';
import { config, host, route, table } from '../unit/table/builders.ts';

export interface Dice {
  below(limit: number): number;
  chance(share: number): boolean;
  oneOf<T>(values: readonly T[]): T;
}

export function dice(seed: number): Dice {
  const next = seeded(seed);
  return {
    below: (limit) => Math.floor(next() * limit),
    chance: (share) => next() < share,
    oneOf: (values) => values[Math.floor(next() * values.length)] as (typeof values)[number],
  };
}

/* Few words and many collisions: what differs in one letter, in its case, or in being longer by one. */
const SEGMENTS = ['a', 'A', 'ab', 'api', 'API', 'v1', 'v2', 'cart', 'carts', 'x.jpg', '', 'é', '%20'];
const PATTERNS = [
  '.*',
  '/api/.*',
  '/API.*',
  '/v[0-9]+/cart',
  '/v[12]/.*',
  '(?i)/api/v1.*',
  '/(a|ab|api)/.*',
  '/a+',
  '/api|/cart',
  '^/api/v1$',
  '.*\\.jpg',
  '/[^/]+/carts?',
  '.*cart.*',
  '/ap{1,2}i(/v1)?',
  '/\\Qapi/v1\\E',
  '/a.*/x.*g',
  '/.+/(?:v1|v2)/.*',
  '/(?i:api)/v1',
  '/ab?(/cart)*.*',
];
const HEADER_NAMES = [
  'x-a',
  'x-b',
  'x-c',
  'accept',
  'user-agent',
  ':method',
  ':authority',
  'host',
  ':path',
  ':scheme',
  ':status',
];
const VALUES = [
  '',
  'a',
  'b',
  'ab',
  'A',
  'GET',
  'POST',
  'a,b',
  'é',
  'shop.example.com',
  'shop.example.com:80',
  '/api',
  'http',
];
const VALUE_PATTERNS = [
  '.*',
  'a+',
  '.+',
  'a|b',
  'a,b',
  '[a-z]?',
  '(?i)get',
  '^a$',
  'GE.*',
  '.*\\.com(:80)?',
  'é+',
  'v1\\.[0-9]+',
];
const QUERY_NAMES = ['k', 'v', 'kk', 'a=b', ''];
const CLAIM_PATHS = [['role'], ['scope'], ['org', 'unit'], ['words']];
const DOMAINS = [
  'shop.example.com',
  '*.example.com',
  '*.com',
  '*',
  'a.shop.example.com',
  '*.shop.example.com',
  'shop.*',
  'shop.example.*',
  '*-x.example.com',
];
const HOSTS = [
  'shop.example.com',
  'a.shop.example.com',
  'b.example.com',
  'shop.org',
  'com',
  '',
  '.example.com',
  'q-x.example.com',
];

export const randomPath = (d: Dice): string => {
  let path = '';
  for (let count = 1 + d.below(3); count > 0; count--) path += `/${d.oneOf(SEGMENTS)}`;
  return path;
};

export function randomPathMatch(d: Dice): PathMatch {
  switch (d.below(8)) {
    case 0:
      return { kind: 'any' };
    case 1:
    case 2:
      return { kind: 'regex', value: d.oneOf(PATTERNS) };
    case 3:
    case 4:
      return { kind: 'exact', value: randomPath(d), ignoreCase: d.chance(0.3) };
    case 5:
      return { kind: 'prefix', value: randomPath(d).slice(0, d.below(6)), ignoreCase: d.chance(0.3) };
    default:
      return { kind: 'prefix', value: randomPath(d), ignoreCase: d.chance(0.3) };
  }
}

function randomText(d: Dice): StringMatch | { readonly kind: 'present' } {
  switch (d.below(7)) {
    case 0:
      return { kind: 'present' };
    case 1:
      return { kind: 'regex', value: d.oneOf(VALUE_PATTERNS) };
    case 2:
      return { kind: 'prefix', value: d.oneOf(VALUES) };
    case 3:
      return { kind: 'suffix', value: d.oneOf(VALUES) };
    default:
      return { kind: 'exact', value: d.oneOf(VALUES) };
  }
}

const randomHeader = (d: Dice): HeaderCondition => ({
  name: d.oneOf(HEADER_NAMES),
  match: randomText(d),
  invert: d.chance(0.25),
});

const some = <T>(d: Dice, share: number, most: number, make: () => T): T[] =>
  d.chance(share) ? Array.from({ length: 1 + d.below(most) }, make) : [];

export function randomMatch(d: Dice, claims = true): RouteMatch {
  return {
    path: randomPathMatch(d),
    headers: some(d, 0.4, 2, () => randomHeader(d)),
    queryParams: some(d, 0.2, 2, () => ({ name: d.oneOf(QUERY_NAMES), match: randomText(d) })),
    claims: claims
      ? some(d, 0.1, 1, () => ({ path: d.oneOf(CLAIM_PATHS), match: randomText(d), invert: d.chance(0.3) }))
      : [],
  };
}

/** Conditions whose names differ more than their values do, and patterns that only their middles tell apart. */
function wideMatch(d: Dice): RouteMatch {
  const number = d.below(30);
  const path: PathMatch = d.chance(0.5) ? { kind: 'regex', value: `/v[0-9]/cart${number}/.*` } : { kind: 'any' };
  return {
    path,
    headers:
      path.kind === 'any' && d.chance(0.6) ? [{ name: `x-n${number}`, match: randomText(d), invert: false }] : [],
    queryParams: d.chance(0.3) ? [{ name: `n${d.below(30)}`, match: randomText(d) }] : [],
    claims: [],
  };
}

/** Up to 40 routes a host; now and then all on one path, so that buckets are split by their conditions. */
export function randomHost(d: Dice, domain: string): VirtualHost {
  const onePath = d.chance(0.3) ? randomPathMatch(d) : undefined;
  const wide = d.chance(0.2);
  const count = d.chance(0.2) ? 0 : d.below(wide ? 120 : 40);
  const routes: Route[] = Array.from({ length: count }, (_, i) => {
    const match = wide && d.chance(0.9) ? wideMatch(d) : randomMatch(d);
    return route(
      `${domain}/${i}`,
      onePath === undefined || wide ? match : { ...match, path: onePath },
      d.oneOf(['red', 'blue']),
    );
  });
  return host(domain, routes, d.chance(0.1));
}

export function randomTable(d: Dice): RouteTable {
  const domains = DOMAINS.filter(() => d.chance(0.4));
  return table([config(domains.map((domain) => randomHost(d, domain)))]);
}

const CLAIMS: readonly Readonly<Record<string, unknown>>[] = [
  {},
  { role: 'a', org: { unit: ['b', 7, 'ab'] } },
  { role: ['b', 'é'], scope: 'a b ab' },
  { role: 7, scope: ['a'], org: { unit: { x: 1 } }, words: 'a b' },
  { role: null, words: ['A'], org: 'a' },
];

/** Parts of requests are mostly words that the matches have too. */
export function randomRequest(d: Dice): RequestFacts {
  const headers: [string, string][] = [];
  for (const name of ['x-a', 'x-b', 'x-c', 'accept', 'user-agent']) {
    for (let lines = d.below(3); lines > 0; lines--) headers.push([name, toLatin1(d.oneOf(VALUES))]);
  }
  for (let lines = d.below(4); lines > 0; lines--) headers.push([`x-n${d.below(30)}`, d.oneOf(['', 'a', 'ab'])]);
  if (d.chance(0.1)) headers.push(['x-forwarded-proto', d.oneOf(['https', 'http', ''])]);
  const name = d.oneOf(HOSTS);
  const parameters = Array.from(
    { length: d.below(4) },
    () => `${d.chance(0.5) ? d.oneOf(QUERY_NAMES) : `n${d.below(30)}`}${d.oneOf(['', '=', '=a', '=b', '=ab', '=a=b'])}`,
  );
  return {
    host: name,
    path: d.chance(0.8) ? toLatin1(randomPath(d)) : `/v${d.below(3)}/cart${d.below(30)}/x`,
    query: d.chance(0.5) ? '' : `?${parameters.join('&')}`,
    method: d.oneOf(['GET', 'POST', 'get', 'PUT']),
    authority: d.chance(0.5) ? name : `${name}:80`,
    scheme: d.oneOf(['http', 'https']),
    headers: HeaderList.from(headers),
    identity: d.chance(0.5)
      ? undefined
      : { claims: d.oneOf(CLAIMS), spaceDelimitedClaims: d.chance(0.5) ? ['words'] : [] },
  };
}

const toLatin1 = (text: string): string => Buffer.from(text, 'utf8').toString('latin1');
