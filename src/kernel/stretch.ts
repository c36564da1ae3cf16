/** Where two lists differ, between what they begin and what they end with alike. */
export interface Stretch {
  readonly from: number;
  /** Where it ends in the one list, and in the other. */
  readonly toBefore: number;
  readonly toNow: number;
}

/** Where nothing differs. */
export const NOWHERE: Stretch = Object.freeze({ from: 0, toBefore: 0, toNow: 0 });

/** undefined: they hold the very same elements. Of long lists that differ in little, all else need not be looked at. */
export function changedStretch(before: readonly unknown[], now: readonly unknown[]): Stretch | undefined {
  if (before === now) return undefined;
  const shorter = Math.min(before.length, now.length);
  let from = 0;
  while (from < shorter && before[from] === now[from]) from++;
  if (from === before.length && from === now.length) return undefined;
  let toBefore = before.length;
  let toNow = now.length;
  while (toBefore > from && toNow > from && before[toBefore - 1] === now[toNow - 1]) {
    toBefore--;
    toNow--;
  }
  return { from, toBefore, toNow };
}

/** So many can be arguments of one call. */
const MOST_ARGUMENTS = 1_000;

/** The list with other elements in that stretch. */
export const replaceStretch = <T>(
  list: readonly T[],
  { from, toBefore }: Pick<Stretch, 'from' | 'toBefore'>,
  by: readonly T[],
): T[] =>
  by.length < MOST_ARGUMENTS
    ? list.toSpliced(from, toBefore - from, ...by)
    : list.slice(0, from).concat(by, list.slice(toBefore));
