import { describe, expect, it } from 'vitest';
import { whyNeverMet } from '../../src/compiler/rules/never-met.ts';
import { normalizePath } from '../../src/table/path.ts';
import { dice } from './table-random.ts';

const PIECES = [
  '/',
  '/',
  '//',
  '.',
  '..',
  ';',
  '\\',
  '%2e',
  '%2E',
  '%2f',
  '%2F',
  '%5C',
  '%41',
  '%7e',
  '%25',
  '%3b',
  '%3B',
];
const MORE = ['%', '%zz', '%2', 'a', 'B', '0', '{', '}', '"', '%C3', '%a9', '4', '1', 'F', '*', '|'];

describe('no path of a request, nor a part of one, is said to be never met', () => {
  it.each(['none', 'base', 'merge-slashes', 'decode-and-merge-slashes'] as const)('%s', (mode) => {
    const d = dice(mode.length);
    for (let i = 0; i < 10_000; i++) {
      const asked = `/${Array.from({ length: d.below(9) }, () => d.oneOf([...PIECES, ...MORE])).join('')}`;
      const normal = normalizePath(asked, mode);
      if (!normal.ok) continue;
      const { path } = normal;
      const [from, to] = [d.below(path.length + 1), d.below(path.length + 1)].sort((a, b) => a - b) as [number, number];
      const found = [
        whyNeverMet('exact', path, mode),
        whyNeverMet('prefix', path.slice(0, to), mode),
        whyNeverMet('suffix', path.slice(from), mode),
        whyNeverMet('anywhere', path.slice(from, to), mode),
      ];
      expect({ asked, path, from, to, found }).toEqual({ asked, path, from, to, found: Array(4).fill(undefined) });
    }
  });
});
