import type { HTTPRetry } from '../resources/index.ts';
import type { RetryPolicy } from '../table/index.ts';
import { durationMs } from './duration.ts';

const BUILT_IN_ATTEMPTS = 2;
const BUILT_IN_CONDITIONS = ['connect-failure', 'refused-stream', 'unavailable', 'cancelled', 'retriable-status-codes'];
/** Envoy's default base interval. */
const BUILT_IN_BACKOFF_MS = 25;
const STATUS_CONDITION = 'retriable-status-codes';

/** Most routes have it: it is one object for all. */
const BUILT_IN: RetryPolicy = {
  attempts: BUILT_IN_ATTEMPTS,
  retryOn: BUILT_IN_CONDITIONS,
  retriableStatusCodes: [],
  perTryTimeoutMs: undefined,
  backoffMs: BUILT_IN_BACKOFF_MS,
  avoidPreviousHosts: true,
  avoidPreviousPriorities: false,
};
const BUILT_IN_HASHED: RetryPolicy = { ...BUILT_IN, avoidPreviousHosts: false };

/**
 * The route's own policy, else the mesh's, else Istio's built-in one; `attempts: 0` and `{}` are none at all
 * (istio-semantics §2.10). `hashed`: the one destination balances by consistent hash, and then hosts tried before are
 * not avoided, unless the policy says so itself.
 */
export function translateRetries(
  own: HTTPRetry | undefined,
  mesh: HTTPRetry | undefined,
  hashed: boolean,
  timeoutMs: number | undefined,
): RetryPolicy | undefined {
  const policy = own ?? mesh;
  if (policy === undefined) return hashed ? BUILT_IN_HASHED : BUILT_IN;
  const attempts = policy.attempts ?? 0;
  if (attempts <= 0) return undefined;
  const perTryTimeoutMs = durationMs(policy.perTryTimeout);
  return {
    attempts,
    ...translateConditions(policy.retryOn),
    // A try that may last as long as all of them together is not limited (istio-semantics §2.10).
    perTryTimeoutMs:
      perTryTimeoutMs !== undefined && timeoutMs !== undefined && perTryTimeoutMs >= timeoutMs
        ? undefined
        : perTryTimeoutMs,
    backoffMs: durationMs(policy.backoff) ?? BUILT_IN_BACKOFF_MS,
    avoidPreviousHosts: policy.retryIgnorePreviousHosts ?? !hashed,
    avoidPreviousPriorities: policy.retryRemoteLocalities === true,
  };
}

/** `retryOn` replaces the whole list; numbers in it are status codes, which bring their condition with them. */
function translateConditions(retryOn: string | undefined): Pick<RetryPolicy, 'retryOn' | 'retriableStatusCodes'> {
  if (retryOn === undefined || retryOn === '') return { retryOn: BUILT_IN_CONDITIONS, retriableStatusCodes: [] };
  const parts = retryOn
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
  const codes = parts.filter(isStatus).map(Number);
  const conditions = parts.filter((part) => !isStatus(part));
  if (codes.length > 0 && !conditions.includes(STATUS_CONDITION)) conditions.push(STATUS_CONDITION);
  return { retryOn: conditions, retriableStatusCodes: codes };
}

/** As Go reads whole numbers. */
const isStatus = (part: string): boolean => /^\+?\d+$/.test(part);
