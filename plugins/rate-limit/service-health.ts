import type { Clock } from '../../src/kernel/clock.ts';

/** So many answers in a row that came too late, and over so long a time: requests no longer wait for the service. */
const LATE_IN_A_ROW = 3;
const LATE_FOR_MS = 500;
/** Then one request a second asks whether it is back. */
const PROBE_EVERY_MS = 1_000;
/** Requests that wait for one service at once, by process; those beyond do without. */
const MAX_IN_FLIGHT = 1_000;

/** Whether a service may be asked now: a hung one must not add its deadline to every request (edge-security L-06). */
export class ServiceHealth {
  readonly #clock: Clock;
  #inFlight = 0;
  #late = 0;
  #lateSinceMs = 0;
  #probeAtMs = Number.NEGATIVE_INFINITY;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** true: ask, and say `ended` when that is over. */
  begin(): boolean {
    if (this.#inFlight >= MAX_IN_FLIGHT) return false;
    const nowMs = this.#clock.monotonicMs();
    if (this.#late >= LATE_IN_A_ROW && nowMs - this.#lateSinceMs >= LATE_FOR_MS) {
      if (nowMs < this.#probeAtMs + PROBE_EVERY_MS) return false;
      this.#probeAtMs = nowMs;
    }
    this.#inFlight++;
    return true;
  }

  /** undefined: it failed in some other way than by being late. */
  ended(outcome: 'answered' | 'late' | 'abandoned' | undefined): void {
    this.#inFlight--;
    if (outcome === 'answered') this.#late = 0;
    else if (outcome === 'late' && this.#late++ === 0) this.#lateSinceMs = this.#clock.monotonicMs();
  }
}
