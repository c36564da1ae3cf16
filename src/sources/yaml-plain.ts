import { readScalar } from './yaml-scalar.ts';

/**
 * A reader for the YAML that people write by hand: mappings and lists by indentation, brackets on one line, words,
 * simple quotes, comments. It is some ten times as fast as the library, which matters when ten thousand documents are
 * read at once, or asked where their rules stand. Whatever is less plain, or wrong, it leaves to the library:
 * where it answers, it answers the same (a property test holds it to that).
 */
export interface PlainNode {
  /** Where it begins, in the text; undefined: not written, as the value of `route:`. */
  readonly at: number | undefined;
  readonly value: unknown;
  readonly fields?: ReadonlyMap<string, PlainField>;
  readonly items?: readonly PlainNode[];
}

export interface PlainField {
  readonly keyAt: number;
  readonly node: PlainNode;
}

/** undefined: not plain enough, or not well-formed. */
export function readPlainYaml(text: string): PlainNode | undefined {
  if (UNUSUAL.test(text)) return undefined;
  try {
    return new PlainReader(text).document();
  } catch (error) {
    if (error === NOT_PLAIN) return undefined;
    throw error;
  }
}

const UNUSUAL = /[\u0000-\u0009\u000B-\u001F\u007F-\u009F\uFEFF]/;
const NOT_PLAIN = Symbol('not plain');
const MAX_DEPTH = 90;
const KEY = /(?:([A-Za-z0-9_][\w./-]*)|"([^"\\\n]*)"|'([^'\n]*)'):(?= |\n|$)/y;
/** Characters that begin a word whatever follows; a dash must be followed by one that cannot be an indicator. */
const WORD = /(?:[A-Za-z0-9_./$^(~+=;)\u00A0-\uD7FF\uE000-\uFFFD]|-[A-Za-z0-9./])[^\n]*/y;
const FLOW_WORD = /(?:[A-Za-z0-9_./$^(~+=;)\u00A0-\uD7FF\uE000-\uFFFD]|-[A-Za-z0-9./])[^\n,[\]{}#"'&*!|>%@`?]*/y;
const QUOTED = /"([^"\\\n]*)"|'((?:[^'\n]|'')*)'/y;
const ONLY_COMMENT = / *(?: #[^\n]*)?(?=\n|$)/y;
const SPACES = / */y;

const nothing: PlainNode = { at: undefined, value: null };

class PlainReader {
  readonly #text: string;
  #depth = 0;
  /** The line that is being read: its indentation, where its content begins, and where the next line does. */
  #indent = 0;
  #at = 0;
  #next = 0;
  #ended = false;

  constructor(text: string) {
    this.#text = text;
  }

  document(): PlainNode {
    const marker = /^---(?: +#[^\n]*| *)(?:\n|$)/.exec(this.#text);
    if (marker === null && this.#text.startsWith('---')) throw NOT_PLAIN;
    this.#next = marker?.[0].length ?? 0;
    this.#advance();
    if (this.#ended) return nothing;
    const node = this.#block();
    if (!this.#ended) throw NOT_PLAIN;
    return node;
  }

  /** To the next line that says something. */
  #advance(): void {
    while (this.#next < this.#text.length) {
      const start = this.#next;
      const newline = this.#text.indexOf('\n', start);
      this.#next = newline === -1 ? this.#text.length : newline + 1;
      const at = this.#skip(SPACES, start);
      const character = this.#text[at];
      if (at === this.#text.length || character === '\n' || character === '#') continue;
      this.#indent = at - start;
      this.#at = at;
      return;
    }
    this.#ended = true;
  }

  /** The mapping or list that begins at the current place. */
  #block(): PlainNode {
    if (++this.#depth > MAX_DEPTH) throw NOT_PLAIN;
    const node = this.#isDash() ? this.#list() : this.#mapping();
    this.#depth--;
    return node;
  }

  #isDash(): boolean {
    if (this.#text[this.#at] !== '-') return false;
    const after = this.#text[this.#at + 1];
    return after === ' ' || after === '\n' || after === undefined;
  }

  #mapping(): PlainNode {
    const indent = this.#indent;
    const at = this.#at;
    const value: Record<string, unknown> = {};
    const fields = new Map<string, PlainField>();
    while (!this.#ended && this.#indent === indent) {
      const keyAt = this.#at;
      const [whole, key] = this.#key(keyAt);
      if (fields.has(key)) throw NOT_PLAIN;
      const node = this.#valueBehind(keyAt + whole, indent, true);
      fields.set(key, { keyAt, node });
      value[key] = node.value;
    }
    if (!this.#ended && this.#indent > indent) throw NOT_PLAIN;
    return { at, value, fields };
  }

  #list(): PlainNode {
    const indent = this.#indent;
    const at = this.#at;
    const items: PlainNode[] = [];
    while (!this.#ended && this.#indent === indent && this.#isDash()) {
      const start = this.#skip(SPACES, this.#at + 1);
      const isInside = this.#begins(start);
      if (isInside) {
        this.#indent += start - this.#at;
        this.#at = start;
        items.push(this.#block());
      } else items.push(this.#valueBehind(this.#at + 1, indent, false));
    }
    if (!this.#ended && this.#indent > indent) throw NOT_PLAIN;
    return { at, value: items.map((item) => item.value), items };
  }

  /** Does a mapping or a list begin right here, behind a dash? */
  #begins(at: number): boolean {
    KEY.lastIndex = at;
    if (KEY.test(this.#text)) return true;
    const after = this.#text[at + 1];
    return this.#text[at] === '-' && (after === ' ' || after === '\n' || after === undefined);
  }

  /** Its length with the colon, and what it says. */
  #key(at: number): readonly [number, string] {
    KEY.lastIndex = at;
    const [whole, word, double, single] = KEY.exec(this.#text) ?? [];
    const key = word ?? double ?? single;
    if (whole === undefined || key === undefined || key === '__proto__' || (word !== undefined && /^null$/i.test(word)))
      throw NOT_PLAIN;
    return [whole.length, key];
  }

  /** What stands behind a colon or a dash, on its line or indented below. A list may stand right below its key. */
  #valueBehind(from: number, indent: number, isKey: boolean): PlainNode {
    const start = this.#skip(SPACES, from);
    const first = this.#text[start];
    if (first === undefined || first === '\n' || (first === '#' && start > from)) {
      this.#advance();
      if (this.#ended) return nothing;
      if (this.#indent > indent) return this.#block();
      return isKey && this.#indent === indent && this.#isDash() ? this.#block() : nothing;
    }
    const node = this.#inline(start);
    this.#advance();
    // A line that goes on below is a text over several lines, or a mistake.
    if (!this.#ended && this.#indent > indent) throw NOT_PLAIN;
    return node;
  }

  #inline(at: number): PlainNode {
    const first = this.#text[at];
    if (first === '[' || first === '{') {
      const [node, end] = this.#flow(at);
      this.#expectEnd(end);
      return node;
    }
    if (first === '"' || first === "'") {
      const [node, end] = this.#quoted(at);
      this.#expectEnd(end);
      return node;
    }
    WORD.lastIndex = at;
    const line = WORD.exec(this.#text)?.[0];
    if (line === undefined) throw NOT_PLAIN;
    const comment = line.indexOf(' #');
    return word(withoutEndSpaces(comment === -1 ? line : line.slice(0, comment)), at);
  }

  #expectEnd(at: number): void {
    ONLY_COMMENT.lastIndex = at;
    if (!ONLY_COMMENT.test(this.#text)) throw NOT_PLAIN;
  }

  #quoted(at: number): readonly [PlainNode, end: number] {
    QUOTED.lastIndex = at;
    const [whole, double, single] = QUOTED.exec(this.#text) ?? [];
    if (whole === undefined) throw NOT_PLAIN;
    return [{ at, value: double ?? single?.replaceAll("''", "'") }, at + whole.length];
  }

  /** A value within brackets, with the place behind it. */
  #flow(at: number): readonly [PlainNode, end: number] {
    const first = this.#text[at];
    if (first === '"' || first === "'") return this.#quoted(at);
    if (first !== '[' && first !== '{') {
      FLOW_WORD.lastIndex = at;
      const whole = FLOW_WORD.exec(this.#text)?.[0];
      if (whole === undefined) throw NOT_PLAIN;
      const found = withoutEndSpaces(whole);
      return [word(found, at), at + found.length];
    }
    if (++this.#depth > MAX_DEPTH) throw NOT_PLAIN;
    const read = first === '[' ? this.#flowList(at) : this.#flowMapping(at);
    this.#depth--;
    return read;
  }

  #flowList(at: number): readonly [PlainNode, end: number] {
    const items: PlainNode[] = [];
    let end = this.#skip(SPACES, at + 1);
    while (this.#text[end] !== ']') {
      const [item, behind] = this.#flow(end);
      items.push(item);
      end = this.#behindComma(behind, ']');
    }
    return [{ at, value: items.map((item) => item.value), items }, end + 1];
  }

  #flowMapping(at: number): readonly [PlainNode, end: number] {
    const value: Record<string, unknown> = {};
    const fields = new Map<string, PlainField>();
    let end = this.#skip(SPACES, at + 1);
    while (this.#text[end] !== '}') {
      const keyAt = end;
      const [whole, key] = this.#key(keyAt);
      if (fields.has(key) || this.#text[keyAt + whole] !== ' ') throw NOT_PLAIN;
      const [node, behind] = this.#flow(this.#skip(SPACES, keyAt + whole));
      fields.set(key, { keyAt, node });
      value[key] = node.value;
      end = this.#behindComma(behind, '}');
    }
    return [{ at, value, fields }, end + 1];
  }

  /** The place of the next entry, or of the closing bracket. */
  #behindComma(at: number, close: string): number {
    const end = this.#skip(SPACES, at);
    if (this.#text[end] === close) return end;
    if (this.#text[end] !== ',') throw NOT_PLAIN;
    const next = this.#skip(SPACES, end + 1);
    if (this.#text[next] === ',' || this.#text[next] === close) throw NOT_PLAIN;
    return next;
  }

  #skip(pattern: RegExp, at: number): number {
    pattern.lastIndex = at;
    pattern.test(this.#text);
    return pattern.lastIndex;
  }
}

/** Of spaces alone: other blanks are part of a word. Without a pattern, which would take the square of a long line's time. */
function withoutEndSpaces(text: string): string {
  let end = text.length;
  while (text[end - 1] === ' ') end--;
  return text.slice(0, end);
}

/** A colon before a space would make it a key, and `.inf` a number. */
function word(text: string, at: number): PlainNode {
  if (text === '' || text.includes(': ') || text.endsWith(':') || /^[-+]?\.(?:inf|nan)$/i.test(text)) throw NOT_PLAIN;
  return { at, value: readScalar(text) };
}
