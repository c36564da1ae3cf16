import http2 from 'node:http2';
import net from 'node:net';
import type { Duplex } from 'node:stream';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { HeaderList } from '../../../../src/contract/headers.ts';
import type { RawRequest } from '../../../../src/dataplane/downstream/port.ts';
import { startToy, type Toy } from './harness.ts';

const MEGABYTE = 1024 * 1024;
const BYTES = Number(process.env['STREAM_MEGABYTES'] ?? 64) * MEGABYTE;

/** Sends back what comes, as it comes; counts what it took. */
function mirror(counts: { taken: number }): (request: RawRequest) => void {
  return (request) => {
    request.writer.head(200, HeaderList.empty(), undefined);
    request.writer.onDrain = () => request.body.resume();
    request.body.start({
      onData: (chunk) => {
        counts.taken += chunk.length;
        if (!request.writer.write(chunk)) request.body.pause();
      },
      onEnd: () => request.writer.end(),
      onAbort: () => {},
    });
  };
}

/** Writes zeros as fast as they are taken. */
function pour(stream: Duplex, bytes: number, done: () => void): void {
  const chunk = Buffer.alloc(65_536);
  let left = bytes;
  const more = (): void => {
    while (left > 0) {
      left -= chunk.length;
      if (!stream.write(chunk)) {
        stream.once('drain', more);
        return;
      }
    }
    done();
  };
  more();
}

let toy: Toy;
const counts = { taken: 0 };
const start = async (): Promise<void> => {
  counts.taken = 0;
  toy = await startToy({ limits: { stalledWriteTimeoutMs: 60_000 } });
  toy.handler = mirror(counts);
};
afterEach(async () => toy.close());

const open = {
  'HTTP/1.1': (length: number): { stream: Duplex; end: () => void; close: () => void } => {
    const stream = net.connect(toy.port, '127.0.0.1');
    stream.write(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${length}\r\n\r\n`);
    return { stream, end: () => {}, close: () => stream.destroy() };
  },
  'HTTP/2': (): { stream: Duplex; end: () => void; close: () => void } => {
    const session = http2.connect(`http://127.0.0.1:${toy.port}`);
    session.on('error', () => {});
    const stream = session.request({ ':method': 'POST', ':path': '/' });
    stream.on('error', () => {});
    return { stream, end: () => stream.end(), close: () => session.destroy() };
  },
};

describe.each(['HTTP/1.1', 'HTTP/2'] as const)('a body of any size over %s', (protocol) => {
  test('streams both ways in bounded memory', async () => {
    await start();
    const before = process.memoryUsage().rss;
    let peak = before;
    const { stream, end, close } = open[protocol](BYTES);
    let received = 0;
    pour(stream, BYTES, end);
    await new Promise<void>((resolve) => {
      stream.on('data', (chunk: Buffer) => {
        received += chunk.length;
        peak = Math.max(peak, process.memoryUsage().rss);
        if (received >= BYTES) resolve();
      });
    });
    expect(counts.taken).toBe(BYTES);
    expect((peak - before) / MEGABYTE).toBeLessThan(100);
    close();
  });

  test('X-06 is not taken from a client that does not take the answer', async () => {
    await start();
    const { stream, close } = open[protocol](BYTES);
    stream.pause();
    pour(stream, BYTES, () => {});
    let before = -1;
    await vi.waitFor(
      () => {
        const taken = counts.taken;
        const stands = taken === before && taken > 0;
        before = taken;
        expect(stands).toBe(true);
      },
      { interval: 150, timeout: 5_000 },
    );
    // What the kernel's and the client's own buffers hold between the two of them.
    expect(counts.taken).toBeLessThan(16 * MEGABYTE);
    close();
  });
});
