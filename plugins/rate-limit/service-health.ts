import type { Clock } from '../../src/kernel/clock.ts';

/** So many answers in a row that came too late: requests no longer wait for the service. */
const LATE_IN_A_ROW = 3;
/** Then one request a second asks whether it is back. */
const PROBE_EVERY_MS = 1_000;
/** Requests that wait for one service at once, by process; those beyond do without. */
const MAX_IN_FLIGHT = 1_000;

/** Whether a service may be asked now: a hung one must not add its deadline to every request (edge-security L-06). */
export class ServiceHealth {
  readonly #clock: Clock;
  #inFlight = 0;
  #late = 0;
  #probeAtMs = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** true: ask, and say `ended` when that is over. */
  begin(): boolean {
    if (this.#inFlight >= MAX_IN_FLIGHT) return false;
    if (this.#late >= LATE_IN_A_ROW) {
      const nowMs = this.#clock.monotonicMs();
      if (nowMs < this.#probeAtMs) return false;
      this.#probeAtMs = nowMs + PROBE_EVERY_MS;
    }
    this.#inFlight++;
    return true;
  }

  /** undefined: it failed in some other way than by being late. */
  ended(outcome: 'answered' | 'late' | 'abandoned' | undefined): void {
    this.#inFlight--;
    if (outcome === 'answered') this.#late = 0;
    else if (outcome === 'late' && ++this.#late === LATE_IN_A_ROW)
      this.#probeAtMs = this.#clock.monotonicMs() + PROBE_EVERY_MS;
  }
}
