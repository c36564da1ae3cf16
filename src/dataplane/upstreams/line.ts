/** Whoever can stand in a line: in one at a time. */
export interface Standing<T> {
  line: object | undefined;
  ahead: T | undefined;
  behind: T | undefined;
}

/**
 * First come, first served, and whoever waits may leave from anywhere. A Set would do, but for what V8 does with it: a
 * table that a Set has outgrown or cleared keeps what was in it and points to its successor. Once such a table is in the
 * old generation, every request that passes through the later ones lives until the next full collection.
 */
export class Line<T extends Standing<T>> {
  #first: T | undefined;
  #last: T | undefined;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get first(): T | undefined {
    return this.#first;
  }

  add(one: T): void {
    one.line = this;
    one.ahead = this.#last;
    if (this.#last === undefined) this.#first = one;
    else this.#last.behind = one;
    this.#last = one;
    this.#size++;
  }

  /** false: it does not stand in this line. */
  delete(one: T): boolean {
    if (one.line !== this) return false;
    const { ahead, behind } = one;
    if (ahead === undefined) this.#first = behind;
    else ahead.behind = behind;
    if (behind === undefined) this.#last = ahead;
    else behind.ahead = ahead;
    one.line = undefined;
    one.ahead = undefined;
    one.behind = undefined;
    this.#size--;
    return true;
  }

  /** All of them, in their order; nobody stands here any more. */
  dismiss(): T[] {
    const all: T[] = [];
    for (let one = this.#first; one !== undefined; one = this.#first) {
      this.delete(one);
      all.push(one);
    }
    return all;
  }
}
