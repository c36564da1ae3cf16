/** So many parts share one hash. */
const STRETCH = 128;

/**
 * The hash of a long list, by way of hashes of its stretches: of a list in which one part is another than in the last, one
 * stretch is hashed anew. It depends on the list alone, whatever list came before.
 */
export class ListHash<T> {
  readonly #hashOf: (part: T) => string;
  readonly #hash: (text: string) => string;
  #list: readonly T[] = [];
  #stretches: readonly string[] = [];

  constructor(hashOf: (part: T) => string, hash: (text: string) => string) {
    this.#hashOf = hashOf;
    this.#hash = hash;
  }

  of(list: readonly T[]): string {
    const stretches: string[] = [];
    for (let from = 0; from < list.length; from += STRETCH) {
      const to = Math.min(from + STRETCH, list.length);
      const known = this.#isAsBefore(list, from, to) ? this.#stretches[from / STRETCH] : undefined;
      stretches.push(known ?? this.#hash(list.slice(from, to).map(this.#hashOf).join()));
    }
    this.#list = list;
    this.#stretches = stretches;
    return this.#hash(stretches.join());
  }

  /** The last stretch of either list may be a short one. */
  #isAsBefore(list: readonly T[], from: number, to: number): boolean {
    if (Math.min(from + STRETCH, this.#list.length) !== to) return false;
    for (let i = from; i < to; i++) if (list[i] !== this.#list[i]) return false;
    return true;
  }
}
