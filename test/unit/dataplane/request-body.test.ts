import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
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

  it.each([
    ['a copy is made where there is memory for it', 0, 600],
    ['no copy is made where there is none', 500, undefined],
  ])('%s, and its memory given back', (_name, byOthers, expected) => {
    const { budget, body, send, end } = kept(byOthers);
    body.release();
    let copied: number | undefined;
    body.tee(5_000, (bytes) => {
      copied = bytes?.length;
    });
    body.attach(sink(true));
    send(CHUNK);
    end();
    body.dispose();
    expect([copied, budget.taken]).toEqual([expected, byOthers]);
  });
});
