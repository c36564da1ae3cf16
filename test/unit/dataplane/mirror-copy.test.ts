import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { HeaderList } from '../../../src/contract/headers.ts';
import { KeptBytes } from '../../../src/dataplane/kept-bytes.ts';
import { MirrorCopy } from '../../../src/dataplane/mirror-copy.ts';
import type { Tunnel, UpstreamExchange, UpstreamRequestHead } from '../../../src/dataplane/stream.ts';
import type { UpstreamCluster, UpstreamHost } from '../../../src/dataplane/upstreams/port.ts';

const CHUNK = Buffer.alloc(400);
const TRAILERS = HeaderList.from([['x-sum', '1']]);

/** A mirror that takes bytes at once or when it is told to. */
function copyTo(protocol: 'http1' | 'http2' | 'client' = 'http1', { takes = true, room = 2_000 } = {}) {
  const seen: string[] = [];
  const budget = new KeptBytes(room);
  let sent = 0;
  const exchange: UpstreamExchange = {
    write(chunk) {
      sent += chunk.length;
      return takes;
    },
    end: (trailers) => void seen.push(trailers === undefined ? 'end' : 'end with trailers'),
    cancel: () => void seen.push('cancel'),
    pause() {},
    resume() {},
  };
  const copy = new MirrorCopy({
    cluster: { cluster: { protocol }, start: () => exchange } as unknown as UpstreamCluster,
    clientProtocol: 'HTTP/2',
    maxBehindBytes: 1_000,
    timeoutMs: 5_000,
    budget,
    onOver: (lost) => void seen.push(lost ? 'lost' : 'over'),
  });
  copy.start({} as UpstreamHost, {} as UpstreamRequestHead);
  return { copy, seen, budget, sent: () => sent };
}

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe('a copy for a mirror', () => {
  it('has a body of any size, as long as the mirror takes it', () => {
    const { copy, seen, budget, sent } = copyTo();
    for (let i = 0; i < 100; i++) copy.data(CHUNK);
    copy.end(undefined);
    copy.onEnd();
    expect([sent(), budget.taken, seen]).toEqual([40_000, 0, ['end', 'over']]);
  });

  it('is given up when the mirror lags behind by more than it may', () => {
    const { copy, seen, budget, sent } = copyTo('http1', { takes: false });
    for (let i = 0; i < 2; i++) copy.data(CHUNK);
    expect(budget.taken).toBe(800);
    copy.onDrain();
    expect(budget.taken).toBe(0);
    for (let i = 0; i < 5; i++) copy.data(CHUNK);
    copy.end(undefined);
    expect([sent(), budget.taken, seen]).toEqual([1_600, 0, ['cancel', 'lost']]);
  });

  it('is given up when the process has no memory to spare for what lags behind', () => {
    const { copy, seen, budget } = copyTo('http1', { takes: false, room: 1_000 });
    for (let i = 0; i < 2; i++) copy.data(CHUNK);
    expect([budget.taken, seen]).toEqual([0, ['cancel', 'lost']]);
  });

  it('ends with the request that it is of', () => {
    const { copy, seen } = copyTo();
    copy.data(CHUNK);
    copy.abort();
    copy.onFailed();
    expect(seen).toEqual(['cancel', 'over']);
  });

  it('is waited for so long, from its end on', () => {
    const { copy, seen } = copyTo();
    copy.data(CHUNK);
    vi.advanceTimersByTime(60_000);
    copy.end(undefined);
    vi.advanceTimersByTime(4_999);
    expect(seen).toEqual(['end']);
    vi.advanceTimersByTime(1);
    expect(seen).toEqual(['end', 'cancel', 'lost']);
  });

  it.each([
    ['http1', 'end'],
    ['http2', 'end with trailers'],
    ['client', 'end with trailers'],
  ] as const)('has the trailers where HTTP/2 is spoken: %s', (protocol, expected) => {
    const { copy, seen } = copyTo(protocol);
    copy.end(TRAILERS);
    copy.onEnd();
    expect(seen).toEqual([expected, 'over']);
  });

  it('keeps what is said before the mirror takes an upgrade, as far as it may lag behind', () => {
    const { copy, seen, budget } = copyTo();
    const tunnel = { written: 0, destroyed: false };
    copy.end(undefined);
    for (let i = 0; i < 2; i++) copy.said(CHUNK);
    expect(budget.taken).toBe(800);
    copy.onUpgraded(HeaderList.from([]), {
      write: (chunk: Uint8Array) => {
        tunnel.written += chunk.length;
        return tunnel.written < 1_600;
      },
      destroy: () => (tunnel.destroyed = true),
      resume() {},
    } as unknown as Tunnel);
    vi.advanceTimersByTime(60_000);
    for (let i = 0; i < 4; i++) copy.said(CHUNK);
    expect([tunnel.written, budget.taken, seen]).toEqual([2_000, 0, ['end', 'lost']]);
    expect(tunnel.destroyed).toBe(true);
  });

  it('is given up where too much is said before the mirror takes an upgrade', () => {
    const { copy, seen, budget } = copyTo();
    copy.end(undefined);
    for (let i = 0; i < 3; i++) copy.said(CHUNK);
    expect([budget.taken, seen]).toEqual([0, ['end', 'cancel', 'lost']]);
  });
});
