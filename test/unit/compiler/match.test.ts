import { describe, expect, it } from 'vitest';
import { claimPath, MATCHES_ALL, translateMatch } from '../../../src/compiler/from-match.ts';
import { matchesConflict, mergeMatches } from '../../../src/compiler/match-merging.ts';
import type { HTTPMatchRequest } from '../../../src/resources/index.ts';

describe('what a match comes to in the table', () => {
  it('takes everything when it is empty', () => {
    expect(translateMatch({})).toEqual(MATCHES_ALL);
  });

  it.each([
    { uri: { exact: '/a' }, path: { kind: 'exact', value: '/a', ignoreCase: false } },
    { uri: { prefix: '' }, path: { kind: 'prefix', value: '', ignoreCase: false } },
    { uri: { regex: '.*' }, path: { kind: 'regex', value: '.*' } },
    { uri: {}, path: { kind: 'any' } },
  ])('reads the path $uri', ({ uri, path }) => {
    expect(translateMatch({ uri }).path).toEqual(path);
  });

  it('ignores the case of exact paths and prefixes, never of patterns', () => {
    const pathOf = (uri: HTTPMatchRequest['uri']) => translateMatch({ uri: uri ?? {}, ignoreUriCase: true }).path;
    expect(pathOf({ exact: '/A' })).toEqual({ kind: 'exact', value: '/A', ignoreCase: true });
    expect(pathOf({ prefix: '/A' })).toEqual({ kind: 'prefix', value: '/A', ignoreCase: true });
    expect(pathOf({ regex: '/A' })).toEqual({ kind: 'regex', value: '/A' });
  });

  it('asks for method, authority and scheme as for headers', () => {
    const { headers } = translateMatch({ method: { exact: 'GET' }, scheme: { prefix: 'htt' }, authority: {} });
    expect(headers).toEqual([
      { name: ':method', match: { kind: 'exact', value: 'GET' }, invert: false },
      { name: ':authority', match: { kind: 'present' }, invert: false },
      { name: ':scheme', match: { kind: 'prefix', value: 'htt' }, invert: false },
    ]);
  });

  it('reads presence from an empty condition and from a lone star', () => {
    const { headers } = translateMatch({ headers: { 'X-A': {} }, withoutHeaders: { 'x-b': { regex: '*' } } });
    expect(headers).toEqual([
      { name: 'x-a', match: { kind: 'present' }, invert: false },
      { name: 'x-b', match: { kind: 'present' }, invert: true },
    ]);
  });

  it('does not depend on the order in which conditions were written', () => {
    const one = translateMatch({ headers: { b: { exact: '1' }, a: {} }, queryParams: { y: {}, x: { exact: '' } } });
    const other = translateMatch({ headers: { a: {}, b: { exact: '1' } }, queryParams: { x: { exact: '' }, y: {} } });
    expect(one).toEqual(other);
  });

  it('takes claims of tokens apart from headers', () => {
    const { headers, claims } = translateMatch({
      headers: { '@request.auth.claims.group': { exact: 'dev' } },
      withoutHeaders: { '@Request.Auth.Claims[a][b.c]': { regex: '.+' } },
    });
    expect(headers).toEqual([]);
    expect(claims).toEqual([
      { path: ['a', 'b.c'], match: { kind: 'regex', value: '.+' }, invert: true },
      { path: ['group'], match: { kind: 'exact', value: 'dev' }, invert: false },
    ]);
  });

  it.each([
    ['@request.auth.claims.a.b', ['a', 'b']],
    ['@request.auth.claims[https://x.y/roles]', ['https://x.y/roles']],
    ['@request.auth.claims', undefined],
    ['@request.auth.claims.', undefined],
    ['@request.auth.claims[]', undefined],
    ['@request.auth.claimsX', undefined],
    ['x-claims', undefined],
  ])('%s names the claim %j', (key, path) => {
    expect(claimPath(key)).toEqual(path);
  });
});

describe('a delegate’s match inside the root’s', () => {
  const conflicts: readonly (readonly [HTTPMatchRequest, HTTPMatchRequest])[] = [
    [{ uri: { regex: '/a.*' } }, { uri: { exact: '/a' } }],
    [{ uri: { prefix: '/a' } }, { uri: { regex: '/a.*' } }],
    [{ uri: { exact: '/a' } }, { uri: { prefix: '/a' } }],
    [{ uri: { exact: '/a' } }, { uri: { exact: '/b' } }],
    [{ uri: { prefix: '/a' } }, { uri: { prefix: '/b' } }],
    [{ uri: { prefix: '/a/b' } }, { uri: { exact: '/a' } }],
    [{ headers: { x: {} } }, { headers: { x: { exact: '1' } } }],
    [{ headers: { x: { exact: '1' } } }, { headers: { x: {} } }],
    [{ withoutHeaders: { x: {} } }, { withoutHeaders: { x: {} } }],
    [{ queryParams: { q: { exact: '1' } } }, { queryParams: { q: { exact: '2' } } }],
    [{ port: 80 }, { port: 8080 }],
    [{ ignoreUriCase: true }, {}],
    [{ sourceNamespace: 'a' }, {}],
    [{ sourceLabels: { app: 'a' } }, { sourceLabels: { app: 'b' } }],
    [{ gateways: ['infra/public'] }, { gateways: ['infra/other'] }],
  ];
  it.each(conflicts)('%j and %j contradict each other', (root, delegate) => {
    expect(matchesConflict(root, delegate)).toBe(true);
  });

  const narrowings: readonly (readonly [HTTPMatchRequest, HTTPMatchRequest, HTTPMatchRequest])[] = [
    [{ uri: { prefix: '/a' } }, { uri: { prefix: '/a/b' } }, { uri: { prefix: '/a/b' } }],
    [{ uri: { prefix: '/a' } }, { uri: { exact: '/a' } }, { uri: { exact: '/a' } }],
    [{ uri: { prefix: '/a' } }, { method: { exact: 'GET' } }, { uri: { prefix: '/a' }, method: { exact: 'GET' } }],
    [{ headers: { a: {} } }, { headers: { b: {} } }, { headers: { a: {}, b: {} } }],
    [{ headers: { a: {} } }, { withoutHeaders: { a: {} } }, { headers: { a: {} }, withoutHeaders: { a: {} } }],
    [{ port: 80 }, { port: 0 }, { port: 80 }],
    [{ name: 'root' }, { name: 'part' }, { name: 'root-part' }],
    [{ gateways: ['a/b', 'mesh'] }, { gateways: ['a/b'] }, { gateways: ['a/b'] }],
    [{ sourceLabels: { a: '1' } }, { sourceLabels: { b: '2' } }, { sourceLabels: { a: '1', b: '2' } }],
  ];
  it.each(narrowings)('%j and %j become %j', (root, delegate, merged) => {
    expect(matchesConflict(root, delegate)).toBe(false);
    expect(mergeMatches(root, delegate)).toMatchObject(merged);
  });
});
