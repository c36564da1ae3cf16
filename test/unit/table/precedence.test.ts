import { describe, expect, it } from 'vitest';
import {
  compareVirtualServices,
  isCatchAll,
  type Precedence,
  sortCatchAllsLast,
} from '../../../src/table/precedence.ts';
import { any, claim, exact, header, is, match, prefix, present, query, regex, route } from './builders.ts';

const at = (
  visibility: Precedence['visibility'],
  createdAtMs: number,
  name: string,
  namespace: string,
): Precedence => ({
  visibility,
  createdAtMs,
  name,
  namespace,
});

describe('VirtualServices', () => {
  it('come private, explicit, public; then oldest, by name, by namespace', () => {
    const ordered = [
      at('private', 9, 'z', 'z'),
      at('explicit', 0, 'z', 'a'),
      at('explicit', 5, 'a', 'a'),
      at('public', 1, 'z', 'z'),
      at('public', 2, 'a', 'z'),
      at('public', 2, 'b', 'a'),
      at('public', 2, 'b', 'b'),
    ];
    expect(ordered.toReversed().sort(compareVirtualServices)).toEqual(ordered);
  });
});

describe('a catch-all', () => {
  it.each([
    [match(), true],
    [match({ path: prefix('/') }), true],
    [match({ path: prefix('/', true) }), true],
    [match({ path: regex('.*') }), true],
    [match({ path: prefix('') }), false],
    [match({ path: prefix('/a') }), false],
    [match({ path: exact('/') }), false],
    [match({ path: regex('/.*') }), false],
    [match({ path: any, headers: [header('x', is('a'))] }), false],
    [match({ path: any, queryParams: [query('x', present)] }), false],
    [match({ path: any, claims: [claim(['x'], present)] }), false],
  ])('%j: %s', (conditions, wanted) => {
    expect(isCatchAll(conditions)).toBe(wanted);
  });

  it('goes to the end, in the order of its kind; the others stay', () => {
    const routes = [
      route('all-1'),
      route('a', { path: prefix('/a') }),
      route('all-2', { path: prefix('/') }),
      route('empty', { path: prefix('') }),
      route('b', { path: exact('/b') }),
    ];
    expect(sortCatchAllsLast(routes).map(({ id }) => id)).toEqual(['a', 'empty', 'b', 'all-1', 'all-2']);
    expect(sortCatchAllsLast([])).toEqual([]);
  });
});
