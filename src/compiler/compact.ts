const NOTHING: readonly never[] = [];

/** For lists that are kept: one that grew has room for many more, and all that are empty are one. */
export const compact = <T>(list: readonly T[]): readonly T[] => (list.length === 0 ? NOTHING : [...list]);
