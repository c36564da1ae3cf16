import { describe, expect, it } from 'vitest';
import { ListHash } from '../../../src/compiler/list-hash.ts';

const parts = (count: number): readonly string[] => Array.from({ length: count }, (_, i) => `part ${i}`);
const newHash = () => new ListHash<string>(String, (text) => `<${text}>`);

describe('the hash of a long list', () => {
  it.each([
    ['one part is another', (list: readonly string[]) => list.with(100, 'new')],
    ['the last part is another', (list: readonly string[]) => list.with(-1, 'new')],
    ['a part comes first', (list: readonly string[]) => ['new', ...list]],
    ['a part comes last', (list: readonly string[]) => [...list, 'new']],
    ['a part goes', (list: readonly string[]) => list.toSpliced(100, 1)],
    ['the last part goes', (list: readonly string[]) => list.slice(0, -1)],
    ['nothing is left', () => []],
  ])('does not depend on the list before: %s', (_what, edit) => {
    for (const count of [127, 128, 129, 256, 400, 512]) {
      const hash = newHash();
      const first = hash.of(parts(count));
      const edited = edit(parts(count));
      expect(hash.of(edited)).toBe(newHash().of(edited));
      expect(hash.of(edited)).not.toBe(first);
      expect(hash.of(parts(count))).toBe(first);
    }
  });

  it('asks for the hashes of few parts when one is another', () => {
    const asked: string[] = [];
    const hash = new ListHash<string>(
      (part) => {
        asked.push(part);
        return part;
      },
      (text) => `<${text}>`,
    );
    hash.of(parts(1_000));
    asked.length = 0;
    hash.of(parts(1_000).with(500, 'new'));
    expect(asked.length).toBeLessThan(200);
  });
});
