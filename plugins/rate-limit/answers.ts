import type { HeaderList, LocalReply } from '../../src/contract/index.ts';
import type { RateLimitRuleSettings, Window } from './config.ts';
import type { Verdict } from './gcra.ts';

/** One window's word on one request. */
export interface Judged {
  readonly rule: Pick<RateLimitRuleSettings, 'name'>;
  readonly window: Window;
  readonly verdict: Verdict;
}

/** draft-ietf-httpapi-ratelimit-headers: structured fields, the tightest limit alone. */
export function setLimitHeaders(headers: HeaderList, judged: Judged): void {
  for (const [name, value] of limitHeaders(judged)) headers.set(name, value);
}

function limitHeaders({ rule, window, verdict }: Judged): [string, string][] {
  const name = structuredName(rule);
  return [
    ['ratelimit-policy', `${name};q=${window.requests};w=${seconds(window.windowMs)}`],
    ['ratelimit', `${name};r=${verdict.remaining};t=${seconds(verdict.resetMs)}`],
  ];
}

const structuredNames = new WeakMap<Judged['rule'], string>();

/** A structured field's text has printable ASCII alone (RFC 9651 §3.3.3). */
function structuredName(rule: Judged['rule']): string {
  let name = structuredNames.get(rule);
  if (name === undefined) {
    name = `"${rule.name.replaceAll(/[^\x20-\x7e]/g, '?').replaceAll(/["\\]/g, '\\$&')}"`;
    structuredNames.set(rule, name);
  }
  return name;
}

export const refusal = (judged: Judged): LocalReply =>
  limited(judged.rule.name, judged.verdict.retryAfterMs, limitHeaders(judged));

/** `headers`: what else is known of the limit. */
export const limited = (name: string, retryAfterMs: number, headers: LocalReply['headers'] = []): LocalReply => ({
  status: 429,
  cause: 'rate-limited',
  side: 'client',
  message: `Too many requests: the limit '${name}' is exhausted.`,
  details: 'request_rate_limited',
  flag: 'RL',
  headers: [['retry-after', String(seconds(retryAfterMs))], ...headers],
});

/** `onStoreFailure: deny`. */
export const storeFailure = (rule: Pick<RateLimitRuleSettings, 'name'>): LocalReply => ({
  status: 503,
  cause: 'rate-limit-unavailable',
  side: 'gateway',
  message: `The limit '${rule.name}' cannot be asked for now.`,
  details: 'rate_limiter_error',
  flag: 'RLSE',
  headers: [['retry-after', '1']],
});

const seconds = (ms: number): number => Math.max(1, Math.ceil(ms / 1000));
