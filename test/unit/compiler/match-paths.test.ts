import { describe, expect, it } from 'vitest';
import type { CompileOptions } from '../../../src/compiler/compilation.ts';
import { formatFieldPath } from '../../../src/diagnostics/index.ts';
import type { PathNormalization } from '../../../src/table/index.ts';
import { testMesh } from '../../support/mesh.ts';
import { compileShop, findings, TO_WEB, virtualService } from './builders.ts';

const withMode = (pathNormalization: PathNormalization): Partial<CompileOptions> => ({
  mesh: { ...testMesh, pathNormalization },
});

/** A rule behind which everything else is answered too. */
const shop = (matches: string, more = 'hosts: [a.example.com], gateways: [infra/public]'): string =>
  virtualService('shop', `${more}, http: [{ ${TO_WEB}, match: [${matches}] }, { ${TO_WEB} }]`);

function found(uri: string, mode: PathNormalization = 'decode-and-merge-slashes', more = ''): readonly string[] {
  const compilation = compileShop([shop(`{ uri: ${uri}${more} }`)], withMode(mode));
  return findings(compilation, 'path-never-met').map(({ field, message }) => `${field?.at(-1)}: ${message}`);
}

describe('paths of matches that no request has', () => {
  it.each([
    ['exact: "/a//b"', 'exact: "/a//b" is no part of a normalised path: such a path becomes "/a/b"'],
    ['exact: "/a%2Fb"', 'exact: "/a%2Fb" is no part of a normalised path: such a path becomes "/a/b"'],
    ['prefix: "/a%2fb"', 'prefix: "/a%2fb" is no part of a normalised path: such a path becomes "/a/b"'],
    ['prefix: "/a/../b"', 'prefix: "/a/../b" is no part of a normalised path: such a path becomes "/b"'],
    ['exact: "/a/."', 'exact: "/a/." is no part of a normalised path: such a path becomes "/a/"'],
    ['prefix: "/a/./"', 'prefix: "/a/./" is no part of a normalised path: such a path becomes "/a/"'],
    ['exact: "/a?b"', 'exact: "/a?b" has a query, and a path has none'],
    ['prefix: "/a?"', 'prefix: "/a?" has a query, and a path has none'],
    ['exact: "/a#b"', 'exact: "/a#b" has a fragment, which is cut off every path'],
    ['exact: a', 'exact: "a" begins with no slash, and every path does'],
    ['prefix: a/', 'prefix: "a/" begins with no slash, and every path does'],
    ['exact: "/%61"', 'exact: "/%61" is no part of a normalised path: such a path becomes "/a"'],
    ['exact: "/%7euser"', 'exact: "/%7euser" is no part of a normalised path: such a path becomes "/~user"'],
    ['exact: "/a b"', 'exact: "/a b" is no part of a normalised path: such a path becomes "/a%20b"'],
    ['exact: "/{id}"', 'exact: "/{id}" is no part of a normalised path: such a path becomes "/%7Bid%7D"'],
    ['prefix: /café', 'prefix: "/café" is no part of a normalised path: such a path becomes "/caf%C3%A9"'],
    ['exact: "/a%00"', 'exact: "/a%00" is no part of a normalised path'],
    ['regex: "/a//.*"', 'regex: "/a//.*" is no part of a normalised path: such a path becomes "/a/"'],
    ['regex: "a/.*"', 'regex: "a/.*" begins with no slash, and every path does'],
    ['regex: "v[0-9]+/.*"', 'regex: "v[0-9]+/.*" begins with no slash, and every path does'],
    ['regex: ".*/../b"', undefined],
    ['regex: ".*/\\\\.\\\\./b"', 'regex: ".*/\\\\.\\\\./b" is no part of a normalised path'],
    [
      'regex: "/[a-z]+\\\\?id=[0-9]+"',
      'regex: "/[a-z]+\\\\?id=[0-9]+" asks for "?id=", which has a query, and a path has none',
    ],
    ['regex: "/[a-z]+//x"', 'regex: "/[a-z]+//x" asks for "//x", which is no part of a normalised path'],
  ])('%s', (uri, message) => {
    expect(found(`{ ${uri} }`)).toEqual(message === undefined ? [] : [message]);
  });

  it.each([
    'exact: /',
    'exact: "//"',
    'prefix: /',
    'prefix: ""',
    'prefix: /a',
    'prefix: /a/.',
    'prefix: /a/..',
    'prefix: /a%2',
    'prefix: "/a%"',
    'exact: /a%20b',
    'exact: /caf%c3%A9',
    'exact: /%3c',
    'exact: /%3C',
    'exact: "/%zz"',
    'exact: /a/..;/b',
    'exact: /a;b=c',
    'exact: /A',
    'exact: "/a|b%25"',
    'regex: "/a(\\\\?.*)?"',
    'regex: "/a/?"',
    'regex: ".*"',
    'regex: "[^?#]*"',
    'regex: "(a|/b)/.*"',
    'regex: ".*//.*"',
    'regex: "/(..)/b"',
    'regex: "^/a$"',
    'regex: "(?i)/a/b"',
    'regex: "[/]a"',
  ])('are not: %s', (uri) => {
    // An upright bar is escaped in every mode but one.
    expect(found(`{ ${uri} }`, uri.includes('|b') ? 'none' : undefined)).toEqual([]);
  });

  it.each<[PathNormalization, readonly string[]]>([
    ['none', ['"/é" has characters that a request has only escaped']],
    ['base', ['"/a/../b"', '"/a\\\\b"', '"/%7e"', '"/é"']],
    ['merge-slashes', ['"/a//b"', '"/a/../b"', '"/a\\\\b"', '"/%7e"', '"/é"']],
    ['decode-and-merge-slashes', ['"/a//b"', '"/a%2Fb"', '"/a/../b"', '"/a\\\\b"', '"/%7e"', '"/é"']],
  ])('depend on how paths are normalised: %s', (mode, messages) => {
    const all = ['/a//b', '/a%2Fb', '/a/../b', '/a\\b', '/%7e', '/é'];
    const told = all.flatMap((path) => found(`{ exact: ${JSON.stringify(path)} }`, mode));
    expect(told).toEqual(messages.map((message) => expect.stringContaining(message)));
  });

  it('are found whatever the case of letters, where that does not count', () => {
    expect(found('{ exact: "/A%2fb" }', undefined, ', ignoreUriCase: true')).toHaveLength(1);
    expect(found('{ exact: "/A%C3" }', undefined, ', ignoreUriCase: true')).toEqual([]);
  });

  it('are told with the place of the match, in delegates too, and each alone', () => {
    const root = virtualService(
      'root',
      'hosts: [a.example.com], gateways: [infra/public], http: [{ match: [{ uri: { prefix: /a } }, { uri: { exact: /b//c } }], delegate: { name: part } }]',
    );
    const part = virtualService('part', `http: [{ match: [{ uri: { prefix: /a/../b } }], ${TO_WEB} }]`);
    const places = findings(compileShop([root, part], withMode('merge-slashes')), 'path-never-met').map(
      ({ object, field }) => `${object?.name} ${formatFieldPath(field ?? [])}`,
    );
    expect(places).toEqual(['part spec.http[0].match[0].uri.prefix', 'root spec.http[0].match[1].uri.exact']);
  });

  it.each([
    ['a VirtualService', shop('{ uri: { exact: /a/../b } }', 'hosts: [a.example.com], gateways: [mesh]')],
    [
      'a match',
      shop('{ uri: { exact: /a/../b }, gateways: [mesh] }', 'hosts: [a.example.com], gateways: [mesh, infra/public]'),
    ],
  ])('are not looked for where sidecars alone are meant: %s', (_what, text) => {
    expect(findings(compileShop([text], withMode('base')), 'path-never-met')).toEqual([]);
  });
});
