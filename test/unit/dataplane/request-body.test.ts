import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
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
    const body = new RequestBody(from);
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
