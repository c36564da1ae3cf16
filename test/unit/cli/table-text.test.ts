import { describe, expect, it } from 'vitest';
import { tableText } from '../../../src/cli/table-text.ts';
import { printable } from '../../../src/cli/terminal.ts';

interface Row {
  readonly port: string;
  readonly host: string;
  readonly owner: string;
}
const columns = [
  { title: 'PORT', text: (row: Row) => row.port, shrinks: false },
  { title: 'HOST', text: (row: Row) => row.host },
  { title: 'OWNER', text: (row: Row) => row.owner, style: () => 'red' as const },
];
const plain = { paint: (_style: unknown, text: string) => text };
const rows: Row[] = [
  { port: '80', host: 'shop.example.com', owner: 'shop/cart' },
  { port: '8443', host: 'a-very-long-name-of-a-host.example.com', owner: 'a-namespace/an-object-with-a-name' },
];
const linesOf = (width: number | undefined): string[] => tableText(columns, rows, plain, width).split('\n');

describe('a table', () => {
  it('is aligned and whole where there is room', () => {
    expect(linesOf(undefined)).toEqual([
      'PORT  HOST                                    OWNER',
      '80    shop.example.com                        shop/cart',
      '8443  a-very-long-name-of-a-host.example.com  a-namespace/an-object-with-a-name',
      '',
    ]);
  });

  it.each([[40], [50], [60], [70]])('fits into %i columns, its widest ones cut first', (width) => {
    const lines = linesOf(width);
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(width);
    expect(lines[2]).toMatch(/^8443 {2}a-very-.*….*…?$/);
  });

  it('is cut no further than it can be read', () => {
    expect(linesOf(10)[2]).toBe('8443  a-very-long…  a-namespace…');
  });

  it('is a title line alone without rows', () => {
    expect(tableText(columns, [], plain, 80)).toBe('PORT  HOST  OWNER\n');
  });

  it('keeps colours out of the widths', () => {
    const coloured = { paint: (style: unknown, text: string) => (style === 'red' ? `<${text}>` : text) };
    expect(tableText(columns, rows.slice(0, 1), coloured, undefined)).toContain('80    shop.example.com  <shop/cart>');
  });

  it('hands no escape sequence of a team to the terminal', () => {
    expect(tableText(columns, [{ port: '1', host: '\u001b[2J', owner: 'x' }], plain, undefined)).toContain('\\x1b[2J');
    expect(printable('a\tb\u009b\u0007')).toBe('a\tb\\x9b\\x07');
  });
});
