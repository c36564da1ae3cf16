/**
 * RE2 patterns as trees, for what re2js does not tell: the text every match begins with, the texts it must contain,
 * and whether two patterns can take the same request. The engine decides matches, never these trees; what they do not
 * understand is `opaque`, and a pattern that cannot be read at all yields none.
 */
export type RegexNode =
  | { readonly kind: 'literal'; readonly byte: number; readonly fold: boolean }
  | { readonly kind: 'set'; readonly bytes: ByteSet }
  | { readonly kind: 'start' }
  | { readonly kind: 'end' }
  /** Matches something, perhaps nothing: word boundaries, Unicode classes, multi-line anchors. */
  | { readonly kind: 'opaque' }
  | { readonly kind: 'concat'; readonly parts: readonly RegexNode[] }
  | { readonly kind: 'alternate'; readonly branches: readonly RegexNode[] }
  | { readonly kind: 'repeat'; readonly node: RegexNode; readonly min: number; readonly max: number | undefined };

/** 256 entries; 1: the byte is in it. */
export type ByteSet = Uint8Array;

interface Flags {
  readonly fold: boolean;
  readonly dotNewline: boolean;
  readonly multiline: boolean;
}

interface Cursor {
  readonly pattern: string;
  at: number;
  depth: number;
}

/** Thrown and caught in this file alone: the pattern is beyond us. */
class Unreadable extends Error {}

const MAX_DEPTH = 100;
const META = '|)*+?';

/** `pattern` as bytes (see `toBytes`); undefined: not understood. */
export function parseRegex(pattern: string): RegexNode | undefined {
  const cursor: Cursor = { pattern, at: 0, depth: 0 };
  try {
    const node = parseAlternatives(cursor, { fold: false, dotNewline: false, multiline: false });
    return cursor.at === pattern.length ? node : undefined;
  } catch (error) {
    if (error instanceof Unreadable) return undefined;
    throw error;
  }
}

function parseAlternatives(cursor: Cursor, initial: Flags): RegexNode {
  if (++cursor.depth > MAX_DEPTH) throw new Unreadable();
  let flags = initial;
  const branches: RegexNode[] = [];
  let parts: RegexNode[] = [];
  for (;;) {
    const char = cursor.pattern.charAt(cursor.at);
    if (char === '' || char === ')') break;
    if (char === '|') {
      cursor.at += 1;
      branches.push(concat(parts));
      parts = [];
      continue;
    }
    const changed = parseFlagsOnly(cursor, flags);
    if (changed !== undefined) flags = changed;
    else parts.push(...parseRepeats(cursor, parseAtom(cursor, flags)));
  }
  cursor.depth -= 1;
  branches.push(concat(parts));
  return branches.length === 1 ? (branches[0] as RegexNode) : { kind: 'alternate', branches };
}

const concat = (parts: readonly RegexNode[]): RegexNode =>
  parts.length === 1 ? (parts[0] as RegexNode) : { kind: 'concat', parts };

/** `(?i)` and its like, which hold to the end of the group. */
function parseFlagsOnly(cursor: Cursor, flags: Flags): Flags | undefined {
  const found = /^\(\?([imsU]*)(?:-([imsU]+))?\)/.exec(cursor.pattern.slice(cursor.at, cursor.at + 16));
  if (found === null) return undefined;
  cursor.at += found[0].length;
  return withFlags(flags, found[1] ?? '', found[2] ?? '');
}

const withFlags = (flags: Flags, on: string, off: string): Flags => ({
  fold: (flags.fold || on.includes('i')) && !off.includes('i'),
  dotNewline: (flags.dotNewline || on.includes('s')) && !off.includes('s'),
  multiline: (flags.multiline || on.includes('m')) && !off.includes('m'),
});

/** What stands before a repetition; a `\Q…\E` run is several nodes, and only its last one is repeated. */
function parseAtom(cursor: Cursor, flags: Flags): RegexNode[] {
  const char = cursor.pattern.charAt(cursor.at);
  switch (char) {
    case '(':
      return [parseGroup(cursor, flags)];
    case '[':
      return [parseClass(cursor, flags)];
    case '\\':
      return parseEscape(cursor, flags);
    case '.':
      cursor.at += 1;
      return [{ kind: 'set', bytes: flags.dotNewline ? ANY : NOT_NEWLINE }];
    case '^':
    case '$':
      cursor.at += 1;
      return [{ kind: flags.multiline ? 'opaque' : char === '^' ? 'start' : 'end' }];
    default:
      if (META.includes(char)) throw new Unreadable();
      cursor.at += 1;
      return [literal(char.charCodeAt(0), flags)];
  }
}

