/** A line for the operator. */
export type Tell = (level: 'info' | 'warn', message: string) => void;

/** By a plugin's `app.log`. */
export const tellBy =
  (log: Readonly<Record<'info' | 'warn', (message: string) => void>>): Tell =>
  (level, message) =>
    log[level](message);

interface OutageTexts {
  /** Before the reason: `the store cannot be asked`. */
  readonly trouble: string;
  readonly over: string;
}

/** Time between two reports of trouble: what is slow fails and answers many times a second. */
const PAUSE_MS = 10_000;

/** Tells once that something a plugin leans on cannot be had, and why, and once that it is back. */
export class Outage {
  readonly #texts: OutageTexts;
  readonly #tell: Tell;
  readonly #monotonicMs: () => number;
  #why: string | undefined;
  #failing = false;
  #toldAtMs = Number.NEGATIVE_INFINITY;

  constructor(texts: OutageTexts, tell: Tell, monotonicMs: () => number = () => performance.now()) {
    this.#texts = texts;
    this.#tell = tell;
    this.#monotonicMs = monotonicMs;
  }

  /** The reason of a failure that may follow; undefined: all is well again. */
  heard(why: string | undefined): void {
    this.#why = why;
  }

  failed(): void {
    const nowMs = this.#monotonicMs();
    if (this.#failing || nowMs < this.#toldAtMs + PAUSE_MS) return;
    this.#failing = true;
    this.#toldAtMs = nowMs;
    this.#tell('warn', `${this.#texts.trouble}: ${this.#why ?? 'the connection was closed'}`);
  }

  succeeded(): void {
    if (!this.#failing) return;
    this.#failing = false;
    this.#tell('info', this.#texts.over);
  }
}
