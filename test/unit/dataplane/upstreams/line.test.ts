import { describe, expect, it } from 'vitest';
import { Line, type Standing } from '../../../../src/dataplane/upstreams/line.ts';

interface One extends Standing<One> {
  readonly name: string;
}
const one = (name: string): One => ({ name, line: undefined, ahead: undefined, behind: undefined });
const names = (line: Line<One>): string =>
  line
    .dismiss()
    .map(({ name }) => name)
    .join('');

describe('a line', () => {
  it.each([
    ['nobody', '', 'abcd'],
    ['the first', 'a', 'bcd'],
    ['one in the middle', 'c', 'abd'],
    ['the last', 'd', 'abc'],
    ['two neighbours', 'bc', 'ad'],
    ['all, in any order', 'cadb', ''],
  ])('keeps its order when %s leaves', (_who, leaving, left) => {
    const line = new Line<One>();
    const all = [...'abcd'].map(one);
    for (const each of all) line.add(each);
    for (const name of leaving) expect(line.delete(all.find((each) => each.name === name) as One)).toBe(true);
    expect(line.size).toBe(left.length);
    expect(line.first?.name).toBe(left[0]);
    expect(names(line)).toBe(left);
    expect(line.size).toBe(0);
    expect(line.first).toBeUndefined();
  });

  it('knows who stands in another one, or in none', () => {
    const [line, other] = [new Line<One>(), new Line<One>()];
    const a = one('a');
    expect(line.delete(a)).toBe(false);
    other.add(a);
    expect(line.delete(a)).toBe(false);
    expect(other.delete(a)).toBe(true);
    expect(other.delete(a)).toBe(false);
  });

  it('holds nobody back who has left, and points from nobody to his successors', () => {
    const line = new Line<One>();
    const [a, b, c] = [one('a'), one('b'), one('c')];
    for (const each of [a, b, c]) line.add(each);
    line.delete(b);
    expect(b).toEqual(one('b'));
    line.dismiss();
    expect([a, c]).toEqual([one('a'), one('c')]);
    line.add(b);
    expect(names(line)).toBe('b');
  });
});
