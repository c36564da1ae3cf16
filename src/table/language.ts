import type { StringMatch } from '../kernel/string-match.ts';
import { type Automaton, findText, type TextSearch, toAutomaton } from './automaton.ts';
import { lowerAscii, toBytes } from './bytes.ts';
import type { PathMatch } from './model.ts';
import { bindRegex } from './regex.ts';
import { ANY, type RegexNode } from './regex-syntax.ts';

/** All texts that a condition takes. */
export interface Language {
  readonly takes: (text: string) => boolean;
  /** undefined: not understood; then only trying texts helps. */
  readonly node: RegexNode | undefined;
  /** Texts worth trying. */
  readonly samples: readonly string[];
  /** The only text it takes. */
  readonly only: string | undefined;
}

const ANYTHING: RegexNode = { kind: 'repeat', node: { kind: 'set', bytes: ANY }, min: 0, max: undefined };

const literals = (text: string, fold: boolean): readonly RegexNode[] =>
  Array.from(text, (char) => ({ kind: 'literal', byte: char.charCodeAt(0), fold }));

export const everything: Language = { takes: () => true, node: ANYTHING, samples: [], only: undefined };

/** Of a text condition; `present` takes everything. */
export function languageOf(match: StringMatch | { readonly kind: 'present' }): Language {
  switch (match.kind) {
    case 'present':
      return everything;
    case 'exact':
      return textLanguage(toBytes(match.value), false);
    case 'prefix':
      return prefixLanguage(toBytes(match.value), false);
    case 'suffix': {
      const end = toBytes(match.value);
      const node: RegexNode = { kind: 'concat', parts: [ANYTHING, ...literals(end, false)] };
      return { takes: (text) => text.endsWith(end), node, samples: [end], only: undefined };
    }
    case 'regex':
      return regexLanguage(match.value);
  }
}

export function pathLanguage(path: PathMatch): Language {
  switch (path.kind) {
    case 'any':
      return everything;
    case 'exact':
      return textLanguage(toBytes(path.value), path.ignoreCase);
    case 'prefix':
      return prefixLanguage(toBytes(path.value), path.ignoreCase);
    case 'regex':
      return regexLanguage(path.value);
  }
}

function textLanguage(wanted: string, fold: boolean): Language {
  const node: RegexNode = { kind: 'concat', parts: literals(wanted, fold) };
  const lower = lowerAscii(wanted);
  const takes = fold ? (text: string) => lowerAscii(text) === lower : (text: string) => text === wanted;
  return { takes, node, samples: [wanted], only: fold ? undefined : wanted };
}

function prefixLanguage(start: string, fold: boolean): Language {
  const node: RegexNode = { kind: 'concat', parts: [...literals(start, fold), ANYTHING] };
  const lower = lowerAscii(start);
  const takes = fold ? (text: string) => lowerAscii(text).startsWith(lower) : (text: string) => text.startsWith(start);
  return { takes, node, samples: [start], only: undefined };
}

function regexLanguage(pattern: string): Language {
  const { matches, tree, shape, prefix } = bindRegex(pattern);
  const samples = prefix.fold || prefix.text === '' ? [] : [prefix.text];
  return { takes: matches, node: tree, samples, only: shape?.kind === 'exact' ? shape.text : undefined };
}

const automata = new WeakMap<RegexNode, { readonly automaton: Automaton | undefined }>();

function automatonOf(node: RegexNode | undefined): Automaton | undefined {
  if (node === undefined) return undefined;
  const known = automata.get(node);
  if (known !== undefined) return known.automaton;
  const automaton = toAutomaton(node);
  automata.set(node, { automaton });
  return automaton;
}

export interface LanguageQuestion {
  readonly wanted: readonly Language[];
  readonly unwanted: readonly Language[];
  /** Characters the text may have, preferred ones first. */
  readonly alphabet: string;
  /** Tried before anything else, in this order. */
  readonly samples?: readonly string[];
}

/** A text that all of the wanted and none of the unwanted languages have. */
export function findCommon({ wanted, unwanted, alphabet, samples = [] }: LanguageQuestion): TextSearch {
  const isFit = (text: string) =>
    wanted.every((language) => language.takes(text)) &&
    !unwanted.some((language) => language.takes(text)) &&
    Array.from(text).every((char) => alphabet.includes(char));
  const only = wanted.find((language) => language.only !== undefined)?.only;
  if (only !== undefined) return isFit(only) ? { kind: 'found', text: only } : { kind: 'none' };
  const theirs = wanted.flatMap((language) => language.samples).sort((a, b) => b.length - a.length);
  const found = [...samples, ...theirs].find(isFit);
  if (found !== undefined) return { kind: 'found', text: found };
  return searchAutomata(wanted, unwanted, alphabet, isFit);
}

/** Languages that are not understood are left out first: without them there may be nothing in common already. */
function searchAutomata(
  wanted: readonly Language[],
  unwanted: readonly Language[],
  alphabet: string,
  isFit: (text: string) => boolean,
): TextSearch {
  const wantedAutomata = wanted.map(({ node }) => automatonOf(node));
  const unwantedAutomata = unwanted.map(({ node }) => automatonOf(node));
  const known = (automaton: Automaton | undefined): automaton is Automaton => automaton !== undefined;
  const search = findText({ wanted: wantedAutomata.filter(known), unwanted: unwantedAutomata.filter(known), alphabet });
  return search.kind === 'found' && !isFit(search.text) ? { kind: 'unknown' } : search;
}
