import type { ConnectionSettings } from '../../table/model.ts';

export type BreakerLimits = Pick<
  ConnectionSettings,
  'maxConnections' | 'maxPendingRequests' | 'maxRequests' | 'maxRetries' | 'retryBudget'
>;

const UNLIMITED = Number.POSITIVE_INFINITY;

/**
 * What a cluster has under way, and how much it may have: per gateway process, over all hosts of the cluster
 * (istio-semantics §3.4). A request that waits for a connection is pending, and becomes active with its connection.
 */
export class CircuitBreaker {
  connections = 0;
  pending = 0;
  requests = 0;
  retries = 0;
  /** Refused so far, for lack of room in any of them. */
  overflows = 0;
  readonly #limits: BreakerLimits;

  constructor(limits: BreakerLimits) {
    this.#limits = limits;
  }

  get mayConnect(): boolean {
    return this.connections < (this.#limits.maxConnections ?? UNLIMITED);
  }

  get mayWait(): boolean {
    return this.pending < (this.#limits.maxPendingRequests ?? UNLIMITED);
  }

  get mayStart(): boolean {
    return this.requests < (this.#limits.maxRequests ?? UNLIMITED);
  }

  acquireRetry(): boolean {
    if (this.retries >= this.#retryLimit()) return false;
    this.retries++;
    return true;
  }

  releaseRetry(): void {
    this.retries = Math.max(0, this.retries - 1);
  }

  /** The budget takes the place of maxRetries: a share of what is under way, and some even when there is little. */
  #retryLimit(): number {
    const { retryBudget, maxRetries } = this.#limits;
    if (retryBudget === undefined) return maxRetries ?? UNLIMITED;
    const share = Math.trunc((retryBudget.percent / 100) * (this.requests + this.pending));
    return Math.max(share, retryBudget.minConcurrency);
  }
}
