import { afterEach, describe, expect, test } from 'vitest';
import { startToy, type Toy } from './harness.ts';
import { Frames, frame, Http2Wire, headerBlock } from './http2-wire.ts';

/* X-01 of edge-security §1 over HTTP/2: node tells nobody of a head before its end, and keeps its connection when asked to close it. */

let toy: Toy;
let wire: Http2Wire;
afterEach(async () => {
  wire.close();
  await toy.close();
});

const USUAL = [
  [':method', 'GET'],
  [':path', '/'],
  [':scheme', 'http'],
  [':authority', 'a.example.com'],
] as const;
const HEAD = headerBlock(USUAL);
const OPEN = 0;
const WHOLE = 5;

describe('a head that never ends', () => {
  test.each([
    ['without a frame that ends it', [frame(Frames.HEADERS, OPEN, 1, HEAD)]],
    ['in the middle of a frame', [frame(Frames.HEADERS, WHOLE, 1, HEAD).subarray(0, 12)]],
    ['behind a whole request', [frame(Frames.HEADERS, WHOLE, 1, HEAD), frame(Frames.HEADERS, OPEN, 3, HEAD)]],
  ])('is cut off: %s', async (_name, frames) => {
    toy = await startToy({ limits: { headersTimeoutMs: 80, drainIdleMs: 20, sweepIntervalMs: 20 } });
    wire = await Http2Wire.connect(toy.port);
    wire.send(Buffer.concat(frames));
    await wire.next('GOAWAY');
    await wire.closed();
  });

  test('is cut off in the middle of a frame of which not even the kind is known', async () => {
    toy = await startToy({ limits: { http2IdleTimeoutMs: 80, drainIdleMs: 20, sweepIntervalMs: 20 } });
    wire = await Http2Wire.connect(toy.port);
    wire.send(frame(Frames.HEADERS, WHOLE, 1, HEAD).subarray(0, 3));
    await wire.closed();
  });

  test('holds up no drain', async () => {
    toy = await startToy({ limits: { drainIdleMs: 20, stalledWriteTimeoutMs: 50, sweepIntervalMs: 20 } });
    wire = await Http2Wire.connect(toy.port);
    wire.send(frame(Frames.HEADERS, OPEN, 1, HEAD));
    wire.send(Buffer.alloc(0));
    while (toy.downstream.openConnections() === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    const drained = toy.downstream.drain(60_000);
    await wire.closed();
    await drained;
  });

  test('harms no connection whose head ends in time, and none whose last one was refused', async () => {
    toy = await startToy({ limits: { sweepIntervalMs: 20 } });
    wire = await Http2Wire.connect(toy.port);
    wire.request(1, [...USUAL, ['Upper', 'x']], true);
    await wire.next('RST_STREAM');
    wire.send(frame(Frames.HEADERS, OPEN | 1, 3, HEAD));
    await new Promise((resolve) => setTimeout(resolve, 100));
    wire.send(frame(Frames.CONTINUATION, 4, 3, headerBlock([['x-late', '1']])));
    await wire.next('HEADERS');
    expect(toy.requests).toHaveLength(1);
  });
});
