import { lowerAscii } from './bytes.ts';
import { NOT_NEWLINE, type RegexNode } from './regex-syntax.ts';

/** What every match of a pattern begins with; all of it in lower case and to be compared so when `fold`. */
export interface LiteralPrefix {
  readonly text: string;
  readonly fold: boolean;
}

export const NO_PREFIX: LiteralPrefix = { text: '', fold: false };

/** The longest text that surely begins every match; '' when nothing is sure. */
export function literalPrefix(node: RegexNode): LiteralPrefix {
  const { text, fold } = prefixOf(node);
  return fold ? { text: lowerAscii(text), fold } : { text, fold };
}

/** `whole`: the node matches that text and nothing else, so that what follows it may be joined. */
interface Prefix extends LiteralPrefix {
  readonly whole: boolean;
}

function prefixOf(node: RegexNode): Prefix {
  switch (node.kind) {
    case 'literal':
      return { text: String.fromCharCode(node.byte), fold: node.fold, whole: true };
    case 'start':
    case 'end':
      return { ...NO_PREFIX, whole: true };
    case 'set':
    case 'opaque':
      return { ...NO_PREFIX, whole: false };
    case 'repeat':
      return node.min === 0 ? { ...NO_PREFIX, whole: false } : { ...prefixOf(node.node), whole: false };
    case 'concat': {
      let text = '';
      let fold = false;
      for (const part of node.parts) {
        const next = prefixOf(part);
        text += next.text;
        fold ||= next.fold;
        if (!next.whole) return { text, fold, whole: false };
      }
      return { text, fold, whole: true };
    }
    case 'alternate':
      return commonPrefix(node.branches.map(prefixOf));
  }
}

function commonPrefix(prefixes: readonly Prefix[]): Prefix {
  const fold = prefixes.some((prefix) => prefix.fold);
  const texts = prefixes.map((prefix) => (fold ? lowerAscii(prefix.text) : prefix.text));
  const first = texts[0] ?? '';
  let length = first.length;
  for (const text of texts) {
    while (!text.startsWith(first.slice(0, length))) length -= 1;
  }
  return { text: first.slice(0, length), fold, whole: false };
}

/** Texts that every match contains, in their order, letter case included. */
export function requiredLiterals(node: RegexNode): readonly string[] {
  const runs: string[] = [];
  let run = '';
  const flush = () => {
    if (run !== '') runs.push(run);
    run = '';
  };
  const visit = (part: RegexNode): void => {
    switch (part.kind) {
      case 'literal':
        if (part.fold) flush();
        else run += String.fromCharCode(part.byte);
        return;
      case 'concat':
        part.parts.forEach(visit);
        return;
      case 'start':
      case 'end':
        return;
      case 'repeat':
        flush();
        if (part.min > 0) visit(part.node);
        flush();
        return;
      case 'set':
      case 'opaque':
      case 'alternate':
        flush();
        return;
    }
  };
  visit(node);
  flush();
  return runs;
}

/** A pattern that says no more than a text comparison does. `contains` is `.*text.*`. */
export interface PlainShape {
  readonly kind: 'exact' | 'prefix' | 'suffix' | 'contains';
  readonly text: string;
}

/** The shapes that most patterns of teams have: `text`, `text.*`, `.*text`, `.*text.*`, anchored or not. */
export function plainShape(node: RegexNode): PlainShape | undefined {
  const parts = node.kind === 'concat' ? node.parts.flatMap(flatten) : flatten(node);
  let from = parts[0]?.kind === 'start' ? 1 : 0;
  let to = parts.at(-1)?.kind === 'end' ? parts.length - 1 : parts.length;
  const open = isAnything(parts[from]);
  if (open) from += 1;
  const openEnd = to > from && isAnything(parts[to - 1]);
  if (openEnd) to -= 1;
  let text = '';
  for (const part of parts.slice(from, to)) {
    if (part.kind !== 'literal' || part.fold) return undefined;
    text += String.fromCharCode(part.byte);
  }
  if (open) return { kind: openEnd || text === '' ? 'contains' : 'suffix', text };
  return { kind: openEnd ? 'prefix' : 'exact', text };
}

const flatten = (node: RegexNode): readonly RegexNode[] =>
  node.kind === 'concat' ? node.parts.flatMap(flatten) : [node];

const isAnything = (node: RegexNode | undefined): boolean =>
  node?.kind === 'repeat' &&
  node.min === 0 &&
  node.max === undefined &&
  node.node.kind === 'set' &&
  NOT_NEWLINE.every((has, byte) => has === 0 || (node.node.kind === 'set' && node.node.bytes[byte] === 1));
