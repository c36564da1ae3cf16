import type { Filter, HeaderList } from '../../src/contract/index.ts';
import type { Clock } from '../../src/kernel/clock.ts';
import { type Algorithm, type CompressionSettings, compressionSpec } from './config.ts';
import { inForce } from './layers.ts';
import { chooseEncoding, isCompressible } from './negotiate.ts';
import { ZlibTransform } from './zlib-transform.ts';

/** Compresses answers of services on their way to clients that accept it, block by block. */
export function createCompressionFilter(clock: Clock): Filter<CompressionSettings> {
  return {
    name: compressionSpec.name,
    transformBody(exchange, head, { compression: { mandatory, otherwise } }) {
      const settings = (inForce(mandatory, clock.nowMs())[0] ?? otherwise)?.value;
      if (settings?.enabled !== true || !isCompressible(exchange, head, settings)) return undefined;
      // Also where this client gets it as it is: the next one of a cache may not.
      addVary(head.headers);
      const encoding = chooseEncoding(exchange.headers.getAll('accept-encoding'), settings.algorithms);
      if (encoding === undefined) return undefined;
      mark(head.headers, encoding);
      return new ZlibTransform(encoding);
    },
  };
}

/** The bytes are others now: no ranges, and a tag that says "equivalent" (RFC 9110 §8.8.1). */
function mark(headers: HeaderList, encoding: Algorithm): void {
  headers.set('content-encoding', encoding);
  headers.remove('accept-ranges');
  const tag = headers.get('etag');
  if (tag !== undefined && !tag.startsWith('W/')) headers.set('etag', `W/${tag}`);
}

function addVary(headers: HeaderList): void {
  const named = headers
    .getAll('vary')
    .flatMap((line) => line.split(','))
    .map((name) => name.trim().toLowerCase());
  if (named.includes('*') || named.includes('accept-encoding')) return;
  headers.append('vary', 'Accept-Encoding');
}
