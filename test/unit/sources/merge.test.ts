import { describe, expect, it } from 'vitest';
import type { FileContent } from '../../../src/sources/file-state.ts';
import { keepLastGood, keyOf } from '../../../src/sources/last-good.ts';
import { type FileShare, mergeFiles } from '../../../src/sources/merge.ts';
import { names, stubDecode } from './stub-decode.ts';

function contentOf(file: string, ...lines: string[]): FileContent {
  const decoded = stubDecode({ file, text: lines.join('\n'), namespace: file.split('/')[0] }, undefined);
  return {
    ...decoded,
    refusals: decoded.diagnostics.filter((finding) => finding.refused).map((finding) => finding.object),
  };
}

function shareOf(file: string, lines: string[], kept: string[] = []): FileShare {
  const objects = contentOf(file, ...kept).objects;
  return {
    file,
    namespace: file.split('/')[0],
    content: contentOf(file, ...lines),
    kept: objects,
    frozenSinceMs: kept.length > 0 ? 7 : undefined,
  };
}

describe('merging files', () => {
  it.each([
    [
      'the file that comes first, without ages',
      [shareOf('a/x.yaml', ['s v=1']), shareOf('a/y.yaml', ['s v=2'])],
      ['a/s@1'],
      ['a/y.yaml'],
    ],
    [
      'the older, whatever its file',
      [shareOf('a/x.yaml', ['s at=9 v=1']), shareOf('a/y.yaml', ['s at=5 v=2'])],
      ['a/s@2'],
      ['a/x.yaml'],
    ],
    ['the first in one file', [shareOf('a/x.yaml', ['s v=1', 's v=2'])], ['a/s@1'], ['a/x.yaml']],
    [
      'the oldest of three',
      [shareOf('a/x.yaml', ['s at=3 v=1', 's at=2 v=2', 's at=1 v=3'])],
      ['a/s@3'],
      ['a/x.yaml', 'a/x.yaml'],
    ],
    ['all of other names', [shareOf('a/x.yaml', ['s']), shareOf('b/x.yaml', ['s'])], ['a/s', 'b/s'], []],
    [
      'a last good version against a newcomer',
      [shareOf('a/x.yaml', ['!s'], ['s v=1']), shareOf('a/y.yaml', ['s v=2'])],
      ['a/s@1'],
      ['a/y.yaml'],
    ],
    [
      'a newcomer, silently, against a last good version that has less right',
      [shareOf('a/x.yaml', ['s v=1']), shareOf('a/y.yaml', ['!s'], ['s v=2'])],
      ['a/s@1'],
      [],
    ],
  ])('keeps %s', (_name, files, expected, reported) => {
    const merged = mergeFiles(files);
    expect(names(merged.objects)).toEqual(expected);
    const duplicates = merged.diagnostics.filter((finding) => finding.code === 'duplicate-object');
    expect(duplicates.map((finding) => finding.location?.file)).toEqual(reported);
    expect(duplicates.every((finding) => finding.refused && finding.related?.length === 1)).toBe(true);
  });

  it('tells which file is frozen, since when and why', () => {
    expect(mergeFiles([shareOf('a/x.yaml', ['t', '!s'], ['s']), shareOf('a/y.yaml', ['!u'])]).frozen).toEqual([
      { file: 'a/x.yaml', namespace: 'a', sinceMs: 7, reason: 'line 2: unknown field' },
    ]);
  });
});

describe('the last good state of a file', () => {
  const before = contentOf('a/x.yaml', 's', 't').objects;

  it.each([
    ['the object whose new version is refused', ['!s', 't'], [], ['a/s']],
    ['nothing of what was taken out beside it', ['!s'], [], ['a/s']],
    ['everything missing where a refused document has no name', ['!'], [], ['a/s', 'a/t']],
    ['everything missing where a refused document has a name never seen', ['!sx', 't'], [], ['a/s']],
    ['nothing when all is sound', ['t'], [], []],
    ['nothing when the file was emptied', [], [], []],
    ['what a file that is gone gave under that name', ['!s', 't', '!w'], ['w'], ['a/s', 'a/w']],
  ])('keeps %s', (_name, lines, departed, expected) => {
    const gone = new Map(contentOf('a/old.yaml', ...departed).objects.map((object) => [keyOf(object.ref), object]));
    expect(names(keepLastGood(contentOf('a/x.yaml', ...lines), before, gone))).toEqual(expected);
  });
});
