import { err, ok, type Result } from '../kernel/result.ts';

/** The text of one document of a file. */
export interface YamlChunk {
  readonly text: string;
  /** The file's line on which it begins, from 1. */
  readonly line: number;
}

export interface SplitLimit {
  readonly message: string;
  readonly line: number;
}

/** Nesting beyond this in brackets is refused before anything is parsed, so that no parser's memory is at stake. */
const MAX_OPEN_BRACKETS = 2_000;
/** Only blanks, a comment or a directive. */
const SAYS_NOTHING = /^[ \t\r]*(?:[#%]|$)/;

/**
 * A line that begins with `---` or `...` ends a document wherever it stands, inside quotes and block scalars too
 * (YAML 1.2.2, c-forbidden): so a file can be cut into documents without parsing it. Empty ones are left out.
 */
export function splitDocuments(text: string, maxDocuments: number): Result<readonly YamlChunk[], SplitLimit> {
  const marker = /^(?:---|\.\.\.)(?=[ \t\r\n]|$)/gm;
  const chunks: YamlChunk[] = [];
  let start = text.startsWith('\uFEFF') ? 1 : 0;
  let line = 1;
  const add = (end: number): void => {
    const chunk = text.slice(start, end);
    if (!isNothing(chunk)) chunks.push({ text: chunk, line });
    line += countLines(chunk);
    start = end;
  };
  for (const { index, 0: found } of text.matchAll(marker)) {
    add(index);
    if (found === '...') start = index + found.length;
    if (chunks.length > maxDocuments)
      return err({ message: `The file has more than ${maxDocuments} documents.`, line });
  }
  add(text.length);
  const deep = chunks.find((chunk) => opensTooMany(chunk.text));
  if (deep !== undefined)
    return err({
      message: `The document opens more than ${MAX_OPEN_BRACKETS} brackets within each other.`,
      line: deep.line,
    });
  return ok(chunks);
}

function isNothing(chunk: string): boolean {
  for (let start = chunk.startsWith('---') ? 3 : 0; start < chunk.length; ) {
    const newline = chunk.indexOf('\n', start);
    const end = newline === -1 ? chunk.length : newline;
    if (!SAYS_NOTHING.test(chunk.slice(start, end))) return false;
    start = end + 1;
  }
  return true;
}

function countLines(text: string): number {
  let lines = 0;
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) lines++;
  return lines;
}

/** An upper bound: brackets in quotes and comments count too. */
function opensTooMany(text: string): boolean {
  let open = 0;
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c === 0x5b || c === 0x7b) {
      if (++open > MAX_OPEN_BRACKETS) return true;
    } else if ((c === 0x5d || c === 0x7d) && open > 0) open--;
  }
  return false;
}
