/**
 * Remembers, for each key, the last answer and what it was made from: it is made anew only when one of those parts is
 * another object than last time. Goes with its key.
 */
export function rememberLast<K extends object, V>(): (key: K, parts: readonly unknown[], make: () => V) => V {
  const known = new WeakMap<K, { readonly parts: readonly unknown[]; readonly value: V }>();
  return (key, parts, make) => {
    const before = known.get(key);
    if (before !== undefined && sameElements(before.parts, parts)) return before.value;
    const value = make();
    known.set(key, { parts, value });
    return value;
  };
}

export const sameElements = (a: readonly unknown[], b: readonly unknown[]): boolean =>
  a.length === b.length && a.every((part, i) => part === b[i]);
