import { describe, expect, it } from 'vitest';
import {
  compareDomains,
  hostMatches,
  intersectHosts,
  intersectNames,
  isCarefulAuthority,
  nameMatches,
  nameSubsetOf,
  parseHost,
} from '../../../src/table/host.ts';
import { buildHostIndex, lookUpHost } from '../../../src/table/host-index.ts';

describe('reading a Host', () => {
  it.each([
    ['shop.example.com', 'shop.example.com'],
    ['Shop.Example.COM:8080', 'shop.example.com'],
    ['h:http', 'h'],
    ['h:-1', 'h'],
    ['h:', 'h'],
    [':80', ''],
    ['', ''],
    ['h:80:80', 'h:80'],
    ['h.', 'h.'],
    ['h.:80', 'h.'],
    ['a,b', 'a,b'],
    ['user@h', 'user@h'],
    ['h%2Ex', 'h%2ex'],
    ['[::1]', '[::1]'],
    ['[2001:DB8::7]:8080', '[2001:db8::7]'],
    ['2001:db8::7', '2001:db8:'],
  ])('takes %j as %j', (authority, host) => {
    expect(parseHost(authority)).toEqual({ ok: true, host });
  });

  it.each([
    'a b',
    'a, b',
    'h/',
    'h?x',
    'h#x',
    '"h"',
    'h\\x',
    'h<x',
    'h{x',
    'h^',
    'h|',
    'h`',
    'h\x7f',
    'h\0',
    'caf\xe9.com',
    'a\tb',
  ])('refuses %j', (authority) => {
    expect(parseHost(authority)).toEqual({ ok: false, error: 'malformed-host' });
  });

  it('is careful, where asked, about what Istio lets pass', () => {
    for (const authority of ['', 'a@b', `${'a'.repeat(256)}`, 'a b', 'a/b', '\xe9'])
      expect(isCarefulAuthority(authority)).toBe(false);
    for (const authority of ['h', 'h:80', '[::1]:80', 'h.', 'x_1.h']) expect(isCarefulAuthority(authority)).toBe(true);
  });
});

describe('a domain', () => {
  it.each([
    ['x.com', 'x.com', true],
    ['x.com', 'a.x.com', false],
    ['*.x.com', 'a.x.com', true],
    ['*.x.com', 'a.b.x.com', true],
    ['*.x.com', 'x.com', false],
    ['*.x.com', '.x.com', false],
    ['*-x.com', 'a-x.com', true],
    ['*-x.com', '-x.com', false],
    ['x.*', 'x.org', true],
    ['x.*', 'x.', false],
    ['x.*', 'ax.org', false],
    ['*', 'anything', true],
    ['*', '', true],
    ['x.com', '', false],
  ])('%s takes %j: %s', (domain, host, wanted) => {
    expect(hostMatches(domain, host)).toBe(wanted);
  });

  it('is tried in the order exact, longest suffix, longest prefix, any', () => {
    const domains = ['*', 'x.*', 'x.co.*', '*.com', '*.x.com', 'x.com', 'a.x.com'];
    expect(domains.toSorted(compareDomains)).toEqual(['a.x.com', 'x.com', '*.x.com', '*.com', 'x.co.*', 'x.*', '*']);
  });

  it('is found by the index as by trying all in order', () => {
    const domains = ['*', 'x.*', 'x.co.*', '*.com', '*.x.com', '*x.com', '*-y.com', 'x.com', 'a.x.com', 'a.com'];
    const index = buildHostIndex(domains, domains);
    const hosts = [
      'x.com',
      'b.x.com',
      '.x.com',
      'ax.com',
      'b-y.com',
      '-y.com',
      'x.org',
      'x.co.uk',
      'x.',
      'com',
      '',
      'a.b.com',
      'q',
    ];
    for (const host of hosts) {
      const wanted = domains.toSorted(compareDomains).find((domain) => hostMatches(domain, host));
      expect([host, lookUpHost(index, host)]).toEqual([host, wanted]);
    }
  });

  it('is not found where none takes the host', () => {
    const index = buildHostIndex(['a.com', '*.b.com', 'a.com'], [1, 2, 3]);
    expect(lookUpHost(index, 'b.com')).toBeUndefined();
    expect(lookUpHost(index, '')).toBeUndefined();
    expect(lookUpHost(index, 'a.com')).toBe(1);
  });
});

describe('names of resources', () => {
  it.each([
    ['foo.com', 'foo.com', true],
    ['foo.com', 'bar.com', false],
    ['*.com', 'foo.com', true],
    ['bar.com', '*.com', true],
    ['*.foo.com', 'foo.com', false],
    ['*', 'foo.com', true],
    ['*', '*.com', true],
    ['*.com', '*', true],
    ['*.foo.com', '*.com', true],
    ['*.foo.com', '*.bar.com', false],
    ['Foo.com', 'foo.com', false],
    ['*.foo.com', 'A.foo.com', true],
  ])('%s and %s overlap: %s', (a, b, wanted) => {
    expect(nameMatches(a, b)).toBe(wanted);
    expect(nameMatches(b, a)).toBe(wanted);
  });

  it.each([
    ['foo.com', 'foo.com', true],
    ['foo.com', '*.com', true],
    ['*.com', 'foo.com', false],
    ['*.foo.com', '*.com', true],
    ['*.com', '*.foo.com', false],
    ['*.com', '*', true],
    ['*', '*.com', false],
    ['*', '*', true],
    ['bar.com', 'foo.com', false],
  ])('%s is within %s: %s', (a, b, wanted) => {
    expect(nameSubsetOf(a, b)).toBe(wanted);
  });

  it.each([
    [['foo.com', 'bar.com'], ['*.com'], ['foo.com', 'bar.com']],
    [
      ['foo.com', '*.net'],
      ['*.com', 'bar.net'],
      ['foo.com', 'bar.net'],
    ],
    [['foo.com', '*.net'], ['*.bar.net'], ['*.bar.net']],
    [['*.a.x.com'], ['*.x.com'], ['*.a.x.com']],
    [['a.x.com'], ['*', '*.x.com', 'a.x.com'], ['a.x.com']],
    [['foo.com'], ['bar.com'], []],
    [[], ['bar.com'], []],
    [['*.x.com'], ['x.com'], []],
    [['Upper.x.com'], ['upper.x.com'], []],
  ])('%j and %j have in common %j', (a, b, wanted) => {
    expect(intersectHosts(a, b)).toEqual(wanted);
  });

  it('have nothing in common when they are apart', () => {
    expect(intersectNames('*.a.com', '*.b.com')).toBeUndefined();
  });
});
