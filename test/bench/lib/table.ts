/** Rows of one table: the first column is a name, the others are numbers or short texts. */
export interface Table {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

export const median = (values: readonly number[]): number => {
  const sorted = values.filter(Number.isFinite).sort((a, b) => a - b);
  return sorted.length === 0
    ? Number.NaN
    : ((sorted[(sorted.length - 1) >> 1] ?? 0) + (sorted[sorted.length >> 1] ?? 0)) / 2;
};

/** Three digits that mean something. */
export function figure(value: number): string {
  if (!Number.isFinite(value)) return '–';
  if (Math.abs(value) >= 1_000) return Math.round(value).toLocaleString('en-US');
  return value.toFixed(Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2);
}

const widthsOf = ({ columns, rows }: Table): readonly number[] =>
  columns.map((column, i) => Math.max(column.length, ...rows.map((row) => row[i]?.length ?? 0)));

const aligned = (cells: readonly string[], widths: readonly number[]): readonly string[] =>
  widths.map((width, i) => (i === 0 ? (cells[i] ?? '').padEnd(width) : (cells[i] ?? '').padStart(width)));

export function asText(table: Table): string {
  const widths = widthsOf(table);
  const lines = [table.columns, ...table.rows].map((cells) => aligned(cells, widths).join('  ').trimEnd());
  return `${lines[0]}\n${'─'.repeat(widths.reduce((sum, width) => sum + width + 2, -2))}\n${lines.slice(1).join('\n')}\n`;
}

export function asMarkdown(table: Table): string {
  const widths = widthsOf(table);
  const line = (cells: readonly string[]): string => `| ${aligned(cells, widths).join(' | ')} |`;
  const rule = widths.map((width, i) => (i === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`));
  return [line(table.columns), `| ${rule.join(' | ')} |`, ...table.rows.map(line)].join('\n');
}
