/** The very same things in the same order. */
export const sameElements = (a: readonly unknown[], b: readonly unknown[]): boolean =>
  a === b || (a.length === b.length && a.every((value, i) => value === b[i]));
