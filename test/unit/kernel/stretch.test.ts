import { describe, expect, it } from 'vitest';
import { changedStretch, replaceStretch } from '../../../src/kernel/stretch.ts';

describe('the stretch in which two lists differ', () => {
  it.each([
    ['nothing', 'abc', 'abc', undefined],
    ['nothing, of empty lists', '', '', undefined],
    ['one in the middle', 'abcd', 'abXd', { from: 2, toBefore: 3, toNow: 3 }],
    ['one that came', 'abd', 'abcd', { from: 2, toBefore: 2, toNow: 3 }],
    ['one that went', 'abcd', 'abd', { from: 2, toBefore: 3, toNow: 2 }],
    ['one more of many alike', 'aaa', 'aaaa', { from: 3, toBefore: 3, toNow: 4 }],
    ['one less of many alike', 'aaaa', 'aaa', { from: 3, toBefore: 4, toNow: 3 }],
    ['the first and the last', 'abc', 'XbY', { from: 0, toBefore: 3, toNow: 3 }],
    ['everything', 'ab', 'cde', { from: 0, toBefore: 2, toNow: 3 }],
    ['everything that there was', 'ab', '', { from: 0, toBefore: 2, toNow: 0 }],
  ])('is %s', (_what, before, now, stretch) => {
    expect(changedStretch([...before], [...now])).toEqual(stretch);
  });

  it.each([
    ['abcd', 'abXd'],
    ['abd', 'abcd'],
    ['aaaa', 'aaa'],
    ['ab', 'cde'],
    ['', 'ab'],
  ])('makes the one list the other when it is replaced: %s to %s', (before, now) => {
    const stretch = changedStretch([...before], [...now]);
    if (stretch === undefined) throw new Error('they differ');
    const made = replaceStretch([...before], stretch, [...now].slice(stretch.from, stretch.toNow));
    expect(made.join('')).toBe(now);
  });
});
