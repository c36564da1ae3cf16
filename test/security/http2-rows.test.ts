import http2 from 'node:http2';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { startGateway, type TestGateway, virtualService, frame as yaml } from '../support/gateway.ts';
import { Frames, frame, Http2Wire, headerBlock } from '../unit/dataplane/downstream/http2-wire.ts';
import { type RecordingUpstream, recordingUpstream } from './support.ts';

/*
 * The H rows of edge-security §1 through the whole gateway, as frames, and what of them reaches a service. (Those that a lane
 * settles by itself, H-08 to H-15 among them, stand with it: test/unit/dataplane/downstream/http2.test.ts.)
 */

let upstream: RecordingUpstream;
let gateway: TestGateway;

beforeAll(async () => {
  upstream = await recordingUpstream();
  gateway = await startGateway(
    yaml({ shop: upstream.port }) + virtualService('shop', '- route: [{ destination: { host: shop.test } }]'),
  );
});
afterAll(async () => {
  await gateway.close();
  upstream.close();
});
beforeEach(() => {
  upstream.arrived.length = 0;
});

type Lines = readonly (readonly [string, string])[];
const USUAL: Lines = [
  [':method', 'GET'],
  [':path', '/'],
  [':scheme', 'http'],
  [':authority', 'shop.example.com'],
];
const POST: Lines = USUAL.map((line) => (line[0] === ':method' ? [':method', 'POST'] : line));
const changed = (name: string, value: string): Lines => USUAL.map((line) => (line[0] === name ? [name, value] : line));
const times = (count: number, bytes: Buffer): Buffer => Buffer.concat(Array.from({ length: count }, () => bytes));

/** Another client, and a request of it. */
async function othersAreServed(): Promise<void> {
  const session = http2.connect(`http://127.0.0.1:${gateway.port}`);
  const stream = session.request({ ':path': '/others', ':authority': 'shop.example.com' });
  stream.resume();
  const status = await new Promise((resolve) => stream.on('response', (head) => resolve(head[':status'])));
  session.destroy();
  expect(status).toBe(200);
}

const allGone = (): Promise<void> =>
  vi.waitFor(() => expect(gateway.gateway.connections()).toMatchObject({ open: 0, activeRequests: 0 }), 5_000);

describe('floods (H-01, H-06, H-07)', () => {
  const reset = (id: number): Buffer => frame(Frames.RST_STREAM, 0, id, Buffer.from([0, 0, 0, 8]));
  const started = (id: number): Buffer => frame(Frames.HEADERS, 5, id, headerBlock(USUAL));

  it.each([
    [
      'H-01 10,000 streams that are reset at once',
      Buffer.concat(Array.from({ length: 10_000 }, (_, i) => [started(2 * i + 1), reset(2 * i + 1)]).flat()),
    ],
    ['H-06 10,000 SETTINGS', times(10_000, frame(Frames.SETTINGS, 0, 0, Buffer.from([0, 4, 0, 0, 0xff, 0xff])))],
    ['H-06 10,000 PING', times(10_000, frame(Frames.PING, 0, 0, Buffer.alloc(8)))],
    [
      'H-07 10,000 empty DATA',
      Buffer.concat([
        frame(Frames.HEADERS, 4, 1, headerBlock(POST)),
        times(10_000, frame(Frames.DATA, 0, 1, Buffer.alloc(0))),
      ]),
    ],
    [
      'H-07 a window beyond its greatest size',
      times(2, frame(Frames.WINDOW_UPDATE, 0, 0, Buffer.from([0x7f, 0xff, 0xff, 0xff]))),
    ],
    ['H-02 1 MB of CONTINUATION', continuations()],
  ])('%s end the connection, and no other', async (_name, bytes) => {
    const wire = await Http2Wire.connect(gateway.port);
    wire.send(bytes);
    const over = wire.closed();
    await othersAreServed();
    await over;
    wire.close();
    await allGone();
    expect(gateway.errors).toEqual([]);
  });

  it('H-06 10,000 PRIORITY are passed over: nothing is kept or answered of them', async () => {
    const wire = await Http2Wire.connect(gateway.port);
    wire.send(times(10_000, frame(Frames.PRIORITY, 0, 1, Buffer.from([0, 0, 0, 0, 7]))));
    wire.send(frame(Frames.PING, 0, 0, Buffer.alloc(8)));
    await wire.next('PING', 'GOAWAY');
    await othersAreServed();
    wire.close();
    await allGone();
    expect(upstream.arrived.map(({ target }) => target)).toEqual(['/others']);
  });

  it('H-07 a body of 10,000 pieces of one byte arrives, for one copy of each', async () => {
    const wire = await Http2Wire.connect(gateway.port);
    wire.request(1, [...POST, ['content-length', '10000']], false);
    wire.send(times(9_999, frame(Frames.DATA, 0, 1, Buffer.from('a'))));
    wire.send(frame(Frames.DATA, 1, 1, Buffer.from('a')));
    expect((await wire.next('HEADERS')).stream).toBe(1);
    wire.close();
    expect(upstream.arrived.map(({ method }) => method)).toEqual(['POST']);
  });

  it('H-07 windows overflown on 1,000 connections leave nothing behind', async () => {
    const overflow = times(2, frame(Frames.WINDOW_UPDATE, 0, 0, Buffer.from([0x7f, 0xff, 0xff, 0xff])));
    for (let round = 0; round < 10; round++)
      await Promise.all(
        Array.from({ length: 100 }, async () => {
          const wire = await Http2Wire.connect(gateway.port);
          wire.send(overflow);
          await wire.closed();
        }),
      );
    await allGone();
    await othersAreServed();
  });
});

