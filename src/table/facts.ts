import type { Identity } from '../contract/exchange.ts';
import type { HeaderList } from '../contract/headers.ts';

/**
 * What routing may look at, normalised once; an `Exchange` is one. Everything is one character a byte, claims apart.
 * Headers are those that go upstream, with the forwarded ones set and hop-by-hop ones gone (istio-semantics §2.3,
 * `headers`); cookie lines of HTTP/2 are joined by `; ` already.
 */
export interface RequestFacts {
  /** Lower case, without port: see `parseHost`. */
  readonly host: string;
  /** Normalised: see `normalizePath`. */
  readonly path: string;
  /** '' or from the '?' on, raw. */
  readonly query: string;
  readonly method: string;
  /** As sent, with port and letter case: `:authority`. */
  readonly authority: string;
  readonly scheme: string;
  readonly headers: Pick<HeaderList, 'get' | 'getAll' | 'raw'>;
  /** undefined: no verified token. */
  readonly identity: Pick<Identity, 'claims' | 'spaceDelimitedClaims'> | undefined;
}

/** Where the value of a header condition comes from. */
export type HeaderSource = 'method' | 'authority' | 'scheme' | 'path' | 'nowhere' | 'joined' | 'lines';

/**
 * Headers of which Envoy keeps one value: repeated lines are joined by ',' before they are compared. Recorded for
 * user-agent, accept, authorization, origin, referer, content-type, via and cache-control; the others were seen beside
 * them in Envoy 1.40 as Istio 1.30 configures it (istio-semantics §2.3, e-hdr); x-ot-span-context was not.
 */
const JOINED: ReadonlySet<string> = new Set(
  `accept accept-encoding access-control-request-headers access-control-request-method
  access-control-request-private-network authorization cache-control cdn-loop content-encoding content-type expect
  grpc-accept-encoding grpc-timeout if-match if-modified-since if-none-match if-range if-unmodified-since origin pragma
  referer te upgrade user-agent via x-client-trace-id x-envoy-attempt-count x-envoy-external-address
  x-forwarded-client-cert x-forwarded-for x-forwarded-host x-forwarded-port x-forwarded-proto x-request-id`.split(
    /\s+/,
  ),
);

/** Of a request: are several lines of it one value to Envoy? */
export const keepsOneValue = (name: string): boolean => JOINED.has(name);

/** `name` in lower case. `host` is `:authority` to Envoy; other names with a colon, such as `:status`, no request has. */
export function headerSource(name: string): HeaderSource {
  switch (name) {
    case ':method':
      return 'method';
    case ':authority':
    case 'host':
      return 'authority';
    case ':scheme':
      return 'scheme';
    case ':path':
      return 'path';
  }
  if (name.startsWith(':')) return 'nowhere';
  return JOINED.has(name) ? 'joined' : 'lines';
}

/** Lines of one name joined by ','; undefined: there is none. */
export function joinLines(headers: RequestFacts['headers'], name: string): string | undefined {
  const flat = headers.raw();
  let joined: string | undefined;
  for (let i = 0; i < flat.length; i += 2) {
    if (flat[i] === name) joined = joined === undefined ? flat[i + 1] : `${joined},${flat[i + 1]}`;
  }
  return joined;
}

/** What Envoy sees as the one value of a header: all lines where it keeps them joined, else the first. */
export const headerText = (headers: RequestFacts['headers'], name: string): string | undefined =>
  JOINED.has(name) ? joinLines(headers, name) : headers.get(name);

/**
 * The first parameter of that name, raw; undefined: there is none. `?k` has the value '', `a=b=c` is `a` with `b=c`
 * (istio-semantics §2.3 `queryParams`).
 */
export function queryValue(query: string, name: string): string | undefined {
  if (name.includes('=')) return undefined;
  for (let start = 1; start < query.length; ) {
    const ampersand = query.indexOf('&', start);
    const end = ampersand < 0 ? query.length : ampersand;
    const after = start + name.length;
    if (after <= end && query.startsWith(name, start)) {
      if (after === end) return '';
      if (query.charCodeAt(after) === 0x3d) return query.slice(after + 1, end);
    }
    start = end + 1;
  }
  return undefined;
}

/** What a request shows as X-Forwarded-Proto; without the header (offline questions) its scheme. */
export const forwardedProto = (facts: RequestFacts): string => facts.headers.get('x-forwarded-proto') ?? facts.scheme;
