import { isIPv6 } from 'node:net';
import type { Exchange } from '../../src/contract/index.ts';
import type { RateLimitRuleSettings } from './config.ts';

/** Does the rule count this request? Host without port and in lower case, path as normalised: what the route was chosen by. */
export function appliesTo({ match }: Pick<RateLimitRuleSettings, 'match'>, exchange: Exchange): boolean {
  const { hosts, paths, methods, namespaces, routes } = match;
  if (hosts !== undefined && !hosts.some((host) => hostFits(host.toLowerCase(), exchange.host))) return false;
  if (methods !== undefined && !methods.includes(exchange.method)) return false;
  if (
    paths !== undefined &&
    !paths.some(
      (path) => path.exact === exchange.path || (path.prefix !== undefined && exchange.path.startsWith(path.prefix)),
    )
  )
    return false;
  const owner = exchange.route?.owner.namespace;
  if (namespaces !== undefined && (owner === undefined || !namespaces.includes(owner))) return false;
  const id = exchange.route?.id;
  return (
    routes === undefined || (id !== undefined && routes.some((route) => id === route || id.startsWith(`${route}/`)))
  );
}

const hostFits = (pattern: string, host: string): boolean =>
  pattern === '*' ||
  pattern === host ||
  (pattern.startsWith('*.') && host.endsWith(pattern.slice(1)) && host.length > pattern.length - 1);

/**
 * Whose buckets it is taken from. A caller without the header or claim is counted by address: leaving it out is no way around.
 * Neither is a header of several lines, of which services read the first, the last or all: each is a caller.
 */
export function callersOf({ per }: RateLimitRuleSettings, exchange: Exchange): readonly string[] {
  if (per === 'gateway') return [''];
  if (per === 'route') return [exchange.route?.id ?? ''];
  if (per === 'namespace') return [exchange.route?.owner.namespace ?? ''];
  if (per === 'client-address') return [addressKey(exchange.clientAddress)];
  const values = 'header' in per ? exchange.headers.getAll(per.header.toLowerCase()) : [claimOf(exchange, per.claim)];
  const names = new Set(values.flatMap((value) => (value === undefined || value === '' ? [] : [`value ${value}`])));
  return names.size === 0 ? [`address ${addressKey(exchange.clientAddress)}`] : [...names];
}

/** `a.b` looks into objects; anything but a text or a number is no name. */
export function claimOf(exchange: Exchange, path: string): string | undefined {
  let value: unknown = exchange.identity?.claims;
  for (const part of path.split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, part)) return undefined;
    value = (value as Record<string, unknown>)[part];
  }
  return typeof value === 'string' || typeof value === 'number' ? String(value) : undefined;
}

/** An IPv4 address as some proxies write it; all of them are in one /64. */
const MAPPED = /^(?:::|(?:0{1,4}:){5})ffff:(\d+\.\d+\.\d+\.\d+)$/i;

/** An IPv6 customer has a /64 at least, and may send from any address of it (edge-security L-02). */
export function addressKey(address: string): string {
  if (!isIPv6(address)) return address;
  const mapped = MAPPED.exec(address)?.[1];
  if (mapped !== undefined) return mapped;
  const [left = '', right] = address.split('%')[0]?.split('::') ?? [];
  const head = left === '' ? [] : left.split(':');
  const tail = right === undefined || right === '' ? [] : right.split(':');
  const groups =
    right === undefined
      ? head
      : [...head, ...Array<string>(Math.max(0, 8 - head.length - tail.length)).fill('0'), ...tail];
  return `${groups
    .slice(0, 4)
    .map((group) => group.toLowerCase().replace(/^0+(?=.)/, ''))
    .join(':')}::/64`;
}
