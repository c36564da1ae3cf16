import type { Resource } from '../../resources/kinds.ts';

/** Objects that go within this time go at once. */
const AT_ONCE_MS = 10_000;
/** That fewer than these are deleted is daily business, whatever share of the whole they are. */
const FEWEST = 5;

/**
 * Objects that left. When more than half of a kind leaves at once, that is more likely somebody's mistake, or an API
 * server that lost its data, than anybody's wish: they stay in service until it is confirmed (edge-security R-07).
 *
 * A list in which none is left counts however few there were: nobody's deletion is heard of that way while watches work.
 */
export class Departures {
  readonly #guarded: boolean;
  readonly #monotonicMs: () => number;
  readonly #left = new Map<string, { readonly resource: Resource; readonly atMs: number }>();
  #heldSinceMs: number | undefined;

  constructor(guarded: boolean, monotonicMs: () => number) {
    this.#guarded = guarded;
    this.#monotonicMs = monotonicMs;
  }

  /** Since when a loss waits for its confirmation, by the monotonic clock. */
  get heldSinceMs(): number | undefined {
    return this.#heldSinceMs;
  }

  held(): readonly Resource[] {
    return this.#heldSinceMs === undefined ? [] : [...this.#left.values()].map(({ resource }) => resource);
  }

  get(key: string): Resource | undefined {
    return this.#left.get(key)?.resource;
  }

  left(key: string, resource: Resource): void {
    if (this.#guarded) this.#left.set(key, { resource, atMs: this.#monotonicMs() });
  }

  returned(key: string): void {
    if (this.#left.delete(key) && this.#left.size === 0) this.#heldSinceMs = undefined;
  }

  /** After an event; `remaining` objects are still there. */
  deleted(remaining: number): void {
    this.#judge(remaining, FEWEST);
  }

  /** After a list: there were `before` and are `remaining`. */
  listed(before: number, remaining: number): void {
    this.#judge(remaining, before > 0 && remaining === 0 ? 1 : FEWEST);
  }

  confirm(): void {
    this.#heldSinceMs = undefined;
    this.#left.clear();
  }

  #judge(remaining: number, fewest: number): void {
    if (this.#heldSinceMs !== undefined) return;
    const now = this.#monotonicMs();
    for (const [key, { atMs }] of this.#left) if (now - atMs > AT_ONCE_MS) this.#left.delete(key);
    const gone = this.#left.size;
    if (gone >= fewest && gone > remaining) this.#heldSinceMs = now;
  }
}
