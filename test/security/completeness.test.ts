import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';

/*
 * Every row of edge-security §1 that is about bytes of a client or a service has a test that names it; a row that joins several
 * numbers is named by its first. Not here: X-08 (nothing is inflated), and T-09, which `npm run test:faults` has.
 */
const ROWS: Readonly<Record<string, readonly number[]>> = {
  F: [1, 2, 4, 7, 8, 12, 14, 16, 17, 21, 23, 24, 25, 26, 27, 28, 30, 31, 32, 33, 34, 35, 36, 38],
  H: [1, 2, 3, 4, 6, 8, 9, 10, 11, 12, 13, 15],
  S: [1, 2, 3, 5, 6, 8, 9, 10, 11, 12, 14],
  P: [1, 3, 4, 5, 7, 8, 9, 10, 12, 14, 15, 16, 18, 19],
  T: [1, 2, 4, 6, 7, 10],
  X: [1, 2, 3, 4, 6, 9, 10, 11, 12, 13, 14],
};

const here = path.resolve(import.meta.dirname, '..');
const texts = ['unit', 'dataplane', 'security', 'property'].flatMap((folder) =>
  readdirSync(path.join(here, folder), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.test.ts') && !file.endsWith('completeness.test.ts'))
    .map((file) => readFileSync(path.join(here, folder, file), 'utf8')),
);

it.each(
  Object.entries(ROWS).flatMap(([letter, numbers]) =>
    numbers.map((number) => `${letter}-${String(number).padStart(2, '0')}`),
  ),
)('%s has a test', (row) => {
  const named = new RegExp(`\\b${row}\\b`);
  expect(texts.some((text) => named.test(text))).toBe(true);
});
