import { ANY, type ByteSet, isLetter, type RegexNode } from './regex-syntax.ts';

/**
 * Finite automata over bytes, to decide whether conditions on a text can hold together and to find a text where they
 * do. For the compiler's findings, never on a request's way.
 */
export interface Automaton {
  /** By state. */
  readonly jumps: readonly (readonly Jump[])[];
  readonly steps: readonly (readonly Step[])[];
  readonly start: number;
  readonly accept: number;
}

interface Jump {
  readonly to: number;
  readonly when: 'always' | 'at-start' | 'at-end';
}

interface Step {
  readonly bytes: ByteSet;
  readonly to: number;
}

const MAX_STATES = 4_000;

/** undefined: the pattern has parts that are not understood, or is too large. */
export function toAutomaton(node: RegexNode): Automaton | undefined {
  const draft: Draft = { jumps: [[], []], steps: [[], []] };
  return extend(draft, node, 0, 1) ? { ...draft, start: 0, accept: 1 } : undefined;
}

interface Draft {
  readonly jumps: Jump[][];
  readonly steps: Step[][];
}

function newState(draft: Draft): number {
  draft.steps.push([]);
  return draft.jumps.push([]) - 1;
}

/** Adds all ways of a node between two states; false: it cannot be done. */
function extend(draft: Draft, node: RegexNode, from: number, to: number): boolean {
  if (draft.jumps.length > MAX_STATES) return false;
  switch (node.kind) {
    case 'opaque':
      return false;
    case 'literal':
      draft.steps[from]?.push({ bytes: node.fold ? eitherCase(node.byte) : only(node.byte), to });
      return true;
    case 'set':
      draft.steps[from]?.push({ bytes: node.bytes, to });
      return true;
    case 'start':
    case 'end':
      draft.jumps[from]?.push({ to, when: node.kind === 'start' ? 'at-start' : 'at-end' });
      return true;
    case 'alternate':
      return node.branches.every((branch) => extend(draft, branch, from, to));
    case 'concat': {
      let at = from;
      const all = node.parts.every((part, i) => {
        const next = i === node.parts.length - 1 ? to : newState(draft);
        const done = extend(draft, part, at, next);
        at = next;
        return done;
      });
      return all && (node.parts.length > 0 || jump(draft, from, to));
    }
    case 'repeat':
      return extendRepeat(draft, node, from, to);
  }
}

function extendRepeat(draft: Draft, node: RegexNode & { kind: 'repeat' }, from: number, to: number): boolean {
  let at = from;
  for (let i = 0; i < node.min; i++) {
    const next = newState(draft);
    if (!extend(draft, node.node, at, next)) return false;
    at = next;
  }
  if (node.max === undefined) {
    const loop = newState(draft);
    return jump(draft, at, loop) && extend(draft, node.node, loop, loop) && jump(draft, loop, to);
  }
  for (let i = node.min; i < node.max; i++) {
    const next = newState(draft);
    if (!extend(draft, node.node, at, next) || !jump(draft, at, to)) return false;
    at = next;
  }
  return jump(draft, at, to);
}

function jump(draft: Draft, from: number, to: number): true {
  draft.jumps[from]?.push({ to, when: 'always' });
  return true;
}

const SINGLES = new Map<number, ByteSet>();

function only(byte: number): ByteSet {
  const known = SINGLES.get(byte);
  if (known !== undefined) return known;
  const bytes = new Uint8Array(256).fill(1, byte, byte + 1);
  SINGLES.set(byte, bytes);
  return bytes;
}

function eitherCase(byte: number): ByteSet {
  if (!isLetter(byte)) return only(byte);
  return new Uint8Array(256).fill(1, byte, byte + 1).fill(1, byte ^ 0x20, (byte ^ 0x20) + 1);
}

/* ------------------------------------------------------- looking for a text */

export type TextSearch =
  | { readonly kind: 'found'; readonly text: string }
  | { readonly kind: 'none' }
  /** Too large a question. */
  | { readonly kind: 'unknown' };

export interface TextQuestion {
  /** Each must take the text. */
  readonly wanted: readonly Automaton[];
  /** None may take it. */
  readonly unwanted: readonly Automaton[];
  /** The characters it may have, the preferred ones first. */
  readonly alphabet: string;
}

const MAX_SEARCHED = 3_000;
/** States looked at for one question. What people write takes a few thousand, or a few hundred thousand where a prefix is held against a pattern. */
const MAX_WORK = 400_000;
/** The same for all questions of one examination: a second of a processor. */
const MAX_WORK_TOGETHER = 8_000_000;

interface Allowance {
  left: number;
}

let together: Allowance | undefined;

/**
 * Questions asked within share one allowance, and go unanswered when it is used up: what one team's patterns take to be
 * examined, every team waits for (edge-security M-07, M-08).
 */
export function examining<T>(examine: () => T): T {
  if (together !== undefined) return examine();
  together = { left: MAX_WORK_TOGETHER };
  try {
    return examine();
  } finally {
    together = undefined;
  }
}

