import type { ObjectFacts } from './kind-store.ts';

/**
 * Objects of namespaces that do not count, or not any more, and that still say of themselves what a gateway once wrote: it would be a lie
 * for as long as nobody takes it back.
 */
export class Dismissed {
  readonly #told = new Map<string, ObjectFacts>();

  add(key: string, facts: ObjectFacts): void {
    if (facts.statusDigest === undefined || facts.gateway === undefined) this.#told.delete(key);
    else this.#told.set(key, facts);
  }

  forget(key: string): void {
    this.#told.delete(key);
  }

  keepOnly(named: ReadonlySet<string>): void {
    for (const key of this.#told.keys()) if (!named.has(key)) this.#told.delete(key);
  }

  facts(key: string): ObjectFacts | undefined {
    return this.#told.get(key);
  }

  keysOf(gateway: string): readonly string[] {
    return [...this.#told].flatMap(([key, facts]) => (facts.gateway === gateway ? [key] : []));
  }
}