function continuations(): Buffer {
  const filler = headerBlock([['x-a', 'p'.repeat(8_000)]]);
  return Buffer.concat([
    frame(Frames.HEADERS, 0, 1, headerBlock(USUAL)),
    times(130, frame(Frames.CONTINUATION, 0, 1, filler)),
  ]);
}

describe('headers that are larger than they look', () => {
  it('H-03 a field of 2.3 kB, referred to 120 times on 400 streams, reaches nobody', async () => {
    const wire = await Http2Wire.connect(gateway.port);
    const value = Buffer.from('p'.repeat(2_300));
    const length = Buffer.from([0x7f, ((value.length - 127) & 0x7f) | 0x80, (value.length - 127) >> 7]);
    const stored = Buffer.concat([Buffer.from([0x40, 1]), Buffer.from('x'), length, value]);
    wire.send(frame(Frames.HEADERS, 5, 1, Buffer.concat([headerBlock(USUAL), stored])));
    expect((await wire.next('HEADERS', 'RST_STREAM')).type).toBe(Frames.HEADERS);
    upstream.arrived.length = 0;
    const bomb = Buffer.concat([headerBlock(USUAL), Buffer.alloc(120, 0x80 | 62)]);
    for (let id = 3; id < 803; id += 2) wire.send(frame(Frames.HEADERS, 5, id, bomb));
    const first = await wire.next('RST_STREAM', 'GOAWAY', 'HEADERS');
    expect(first.type).not.toBe(Frames.HEADERS);
    await othersAreServed();
    wire.close();
    await allGone();
    expect(upstream.arrived.map(({ target }) => target)).toEqual(['/others']);
  });
});

describe('fields with characters that no field may have (H-11)', () => {
  it.each<[string, readonly [string, string]]>([
    ['a blank before a value that a policy may look for', ['x-role', ' admin']],
    ['a tab behind it', ['x-role', 'admin\t']],
  ])('%s resets the stream', async (_name, line) => {
    const wire = await Http2Wire.connect(gateway.port);
    wire.request(1, [...USUAL, line], true);
    expect((await wire.next('RST_STREAM', 'HEADERS', 'GOAWAY')).type).toBe(Frames.RST_STREAM);
    wire.close();
    expect(upstream.arrived).toEqual([]);
  });

  it.each<[string, readonly [string, string]]>([
    ['a line feed in a value', ['x-role', 'guest\nx-user-id: admin']],
    ['a carriage return in a value', ['x-role', 'guest\rx']],
    ['NUL in a value', ['x-role', 'gu\0est']],
    ['a colon in a name', ['x-role:x', 'guest']],
    ['a blank in a name', ['x role', 'guest']],
    ['a line feed in a name', ['x-role\nx-user-id', 'admin']],
  ])('%s: what reaches the service has neither it nor a part of it', async (_name, line) => {
    const wire = await Http2Wire.connect(gateway.port);
    wire.request(1, [...USUAL, line], true);
    await wire.next('HEADERS', 'RST_STREAM', 'GOAWAY');
    wire.close();
    await othersAreServed();
    for (const { headers } of upstream.arrived)
      for (const [name, value] of headers) {
        expect(name).not.toMatch(/x.?role|x-user-id/);
        expect(value).not.toMatch(/guest|admin|gu\0est/);
      }
  });
});

describe('methods and pseudo headers that are none (H-12, H-14)', () => {
  it.each<[string, Lines]>([
    ['H-12 a method with a blank', changed(':method', 'GE T')],
    ['H-12 an unknown pseudo header', [...USUAL, [':x', '1']]],
    ['H-14 a path twice', [...USUAL, [':path', '/admin']]],
    ['H-14 a pseudo header behind the others', [...USUAL.slice(0, 3), ['x-a', '1'], [':authority', 'b']]],
    ['H-14 extended CONNECT', [[':method', 'CONNECT'], [':protocol', 'websocket'], ...USUAL.slice(1)]],
  ])('%s resets the stream', async (_name, lines) => {
    const wire = await Http2Wire.connect(gateway.port);
    wire.request(1, lines, true);
    expect((await wire.next('RST_STREAM', 'HEADERS', 'GOAWAY')).type).toBe(Frames.RST_STREAM);
    wire.close();
    expect(upstream.arrived).toEqual([]);
  });

  it('H-14 CONNECT is answered, and leads nowhere', async () => {
    const wire = await Http2Wire.connect(gateway.port);
    wire.request(
      1,
      [
        [':method', 'CONNECT'],
        [':authority', '127.0.0.1:22'],
      ],
      true,
    );
    expect((await wire.next('RST_STREAM', 'HEADERS', 'GOAWAY')).type).toBe(Frames.HEADERS);
    wire.close();
    expect(upstream.arrived).toEqual([]);
  });

  it('H-13 an authority that is not the Host is the one that counts, for the service too', async () => {
    const wire = await Http2Wire.connect(gateway.port);
    wire.request(1, [...USUAL, ['host', 'other.example.com']], true);
    await wire.next('HEADERS', 'RST_STREAM');
    wire.close();
    for (const { headers } of upstream.arrived)
      expect(headers.filter(([name]) => name === 'host')).toEqual([['host', 'shop.example.com']]);
  });
});
