import { describe, expect, it } from 'vitest';
import type { Tunnel } from '../../../src/dataplane/stream.ts';
import { FrameBoundary, WebSocketSide } from '../../../src/dataplane/websocket.ts';

const frame = (length: number, first = 0x82): Buffer => {
  const head =
    length < 126
      ? Buffer.from([first, length])
      : length < 65_536
        ? Buffer.from([first, 126, length >> 8, length & 255])
        : Buffer.concat([
            Buffer.from([first, 127, 0, 0, 0, 0]),
            Buffer.from([length >>> 24, (length >> 16) & 255, (length >> 8) & 255, length & 255]),
          ]);
  return Buffer.concat([head, Buffer.alloc(length, 0x88)]);
};
const CLOSE = Buffer.from([0x88, 2, 3, 0xe9]);

class Client implements Tunnel {
  readonly got: Uint8Array[] = [];
  destroyed = false;
  onData: Tunnel['onData'];
  onDrain: Tunnel['onDrain'];
  onEnd: Tunnel['onEnd'];
  onClose: Tunnel['onClose'];
  write(chunk: Uint8Array): boolean {
    this.got.push(Buffer.from(chunk));
    return true;
  }
  end(): void {}
  destroy(): void {
    this.destroyed = true;
  }
  pause(): void {}
  resume(): void {}
  get bytes(): Buffer {
    return Buffer.concat(this.got);
  }
}

describe('the ends of WebSocket frames', () => {
  it.each([
    ['empty', [frame(0)]],
    ['short', [frame(125)]],
    ['of two length bytes', [frame(126), frame(65_535)]],
    ['of eight length bytes', [frame(65_536)]],
    ['masked', [Buffer.concat([Buffer.from([0x82, 0x83, 1, 2, 3, 4]), Buffer.alloc(3)])]],
    ['several, control frames among fragments', [frame(3, 0x02), frame(0, 0x89), frame(9, 0x80)]],
  ])('are found in frames that are %s, in whatever pieces they come', (_name, frames) => {
    const bytes = Buffer.concat(frames);
    const ends = frames.map((_, i) => Buffer.concat(frames.slice(0, i + 1)).length);
    for (const size of [1, 2, 3, 7, 1000, bytes.length]) {
      const boundary = new FrameBoundary();
      const found: number[] = [];
      for (let start = 0; start < bytes.length; start += size) {
        const chunk = bytes.subarray(start, start + size);
        for (let at = 0; at < chunk.length; ) {
          at = boundary.next(chunk, at);
          if (boundary.here) found.push(start + at);
        }
      }
      expect(found).toEqual(ends);
    }
  });
});

describe('a WebSocket whose gateway goes away', () => {
  it('gets its close frame at once between two frames', () => {
    const client = new Client();
    const side = new WebSocketSide(client);
    side.write(frame(5));
    side.goAway();
    side.write(frame(6));
    expect(client.bytes).toEqual(Buffer.concat([frame(5), CLOSE]));
  });

  it('gets it after the frame that is under way, and nothing after it', () => {
    const client = new Client();
    const side = new WebSocketSide(client);
    const bytes = frame(300);
    side.write(bytes.subarray(0, 100));
    side.goAway();
    expect(client.bytes).toEqual(bytes.subarray(0, 100));
    side.write(Buffer.concat([bytes.subarray(100), frame(9)]));
    side.write(frame(4));
    expect(client.bytes).toEqual(Buffer.concat([bytes, CLOSE]));
  });

  it('is told once', () => {
    const client = new Client();
    const side = new WebSocketSide(client);
    side.goAway();
    side.goAway();
    expect(client.bytes).toEqual(CLOSE);
  });
});
