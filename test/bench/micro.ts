import path from 'node:path';
import { run } from './lib/process.ts';
import type { Section } from './lib/report.ts';
import type { Table } from './lib/table.ts';

/** A benchmark that prints with console.table, in a process of its own: what others left in the heap is no part of it. */
export function benchProgram(name: 'match' | 'compile'): Section {
  const text = run(process.execPath, [path.join(import.meta.dirname, `${name}.bench.ts`)]);
  return { name, tables: tablesOf(text) };
}

/** Takes the boxes off, and the column with the row numbers. */
function tablesOf(text: string): readonly Table[] {
  return text
    .split('┌')
    .slice(1)
    .map((box) => {
      const lines = box.split('\n').filter((line) => line.startsWith('│'));
      const [columns = [], ...rows] = lines.map((line) =>
        line
          .split('│')
          .slice(2, -1)
          .map((cell) => cell.trim().replace(/^'(.*)'$/, '$1')),
      );
      return { columns, rows };
    });
}
