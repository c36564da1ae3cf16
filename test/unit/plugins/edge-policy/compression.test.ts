import { randomBytes } from 'node:crypto';
import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { createCompressionFilter } from '../../../../plugins/edge-policy/compression.ts';
import { compressionSpec } from '../../../../plugins/edge-policy/config.ts';
import { chooseEncoding } from '../../../../plugins/edge-policy/negotiate.ts';
import { ZlibTransform } from '../../../../plugins/edge-policy/zlib-transform.ts';
import { HeaderList, type PolicyObject } from '../../../../src/contract/index.ts';
import { type FakeRequest, fakeExchange } from '../../../support/fake-exchange.ts';
import { fakeContext } from '../../../support/policy-context.ts';
import { clockAt, network } from './support.ts';

type Pair = readonly [string, string];
const ON = [network({ compression: { enabled: true } })];
const JSON_TYPE: Pair = ['content-type', 'application/json; charset=utf-8'];

/** The headers that the client gets, and whether the body is compressed. */
function answer(
  given: readonly Pair[],
  accept: string | undefined = 'gzip',
  {
    status = 200,
    policies = ON as readonly PolicyObject[],
    request = {} as FakeRequest,
    bodyLength = undefined as number | undefined,
  } = {},
) {
  const settings = compressionSpec.compileWorkload?.(fakeContext(policies));
  const exchange = fakeExchange({
    ...request,
    headers: [...(request.headers ?? []), ...(accept === undefined ? [] : [['accept-encoding', accept] as const])],
  });
  const head = { status, headers: HeaderList.from(given), origin: 'upstream' as const, bodyLength };
  const transform =
    settings === undefined ? undefined : createCompressionFilter(clockAt()).transformBody?.(exchange, head, settings);
  transform?.destroy();
  return { compressed: transform !== undefined, headers: Object.fromEntries(head.headers) };
}

describe('what is compressed', () => {
  it('says so, and is no longer what its tag and ranges are of', () => {
    expect(answer([JSON_TYPE, ['etag', '"v1"'], ['accept-ranges', 'bytes']], 'gzip', { bodyLength: 5000 })).toEqual({
      compressed: true,
      headers: { 'content-type': JSON_TYPE[1], etag: 'W/"v1"', vary: 'Accept-Encoding', 'content-encoding': 'gzip' },
    });
  });

  it.each<[string, readonly Pair[]]>([
    ['text', [['content-type', 'text/html']]],
    ['of unknown length', [JSON_TYPE]],
    ['in capitals', [['content-type', 'TEXT/CSS']]],
    ['SVG', [['content-type', 'image/svg+xml']]],
  ])('%s', (_name, given) => {
    expect(answer(given).compressed).toBe(true);
  });

  it.each<[string, readonly Pair[], { status?: number; request?: FakeRequest; bodyLength?: number }?]>([
    ['a stream of events', [['content-type', 'text/event-stream']]],
    ['gRPC', [['content-type', 'application/grpc+proto']]],
    ['what is compressed already', [JSON_TYPE, ['content-encoding', 'br']]],
    ['no-transform', [JSON_TYPE, ['cache-control', 'public, No-Transform']]],
    ['no-transform of the client', [JSON_TYPE], { request: { headers: [['cache-control', 'no-transform']] } }],
    ['small bodies', [JSON_TYPE], { bodyLength: 1023 }],
    ['pictures', [['content-type', 'image/png']]],
    ['what has no type', []],
    ['parts', [JSON_TYPE, ['content-range', 'bytes 0-1/2']], { status: 206 }],
    ['304', [JSON_TYPE], { status: 304 }],
    ['204', [JSON_TYPE], { status: 204 }],
    ['what has a digest', [JSON_TYPE, ['content-digest', 'sha-256=:x:']]],
  ])('not: %s', (_name, given, more) => {
    const { compressed, headers } = answer(given, 'gzip', more);
    expect(compressed).toBe(false);
    expect(headers).toEqual(Object.fromEntries(given));
  });

  it('is nothing where no policy turns it on', () => {
    expect(answer([JSON_TYPE], 'gzip', { policies: [] }).compressed).toBe(false);
    expect(answer([JSON_TYPE], 'gzip', { policies: [network({ compression: { enabled: false } })] }).compressed).toBe(
      false,
    );
  });

  it('varies also for a client that gets it as it is', () => {
    expect(answer([JSON_TYPE], 'identity')).toEqual({
      compressed: false,
      headers: { 'content-type': JSON_TYPE[1], vary: 'Accept-Encoding' },
    });
    expect(answer([JSON_TYPE, ['vary', 'origin, accept-encoding']], 'identity').headers['vary']).toBe(
      'origin, accept-encoding',
    );
    expect(answer([JSON_TYPE, ['vary', '*']], 'gzip').headers['vary']).toBe('*');
  });

  it('keeps to the types and sizes of the policy', () => {
    const policies = [network({ compression: { enabled: true, contentTypes: ['application/*'], minBytes: 10 } })];
    expect(
      answer(
        [
          ['content-type', 'application/pdf'],
          ['content-length', '10'],
        ],
        'gzip',
        { policies },
      ).compressed,
    ).toBe(true);
    expect(
      answer(
        [
          ['content-type', 'text/html'],
          ['content-length', '10'],
        ],
        'gzip',
        { policies },
      ).compressed,
    ).toBe(false);
  });
});

