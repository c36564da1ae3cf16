import { PATH_ALPHABET, RAW_PATH_ALPHABET } from './alphabets.ts';
import type { TextSearch } from './automaton.ts';
import { lowerAscii, toBytes } from './bytes.ts';
import { findCommon, type Language, languageOf, pathLanguage } from './language.ts';
import type { PathMatch, PathNormalization } from './model.ts';
import { normalizePath } from './path.ts';
import { bindRegex } from './regex.ts';

const like = (pattern: string): Language => languageOf({ kind: 'regex', value: pattern });
const ABSOLUTE = like('/.*');
const DOT_SEGMENTS = '.*/\\.{1,2}(;[^/]*)?(/.*)?';
const DECODED = '.*%(2[dDeE]|3[0-9]|4[1-9A-Fa-f]|5[0-9AaFf]|6[1-9A-Fa-f]|7[0-9AaEe]|00).*';
const DOUBLED_SLASHES = '.+//.*|.*//.+';
const ESCAPED_SLASHES = '.*%(2[Ff]|5[Cc]).*';

/** What no normalised path looks like (istio-semantics §7.1). */
function abnormal(mode: PathNormalization, ...patterns: readonly string[]): Language {
  const takes = (path: string) => {
    const normal = normalizePath(path, mode);
    return !normal.ok || normal.path !== path;
  };
  return { ...like(patterns.join('|')), takes };
}

const ABNORMAL: Readonly<Record<PathNormalization, readonly Language[]>> = {
  none: [],
  base: [abnormal('base', DOT_SEGMENTS, DECODED)],
  'merge-slashes': [abnormal('merge-slashes', DOT_SEGMENTS, DECODED, DOUBLED_SLASHES)],
  'decode-and-merge-slashes': [
    abnormal('decode-and-merge-slashes', DOT_SEGMENTS, DECODED, DOUBLED_SLASHES, ESCAPED_SLASHES),
  ],
};

/** A path that both conditions take and that a request can have. */
export function findCommonPath(a: PathMatch, b: PathMatch, mode: PathNormalization): TextSearch {
  const meeting = meetLiterals(literalPath(a), literalPath(b));
  if (meeting === 'apart') return { kind: 'none' };
  return findPath([a, b], [], mode, meeting === undefined ? [] : [meeting]);
}

/** Whether every path that a request can have and that `b` takes is taken by `a`. false: or not decided. */
export function coversPath(a: PathMatch, b: PathMatch, mode: PathNormalization): boolean {
  const broad = literalPath(a);
  const narrow = literalPath(b);
  if (broad?.open === true && (broad.text === '' || broad.text === '/')) return true;
  if (broad !== undefined && narrow !== undefined) return coversLiteral(broad, narrow);
  return findPath([b], [a], mode, []).kind === 'none';
}

function findPath(
  wanted: readonly PathMatch[],
  unwanted: readonly PathMatch[],
  mode: PathNormalization,
  samples: readonly string[],
): TextSearch {
  return findCommon({
    wanted: [...wanted.map(pathLanguage), ABSOLUTE],
    unwanted: [...unwanted.map(pathLanguage), ...ABNORMAL[mode]],
    alphabet: mode === 'none' ? RAW_PATH_ALPHABET : PATH_ALPHABET,
    samples,
  });
}

/* ------------------------------------ texts and beginnings, without automata */

interface LiteralPath {
  readonly text: string;
  readonly fold: boolean;
  /** Whatever follows. */
  readonly open: boolean;
}

/** undefined: a pattern that says more. */
function literalPath(path: PathMatch): LiteralPath | undefined {
  if (path.kind === 'any') return { text: '', fold: false, open: true };
  if (path.kind !== 'regex') return { text: toBytes(path.value), fold: path.ignoreCase, open: path.kind === 'prefix' };
  const { shape } = bindRegex(path.value);
  if (shape?.kind === 'exact' || shape?.kind === 'prefix') {
    return { text: shape.text, fold: false, open: shape.kind === 'prefix' };
  }
  return shape?.text === '' ? { text: '', fold: false, open: true } : undefined;
}

/** The shortest text of both; 'apart': there is none; undefined: one of them says more than we know. */
function meetLiterals(a: LiteralPath | undefined, b: LiteralPath | undefined): string | 'apart' | undefined {
  if (a === undefined || b === undefined) return undefined;
  const [short, long] = a.text.length <= b.text.length ? [a, b] : [b, a];
  if (!short.open && short.text.length < long.text.length) return 'apart';
  const start = long.text.slice(0, short.text.length);
  const same = short.fold || long.fold ? lowerAscii(start) === lowerAscii(short.text) : start === short.text;
  if (!same) return 'apart';
  return long.fold && !short.fold ? short.text + long.text.slice(short.text.length) : long.text;
}

function coversLiteral(broad: LiteralPath, narrow: LiteralPath): boolean {
  if (!broad.open && (narrow.open || narrow.text.length !== broad.text.length)) return false;
  const start = narrow.text.slice(0, broad.text.length);
  if (broad.fold) return lowerAscii(start) === lowerAscii(broad.text);
  // Where the narrow one takes letters of either case, a broad one that does not must ask for none.
  return start === broad.text && !(narrow.fold && /[A-Za-z]/.test(start));
}
