import { type Exchange, fromBytes } from '../../src/contract/index.ts';
import type { RateLimitEntry, RateLimitSource } from '../../src/resources/kinds.ts';
import { addressKey, claimOf } from './keys.ts';
import type { DescriptorRule } from './service-config.ts';
import type { Entry } from './service-messages.ts';

/**
 * What the service is told of a request. A caller without the header or claim is told by address: Envoy would leave the
 * whole descriptor out, and leaving out a header must be no way around a limit. Neither must a line before it be, of which
 * Envoy would tell the first: who sends several that differ is told by address too.
 */
export const descriptorOf = ({ entries }: DescriptorRule, exchange: Exchange): readonly Entry[] =>
  entries.map((entry) => entryOf(entry, exchange));

function entryOf({ key, value, from }: RateLimitEntry, exchange: Exchange): Entry {
  if (from === undefined) return [key, value ?? ''];
  const found = foundIn(from, exchange);
  return found === undefined || found === '' ? ['remote_address', addressKey(exchange.clientAddress)] : [key, found];
}

function foundIn(source: RateLimitSource, exchange: Exchange): string | undefined {
  switch (source) {
    case 'client-address':
      return addressKey(exchange.clientAddress);
    // Without a route the answer is 404, and is counted all the same.
    case 'route':
      return exchange.route?.id ?? 'none';
    case 'namespace':
      return exchange.route?.owner.namespace ?? 'none';
    case 'host':
      return exchange.host;
    case 'method':
      return exchange.method;
    case 'path':
      return fromBytes(exchange.path);
    default:
      if ('claim' in source) return claimOf(exchange, source.claim);
      return onlyOf(exchange.headers.getAll(source.header.toLowerCase()));
  }
}

const onlyOf = ([first = '', ...more]: readonly string[]): string | undefined =>
  more.every((line) => line === first) ? fromBytes(first) : undefined;
