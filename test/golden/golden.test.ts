import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { compile } from '../../src/compiler/index.ts';
import { resourceSet } from '../../src/resources/index.ts';
import { compileOptions, readResources } from '../support/resources.ts';
import { diagnosticsText, tableText } from '../support/table-text.ts';

/*
 * One idea a folder: `in/<namespace>/*.yaml` comes to `table.txt` and `diagnostics.txt`, which are read in review.
 * `UPDATE_GOLDEN=1 npx vitest run test/golden` writes them anew.
 */

const ROOT = import.meta.dirname;
const UPDATE = process.env['UPDATE_GOLDEN'] === '1';

function compileFolder(folder: string) {
  const objects = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.yaml'))
    .sort()
    .flatMap((file) => readResources(readFileSync(join(folder, file), 'utf8'), file.split('/')[0] ?? '', file, true));
  return compile(resourceSet(objects), compileOptions());
}

function compareWithFile(file: string, text: string): void {
  if (UPDATE) writeFileSync(file, text);
  expect(text).toBe(existsSync(file) ? readFileSync(file, 'utf8') : undefined);
}

const cases = readdirSync(ROOT, { withFileTypes: true }).filter((entry) => entry.isDirectory());

describe.each(cases.map(({ name }) => name))('%s', (name) => {
  const folder = join(ROOT, name);
  const compilation = compileFolder(join(folder, 'in'));

  it('comes to the table that was reviewed', () => {
    compareWithFile(join(folder, 'table.txt'), tableText(compilation.table));
  });

  it('gives the findings that were reviewed', () => {
    compareWithFile(join(folder, 'diagnostics.txt'), diagnosticsText(compilation.diagnostics));
  });
});
