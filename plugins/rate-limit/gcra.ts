import type { Window } from './config.ts';

/** What one request did to one bucket. Times in milliseconds. */
export interface Verdict {
  readonly allowed: boolean;
  /** Requests that could still come at once. */
  readonly remaining: number;
  /** Until the bucket is whole again. */
  readonly resetMs: number;
  /** Until the next request would be let through; 0 when this one was. */
  readonly retryAfterMs: number;
  /** The theoretical arrival time to store when the request is let through. */
  readonly nextArrivalMs: number;
}

/** Time between two requests at the window's even rate. */
export const intervalOf = ({ windowMs, requests }: Window): number => windowMs / requests;

/** How far ahead of its time a request may come. */
export const toleranceOf = (window: Window): number => intervalOf(window) * window.burst;

/**
 * The generic cell rate algorithm: a bucket is one number, the time at which it would be whole again. Requests may come
 * `burst` at once and then at the even rate of the window; there is no window edge across which twice as many pass.
 * `arrivalMs`: what is stored, or undefined for a bucket never seen. `counters`: how many let requests through before they tell
 * each other: what they let through too much together is owed.
 */
export function judge(window: Window, arrivalMs: number | undefined, nowMs: number, counters = 1): Verdict {
  if (window.requests === 0) return closed(window, nowMs);
  const intervalMs = intervalOf(window);
  const toleranceMs = toleranceOf(window);
  // No bucket of this window is ever deeper in debt: what is beyond comes from a clock set back, or from a wider window
  // of old, and would lock its caller out for that long (edge-security L-07).
  const owedUntilMs = Math.min(arrivalMs ?? nowMs, nowMs + counters * toleranceMs);
  const nextArrivalMs = Math.max(owedUntilMs, nowMs) + intervalMs;
  const spentMs = nextArrivalMs - nowMs;
  // Sums of fractions are a hair off; a thousandth of a request is not worth a refusal.
  const slack = intervalMs / 1000;
  if (spentMs <= toleranceMs + slack) {
    return {
      allowed: true,
      remaining: Math.floor((toleranceMs - spentMs + slack) / intervalMs),
      resetMs: spentMs,
      retryAfterMs: 0,
      nextArrivalMs,
    };
  }
  return {
    allowed: false,
    remaining: 0,
    resetMs: spentMs - intervalMs,
    retryAfterMs: spentMs - toleranceMs,
    nextArrivalMs: nextArrivalMs - intervalMs,
  };
}

/** `requests: 0`: nothing passes, and there is no better time to come back than a window later. */
const closed = ({ windowMs }: Window, nowMs: number): Verdict => ({
  allowed: false,
  remaining: 0,
  resetMs: windowMs,
  retryAfterMs: windowMs,
  nextArrivalMs: nowMs,
});
