import { createHash } from 'node:crypto';
import { queryValue } from '../table/index.ts';
import type { HashPolicy } from '../table/model.ts';
import type { GatewayExchange } from './exchange.ts';
import type { UpstreamRequestHead } from './stream.ts';
import { type Hash64, xxHash64 } from './upstreams/index.ts';

export interface HashChoice {
  readonly hash: Hash64 | undefined;
  /** Set-Cookie lines for the answer, where a route hands out cookies to stay with one host (istio-semantics §3.3). */
  readonly setCookies: readonly string[];
}

export const NO_HASH: HashChoice = { hash: undefined, setCookies: [] };

/** The request as it came, or as it was sent. */
export type HashedRequest = Pick<UpstreamRequestHead, 'method' | 'target' | 'authority' | 'headers'>;

export const requestOf = ({ method, path, query, authority, headers }: GatewayExchange): HashedRequest => ({
  method,
  target: `${path}${query}`,
  authority,
  headers,
});

/** The hash of a request by its route's policies: those that yield a value are combined as Envoy does (rotate, then xor). */
export function hashOf(policies: readonly HashPolicy[], request: HashedRequest, exchange: GatewayExchange): HashChoice {
  if (policies.length === 0) return NO_HASH;
  let hash: Hash64 | undefined;
  const setCookies: string[] = [];
  for (const policy of policies) {
    let value = hashInput(policy, request, exchange);
    if (value === undefined && policy.kind === 'cookie' && policy.ttlSeconds !== undefined) {
      value = newCookieValue(exchange);
      setCookies.push(cookieLine(policy, value));
    }
    if (value === undefined) continue;
    const own = xxHash64(value);
    hash = hash === undefined ? own : combine(hash, own);
  }
  return { hash, setCookies };
}

const combine = (a: Hash64, b: Hash64): Hash64 => ({
  high: (((a.high << 1) | (a.low >>> 31)) ^ b.high) >>> 0,
  low: (((a.low << 1) | (a.high >>> 31)) ^ b.low) >>> 0,
});

function hashInput(policy: HashPolicy, request: HashedRequest, { clientAddress }: GatewayExchange): string | undefined {
  switch (policy.kind) {
    case 'header':
      return headerValue(policy.name, request);
    case 'cookie':
      return cookieValue(request.headers.getAll('cookie'), policy.name);
    case 'source-ip':
      return clientAddress;
    case 'query':
      return queryValue(request.target.replace(/^[^?]*/, ''), policy.name);
  }
}

function headerValue(name: string, { headers, target, authority, method }: HashedRequest): string | undefined {
  if (name === ':authority' || name === 'host') return authority;
  if (name === ':path') return target;
  if (name === ':method') return method;
  const lines = headers.getAll(name);
  return lines.length === 0 ? undefined : lines.sort().join('');
}

function cookieValue(lines: readonly string[], name: string): string | undefined {
  for (const line of lines) {
    for (const pair of line.split(';')) {
      const equals = pair.indexOf('=');
      if (equals < 0 || pair.slice(0, equals).trim() !== name) continue;
      const value = pair.slice(equals + 1).trim();
      return value.length >= 2 && value.startsWith('"') && value.endsWith('"') ? value.slice(1, -1) : value;
    }
  }
  return undefined;
}

/** Derived from the connection's addresses, as Envoy does: the same client on the same connection gets the same one. */
const newCookieValue = ({ raw }: GatewayExchange): string =>
  createHash('sha256')
    .update(`${raw.peerAddress}:${raw.peerPort}|${raw.localAddress}:${raw.localPort}`)
    .digest('hex')
    .slice(0, 16);

function cookieLine(policy: Extract<HashPolicy, { kind: 'cookie' }>, value: string): string {
  const age = policy.ttlSeconds === undefined || policy.ttlSeconds === 0 ? '' : `; Max-Age=${policy.ttlSeconds}`;
  const path = policy.path === '' ? '' : `; Path=${policy.path}`;
  const attributes = policy.attributes
    .map(([name, text]) => (text === '' ? `; ${name}` : `; ${name}=${text}`))
    .join('');
  return `${policy.name}="${value}"${age}${path}${attributes}; HttpOnly`;
}
