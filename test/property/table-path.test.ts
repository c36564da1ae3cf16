import { describe, expect, it } from 'vitest';
import { normalizePath } from '../../src/table/path.ts';
import { dice } from './table-random.ts';

const PIECES = [
  '/',
  '/',
  '//',
  '.',
  '..',
  '\\',
  '%2e',
  '%2E',
  '%2f',
  '%5C',
  '%41',
  '%7e',
  '%25',
  '%',
  '%zz',
  'a',
  'B',
  '0',
  '{',
  '"',
  '%00',
  '%0a',
  '4',
  '1',
];

describe('normalising', () => {
  it('twice is normalising once, where no dots are followed by parameters', () => {
    for (const mode of ['none', 'base', 'merge-slashes', 'decode-and-merge-slashes'] as const) {
      const d = dice(mode.length);
      for (let i = 0; i < 20_000; i++) {
        const path = `/${Array.from({ length: d.below(9) }, () => d.oneOf(PIECES)).join('')}`;
        const once = normalizePath(path, mode);
        if (!once.ok) continue;
        expect({ from: path, ...normalizePath(once.path, mode) }).toEqual({ from: path, ...once });
      }
    }
  });

  it('leaves no dot segment, no backslash and no doubled slash', () => {
    const d = dice(7);
    for (let i = 0; i < 20_000; i++) {
      const path = `/${Array.from({ length: d.below(9) }, () => d.oneOf(PIECES)).join('')}`;
      const normal = normalizePath(path, 'decode-and-merge-slashes');
      if (normal.ok) expect(`${normal.path}/`).not.toMatch(/\/\.{1,2}\/|\\|%2f|%5c|.\/\/./i);
    }
  });
});