interface SearchNode {
  /** One of each machine. */
  readonly states: readonly number[];
  readonly text: string;
}

/** A shortest text that fulfils everything, of the preferred characters where there is a choice. */
export function findText({ wanted, unwanted, alphabet }: TextQuestion): TextSearch {
  const allowance: Allowance = { left: Math.min(MAX_WORK, together?.left ?? MAX_WORK) };
  const before = allowance.left;
  const search = searchText({ wanted, unwanted, alphabet }, allowance);
  if (together !== undefined) together.left -= before - allowance.left;
  return search;
}

function searchText({ wanted, unwanted, alphabet }: TextQuestion, allowance: Allowance): TextSearch {
  const automata = [...wanted, ...unwanted];
  if (allowance.left <= 0) return { kind: 'unknown' };
  const letters = representatives(automata, alphabet, allowance);
  const machines = automata.map((automaton) => determinise(automaton, letters, allowance));
  const isFit = ({ states, text }: SearchNode) =>
    machines.every((machine, i) => machine.accepts(states[i] as number, text === '') === i < wanted.length);
  const queue: SearchNode[] = [{ states: machines.map(() => 0), text: '' }];
  const seen = new Set<string>();
  for (const node of queue) {
    if (isFit(node)) return { kind: 'found', text: node.text };
    if (seen.size > MAX_SEARCHED) return { kind: 'unknown' };
    for (let letter = 0; letter < letters.length; letter++) {
      if (allowance.left <= 0) return { kind: 'unknown' };
      const states = machines.map((machine, i) => machine.next(node.states[i] as number, letter));
      if (states.some((state, i) => i < wanted.length && state === DEAD)) continue;
      const key = states.join();
      if (seen.has(key)) continue;
      seen.add(key);
      queue.push({ states, text: node.text + String.fromCharCode(letters[letter] as number) });
    }
  }
  return { kind: 'none' };
}

/** No text goes on from here. */
const DEAD = -1;

/** An automaton that is in one state at a time; 0 is the first. States are made when they are met. */
interface Machine {
  next(state: number, letter: number): number;
  accepts(state: number, atStart: boolean): boolean;
}

function determinise(automaton: Automaton, letters: readonly number[], allowance: Allowance): Machine {
  const sets: (readonly number[])[] = [closure(automaton, [automaton.start], true, false)];
  const ids = new Map([[sets[0]?.join() ?? '', 0]]);
  const moves = new Map<number, number>();
  const final: (boolean | undefined)[] = [];
  const move = (state: number, letter: number): number => {
    const from = sets[state] ?? [];
    const set = advance(automaton, from, letters[letter] as number);
    allowance.left -= from.length + set.length;
    if (set.length === 0) return DEAD;
    const key = set.join();
    const id = ids.get(key) ?? sets.push(set) - 1;
    ids.set(key, id);
    return id;
  };
  return {
    next(state, letter) {
      if (state === DEAD) return DEAD;
      const place = state * letters.length + letter;
      const known = moves.get(place) ?? move(state, letter);
      moves.set(place, known);
      return known;
    },
    accepts(state, atStart) {
      if (state === DEAD) return false;
      if (atStart) return accepts(automaton, sets[state] ?? [], true);
      final[state] ??= accepts(automaton, sets[state] ?? [], false);
      return final[state];
    },
  };
}

/** One byte of each kind that no step tells apart. */
function representatives(automata: readonly Automaton[], alphabet: string, allowance: Allowance): readonly number[] {
  const sets = new Set<ByteSet>();
  for (const { steps } of automata) for (const step of steps.flat()) if (step.bytes !== ANY) sets.add(step.bytes);
  allowance.left -= alphabet.length * sets.size;
  const kinds = new Map<string, number>();
  for (let i = 0; i < alphabet.length; i++) {
    const byte = alphabet.charCodeAt(i);
    let kind = '';
    for (const bytes of sets) kind += bytes[byte];
    if (!kinds.has(kind)) kinds.set(kind, byte);
  }
  return [...kinds.values()];
}

function closure(automaton: Automaton, states: readonly number[], atStart: boolean, atEnd: boolean): readonly number[] {
  const reached = new Set(states);
  for (const state of reached) {
    for (const { to, when } of automaton.jumps[state] ?? []) {
      if (when === 'always' || (when === 'at-start' ? atStart : atEnd)) reached.add(to);
    }
  }
  return [...reached].sort((a, b) => a - b);
}

const accepts = (automaton: Automaton, states: readonly number[], atStart: boolean): boolean =>
  closure(automaton, states, atStart, true).includes(automaton.accept);

function advance(automaton: Automaton, states: readonly number[], byte: number): readonly number[] {
  const next = new Set<number>();
  for (const state of states) {
    for (const { bytes, to } of automaton.steps[state] ?? []) if (bytes[byte] === 1) next.add(to);
  }
  return next.size === 0 ? [] : closure(automaton, [...next], false, false);
}
