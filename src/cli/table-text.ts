import { printable, type Style, type Terminal } from './terminal.ts';

export interface Column<R> {
  readonly title: string;
  readonly text: (row: R) => string;
  readonly style?: (row: R) => Style | undefined;
  /** Gives way first when the table is too wide. Default true; numbers and the like must stay whole. */
  readonly shrinks?: boolean;
}

const GAP = '  ';
/** No column is cut below this. */
const NARROWEST = 12;

/** Aligned columns with a title line, cut to fit into `width`; undefined: nothing is cut. */
export function tableText<R>(
  columns: readonly Column<R>[],
  rows: readonly R[],
  terminal: Pick<Terminal, 'paint'>,
  width: number | undefined,
): string {
  const cells = rows.map((row) => columns.map((column) => printable(column.text(row))));
  const widths = fitted(
    columns.map((column, i) =>
      cells.reduce((most, line) => Math.max(most, (line[i] as string).length), column.title.length),
    ),
    columns.map((column) => column.shrinks !== false),
    width,
  );
  const last = columns.length - 1;
  const pad = (text: string, i: number): string =>
    i === last ? cut(text, widths[i] as number) : cut(text, widths[i] as number).padEnd(widths[i] as number);
  const title = columns.map((column, i) => terminal.paint('bold', pad(column.title, i))).join(GAP);
  const lines = rows.map((row, r) =>
    columns
      .map((column, i) => {
        const text = pad((cells[r] as string[])[i] as string, i);
        const style = column.style?.(row);
        return style === undefined ? text : terminal.paint(style, text);
      })
      .join(GAP)
      .trimEnd(),
  );
  return `${[title, ...lines].join('\n')}\n`;
}

const cut = (text: string, width: number): string => (text.length <= width ? text : `${text.slice(0, width - 1)}…`);

/** Takes from the widest of those that may shrink until all fit, or none can give more. */
function fitted(wanted: readonly number[], shrinks: readonly boolean[], width: number | undefined): readonly number[] {
  const widths = [...wanted];
  if (width === undefined) return widths;
  let excess = widths.reduce((sum, each) => sum + each, GAP.length * (widths.length - 1)) - width;
  for (; excess > 0; excess--) {
    const candidates = widths.map((each, i) => (shrinks[i] && each > NARROWEST ? each : 0));
    const widest = Math.max(...candidates);
    if (widest === 0) break;
    widths[candidates.indexOf(widest)] = widest - 1;
  }
  return widths;
}