/** RE2 folds letters above 127 as Latin-1 letters; nobody means that, and we do not follow. */
const literal = (byte: number, flags: Flags): RegexNode =>
  flags.fold && byte > 127 ? { kind: 'opaque' } : { kind: 'literal', byte, fold: flags.fold && isLetter(byte) };

function parseGroup(cursor: Cursor, outer: Flags): RegexNode {
  const head = /^\((?:\?(?:P?<\w+>|([imsU]*)(?:-([imsU]+))?:))?/.exec(cursor.pattern.slice(cursor.at));
  if (head === null) throw new Unreadable();
  cursor.at += head[0].length;
  if (head[0] === '(' && cursor.pattern.charAt(cursor.at) === '?') throw new Unreadable();
  const node = parseAlternatives(cursor, withFlags(outer, head[1] ?? '', head[2] ?? ''));
  if (cursor.pattern.charAt(cursor.at) !== ')') throw new Unreadable();
  cursor.at += 1;
  return node;
}

function parseRepeats(cursor: Cursor, atoms: RegexNode[]): RegexNode[] {
  const repeat = /^(?:([*+?])|\{(\d{1,4})(?:(,)(\d{0,4}))?\})\??/;
  for (;;) {
    const found = repeat.exec(cursor.pattern.slice(cursor.at, cursor.at + 16));
    const node = atoms.at(-1);
    if (found === null || node === undefined) return atoms;
    cursor.at += found[0].length;
    const [, sign, low, comma, high] = found;
    const min = sign === undefined ? Number(low) : sign === '+' ? 1 : 0;
    const max =
      sign === undefined
        ? comma === undefined
          ? min
          : high === ''
            ? undefined
            : Number(high)
        : sign === '?'
          ? 1
          : undefined;
    atoms[atoms.length - 1] = { kind: 'repeat', node, min, max };
  }
}

const CONTROL: Readonly<Record<string, number>> = { a: 7, f: 12, t: 9, n: 10, r: 13, v: 11 };

/** One escaped byte, in a class or outside; undefined: the escape is none of a byte. */
function parseByteEscape(cursor: Cursor): number | undefined {
  const rest = cursor.pattern.slice(cursor.at, cursor.at + 12);
  const hex = /^\\x(?:([0-9A-Fa-f]{2})|\{([0-9A-Fa-f]{1,6})\})/.exec(rest);
  const octal = /^\\(0[0-7]{0,2}|[1-7][0-7]{1,2})/.exec(rest);
  const plain = /^\\([^0-9A-Za-z]|[aftnrv])/.exec(rest);
  const found = hex ?? octal ?? plain;
  if (found === null) return undefined;
  cursor.at += found[0].length;
  if (hex !== null) return atMost255(Number.parseInt(hex[1] ?? hex[2] ?? '', 16));
  if (octal !== null) return atMost255(Number.parseInt(octal[1] ?? '', 8));
  const char = plain?.[1] ?? '';
  return CONTROL[char] ?? char.charCodeAt(0);
}

function atMost255(code: number): number {
  if (code > 255) throw new Unreadable();
  return code;
}

function parseEscape(cursor: Cursor, flags: Flags): RegexNode[] {
  const byte = parseByteEscape(cursor);
  if (byte !== undefined) return [literal(byte, flags)];
  const next = cursor.pattern.charAt(cursor.at + 1);
  cursor.at += 2;
  if (next === 'A') return [{ kind: 'start' }];
  if (next === 'z') return [{ kind: 'end' }];
  if (next === 'b' || next === 'B') return [{ kind: 'opaque' }];
  if (next === 'C') return [{ kind: 'set', bytes: ANY }];
  const perl = PERL[next];
  if (perl !== undefined) return [{ kind: 'set', bytes: perl }];
  if (next === 'p' || next === 'P') {
    skipUnicodeName(cursor);
    return [{ kind: 'opaque' }];
  }
  if (next !== 'Q') throw new Unreadable();
  const end = cursor.pattern.indexOf('\\E', cursor.at);
  const text = end < 0 ? cursor.pattern.slice(cursor.at) : cursor.pattern.slice(cursor.at, end);
  cursor.at += text.length + (end < 0 ? 0 : 2);
  return Array.from(text, (char) => literal(char.charCodeAt(0), flags));
}

function skipUnicodeName(cursor: Cursor): void {
  const name = /^(?:\{\^?[\w&]+\}|[A-Za-z])/.exec(cursor.pattern.slice(cursor.at));
  if (name === null) throw new Unreadable();
  cursor.at += name[0].length;
}

function parseClass(cursor: Cursor, flags: Flags): RegexNode {
  cursor.at += 1;
  const negated = cursor.pattern.charAt(cursor.at) === '^';
  if (negated) cursor.at += 1;
  const bytes = new Uint8Array(256);
  let opaque = false;
  for (let first = true; first || cursor.pattern.charAt(cursor.at) !== ']'; first = false) {
    const added = parseClassItem(cursor);
    if (added === undefined) opaque = true;
    else addAll(bytes, added, flags.fold);
    if (cursor.at >= cursor.pattern.length) throw new Unreadable();
  }
  cursor.at += 1;
  if (opaque || (flags.fold && bytes.some((has, byte) => has === 1 && byte > 127))) return { kind: 'opaque' };
  return { kind: 'set', bytes: negated ? complement(bytes) : bytes };
}

/** undefined: a Unicode class. */
function parseClassItem(cursor: Cursor): ByteSet | undefined {
  const rest = cursor.pattern.slice(cursor.at, cursor.at + 16);
  const posix = /^\[:(\^?)(\w+):\]/.exec(rest);
  if (posix !== null) {
    const named = POSIX.get(posix[2] ?? '');
    if (named === undefined) throw new Unreadable();
    cursor.at += posix[0].length;
    return posix[1] === '^' ? complement(named) : named;
  }
  const perl = /^\\([dDsSwW])/.exec(rest);
  if (perl !== null) {
    cursor.at += 2;
    return PERL[perl[1] ?? ''];
  }
  if (/^\\[pP]/.test(rest)) {
    cursor.at += 2;
    skipUnicodeName(cursor);
    return undefined;
  }
  const low = parseClassByte(cursor);
  if (cursor.pattern.charAt(cursor.at) !== '-' || cursor.pattern.charAt(cursor.at + 1) === ']') return range(low, low);
  cursor.at += 1;
  const high = parseClassByte(cursor);
  if (high < low) throw new Unreadable();
  return range(low, high);
}

function parseClassByte(cursor: Cursor): number {
  if (cursor.pattern.charAt(cursor.at) !== '\\') return cursor.pattern.charCodeAt(cursor.at++) || 0;
  const byte = parseByteEscape(cursor);
  if (byte === undefined) throw new Unreadable();
  return byte;
}

/* ------------------------------------------------------------ sets of bytes */

export const isLetter = (byte: number): boolean => (byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x7a;

function range(low: number, high: number): Uint8Array {
  return new Uint8Array(256).fill(1, low, high + 1);
}

function complement(bytes: ByteSet): ByteSet {
  return bytes.map((has) => 1 - has);
}

function addAll(bytes: Uint8Array, added: ByteSet, fold: boolean): void {
  for (let byte = 0; byte < 256; byte++) {
    if (added[byte] !== 1) continue;
    bytes[byte] = 1;
    if (fold && isLetter(byte)) bytes[byte ^ 0x20] = 1;
  }
}

function fromText(...pieces: readonly string[]): ByteSet {
  const bytes = new Uint8Array(256);
  for (const piece of pieces) bytes.fill(1, piece.charCodeAt(0), piece.charCodeAt(piece.length - 1) + 1);
  return bytes;
}

export const ANY: ByteSet = range(0, 255);
export const NOT_NEWLINE: ByteSet = complement(fromText('\n'));

const DIGIT = fromText('09');
const SPACE = fromText('\t\n', '\f\r', ' ');
const WORD = fromText('09', 'AZ', 'az', '_');
const PERL: Readonly<Record<string, ByteSet>> = {
  d: DIGIT,
  D: complement(DIGIT),
  s: SPACE,
  S: complement(SPACE),
  w: WORD,
  W: complement(WORD),
};
const POSIX: ReadonlyMap<string, ByteSet> = new Map([
  ['alnum', fromText('09', 'AZ', 'az')],
  ['alpha', fromText('AZ', 'az')],
  ['ascii', range(0, 127)],
  ['blank', fromText('\t', ' ')],
  ['cntrl', fromText('\0\x1f', '\x7f')],
  ['digit', DIGIT],
  ['graph', fromText('!~')],
  ['lower', fromText('az')],
  ['print', fromText(' ~')],
  ['punct', fromText('!/', ':@', '[`', '{~')],
  ['space', fromText('\t\r', ' ')],
  ['upper', fromText('AZ')],
  ['word', WORD],
  ['xdigit', fromText('09', 'AF', 'af')],
]);
