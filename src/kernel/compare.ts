/** Orders for sorting; every order in the product ends in a total one, so that input order never shows in a table. */
export type Comparator<T> = (a: T, b: T) => number;

/** By code unit, as Go compares bytes for the ASCII names that resources have. Never locale aware. */
export const compareStrings: Comparator<string> = (a, b) => (a < b ? -1 : a > b ? 1 : 0);

export const compareNumbers: Comparator<number> = (a, b) => a - b;

/** The first comparator that tells two values apart decides. */
export function byEach<T>(...comparators: readonly Comparator<T>[]): Comparator<T> {
  return (a, b) => {
    for (const compare of comparators) {
      const order = compare(a, b);
      if (order !== 0) return order;
    }
    return 0;
  };
}

export const by =
  <T, K>(key: (value: T) => K, compare: Comparator<K>): Comparator<T> =>
  (a, b) =>
    compare(key(a), key(b));
