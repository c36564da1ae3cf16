import type { Clock } from '../../kernel/clock.ts';
import type { OutlierDetection } from '../../table/model.ts';
import type { HostOutcome } from './port.ts';

/** Envoy's default for the longest ejection, which Istio leaves (istio-semantics §3.5). */
const MAX_EJECTION_MS = 300_000;

interface Watched {
  consecutive5xx: number;
  consecutiveGateway: number;
  consecutiveLocal: number;
  /** undefined: in service. */
  ejectedAtMs: number | undefined;
  /** How many base times an ejection lasts; grows with each, shrinks with each interval in service. */
  multiplier: number;
}

/** Passive health checks: a host that fails in a row is taken out for a while. Envoy's algorithm (istio-semantics §3.5). */
export class OutlierDetector<H extends object> {
  /** Ejections so far. */
  ejections = 0;
  readonly #policy: OutlierDetection;
  readonly #clock: Clock;
  readonly #onChange: () => void;
  readonly #hosts = new Map<H, Watched>();
  #ejected = 0;

  /** `onChange`: some host was ejected or came back. */
  constructor(policy: OutlierDetection, clock: Clock, onChange: () => void) {
    this.#policy = policy;
    this.#clock = clock;
    this.#onChange = onChange;
  }

  /** The hosts there are now; those that stay keep their counts and ejections. */
  update(hosts: Iterable<H>): void {
    const current = new Set(hosts);
    for (const [host, watched] of this.#hosts) {
      if (current.has(host)) continue;
      this.#hosts.delete(host);
      if (watched.ejectedAtMs !== undefined) this.#ejected--;
    }
    for (const host of current) {
      if (!this.#hosts.has(host)) this.#hosts.set(host, fresh());
    }
  }

  isEjected(host: H): boolean {
    return this.#hosts.get(host)?.ejectedAtMs !== undefined;
  }

  report(host: H, outcome: HostOutcome): void {
    const watched = this.#hosts.get(host);
    if (watched === undefined) return;
    switch (outcome.kind) {
      case 'status':
        this.#status(watched, this.#judge(outcome.status));
        return;
      case 'local-failure':
        if (this.#policy.splitLocalOrigin) this.#localFailure(watched);
        else this.#status(watched, outcome.timeout ? 504 : 503);
        return;
      case 'connected':
        // Every connect starts the count anew; without the split a connect alone says nothing about the answer.
        if (this.#policy.splitLocalOrigin) watched.consecutiveLocal = 0;
    }
  }

  /** Once per `intervalMs`: brings back whoever has been out long enough. Ejecting never waits for it. */
  sweep(): void {
    const now = this.#clock.monotonicMs();
    let changed = false;
    for (const watched of this.#hosts.values()) {
      if (watched.ejectedAtMs === undefined) {
        if (watched.multiplier > 0) watched.multiplier--;
      } else if (now - watched.ejectedAtMs >= this.#durationMs(watched)) {
        this.#ejected--;
        watched.ejectedAtMs = undefined;
        watched.consecutive5xx = 0;
        watched.consecutiveGateway = 0;
        watched.consecutiveLocal = 0;
        changed = true;
      }
    }
    if (changed) this.#onChange();
  }

  /** Where statuses are listed, one of them is a plain error, and any other, be it 503, a success. */
  #judge(status: number): number {
    const { errorStatuses } = this.#policy;
    if (errorStatuses.length === 0) return status;
    return errorStatuses.includes(status) ? 500 : 200;
  }

  #status(watched: Watched, status: number): void {
    const { consecutive5xx, consecutiveGatewayErrors } = this.#policy;
    if (status < 500 || status > 599) {
      watched.consecutive5xx = 0;
      watched.consecutiveGateway = 0;
      return;
    }
    if (status >= 502 && status <= 504) {
      if (++watched.consecutiveGateway === consecutiveGatewayErrors && this.#reached(watched))
        watched.consecutiveGateway = 0;
    } else watched.consecutiveGateway = 0;
    if (++watched.consecutive5xx === consecutive5xx && this.#reached(watched)) watched.consecutive5xx = 0;
  }

  #localFailure(watched: Watched): void {
    if (++watched.consecutiveLocal === this.#policy.consecutiveLocalOriginFailures && this.#reached(watched))
      watched.consecutiveLocal = 0;
  }

  /** True: the count starts anew, whether or not the host could be ejected. */
  #reached(watched: Watched): boolean {
    if (watched.ejectedAtMs !== undefined) return false;
    const share = (100 * (this.#ejected + 1)) / this.#hosts.size;
    if (share <= Math.min(100, this.#policy.maxEjectionPercent)) this.#eject(watched);
    return true;
  }

  #eject(watched: Watched): void {
    this.#ejected++;
    this.ejections++;
    watched.ejectedAtMs = this.#clock.monotonicMs();
    const { baseEjectionTimeMs } = this.#policy;
    if (watched.multiplier * baseEjectionTimeMs < this.#longestMs() + baseEjectionTimeMs) watched.multiplier++;
    this.#onChange();
  }

  #longestMs(): number {
    return Math.max(this.#policy.baseEjectionTimeMs, MAX_EJECTION_MS);
  }

  #durationMs(watched: Watched): number {
    return Math.min(this.#policy.baseEjectionTimeMs * watched.multiplier, this.#longestMs());
  }
}

const fresh = (): Watched => ({
  consecutive5xx: 0,
  consecutiveGateway: 0,
  consecutiveLocal: 0,
  ejectedAtMs: undefined,
  multiplier: 0,
});
