/**
 * Places for copies of requests under way. One namespace, with WebSockets that last for days or a mirror that never answers, takes
 * half of them at most: the others still have theirs.
 */
export class MirrorPlaces {
  readonly #most: number;
  readonly #mostOfOne: number;
  readonly #taken = new Map<string, number>();
  #all = 0;

  constructor(most: number) {
    this.#most = most;
    this.#mostOfOne = Math.ceil(most / 2);
  }

  /** false: there is none, and none was taken. */
  take(namespace: string): boolean {
    const taken = this.#taken.get(namespace) ?? 0;
    if (this.#all >= this.#most || taken >= this.#mostOfOne) return false;
    this.#all += 1;
    this.#taken.set(namespace, taken + 1);
    return true;
  }

  give(namespace: string): void {
    const left = (this.#taken.get(namespace) ?? 0) - 1;
    this.#all -= 1;
    if (left > 0) this.#taken.set(namespace, left);
    else this.#taken.delete(namespace);
  }
}
