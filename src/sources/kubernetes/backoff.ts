/** Waits between tries: exponential with full jitter, so that replicas that failed together do not come back together. */
export class Backoff {
  readonly #firstMs: number;
  readonly #mostMs: number;
  readonly #random: () => number;
  #failures = 0;

  constructor(firstMs: number, mostMs: number, random: () => number) {
    this.#firstMs = firstMs;
    this.#mostMs = mostMs;
    this.#random = random;
  }

  get failures(): number {
    return this.#failures;
  }

  next(): number {
    const ceiling = Math.min(this.#mostMs, this.#firstMs * 2 ** this.#failures);
    this.#failures = Math.min(this.#failures + 1, 30);
    return this.#random() * ceiling;
  }

  reset(): void {
    this.#failures = 0;
  }
}
