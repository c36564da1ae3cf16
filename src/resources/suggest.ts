import { nearest } from '../kernel/nearest.ts';

/** The known word that is meant: a slip away, or the one that the word begins. */
export function suggest(word: string, known: readonly string[]): string | undefined {
  const near = nearest(word, known);
  if (near !== undefined || word.length < 4) return near;
  const begun = known.filter((candidate) => candidate.toLowerCase().startsWith(word.toLowerCase()));
  return begun.length === 1 ? begun[0] : undefined;
}
