/** Envoy's `update_frequency` as Istio sets it: every so many tries it is looked anew what was visited. */
const TRIES = 2;
const NONE: ReadonlySet<number> = new Set();

/**
 * Which priorities a request's tries have been to, so that the next ones go elsewhere (istio-semantics §2.10,
 * `retryRemoteLocalities`): after two tries the priorities of both are left out, and so on; when none is left, all
 * may be visited again, and the count starts anew.
 */
export class VisitedPriorities {
  #tries: number[] = [];
  #excluded = NONE;

  add(priority: number): void {
    this.#tries.push(priority);
  }

  /** Those that the next try keeps away from. `usable`: priorities with hosts that may be chosen. */
  excluded(usable: readonly number[]): ReadonlySet<number> {
    if (this.#tries.length < TRIES || this.#tries.length % TRIES !== 0) return this.#excluded;
    this.#excluded = new Set([...this.#excluded, ...this.#tries]);
    if (usable.every((priority) => this.#excluded.has(priority))) {
      this.#tries = [];
      this.#excluded = NONE;
    }
    return this.#excluded;
  }
}
