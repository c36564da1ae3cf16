import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { HeaderList } from '../../../src/contract/headers.ts';
import { KeptBytes, NoRoomForBody } from '../../../src/dataplane/kept-bytes.ts';
import { RequestBody } from '../../../src/dataplane/request-body.ts';
import type { BodyReceiver, BodySink, BodySource } from '../../../src/dataplane/stream.ts';

/** A body that comes when the test says so. */
function source(): BodySource & { receiver: BodyReceiver | undefined } {
  return {
    empty: false,
    length: undefined,
    receiver: undefined,
    start(receiver) {
      this.receiver = receiver;
    },
    pause() {},
    resume() {},
  } as BodySource & { receiver: BodyReceiver | undefined };
}
const sink = (takes: boolean): BodySink => ({ write: () => takes, end: () => {} });
const watched = (body: RequestBody): string[] => {
  const seen: string[] = [];
  body.watch({
    onComplete: () => void seen.push('complete'),
    onAbort: (reason) => void seen.push(reason),
    onStalled: () => void seen.push('stalled'),
  });
  return seen;
};

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe('the time of a request body', () => {
  it.each<[string, boolean, (body: RequestBody, from: BodyReceiver) => void, readonly string[]]>([
    ['that nobody takes on is told', false, () => {}, ['stalled', 'too-slow']],
    ['that flows is told when it is over', true, () => {}, ['too-slow']],
    ['that has come whole is over', false, (_body, from) => from.onEnd(undefined), ['complete']],
    ['that flows again is no stall', false, (body) => body.drained(), ['too-slow']],
    ['whose try has ended is no stall', false, (body) => body.detach(), ['too-slow']],
    ['of a request that is answered is nobody’s business', false, (body) => body.endLimits(), []],
  ])('%s', (_name, takes, then, expected) => {
    const from = source();
    const body = new RequestBody(from, new KeptBytes(1_000));
    const seen = watched(body);
    body.limitStalls(1_000);
    body.limitDuration(5_000);
    body.attach(sink(takes));
    from.receiver?.onData(Buffer.from('some'));
    then(body, from.receiver as BodyReceiver);
    vi.advanceTimersByTime(60_000);
    expect(seen).toEqual(expected);
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe('a request body that is kept', () => {
  const CHUNK = Buffer.alloc(600);
  /** Of a process that may keep 1,300 bytes, half of them for other tries and copies; others have some. */
  function kept(byOthers: number) {
    const budget = new KeptBytes(1_300);
    budget.take(byOthers);
    const from = source();
    const body = new RequestBody(from, budget);
    body.keep(10_000);
    return {
      budget,
      body,
      send: (chunk: Uint8Array) => from.receiver?.onData(chunk),
      end: () => from.receiver?.onEnd(undefined),
    };
  }

  it('can be sent again, and gives its memory back when the request is over', () => {
    const { budget, body, send } = kept(0);
    body.attach(sink(true));
    send(CHUNK);
    expect([body.replayable, budget.taken]).toEqual([true, 600]);
    body.dispose();
    expect([body.replayable, budget.taken]).toEqual([false, 0]);
  });

  it('only streams where the process has no memory for it', () => {
    const { budget, body, send } = kept(500);
    body.attach(sink(true));
    send(CHUNK);
    expect([body.replayable, budget.taken]).toEqual([false, 500]);
    body.dispose();
    expect(budget.taken).toBe(500);
  });

  it('gives back what it had when it becomes too much', () => {
    const { budget, body, send } = kept(0);
    body.attach(sink(true));
    send(CHUNK);
    send(CHUNK);
    expect([body.replayable, budget.taken]).toEqual([false, 0]);
  });

  it('is refused to filters that must see it where there is no memory, and given to them where there is', async () => {
    const without = kept(800);
    const refused = without.body.collect(5_000);
    without.send(CHUNK);
    await expect(refused).rejects.toBeInstanceOf(NoRoomForBody);
    without.body.dispose();
    expect(without.budget.taken).toBe(800);

    const enough = kept(700);
    const seen = enough.body.collect(5_000);
    enough.send(CHUNK);
    enough.end();
    expect(await seen).toEqual({ bytes: CHUNK, complete: true });
    expect(enough.budget.taken).toBe(1_300);
  });
});

describe('who taps a request body', () => {
  function tapped(already: readonly string[] = []) {
    const from = source();
    const body = new RequestBody(from, new KeptBytes(1_000));
    body.keep(1_000);
    body.attach(sink(true));
    for (const text of already) from.receiver?.onData(Buffer.from(text));
    const seen: string[] = [];
    body.tap({
      data: (chunk) => void seen.push(String(chunk)),
      end: (trailers) => void seen.push(`end ${trailers?.get('x-sum') ?? '-'}`),
      abort: () => void seen.push('abort'),
    });
    return { body, from: from.receiver as BodyReceiver, seen };
  }

  it.each<[string, (from: BodyReceiver, body: RequestBody) => void, readonly string[]]>([
    ['sees what came before and what comes', (from) => from.onEnd(undefined), ['a', 'b', 'end -']],
    ['sees its trailers', (from) => from.onEnd(HeaderList.from([['x-sum', '1']])), ['a', 'b', 'end 1']],
    ['is told that it broke off', (from) => from.onAbort('client-gone'), ['a', 'b', 'abort']],
    ['is told that the request is over before it', (_from, body) => body.dispose(), ['a', 'b', 'abort']],
  ])('%s', (_what, then, expected) => {
    const { body, from, seen } = tapped(['a']);
    from.onData(Buffer.from('b'));
    then(from, body);
    body.dispose();
    expect(seen).toEqual(expected);
  });

  it('sees it whole when all of it is here', () => {
    const from = source();
    const body = new RequestBody(from, new KeptBytes(1_000));
    body.keep(1_000);
    body.attach(sink(true));
    from.receiver?.onData(Buffer.from('all'));
    from.receiver?.onEnd(undefined);
    const seen: string[] = [];
    body.tap({ data: (chunk) => void seen.push(String(chunk)), end: () => void seen.push('end'), abort: () => {} });
    expect(seen).toEqual(['all', 'end']);
  });
});
