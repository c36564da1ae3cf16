/**
 * Header lines in their order, names in lower case. Envoy writes names in lower case too, and every comparison in the
 * product is on lower-case names, so the case a client chose is gone from the first moment (istio-semantics §7.2).
 */
export class HeaderList {
  /** name, value, name, value … */
  readonly #flat: string[];

  private constructor(flat: string[]) {
    this.#flat = flat;
  }

  static empty(): HeaderList {
    return new HeaderList([]);
  }

  /** Of an array that is nobody else's from now on, names in lower case already. */
  static adopt(flat: string[]): HeaderList {
    return new HeaderList(flat);
  }

  /** From node's `rawHeaders`; names are lower-cased. */
  static fromRaw(raw: readonly string[]): HeaderList {
    const flat = raw.slice();
    for (let i = 0; i < flat.length; i += 2) flat[i] = (flat[i] as string).toLowerCase();
    return new HeaderList(flat);
  }

  static from(pairs: Iterable<readonly [string, string]>): HeaderList {
    const flat: string[] = [];
    for (const [name, value] of pairs) flat.push(name.toLowerCase(), value);
    return new HeaderList(flat);
  }

  /** Characters of all names and values. */
  get textLength(): number {
    let length = 0;
    for (const text of this.#flat) length += text.length;
    return length;
  }

  /** The first line of that name. `name` is in lower case. */
  get(name: string): string | undefined {
    const flat = this.#flat;
    for (let i = 0; i < flat.length; i += 2) if (flat[i] === name) return flat[i + 1];
    return undefined;
  }

  getAll(name: string): string[] {
    const values: string[] = [];
    const flat = this.#flat;
    for (let i = 0; i < flat.length; i += 2) if (flat[i] === name) values.push(flat[i + 1] as string);
    return values;
  }

  has(name: string): boolean {
    const flat = this.#flat;
    for (let i = 0; i < flat.length; i += 2) if (flat[i] === name) return true;
    return false;
  }

  /** Replaces the first line of that name in place, drops the others, or adds a line at the end. */
  set(name: string, value: string): void {
    const flat = this.#flat;
    for (let i = 0; i < flat.length; i += 2) {
      if (flat[i] !== name) continue;
      flat[i + 1] = value;
      this.#removeFrom(name, i + 2);
      return;
    }
    flat.push(name, value);
  }

  append(name: string, value: string): void {
    this.#flat.push(name, value);
  }

  remove(name: string): void {
    this.#removeFrom(name, 0);
  }

  /** Removes every line that the test fits. */
  removeWhere(fits: (name: string, value: string) => boolean): void {
    const flat = this.#flat;
    let kept = 0;
    for (let i = 0; i < flat.length; i += 2) {
      const name = flat[i] as string;
      const value = flat[i + 1] as string;
      if (fits(name, value)) continue;
      flat[kept++] = name;
      flat[kept++] = value;
    }
    flat.length = kept;
  }

  #removeFrom(name: string, start: number): void {
    const flat = this.#flat;
    let kept = start;
    for (let i = start; i < flat.length; i += 2) {
      if (flat[i] === name) continue;
      flat[kept++] = flat[i] as string;
      flat[kept++] = flat[i + 1] as string;
    }
    flat.length = kept;
  }

  /** Number of lines. */
  get size(): number {
    return this.#flat.length / 2;
  }

  *[Symbol.iterator](): Iterator<readonly [string, string]> {
    const flat = this.#flat;
    for (let i = 0; i < flat.length; i += 2) yield [flat[i] as string, flat[i + 1] as string];
  }

  /** name, value, name, value …: what node's `writeHead` and our own writers take. Not to be written to. */
  raw(): readonly string[] {
    return this.#flat;
  }

  clone(): HeaderList {
    return new HeaderList(this.#flat.slice());
  }
}
