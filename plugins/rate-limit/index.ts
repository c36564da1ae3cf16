import { randomInt } from 'node:crypto';
import fp from 'fastify-plugin';
import type { Exchange, Filter, FilterSpec, GatewayPlugin, LocalReply } from '../../src/contract/index.ts';
import type { Clock } from '../../src/kernel/clock.ts';
import { BucketTable } from './bucket-table.ts';
import {
  identityRateLimitSpec,
  type RateLimitRuleSettings,
  type RateLimitSettings,
  rateLimitSpec,
  type Window,
} from './config.ts';
import { judge, type Verdict } from './gcra.ts';
import { appliesTo, callerOf } from './keys.ts';

/** One million places of 12 bytes. */
const DEFAULT_PLACES = 2 ** 20;

interface Judged {
  readonly rule: RateLimitRuleSettings;
  readonly window: Window;
  readonly verdict: Verdict;
}

/**
 * Limits the network team set for everybody, counted before
 * anything is forwarded. A request that any rule refuses is charged to none.
 */
export function createRateLimitFilter(
  name: string,
  clock: Clock,
  places: number = DEFAULT_PLACES,
): Filter<RateLimitSettings> {
  let table: BucketTable | undefined;
  const tightest = new WeakMap<Exchange, Judged>();
  return {
    name,
    request(exchange, settings) {
      table ??= new BucketTable(places, randomInt(2 ** 32));
      const nowMs = clock.monotonicMs();
      const charges: { readonly key: string; readonly arrivalMs: number }[] = [];
      let narrowest: Judged | undefined;
      for (const rule of settings.rules) {
        if (!appliesTo(rule, exchange)) continue;
        const caller = callerOf(rule, exchange);
        for (const [i, window] of rule.windows.entries()) {
          const key = `${rule.id}\n${i}\n${caller}`;
          const verdict = judge(window, table.get(key), nowMs);
          const judged = { rule, window, verdict };
          if (!verdict.allowed) return refusal(judged);
          charges.push({ key, arrivalMs: verdict.nextArrivalMs });
          if (narrowest === undefined || verdict.remaining < narrowest.verdict.remaining) narrowest = judged;
        }
      }
      for (const { key, arrivalMs } of charges) table.set(key, arrivalMs);
      if (narrowest !== undefined) tightest.set(exchange, narrowest);
      return undefined;
    },
    response(exchange, head) {
      const judged = tightest.get(exchange);
      if (judged === undefined) return;
      for (const [name, value] of limitHeaders(judged)) head.headers.set(name, value);
    },
  };
}

const seconds = (ms: number): number => Math.max(1, Math.ceil(ms / 1000));

/** draft-ietf-httpapi-ratelimit-headers: structured fields, the tightest limit alone. */
function limitHeaders({ rule, window, verdict }: Judged): [string, string][] {
  const name = `"${rule.name.replaceAll(/["\\]/g, '\\$&')}"`;
  return [
    ['ratelimit-policy', `${name};q=${window.requests};w=${seconds(window.windowMs)}`],
    ['ratelimit', `${name};r=${verdict.remaining};t=${seconds(verdict.resetMs)}`],
  ];
}

function refusal(judged: Judged): LocalReply {
  return {
    status: 429,
    cause: 'rate-limited',
    side: 'client',
    message: `Too many requests: the limit '${judged.rule.name}' is exhausted.`,
    details: 'request_rate_limited',
    flag: 'RL',
    headers: [['retry-after', String(seconds(judged.verdict.retryAfterMs))], ...limitHeaders(judged)],
  };
}

const pluginFor = (spec: FilterSpec<RateLimitSettings>): GatewayPlugin<RateLimitSettings> => ({
  spec,
  plugin: fp(async (app) => app.banyan.contribute(createRateLimitFilter(spec.name, app.banyan.clock)), {
    name: `banyan-${spec.name}`,
  }),
});

export const rateLimit = pluginFor(rateLimitSpec);
export const identityRateLimit = pluginFor(identityRateLimitSpec);
