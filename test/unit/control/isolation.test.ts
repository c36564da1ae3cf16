import { describe, expect, it } from 'vitest';
import { compileIsolated } from '../../../src/control/isolation.ts';
import type { ResourceSet } from '../../../src/resources/set.ts';
import { compilationOf, setOf, textsOf } from './builders.ts';

/** Throws on any object whose name is `bad`, and on `left` and `right` together. */
function compile(resources: ResourceSet) {
  const names = textsOf(resources).map((text) => text.split('/')[1] as string);
  if (names.some((name) => name.startsWith('bad'))) throw new Error('cannot compile bad');
  if (names.includes('left') && names.includes('right')) throw new Error('cannot compile both');
  return compilationOf(resources);
}

describe('isolating namespaces that the compiler fails on', () => {
  it.each([
    ['nothing when all is well', ['a/x@2', 'b/y'], ['a/x@1'], ['a/x@2', 'b/y'], []],
    [
      'one namespace, which keeps its last good state',
      ['a/x@2', 'b/bad', 'c/z'],
      ['a/x@1', 'b/y'],
      ['a/x@2', 'b/y', 'c/z'],
      ['b'],
    ],
    ['one that has no last good state, which has nothing', ['a/x', 'b/bad'], undefined, ['a/x'], ['b']],
    [
      'several',
      ['a/bad', 'b/x@2', 'c/bad', 'd/y@2', 'e/bad'],
      ['a/x', 'b/x@1', 'd/y@1'],
      ['a/x', 'b/x@2', 'd/y@2'],
      ['a', 'c', 'e'],
    ],
    ['all', ['a/bad', 'b/bad'], ['a/x', 'b/y'], ['a/x', 'b/y'], ['a', 'b']],
    ['one of two that do not get on', ['a/left', 'b/right', 'c/x'], undefined, ['a/left', 'c/x'], ['b']],
    ['one while another goes away', ['b/bad'], ['a/x', 'b/y'], ['b/y'], ['b']],
    ['objects without a namespace', ['/bad', 'a/x'], ['/ns'], ['/ns', 'a/x'], ['']],
  ])('holds back %s', (_name, next, lastGood, expected, heldBack) => {
    const outcome = compileIsolated(compile, setOf(...next), lastGood && setOf(...lastGood));
    expect(textsOf(outcome.resources)).toEqual(expected);
    expect(outcome.compilation.table.revision).toBe(expected.join(' '));
    expect(outcome.heldBack.map((entry) => entry.namespace)).toEqual(heldBack);
  });

  it('throws when not even the last good state compiles', () => {
    const broken = (): never => {
      throw new Error('always');
    };
    expect(() => compileIsolated(broken, setOf('a/x'), setOf('a/x'))).toThrow('always');
  });

  it('finds one culprit among a thousand namespaces in few compilations', () => {
    let compilations = 0;
    const counting = (resources: ResourceSet) => {
      compilations++;
      return compile(resources);
    };
    const all = Array.from({ length: 1000 }, (_, i) => `n${i}/${i === 700 ? 'bad' : 'x'}`);
    expect(compileIsolated(counting, setOf(...all), undefined).heldBack).toHaveLength(1);
    expect(compilations).toBeLessThan(30);
  });
});
