export interface CacheLimits {
  readonly entries: number;
  /** Of the tokens, which is about what their claims take. */
  readonly characters: number;
}

const DEFAULT_LIMITS: CacheLimits = { entries: 50_000, characters: 64 * 2 ** 20 };

/**
 * Tokens that were found good, by their text, in two generations: those met lately, and those before. When the younger one
 * has half of what may be kept, it becomes the elder, and what was not asked for since is forgotten. Asking changes nothing
 * mostly: to put each token in front that is asked for would wear out a Map at the pace of requests, and each worn-out one
 * keeps what it held until the next full collection (docs/performance.md).
 */
export class TokenCache<V extends { readonly size: number }> {
  readonly #half: CacheLimits;
  #younger = new Map<string, V>();
  #elder = new Map<string, V>();
  /** Of the younger ones. */
  #characters = 0;

  constructor({ entries, characters }: CacheLimits = DEFAULT_LIMITS) {
    this.#half = { entries: entries / 2, characters: characters / 2 };
  }

  get(key: string): V | undefined {
    const young = this.#younger.get(key);
    if (young !== undefined) return young;
    const old = this.#elder.get(key);
    if (old !== undefined) this.set(key, old);
    return old;
  }

  set(key: string, value: V): void {
    this.delete(key);
    if (value.size > this.#half.characters) return;
    if (this.#younger.size >= this.#half.entries || this.#characters + value.size > this.#half.characters) {
      this.#elder = this.#younger;
      this.#younger = new Map();
      this.#characters = 0;
    }
    this.#younger.set(key, value);
    this.#characters += value.size;
  }

  delete(key: string): void {
    this.#elder.delete(key);
    const value = this.#younger.get(key);
    if (value === undefined) return;
    this.#younger.delete(key);
    this.#characters -= value.size;
  }

  get size(): number {
    return this.#younger.size + this.#elder.size;
  }
}
