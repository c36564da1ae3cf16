import { describe, expect, it } from 'vitest';
import { type BreakerLimits, CircuitBreaker } from '../../../../src/dataplane/upstreams/breaker.ts';

const breakerOf = (limits: Partial<BreakerLimits>): CircuitBreaker =>
  new CircuitBreaker({
    maxConnections: undefined,
    maxPendingRequests: undefined,
    maxRequests: undefined,
    maxRetries: undefined,
    retryBudget: undefined,
    ...limits,
  });

const retries = (breaker: CircuitBreaker): number => {
  let n = 0;
  while (n < 1_000 && breaker.acquireRetry()) n++;
  return n;
};

describe('retries at a time', () => {
  it.each([
    ['as many as there are', {}, 100, 0, 1_000],
    ['so many', { maxRetries: 3 }, 100, 0, 3],
    ['none', { maxRetries: 0 }, 100, 0, 0],
    ['a share of what is under way', { retryBudget: { percent: 20, minConcurrency: 3 } }, 90, 10, 20],
    ['in whole numbers', { retryBudget: { percent: 20, minConcurrency: 1 } }, 19, 0, 3],
    ['some even when little is under way', { retryBudget: { percent: 20, minConcurrency: 3 } }, 1, 0, 3],
    ['by the budget where both are given', { maxRetries: 1, retryBudget: { percent: 50, minConcurrency: 0 } }, 8, 0, 4],
    ['none of nothing', { retryBudget: { percent: 20, minConcurrency: 0 } }, 0, 0, 0],
  ])('%s', (_title, limits, requests, pending, wanted) => {
    const breaker = breakerOf(limits);
    breaker.requests = requests;
    breaker.pending = pending;
    expect(retries(breaker)).toBe(wanted);
  });

  it('are given back once', () => {
    const breaker = breakerOf({ maxRetries: 1 });
    breaker.releaseRetry();
    expect(retries(breaker)).toBe(1);
  });
});

it('limits that are not given are none', () => {
  const breaker = breakerOf({});
  breaker.connections = breaker.pending = breaker.requests = 1e9;
  expect([breaker.mayConnect, breaker.mayWait, breaker.mayStart]).toEqual([true, true, true]);
});
