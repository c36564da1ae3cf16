import { HeaderList } from '../../../src/contract/headers.ts';
import type { StringMatch } from '../../../src/kernel/string-match.ts';
import type { RequestFacts } from '../../../src/table/facts.ts';
import type {
  ClaimCondition,
  HeaderCondition,
  PathMatch,
  QueryCondition,
  Route,
  RouteConfig,
  RouteMatch,
  RouteOwner,
  RouteTable,
  VirtualHost,
} from '../../../src/table/model.ts';

type Wanted = StringMatch | { readonly kind: 'present' };

export const any: PathMatch = { kind: 'any' };
export const exact = (value: string, ignoreCase = false): PathMatch => ({ kind: 'exact', value, ignoreCase });
export const prefix = (value: string, ignoreCase = false): PathMatch => ({ kind: 'prefix', value, ignoreCase });
export const regex = (value: string): PathMatch => ({ kind: 'regex', value });

export const is = (value: string): StringMatch => ({ kind: 'exact', value });
export const begins = (value: string): StringMatch => ({ kind: 'prefix', value });
export const ends = (value: string): StringMatch => ({ kind: 'suffix', value });
export const like = (value: string): StringMatch => ({ kind: 'regex', value });
export const present: Wanted = { kind: 'present' };

export const header = (name: string, match: Wanted): HeaderCondition => ({ name, match, invert: false });
export const without = (name: string, match: Wanted): HeaderCondition => ({ name, match, invert: true });
export const query = (name: string, match: Wanted): QueryCondition => ({ name, match });
export const claim = (path: readonly string[], match: Wanted, invert = false): ClaimCondition => ({
  path,
  match,
  invert,
});

export const match = (parts: Partial<RouteMatch> = {}): RouteMatch => ({
  path: any,
  headers: [],
  queryParams: [],
  claims: [],
  ...parts,
});

export const owner = (namespace: string, name = 'routes'): RouteOwner => ({
  namespace,
  kind: 'VirtualService',
  name,
  delegate: undefined,
  file: `${namespace}/${name}.yaml`,
  line: 1,
});

export const route = (id: string, parts: Partial<RouteMatch> = {}, namespace = 'shop'): Route => ({
  id,
  name: '',
  owner: owner(namespace),
  match: match(parts),
  action: { kind: 'direct-response', status: 200, bodyBase64: undefined },
  requestHeaders: { remove: [], set: [], add: [] },
  responseHeaders: { remove: [], set: [], add: [] },
  filters: {},
});

export const host = (domain: string, routes: readonly Route[], requireTls = false): VirtualHost => ({
  domain,
  requireTls,
  routes,
});

export const config = (virtualHosts: readonly VirtualHost[], name = 'http.80'): RouteConfig => ({
  name,
  port: 80,
  grpcWeb: false,
  virtualHosts,
});

export const table = (routeConfigs: readonly RouteConfig[], revision = 'r1'): RouteTable => ({
  revision,
  settings: { pathNormalization: 'decode-and-merge-slashes', numTrustedProxies: 0, forwardClientCert: 'sanitize-set' },
  listeners: [],
  routeConfigs,
  clusters: [],
  filters: {},
});

/** A request; `target` is path and query, already normal. */
export function request(
  target = '/',
  parts: Partial<Omit<RequestFacts, 'headers'>> & { headers?: readonly (readonly [string, string])[] } = {},
): RequestFacts {
  const question = target.indexOf('?');
  const { headers, ...rest } = parts;
  const hostName = parts.host ?? 'shop.example.com';
  return {
    host: hostName,
    path: question < 0 ? target : target.slice(0, question),
    query: question < 0 ? '' : target.slice(question),
    method: 'GET',
    authority: hostName,
    scheme: 'http',
    identity: undefined,
    ...rest,
    headers: HeaderList.from(headers ?? []),
  };
}
