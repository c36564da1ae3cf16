import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { compileFault, faultInjectionSpec } from '../../../../plugins/fault-injection/config.ts';
import { createFaultFilter } from '../../../../plugins/fault-injection/index.ts';
import type { LocalReply, RouteInput } from '../../../../src/contract/index.ts';
import type { HTTPFaultInjection } from '../../../../src/resources/kinds.ts';
import { FakeExchange } from '../../../support/fake-exchange.ts';
import { fakeContext } from '../../../support/policy-context.ts';

const whole = { value: 100 };
const draw = (...numbers: number[]) => {
  const left = [...numbers];
  return () => left.shift() ?? 0;
};

function ask(fault: HTTPFaultInjection, random: () => number = () => 0) {
  const settings = compileFault(fault);
  const exchange = new FakeExchange();
  const verdict = settings === undefined ? undefined : createFaultFilter(random).request?.(exchange, settings);
  return { exchange, verdict };
}

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe('what a fault comes to', () => {
  it.each<[string, HTTPFaultInjection, unknown]>([
    [
      'a share',
      { abort: { httpStatus: 418, percentage: { value: 0.0001 } } },
      { delay: undefined, abort: { perMillion: 1, answer: { kind: 'http', status: 418 } } },
    ],
    [
      'no share: none',
      { abort: { httpStatus: 418 } },
      { delay: undefined, abort: { perMillion: 0, answer: { kind: 'http', status: 418 } } },
    ],
    [
      'the older percent',
      { delay: { fixedDelay: '1.5s', percent: 5 } },
      { delay: { perMillion: 50_000, delayMs: 1500 }, abort: undefined },
    ],
    [
      'the share wins over percent',
      { delay: { fixedDelay: '1s', percent: 5, percentage: {} } },
      { delay: { perMillion: 0, delayMs: 1000 }, abort: undefined },
    ],
    [
      'a named gRPC status',
      { abort: { grpcStatus: 'UNAVAILABLE', percentage: whole } },
      { delay: undefined, abort: { perMillion: 1_000_000, answer: { kind: 'grpc', status: 14 } } },
    ],
    [
      'a numbered gRPC status',
      { abort: { grpcStatus: '7', percentage: whole } },
      { delay: undefined, abort: { perMillion: 1_000_000, answer: { kind: 'grpc', status: 7 } } },
    ],
    ['nothing', {}, undefined],
    ['a delay of no length', { delay: { percentage: whole } }, undefined],
  ])('%s', (_name, fault, settings) => {
    expect(compileFault(fault)).toEqual(settings);
  });

  it('is also for the own answers of a delegate whose root has one, but not for a rule that cannot be honoured', () => {
    const input = { rule: { fault: { abort: { httpStatus: 500 } } }, kind: 'forward' } as unknown as RouteInput;
    expect(faultInjectionSpec.compileRoute?.(input, fakeContext([]))).toBeDefined();
    expect(faultInjectionSpec.compileRoute?.({ ...input, kind: 'redirect' }, fakeContext([]))).toBeDefined();
    expect(faultInjectionSpec.compileRoute?.({ ...input, kind: 'direct-response' }, fakeContext([]))).toBeDefined();
    expect(faultInjectionSpec.compileRoute?.({ ...input, kind: 'failed' }, fakeContext([]))).toBeUndefined();
    expect(faultInjectionSpec.compileRoute?.({ ...input, rule: {} }, fakeContext([]))).toBeUndefined();
  });
});

describe('an abort', () => {
  it('answers for its share, by the draw, and nothing else', () => {
    const half: HTTPFaultInjection = { abort: { httpStatus: 503, percentage: { value: 50 } } };
    expect(ask(half, () => 0.4999).verdict).toMatchObject({
      status: 503,
      cause: 'fault-injected',
      flag: 'FI',
      details: 'fault_filter_abort',
    });
    expect(ask(half, () => 0.5).verdict).toBeUndefined();
  });

  it('never happens at a share of nothing, always at 100 %', () => {
    expect(ask({ abort: { httpStatus: 503, percentage: { value: 0 } } }).verdict).toBeUndefined();
    expect(ask({ abort: { httpStatus: 503, percentage: whole } }, () => 0.999_999_9).verdict).toMatchObject({
      status: 503,
    });
  });

  it('with a gRPC status is 200 to a plain caller', () => {
    expect(ask({ abort: { grpcStatus: 'ABORTED', percentage: whole } }).verdict).toMatchObject({ status: 200 });
  });
});

describe('a delay', () => {
  const fault: HTTPFaultInjection = { delay: { fixedDelay: '2s', percentage: whole } };

  it('holds the request, marks it, and lets it go on', async () => {
    const { verdict, exchange } = ask(fault);
    let done = false;
    const waiting = (verdict as Promise<LocalReply | undefined>).then((reply) => {
      done = true;
      return reply;
    });
    await vi.advanceTimersByTimeAsync(1999);
    expect(done).toBe(false);
    await vi.advanceTimersByTimeAsync(1);
    expect(await waiting).toBeUndefined();
    expect(exchange.record.flags).toEqual(['DI']);
  });

  it('is drawn apart from the abort behind it', async () => {
    const both: HTTPFaultInjection = { ...fault, abort: { httpStatus: 500, percentage: { value: 50 } } };
    const { verdict } = ask(both, draw(0, 0.1));
    await vi.advanceTimersByTimeAsync(2000);
    expect(await verdict).toMatchObject({ status: 500 });
    const spared = ask(both, draw(0, 0.9));
    await vi.advanceTimersByTimeAsync(2000);
    expect(await spared.verdict).toBeUndefined();
  });

  it('ends when the client leaves', async () => {
    const { verdict, exchange } = ask(fault);
    exchange.leave();
    expect(await verdict).toBeUndefined();
    expect(vi.getTimerCount()).toBe(0);
  });

  it('does not happen outside its share', () => {
    expect(ask({ delay: { fixedDelay: '2s', percentage: { value: 1 } } }, () => 0.5).verdict).toBeUndefined();
    expect(vi.getTimerCount()).toBe(0);
  });
});
