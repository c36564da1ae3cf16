import type { RateLimitSettings } from '../../../../plugins/rate-limit/config.ts';
import { rateLimitSpec } from '../../../../plugins/rate-limit/config.ts';
import { Limiter, type LimiterOptions } from '../../../../plugins/rate-limit/limiter.ts';
import { HeaderList, type LocalReply, type ResponseHead } from '../../../../src/contract/index.ts';
import { type FakeRequest, fakeExchange } from '../../../support/fake-exchange.ts';
import { fakeContext, fakePolicy } from '../../../support/policy-context.ts';

/** A clock that moves when it is told to. */
export const handClock = () => {
  let atMs = 1_000_000;
  return {
    nowMs: () => atMs,
    monotonicMs: () => atMs,
    pass(ms: number): void {
      atMs += ms;
    },
  };
};

/** Settings of one RateLimit of the network team. */
export function settingsOf(spec: object, from = rateLimitSpec): RateLimitSettings {
  const settings = from.compileWorkload?.(fakeContext([fakePolicy('RateLimit', { name: 'limits', spec })]));
  if (settings === undefined) throw new Error('no rule was compiled');
  return settings;
}

export const perClient = (requests: number, window = '1s', more: object = {}): object => ({
  rules: [{ name: 'fair', per: 'client-address', limits: [{ requests, window }], ...more }],
});

export interface Answer {
  readonly reply: LocalReply | undefined;
  readonly headers: Readonly<Record<string, string>>;
}

/** Asks as the data plane does; the headers are those that the client gets. */
export function asking(settings: RateLimitSettings, options: LimiterOptions) {
  const filter = new Limiter(options).filter('rate-limit');
  const ask = async (request: FakeRequest = {}): Promise<Answer> => {
    const exchange = fakeExchange(request);
    const reply = (await filter.request?.(exchange, settings)) ?? undefined;
    const head: ResponseHead = {
      status: reply?.status ?? 200,
      headers: HeaderList.from(reply?.headers ?? []),
      origin: 'gateway',
    };
    filter.response?.(exchange, head, settings);
    return { reply, headers: Object.fromEntries(head.headers) };
  };
  return {
    ask,
    passes: async (times: number, request?: FakeRequest): Promise<number> => {
      let passed = 0;
      for (let i = 0; i < times; i++) if ((await ask(request)).reply === undefined) passed++;
      return passed;
    },
  };
}
