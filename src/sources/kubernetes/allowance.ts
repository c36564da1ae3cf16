import type { Clock } from '../../kernel/clock.ts';

export interface AllowanceOptions {
  /** At once. */
  readonly most: number;
  /** And then one more each. */
  readonly everyMs: number;
}

/** How much may be done in a time, where whatever is more is left undone. */
export class Allowance {
  readonly #options: AllowanceOptions;
  readonly #clock: Clock;
  #left: number;
  #atMs: number;

  constructor(options: AllowanceOptions, clock: Clock) {
    this.#options = options;
    this.#clock = clock;
    this.#left = options.most;
    this.#atMs = clock.monotonicMs();
  }

  take(): boolean {
    const now = this.#clock.monotonicMs();
    const { most, everyMs } = this.#options;
    this.#left = Math.min(most, this.#left + (now - this.#atMs) / everyMs);
    this.#atMs = now;
    if (this.#left < 1) return false;
    this.#left--;
    return true;
  }
}
