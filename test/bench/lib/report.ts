import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { asMarkdown, asText, type Table } from './table.ts';

const docs = path.resolve(import.meta.dirname, '../../../docs');
const PAGE = path.join(docs, 'performance.md');

/** What a part of the run has to say: printed, and put into its place in docs/performance.md. */
export interface Section {
  readonly name: string;
  readonly notes?: readonly string[];
  readonly tables: readonly Table[];
}

export function print({ notes = [], tables }: Section): void {
  for (const table of tables) console.log(`\n${asText(table)}`);
  for (const note of notes) console.log(note);
}

/** Replaces what stands between the section's marks; the rest of the page is written by hand. */
export function record({ name, notes = [], tables }: Section): void {
  if (!existsSync(PAGE)) return;
  const [begin, end] = [`<!-- bench:${name} -->`, `<!-- /bench:${name} -->`];
  const page = readFileSync(PAGE, 'utf8');
  const [from, to] = [page.indexOf(begin), page.indexOf(end)];
  if (from === -1 || to < from) throw new Error(`docs/performance.md has no place for ${name}: ${begin} … ${end}`);
  const text = [...tables.map(asMarkdown), ...(notes.length > 0 ? [notes.join('\n')] : [])].join('\n\n');
  writeFileSync(PAGE, `${page.slice(0, from + begin.length)}\n${text}\n${page.slice(to)}`);
}

export function recordPlot(svg: string): void {
  writeFileSync(path.join(docs, 'performance.svg'), svg);
}
