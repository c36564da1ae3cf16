import { changedStretch, replaceStretch } from '../kernel/stretch.ts';

/** Room for one answer: it is made anew only when a part that it is made from is another object than last time. */
export class Slot<V> {
  #parts: readonly unknown[] | undefined;
  #value: V | undefined;

  get(parts: readonly unknown[], make: () => V): V {
    if (this.#parts === undefined || !sameElements(this.#parts, parts)) {
      this.#value = make();
      this.#parts = parts;
    }
    return this.#value as V;
  }
}

export const sameElements = (a: readonly unknown[], b: readonly unknown[]): boolean =>
  changedStretch(a, b) === undefined;

/** The list before where it holds the very same elements. */
export const keepSame = <T>(now: readonly T[], before: readonly T[] | undefined): readonly T[] =>
  before !== undefined && sameElements(now, before) ? before : now;

/**
 * A pure function over lists that come again and again with few changes: what an element came to in the last list is
 * kept. Plain references, for weak ones make every collection of garbage slow where there are tens of thousands.
 */
export function keepingMap<I extends object, O>(compute: (input: I) => O): (inputs: readonly I[]) => readonly O[] {
  let before: readonly I[] = [];
  let outputs: readonly O[] = [];
  return (inputs) => {
    const stretch = changedStretch(before, inputs);
    if (stretch !== undefined) {
      const known = new Map<I, O>();
      for (let i = stretch.from; i < stretch.toBefore; i++) known.set(before[i] as I, outputs[i] as O);
      const made = inputs.slice(stretch.from, stretch.toNow).map((input) => known.get(input) ?? compute(input));
      outputs = replaceStretch(outputs, stretch, made);
    }
    before = inputs;
    return outputs;
  };
}
