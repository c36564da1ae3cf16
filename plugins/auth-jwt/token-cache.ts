export interface CacheLimits {
  readonly entries: number;
  /** Of the tokens, which is about what their claims take. */
  readonly characters: number;
}

const DEFAULT_LIMITS: CacheLimits = { entries: 50_000, characters: 64 * 2 ** 20 };

/** Tokens that were found good, by their hash. Full, it forgets the one that was asked for longest ago. */
export class TokenCache<V extends { readonly size: number }> {
  readonly #limits: CacheLimits;
  readonly #entries = new Map<string, V>();
  #characters = 0;

  constructor(limits: CacheLimits = DEFAULT_LIMITS) {
    this.#limits = limits;
  }

  get(key: string): V | undefined {
    const value = this.#entries.get(key);
    if (value === undefined) return undefined;
    this.#entries.delete(key);
    this.#entries.set(key, value);
    return value;
  }

  set(key: string, value: V): void {
    this.delete(key);
    if (value.size > this.#limits.characters) return;
    this.#entries.set(key, value);
    this.#characters += value.size;
    while (this.#entries.size > this.#limits.entries || this.#characters > this.#limits.characters) {
      const [eldest = ''] = this.#entries.keys();
      this.delete(eldest);
    }
  }

  delete(key: string): void {
    const value = this.#entries.get(key);
    if (value === undefined) return;
    this.#entries.delete(key);
    this.#characters -= value.size;
  }

  get size(): number {
    return this.#entries.size;
  }
}
