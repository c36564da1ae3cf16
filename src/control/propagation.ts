import type { Clock } from '../kernel/clock.ts';

export interface PropagationOptions {
  readonly clock: Clock;
  /** A change is live in a worker, so long after it was seen. */
  readonly observe: (worker: number, seconds: number) => void;
}

/**
 * How long changes take from the moment they are seen, in a file or by a watch, until each worker serves them, and what
 * each serves now. Changes that are handed over together come to be live together.
 */
export class Propagation {
  readonly #options: PropagationOptions;
  readonly #live = new Map<number, string>();
  /** When the changes were seen that have been published and not handed over yet. */
  #published: readonly number[] = [];

  constructor(options: PropagationOptions) {
    this.#options = options;
  }

  /** Something that workers will notice was published. `seenAtMs`: of the monotonic clock; undefined: it was there from the start. */
  published(seenAtMs: number | undefined): void {
    if (seenAtMs !== undefined) this.#published = [...this.#published, seenAtMs];
  }

  /** All that was published is handed over as one state. To be called with each worker that serves it. */
  handedOver(revision: string): (worker: number) => void {
    const seen = this.#published;
    this.#published = [];
    return (worker) => {
      const nowMs = this.#options.clock.monotonicMs();
      this.#live.set(worker, revision);
      for (const seenAtMs of seen) this.#options.observe(worker, (nowMs - seenAtMs) / 1_000);
    };
  }

  /** Revisions of the route table, by worker. */
  live(): ReadonlyMap<number, string> {
    return this.#live;
  }
}
