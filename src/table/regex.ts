import { RE2JS, RE2JSException } from 're2js';
import { err, ok, type Result } from '../kernel/result.ts';
import { toBytes } from './bytes.ts';
import {
  type LiteralPrefix,
  literalPrefix,
  NO_PREFIX,
  type PlainShape,
  plainShape,
  requiredLiterals,
} from './regex-literals.ts';
import { parseRegex, type RegexNode } from './regex-syntax.ts';

/**
 * A team's pattern, in time linear to the value (re2js, a port of RE2). Envoy reads patterns and values as Latin-1: `.`
 * is one byte and `é+` repeats the last byte of é (istio-semantics §2.3).
 */
export interface Regex {
  /** As bytes. */
  readonly pattern: string;
  /** Whether the whole value fits. */
  matches(value: string): boolean;
  readonly prefix: LiteralPrefix;
  /** Texts that every fitting value contains. */
  readonly literals: readonly string[];
  /** undefined: more than a text comparison. */
  readonly shape: PlainShape | undefined;
  /** undefined: only the engine understands it. */
  readonly tree: RegexNode | undefined;
}

interface CachedRegex extends Regex {
  /** Compiled when first needed: a table with thousands of patterns must not stop traffic while it is bound. */
  engine(): Result<RE2JS, string>;
}

const CACHE_LIMIT = 10_000;
/** By pattern as written; the oldest goes first. */
const cache = new Map<string, CachedRegex>();

/** `pattern` as a team wrote it (Unicode text). The error says what RE2 does not like. */
export function compileRegex(pattern: string): Result<Regex, string> {
  const regex = cached(pattern);
  const engine = regex.engine();
  return engine.ok ? ok(regex) : engine;
}

/** For patterns that were accepted before: one that RE2 does not like fits nothing. */
export const bindRegex = (pattern: string): Regex => cached(pattern);

function cached(pattern: string): CachedRegex {
  const known = cache.get(pattern);
  if (known !== undefined) return known;
  const regex = createRegex(toBytes(pattern));
  if (cache.size >= CACHE_LIMIT) {
    for (const oldest of cache.keys()) {
      cache.delete(oldest);
      break;
    }
  }
  cache.set(pattern, regex);
  return regex;
}

function createRegex(pattern: string): CachedRegex {
  let compiled: Result<RE2JS, string> | undefined;
  const engine = () => {
    compiled ??= compileEngine(pattern);
    return compiled;
  };
  const test = (value: string) => {
    const ready = engine();
    return ready.ok && ready.value.testExact(value);
  };
  const tree = parseRegex(pattern);
  const shape = tree === undefined ? undefined : plainShape(tree);
  const literals = tree === undefined ? [] : requiredLiterals(tree);
  return {
    pattern,
    matches: shape === undefined ? guarded(test, literals) : byShape(shape, test),
    prefix: tree === undefined ? NO_PREFIX : literalPrefix(tree),
    literals,
    shape,
    tree,
    engine,
  };
}

function compileEngine(pattern: string): Result<RE2JS, string> {
  try {
    return ok(RE2JS.compile(pattern));
  } catch (error) {
    if (error instanceof RE2JSException) return err(error.message);
    throw error;
  }
}

type Test = (value: string) => boolean;

/** A search for a literal costs a twentieth of a match that fails. */
function guarded(test: Test, literals: readonly string[]): Test {
  const longest = literals.reduce((best, literal) => (literal.length > best.length ? literal : best), '');
  return longest === '' ? test : (value) => value.includes(longest) && test(value);
}

/** `.` takes no newline; a value with one (claims may have it) is the engine's to judge. */
function byShape({ kind, text }: PlainShape, test: Test): Test {
  if (kind === 'exact') return (value) => value === text;
  const plain: Test =
    kind === 'prefix'
      ? (value) => value.startsWith(text)
      : kind === 'suffix'
        ? (value) => value.endsWith(text)
        : (value) => value.includes(text);
  return (value) => plain(value) && (!value.includes('\n') || test(value));
}

/** RE2's GlobalReplace over a text, as `uriRegexRewrite` means it (istio-semantics §2.9). */
export type RegexReplacement = (text: string) => string;

/**
 * All matches, leftmost first, are replaced; `\0` is the match, `\1`…`\9` its groups, `\\` a backslash. An empty match
 * right behind a match does not count. A substitution that names a group which is not there leaves the text unchanged,
 * and what follows an escape of any other kind is left out, as RE2 does. What an empty result means is the caller's.
 */
export function compileReplacement(pattern: string, substitution: string): Result<RegexReplacement, string> {
  const engine = compileEngine(toBytes(pattern));
  if (!engine.ok) return engine;
  const pieces = parseSubstitution(toBytes(substitution));
  const highest = pieces.reduce<number>((max, piece) => (typeof piece === 'number' ? Math.max(max, piece) : max), 0);
  if (highest > engine.value.groupCount()) return ok((text) => text);
  return ok((text) => replaceAll(engine.value, pieces, text));
}

/** Texts and numbers of groups. */
function parseSubstitution(substitution: string): readonly (string | number)[] {
  const pieces: (string | number)[] = [];
  for (const [, text, digit, escaped, wrong] of substitution.matchAll(/([^\\]+)|\\(\d)|\\(\\)|(\\)/g)) {
    if (wrong !== undefined) break;
    pieces.push(digit !== undefined ? Number(digit) : (text ?? escaped ?? ''));
  }
  return pieces;
}

function replaceAll(engine: RE2JS, pieces: readonly (string | number)[], text: string): string {
  const matcher = engine.matcher(text);
  let out = '';
  let copied = 0;
  let lastEnd = -1;
  while (matcher.find()) {
    const start = matcher.start();
    const end = matcher.end();
    if (start === end && start === lastEnd) continue;
    out += text.slice(copied, start);
    for (const piece of pieces) out += typeof piece === 'string' ? piece : (matcher.group(piece) ?? '');
    copied = end;
    lastEnd = end;
  }
  return out + text.slice(copied);
}
