/** A line for the operator. */
export type Tell = (level: 'info' | 'warn', message: string) => void;

/** Time between two reports of trouble: a store that is slow fails and answers many times a second. */
const PAUSE_MS = 10_000;

/** Tells once that the store cannot be asked, and why, and once that it answers again. */
export class StoreReport {
  readonly #tell: Tell;
  readonly #monotonicMs: () => number;
  #why: string | undefined;
  #failing = false;
  #toldAtMs = Number.NEGATIVE_INFINITY;

  constructor(tell: Tell, monotonicMs: () => number = () => performance.now()) {
    this.#tell = tell;
    this.#monotonicMs = monotonicMs;
  }

  /** What was last heard of it; the reason of a failure that follows. */
  heard(why: string | undefined): void {
    this.#why = why;
  }

  failed(): void {
    const nowMs = this.#monotonicMs();
    if (this.#failing || nowMs < this.#toldAtMs + PAUSE_MS) return;
    this.#failing = true;
    this.#toldAtMs = nowMs;
    const why = this.#why ?? 'the connection was closed';
    this.#tell('warn', `the store of shared rate limits cannot be asked; onStoreFailure says what passes: ${why}`);
  }

  answered(): void {
    if (!this.#failing) return;
    this.#failing = false;
    this.#tell('info', 'the store of shared rate limits answers again');
  }
}
