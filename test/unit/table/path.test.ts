import { describe, expect, it } from 'vitest';
import type { PathNormalization } from '../../../src/table/model.ts';
import { isNormalPath, normalizePath, splitTarget } from '../../../src/table/path.ts';

const MODES: readonly PathNormalization[] = ['none', 'base', 'merge-slashes', 'decode-and-merge-slashes'];
const normal = (path: string, mode: PathNormalization): string | undefined => {
  const result = normalizePath(path, mode);
  return result.ok ? result.path : undefined;
};

describe('splitting a target', () => {
  it.each([
    ['/a', '/a', ''],
    ['/a?b=c', '/a', '?b=c'],
    ['/a?', '/a', '?'],
    ['/??x', '/', '??x'],
    ['/a#f', '/a', ''],
    ['/a#f?b', '/a', ''],
    ['/a?b#f?c', '/a', '?b'],
    ['#x', '', ''],
    ['', '', ''],
  ])('reads %s as path %s and query %s', (target, path, query) => {
    expect(splitTarget(target)).toEqual({ path, query });
  });
});

describe('normalising a path', () => {
  it.each([
    // dot segments, plain and escaped
    ['/a/./b', '/a/b'],
    ['/a/b/..', '/a/'],
    ['/a/..', '/'],
    ['/..', '/'],
    ['/.', '/'],
    ['/a/%2e/b', '/a/b'],
    ['/a/%2E%2e/b', '/b'],
    ['/a/.%2E/b', '/b'],
    ['/app//../admin', '/app/admin'],
    ['/app//../../admin', '/admin'],
    // names that only look like them
    ['/a/.../b', '/a/.../b'],
    ['/a/..b', '/a/..b'],
    ['/a/b..', '/a/b..'],
    ['/a/%2e%2e%2e', '/a/...'],
    // parameters of dot segments, when these are written plainly
    ['/a/..;v=1/b', '/b'],
    ['/a/.;/b', '/a/b'],
    ['/a/..;', '/'],
    ['/a/%2e%2e;/b', '/a/..;/b'],
    ['/a;/b', '/a;/b'],
    // backslashes
    ['/a\\b', '/a/b'],
    ['/a\\..\\b', '/b'],
    // escapes
    ['/%61%7E%2d%5F%30', '/a~-_0'],
    ['/%41%5a%7a', '/AZz'],
    ['/%e4%F6', '/%e4%F6'],
    ['/%3f%23%25%20', '/%3f%23%25%20'],
    ['/%zz/%/%4', '/%zz/%/%4'],
    ['/%252e%252e/x', '/%252e%252e/x'],
    ['/%7f%0a', '/%7f%0a'],
    // an escape that only decoding would make is not left behind
    ['/%%34%31', '/%2541'],
    ['/%%341', '/%2541'],
    ['/%4%31', '/%2541'],
    ['/%%34x', '/%4x'],
    // characters that are escaped, and some that are not
    ['/"<>^`{|}', '/%22%3C%3E%5E%60%7B%7C%7D'],
    ["/[x]*!$&'()+,;=:@", "/[x]*!$&'()+,;=:@"],
    ['/\x01\x7f\xe9', '/%01%7F%E9'],
  ])('turns %j into %j in all modes but NONE', (path, wanted) => {
    for (const mode of MODES.slice(1)) expect(normal(path, mode)).toBe(wanted);
    expect(normal(path, 'none')).toBe(path);
  });

  it.each([
    ['//', '//', '//', '//'],
    ['///', '///', '//', '//'],
    ['/%2f', '/%2f', '/%2f', '//'],
    ['//a', '//a', '/a', '/a'],
    ['/a//', '/a//', '/a/', '/a/'],
    ['/a///b//c', '/a///b//c', '/a/b/c', '/a/b/c'],
    ['/xyz%30..//abc', '/xyz0..//abc', '/xyz0../abc', '/xyz0../abc'],
    ['/a%2Fb', '/a%2Fb', '/a%2Fb', '/a/b'],
    ['/a%5Cb', '/a%5Cb', '/a%5Cb', '/a/b'],
    ['/x/..%2fadmin', '/x/..%2fadmin', '/x/..%2fadmin', '/admin'],
    [
      '/%5Capp%2f%5c%2F%2e%2e%2fadmin%5c\\abc',
      '/%5Capp%2f%5c%2F..%2fadmin%5c/abc',
      '/%5Capp%2f%5c%2F..%2fadmin%5c/abc',
      '/app/admin/abc',
    ],
    ['/a/%252Fb', '/a/%252Fb', '/a/%252Fb', '/a/%252Fb'],
  ])('treats the slashes of %j by mode', (path, base, merged, decoded) => {
    expect(MODES.slice(1).map((mode) => normal(path, mode))).toEqual([base, merged, decoded]);
  });

  it('fails on NUL, escaped or not, but lets it pass under NONE', () => {
    for (const path of ['/a%00', '/%00/..', '/a\0b', '/a%2e%2e/%00']) {
      for (const mode of MODES.slice(1)) expect(normalizePath(path, mode)).toEqual({ ok: false, error: 'null-byte' });
      expect(normal(path, 'none')).toBe(path);
    }
  });

  it('refuses what does not begin with a slash', () => {
    for (const mode of MODES) {
      for (const path of ['', 'a', '*', '\\a', '?x'])
        expect(normalizePath(path, mode)).toEqual({ ok: false, error: 'not-absolute' });
    }
  });
});

describe('a path that a rewrite made', () => {
  it('is refused when a receiver would resolve it to another one', () => {
    for (const path of ['/../x', '/a/..', '/a/./b', '/a/%2E%2e/b', '/a/..;/b', '/a/%2e%2e;x/b', '/a\\..\\b', '/.']) {
      expect([path, isNormalPath(path, 'base')]).toEqual([path, false]);
      expect(isNormalPath(path, 'none')).toBe(true);
    }
    expect(isNormalPath('x', 'base')).toBe(false);
    expect(isNormalPath('', 'none')).toBe(false);
  });

  it('is judged with escaped slashes where these are slashes', () => {
    expect(isNormalPath('/a%2f..%2fb', 'base')).toBe(true);
    expect(isNormalPath('/a%2f..%2fb', 'decode-and-merge-slashes')).toBe(false);
    expect(isNormalPath('/a%5C..', 'decode-and-merge-slashes')).toBe(false);
  });

  it('may have doubled slashes, dots in names, and anything in its query', () => {
    for (const path of ['/', '//x', '/a..', '/...', '/..a', '/a?x=/../y', '/a#/../b']) {
      expect([path, isNormalPath(path, 'decode-and-merge-slashes')]).toEqual([path, true]);
    }
  });
});