describe('the encoding', () => {
  it.each<[string[], string | undefined]>([
    [[], undefined],
    [[''], undefined],
    [['gzip'], 'gzip'],
    [['x-gzip'], 'gzip'],
    [['gzip, br, zstd'], 'zstd'],
    [['gzip', 'br'], 'br'],
    [['zstd;q=0.5, gzip;q=0.9'], 'gzip'],
    [['GZIP;Q=1.0'], 'gzip'],
    [['*'], 'zstd'],
    [['*;q=0.5, zstd;q=0'], 'br'],
    [['gzip;q=0'], undefined],
    [['gzip;q=0.5, identity'], undefined],
    [['gzip, identity;q=0.5'], 'gzip'],
    [['deflate'], undefined],
    [['gzip;q=nonsense'], undefined],
    [['gzip;q=2'], undefined],
    [['gzipped'], undefined],
  ])('for %j is %s', (lines, encoding) => {
    expect(chooseEncoding(lines, ['zstd', 'br', 'gzip'])).toBe(encoding);
  });
});

describe('the bytes', () => {
  const through = async (algorithm: 'gzip' | 'br' | 'zstd', chunks: readonly Buffer[]): Promise<Buffer> => {
    const transform = new ZlibTransform(algorithm);
    const out: Uint8Array[] = [];
    transform.onData = (chunk) => void out.push(chunk);
    const ended = new Promise<void>((resolve, reject) => {
      transform.onEnd = resolve;
      transform.onError = reject;
    });
    for (const chunk of chunks) {
      if (transform.write(chunk)) continue;
      await new Promise<void>((resolve) => {
        transform.onDrain = resolve;
      });
    }
    transform.end();
    await ended;
    return Buffer.concat(out);
  };

  it.each([
    ['gzip', gunzipSync],
    ['br', brotliDecompressSync],
    ['zstd', zstdDecompressSync],
  ] as const)('come back whole: %s', async (algorithm, decompress) => {
    const chunks = Array.from({ length: 40 }, (_, i) => Buffer.from(`line ${i} `.repeat(2000)));
    const out = await through(algorithm, chunks);
    const whole = Buffer.concat(chunks);
    expect(out.length).toBeLessThan(whole.length / 10);
    expect(decompress(out).equals(whole)).toBe(true);
    expect(decompress(await through(algorithm, [])).length).toBe(0);
  });

  it.each(['gzip', 'br', 'zstd'] as const)(
    'come out before the end where an answer trickles: %s',
    async (algorithm) => {
      const transform = new ZlibTransform(algorithm);
      const size = new Promise<number>((resolve) => {
        let bytes = 0;
        transform.onData = (chunk) => {
          bytes += chunk.length;
          if (bytes > 20) resolve(bytes);
        };
      });
      transform.write(Buffer.from('a few words that somebody is waiting for'));
      expect(await size).toBeGreaterThan(20);
      transform.destroy();
      transform.destroy();
    },
  );

  it('wait for a reader that has enough', async () => {
    const transform = new ZlibTransform('gzip');
    let out = 0;
    transform.onData = (chunk) => {
      out += chunk.length;
    };
    transform.pause();
    const stuck = Symbol('stuck');
    let written = 0;
    let drained = Promise.resolve<unknown>(undefined);
    while (written < 64) {
      written++;
      if (transform.write(randomBytes(65_536))) continue;
      drained = new Promise<void>((resolve) => {
        transform.onDrain = resolve;
      });
      const patience = new Promise((resolve) => setTimeout(resolve, 200, stuck));
      if ((await Promise.race([drained, patience])) === stuck) break;
    }
    expect(out).toBe(0);
    expect(written).toBeLessThan(10);
    transform.resume();
    await drained;
    expect(out).toBeGreaterThan(0);
    transform.destroy();
  });
});
