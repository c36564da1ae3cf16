import { ownCopy } from '../kernel/own-copy.ts';

/** RFC 9110 §5.6.2. */
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

/** Spellings that were met, with their lower case: the same few come again and again. Further ones cost a little more. */
const known = new Map<string, string>();
const MAX_KNOWN = 1_024;
const MAX_KNOWN_LENGTH = 48;

/**
 * The name in lower case; undefined: it is no name. One string for each name, however it was spelt and wherever it came
 * from, so that comparing it with a name of ours is comparing two pointers.
 */
export function headerName(spelt: string): string | undefined {
  const lower = known.get(spelt);
  if (lower !== undefined) return lower;
  if (!TOKEN.test(spelt)) return undefined;
  if (known.size >= MAX_KNOWN || spelt.length > MAX_KNOWN_LENGTH) return spelt.toLowerCase();
  const own = ownCopy(spelt);
  known.set(own, own.toLowerCase());
  return known.get(own);
}

/** The part of a text between two positions, without the optional white space around it (RFC 9110 §5.6.3); `trim` would take more than that. */
export function withoutSpace(text: string, start = 0, end = text.length): string {
  let from = start;
  let to = end;
  while (from < to && isSpace(text.charCodeAt(from))) from++;
  while (to > from && isSpace(text.charCodeAt(to - 1))) to--;
  return text.slice(from, to);
}

const isSpace = (code: number): boolean => code === 0x20 || code === 0x09;
