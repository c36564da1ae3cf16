import { describe, expect, it } from 'vitest';
import { bindRegex, compileRegex, compileReplacement } from '../../../src/table/regex.ts';

const bytes = (text: string): string => Buffer.from(text, 'utf8').toString('latin1');

describe('a pattern', () => {
  it.each([
    ['[[:alpha:]]+', 'abcXYZ', true],
    ['[[:alpha:]]+', 'abc1', false],
    ['\\pL+', 'abc', true],
    ['\\pL+', 'L+', false],
    ['a{2,3}?', 'aa', true],
    ['a{2,3}?', 'aaaa', false],
    ['\\Aabc\\z', 'abc', true],
    ['a||b', '', true],
    ['a||b', 'ab', false],
    ['(?P<n>x+)-(?P<m>y)', 'xx-y', true],
    ['\\Qa.b\\E', 'a.b', true],
    ['\\Qa.b\\E', 'axb', false],
    ['(?i)straSSe', 'STRASSE', true],
    ['\\x41\\x{42}\\103', 'ABC', true],
    ['(?U)a+', 'aaa', true],
    ['[a\\-z]+', 'a-z', true],
    ['[a\\-z]+', 'm', false],
    ['[]a]+', ']a', true],
    ['()', 'x', false],
    ['x{0}', '', true],
    ['[[:^digit:]]+', 'abc', true],
    ['.*\\bbeta=[1-9][0-9]*.*', 'x=y; beta=12', true],
    ['.*\\bbeta=[1-9][0-9]*.*', 'alphabeta=12', false],
    ['.*(?i:iphone|android).*', 'something ANDROID 14', true],
    ['^de([,;-].*)?$', 'de-AT,de;q=0.9', true],
    ['/api', '/api/x', false],
    ['/api.*', '/api/x', true],
    ['.*x', 'ax', true],
    ['.*a.*', 'bab', true],
    ['.*', 'a\nb', false],
    ['a.*', 'a\n', false],
    ['(?s).*', 'a\nb', true],
  ])('%s fits %j whole: %s', (pattern, value, wanted) => {
    expect(bindRegex(pattern).matches(value)).toBe(wanted);
  });

  it('is read as bytes: a dot is one, and what repeats is the last byte of a letter', () => {
    expect(bindRegex('a.c').matches(bytes('aéc'))).toBe(false);
    expect(bindRegex('a.c').matches('a\xe9c')).toBe(true);
    expect(bindRegex('é+').matches(bytes('é'))).toBe(true);
    expect(bindRegex('é+').matches(bytes('éé'))).toBe(false);
    expect(bindRegex('é+').matches(`${bytes('é')}\xa9`)).toBe(true);
  });

  it('that RE2 does not like is told, not thrown, and fits nothing', () => {
    for (const pattern of ['*', '(', '[a', 'a{1001}', '(?=a)', '\\1', '[[:constructor:]]', 'a**']) {
      const compiled = compileRegex(pattern);
      expect([pattern, compiled.ok]).toEqual([pattern, false]);
      expect(compiled.ok ? '' : compiled.error).toContain('error parsing regexp');
      expect(bindRegex(pattern).matches('a')).toBe(false);
    }
  });

  it('is compiled once', () => {
    expect(bindRegex('/once/[0-9]+')).toBe(bindRegex('/once/[0-9]+'));
  });

  it('takes time linear to the value', () => {
    expect(bindRegex('(a+)+b').matches('a'.repeat(2_000))).toBe(false);
  });

  it.each([
    ['/api/.*', '/api/', false],
    ['^/api/v[0-9]+', '/api/v', false],
    ['/api/(v1|v2)/x', '/api/v', false],
    ['/a|/b', '/', false],
    ['/a|b', '', false],
    ['/ab?c', '/a', false],
    ['/ab+c', '/ab', false],
    ['/a{2}b', '/a', false],
    ['/\\Qa.b\\E.*', '/a.b', false],
    ['/a\\.b', '/a.b', false],
    ['(?i)/Api/x.*', '/api/x', true],
    ['/A(?i)b', '/ab', true],
    ['(?i:/A)B', '/ab', true],
    ['/\\bx', '/', false],
    ['.*', '', false],
    ['(?m)^/a', '', false],
    ['/x\\pL', '/x', false],
  ])('%s begins with %j', (pattern, text, fold) => {
    expect(bindRegex(pattern).prefix).toEqual({ text, fold });
  });

  it.each([
    ['/v[0-9]+/cart/(a|b)/x', ['/v', '/cart/', '/x']],
    ['(/a)+b?c', ['/a', 'c']],
    ['(?i)abc', []],
    ['a(?i:b)c', ['a', 'c']],
    ['a|b', []],
  ])('%s requires %j', (pattern, wanted) => {
    expect(bindRegex(pattern).literals).toEqual(wanted);
  });
});

describe('a replacement', () => {
  const replace = (pattern: string, substitution: string, text: string): string => {
    const replacement = compileReplacement(pattern, substitution);
    return replacement.ok ? replacement.value(text) : replacement.error;
  };

  it.each([
    ['^/users/([^/]+)/orders/([0-9]+)$', '/orders/\\2/of/\\1', '/users/ada/orders/7', '/orders/7/of/ada'],
    ['^/users/([^/]+)/orders/([0-9]+)$', '/x', '/users/ada/orders/x', '/users/ada/orders/x'],
    ['/one', '/two', '/one/one/one/x', '/two/two/two/x'],
    ['^/strip(/.*)?$', '\\1', '/strip', ''],
    ['(?i)/CASE/', '/lower/', '/case/CASE/Case/', '/lower/CASE/lower/'],
    ['.+', '/x\\0', '/whole/y', '/x/whole/y'],
    ['x*', '-', '/star/x', '-/-s-t-a-r-/-'],
    ['a*', 'X', 'baaac', 'XbXcX'],
    ['/dollar/(.*)', '/$1/\\\\/\\1', '/dollar/z', '/$1/\\/z'],
    ['^/v([0-9]+)/', '/version-\\1/', '/v12/x/v3/', '/version-12/x/v3/'],
    ['^a', 'b', 'aaa', 'baa'],
    ['(a)', '\\2', 'a', 'a'],
    ['a', 'x\\q', 'ab', 'xb'],
    ['z', 'y', 'abc', 'abc'],
  ])('of %s by %s makes %s into %s', (pattern, substitution, text, wanted) => {
    expect(replace(pattern, substitution, text)).toBe(wanted);
  });

  it('works on bytes', () => {
    expect(replace('é', 'ü', bytes('/é/x'))).toBe(bytes('/ü/x'));
  });

  it('of a pattern that RE2 does not like is told', () => {
    expect(compileReplacement('(', 'x').ok).toBe(false);
  });
});
