import { expect, it } from 'vitest';
import { HeaderList } from '../../../src/contract/headers.ts';
import type { GatewayExchange } from '../../../src/dataplane/exchange.ts';
import { createMirrorSender } from '../../../src/dataplane/mirror.ts';
import type { UpstreamReceiver, UpstreamRequestHead } from '../../../src/dataplane/stream.ts';
import type { Upstreams } from '../../../src/dataplane/upstreams/port.ts';

const head = { headers: HeaderList.empty() } as unknown as UpstreamRequestHead;
const exchange = { localAddress: '10.0.0.1', body: { empty: true }, protocol: 'HTTP/1.1' } as GatewayExchange;
const mirrors = [{ cluster: 'c', perMillion: 1_000_000 }] as never;

/** Room for one copy at a time, if nothing else is said; how it goes is what `start` makes of it. */
function senderWith(start: (receiver: UpstreamReceiver) => void, maxConcurrent = 1) {
  const counts = { held: 0, started: 0 };
  const cluster = {
    pick: () => ({}),
    acquire: () => {
      counts.held += 1;
      return true;
    },
    release: () => {
      counts.held -= 1;
    },
    start(_host: unknown, _head: unknown, receiver: UpstreamReceiver) {
      counts.started += 1;
      start(receiver);
      return { write: () => true, end() {}, cancel() {} };
    },
  };
  const sender = createMirrorSender({
    upstreams: { get: () => cluster } as unknown as Upstreams,
    random: () => 0,
    maxConcurrent,
    maxBehindBytes: 10,
    timeoutMs: 60_000,
  });
  return { sender, counts };
}

it('gives the place of a copy back that could not even be begun', () => {
  const { sender, counts } = senderWith(() => {
    throw new Error('a mistake of ours');
  });
  for (let i = 1; i <= 3; i++) {
    expect(() => sender.send(exchange, mirrors, head)).toThrow('a mistake of ours');
    expect(counts).toEqual({ held: 0, started: i });
  }
  expect(sender.dropped).toBe(0);
});

it('gives it back once where a copy is over before it was begun', () => {
  const { sender, counts } = senderWith((receiver) => {
    receiver.onEnd(undefined);
    receiver.onEnd(undefined);
  });
  for (let i = 1; i <= 3; i++) sender.send(exchange, mirrors, head);
  expect(counts).toEqual({ held: 0, started: 3 });
});

it('makes no more copies than it has places', () => {
  const ends: (() => void)[] = [];
  const { sender, counts } = senderWith((receiver) => ends.push(() => receiver.onEnd(undefined)));
  for (let i = 1; i <= 3; i++) sender.send(exchange, mirrors, head);
  expect(counts).toEqual({ held: 1, started: 1 });
  expect(sender.dropped).toBe(2);
  for (const end of ends) end();
  sender.send(exchange, mirrors, head);
  expect(counts).toEqual({ held: 1, started: 2 });
  for (const end of ends) end();
});

it('leaves half of the places to other namespaces', () => {
  const ends: (() => void)[] = [];
  const { sender, counts } = senderWith((receiver) => ends.push(() => receiver.onEnd(undefined)), 4);
  const of = (namespace: string): GatewayExchange =>
    ({ ...exchange, route: { owner: { namespace } } }) as unknown as GatewayExchange;
  const send = (namespace: string): boolean => {
    const before = counts.started;
    sender.send(of(namespace), mirrors, head);
    return counts.started > before;
  };
  expect(['greedy', 'greedy', 'greedy', 'shop', 'shop', 'login'].map(send)).toEqual([
    true,
    true,
    false,
    true,
    true,
    false,
  ]);
  for (const end of ends.splice(0)) end();
  expect(['greedy', 'greedy', 'login'].map(send)).toEqual([true, true, true]);
  for (const end of ends) end();
  expect(counts.held).toBe(0);
});
