import { describe, expect, it } from 'vitest';
import { covers } from '../../../src/table/covers.ts';
import { ANYWHERE, intersect, sampleHost } from '../../../src/table/intersect.ts';
import type { RouteMatch } from '../../../src/table/model.ts';
import { findOverlaps } from '../../../src/table/overlap.ts';
import { formatWitness } from '../../../src/table/witness.ts';
import {
  begins,
  claim,
  ends,
  exact,
  header,
  host,
  is,
  like,
  match,
  prefix,
  present,
  query,
  regex,
  route,
  without,
} from './builders.ts';

function shown(a: Partial<RouteMatch>, b: Partial<RouteMatch>, domain = 'shop.example.com'): string {
  const setting = { ...ANYWHERE, domain, host: sampleHost(domain, []) };
  const common = intersect(match(a), match(b), setting);
  expect(intersect(match(b), match(a), setting).kind).toBe(common.kind);
  return common.kind === 'overlap'
    ? formatWitness(common.witness).replace('GET http://shop.example.com/', '/')
    : common.kind;
}

describe('two paths', () => {
  it.each([
    [prefix('/a'), prefix('/a/b'), '/a/b'],
    [prefix('/a'), prefix('/b'), 'disjoint'],
    [prefix('/'), exact('/x'), '/x'],
    [exact('/x'), exact('/y'), 'disjoint'],
    [exact('/X', true), exact('/x'), '/x'],
    [exact('/X'), exact('/x'), 'disjoint'],
    [prefix('/API', true), prefix('/api/v1'), '/api/v1'],
    [prefix('/API'), prefix('/api/v1', true), '/API/v1'],
    [exact('/ap'), prefix('/api'), 'disjoint'],
    [regex('/v[0-9]+/.*'), prefix('/v2'), '/v2/'],
    [regex('/v[0-9]+/.*'), prefix('/w'), 'disjoint'],
    [regex('/v[0-9]/cart'), regex('/[a-z]1/.*'), '/v1/cart'],
    [regex('/v[0-9]/cart'), regex('/v[a-z]/.*'), 'disjoint'],
    [regex('.*\\.jpg'), prefix('/img/'), '/img/.jpg'],
    [regex('(?i)/API'), exact('/api'), '/api'],
    [regex('/a|/b'), regex('/b|/c'), '/b'],
    [regex('/x'), exact('/x'), '/x'],
    [regex('/a{3}'), prefix('/aa'), '/aaa'],
    [regex('/a$b'), prefix('/'), 'disjoint'],
    [regex('/\\bx'), prefix('/'), 'unknown'],
    [regex('/\\bx'), prefix('/y'), 'unknown'],
    [regex('/x\\b'), exact('/x'), '/x'],
    [regex('/x\\b'), exact('/y'), 'disjoint'],
  ])('%j and %j: %s', (a, b, wanted) => {
    expect(shown({ path: a }, { path: b })).toBe(wanted);
  });

  it.each([
    [prefix('foo'), 'what no path begins with'],
    [exact('/a/../b'), 'a dot segment'],
    [exact('/a//b'), 'a doubled slash'],
    [exact('/a%2Fb'), 'an escaped slash'],
    [exact('/%41'), 'an escape that is decoded'],
    [exact('/a b'), 'a blank'],
    [exact('/a?b'), 'a question mark'],
    [prefix('/é'), 'a byte above 127'],
  ])('do not meet at %j: %s', (path) => {
    expect(shown({ path }, {})).toBe('disjoint');
  });
});

describe('two sets of conditions', () => {
  it.each([
    [{ headers: [header('x', is('a'))] }, { headers: [header('x', is('b'))] }, '/ with x: a, x: b'],
    [{ headers: [header('accept', is('a'))] }, { headers: [header('accept', is('b'))] }, 'disjoint'],
    [{ headers: [header('x', is('a'))] }, { headers: [without('x', is('a'))] }, 'disjoint'],
    [{ headers: [header('x', begins('a'))] }, { headers: [without('x', is('a'))] }, '/ with x: aa'],
    [{ headers: [header('x', begins('a'))] }, { headers: [header('x', ends('b'))] }, '/ with x: ab'],
    [{ headers: [header('x', present)] }, { headers: [without('x', present)] }, 'disjoint'],
    [{ headers: [without('x', like('.*'))] }, {}, 'disjoint'],
    [{ headers: [without('x', is('a'))] }, {}, '/'],
    [{ headers: [without('x', is(''))] }, {}, '/ with x: yes'],
    [{ headers: [header('x', begins('Bearer '))] }, {}, '/ with x: Bearer a'],
    [{ headers: [header(':status', present)] }, {}, 'disjoint'],
    [{ headers: [header(':authority', is('shop.example.com:81'))] }, {}, 'GET http://shop.example.com:81/'],
    [
      { headers: [header('host', is('Shop.example.com'))] },
      { headers: [header(':authority', begins('S'))] },
      'GET http://Shop.example.com/',
    ],
    [{ headers: [header(':authority', is('x.org'))] }, {}, 'disjoint'],
    [{ headers: [header(':scheme', is('https'))] }, {}, 'GET https://shop.example.com/'],
    [
      { headers: [header(':method', is('PUT'))] },
      { headers: [header(':method', like('P.*'))] },
      'PUT http://shop.example.com/',
    ],
    [{ headers: [header(':method', is('PUT'))] }, { headers: [header(':method', is('GET'))] }, 'disjoint'],
    [{ headers: [without(':method', is('GET'))] }, {}, 'POST http://shop.example.com/'],
    [{ headers: [header('x', like('\\pL'))] }, {}, 'unknown'],
    [{ queryParams: [query('v', is('1'))] }, { queryParams: [query('v', is('2'))] }, 'disjoint'],
    [{ queryParams: [query('v', is('1'))] }, { queryParams: [query('d', present)] }, '/?v=1&d='],
    [{ queryParams: [query('v', begins('a'))] }, { queryParams: [query('v', like('.*b'))] }, '/?v=ab'],
    [{ queryParams: [query('a=b', present)] }, {}, 'disjoint'],
    [{ queryParams: [query('v', is('a&b'))] }, {}, 'disjoint'],
    [{ claims: [claim(['r'], is('a'))] }, { claims: [claim(['r'], is('b'))] }, '/ with a token with {"r":["a","b"]}'],
    [{ claims: [claim(['r'], is('a'))] }, { claims: [claim(['r'], is('a'), true)] }, 'disjoint'],
    [{ claims: [claim(['o', 'u'], like('é+'))] }, {}, '/ with a token with {"o":{"u":"é"}}'],
    [{ claims: [claim(['r'], present, true)] }, {}, '/'],
    [{ claims: [claim(['o'], is('a'))] }, { claims: [claim(['o', 'u'], is('a'))] }, 'unknown'],
  ] as const)('%j and %j: %s', (a, b, wanted) => {
    expect(shown(a, b)).toBe(wanted);
  });

  it('meet at a host of a wildcard that no other domain takes', () => {
    expect(shown({}, {}, '*.x.com')).toBe('GET http://any.x.com/');
    expect(sampleHost('*.x.com', ['any.x.com', '*.com'])).toBe('any1.x.com');
    expect(sampleHost('*', ['*.example', 'a.com'])).not.toMatch(/^\.example$/);
    expect(sampleHost('x.*', [])).toBe('x.any');
  });
});

describe('a match covers another', () => {
  it.each([
    [{}, { path: exact('/x') }, true],
    [{ path: prefix('/') }, { path: regex('.*x') }, true],
    [{ path: regex('/.*') }, { path: exact('/x') }, true],
    [{ path: prefix('/a') }, { path: prefix('/ab') }, true],
    [{ path: prefix('/ab') }, { path: prefix('/a') }, false],
    [{ path: prefix('/a') }, { path: exact('/A', true) }, false],
    [{ path: prefix('/1') }, { path: exact('/1a', true) }, true],
    [{ path: prefix('/A', true) }, { path: prefix('/ab') }, true],
    [{ path: exact('/a') }, { path: prefix('/a') }, false],
    [{ path: exact('/a') }, { path: regex('/a') }, true],
    [{ path: prefix('/v') }, { path: regex('/v[0-9]+/x') }, true],
    [{ path: regex('/v[0-9]+/.*') }, { path: regex('/v[12]/x') }, true],
    [{ path: regex('/v[0-9]+/.*') }, { path: prefix('/v1/') }, true],
    [{ path: regex('/v[0-9]+/.*') }, { path: prefix('/v1') }, false],
    [{ path: regex('/\\bx') }, { path: exact('/y') }, false],
    [{ headers: [header('x', present)] }, {}, false],
    [{ headers: [header('x', present)] }, { headers: [header('x', is('a'))] }, true],
    [{ headers: [header('x', begins('a'))] }, { headers: [header('x', is('ab'))] }, true],
    [{ headers: [header('x', is('a'))] }, { headers: [header('x', begins('a'))] }, false],
    [{ headers: [header(':method', present)] }, {}, true],
    [{ headers: [header(':method', like('GET|PUT'))] }, { headers: [header(':method', is('PUT'))] }, true],
    [{ headers: [without(':method', is('GET'))] }, { headers: [header(':method', is('PUT'))] }, true],
    [{ headers: [without('x', is('b'))] }, { headers: [header('x', is('a'))] }, false],
    [{ headers: [without('accept', is('b'))] }, { headers: [header('accept', is('a'))] }, true],
    [{ headers: [without('x', is('ab'))] }, { headers: [without('x', begins('a'))] }, true],
    [{ headers: [without('x', is('a'))] }, { headers: [without('x', present)] }, true],
    [{ headers: [without('x', present)] }, { headers: [without('x', is('a'))] }, false],
    [{ headers: [without('x', present)] }, {}, false],
    [{ queryParams: [query('v', present)] }, { queryParams: [query('v', is('1'))] }, true],
    [{ queryParams: [query('v', is('1'))] }, { queryParams: [query('w', is('1'))] }, false],
    [{ claims: [claim(['r'], begins('a'))] }, { claims: [claim(['r'], is('ab'))] }, true],
    [{ claims: [claim(['r'], is('a'), true)] }, { claims: [claim(['r'], present, true)] }, true],
    [{ claims: [claim(['r'], is('a'), true)] }, { claims: [claim(['r'], is('b'))] }, false],
  ])('%j and %j: %s', (a, b, wanted) => {
    expect(covers(match(a), match(b), 'decode-and-merge-slashes')).toBe(wanted);
  });
});

describe('the overlaps of a host', () => {
  const told = (...args: Parameters<typeof findOverlaps>) =>
    findOverlaps(...args).overlaps.map(({ winner, loser, relation, witness }) => [
      winner.id,
      loser.id,
      relation,
      formatWitness(witness),
    ]);

  it('are told between owners, with who wins and a request that shows it', () => {
    const shop = host('shop.example.com', [
      route('red', { path: prefix('/cart') }, 'red'),
      route('red-too', { path: prefix('/cart/items') }, 'red'),
      route('blue', { path: exact('/cart/1') }, 'blue'),
      route('green', { path: prefix('/'), headers: [header('x-beta', present)] }, 'green'),
      route('all', {}, 'legacy'),
    ]);
    expect(told(shop)).toEqual([
      ['red', 'blue', 'shadows', 'GET http://shop.example.com/cart/1'],
      ['red', 'green', 'crosses', 'GET http://shop.example.com/cart with x-beta: yes'],
    ]);
    expect(
      told(shop, { includeRefinements: true }).map(([winner, loser, relation]) => [winner, loser, relation]),
    ).toEqual([
      ['red', 'blue', 'shadows'],
      ['red', 'green', 'crosses'],
      ['red', 'all', 'refines'],
      ['green', 'all', 'refines'],
    ]);
  });

  it('are not told where another owner is not concerned, or nothing meets', () => {
    expect(told(host('a.com', [route('a', {}, 'red'), route('b', {}, 'red')]))).toEqual([]);
    expect(
      told(host('a.com', [route('a', { path: prefix('/a') }, 'red'), route('b', { path: prefix('/b') }, 'blue')])),
    ).toEqual([]);
    expect(told(host('a.com', []))).toEqual([]);
  });

  it('do not count requests that repeat a header with other values', () => {
    const preview = (id: string, owner: string) => route(id, { headers: [header('x-preview', is(id))] }, owner);
    expect(told(host('a.com', [preview('one', 'red'), preview('two', 'blue')]))).toEqual([]);
  });

  it('stop at their limits, and say so', () => {
    const routes = Array.from({ length: 50 }, (_, i) => route(`r${i}`, { path: prefix('/x') }, `team-${i}`));
    const few = findOverlaps(host('a.com', routes), { maxReported: 5 });
    expect([few.overlaps.length, few.complete]).toEqual([5, false]);
    const fewer = findOverlaps(host('a.com', routes), { maxExamined: 3 });
    expect([fewer.overlaps.length <= 3, fewer.complete]).toEqual([true, false]);
    expect(findOverlaps(host('a.com', routes.slice(0, 3))).complete).toBe(true);
  });

  it('are found among thousands of routes that do not meet', () => {
    const routes = Array.from({ length: 3_000 }, (_, i) =>
      route(`r${i}`, { path: prefix(`/svc-${i}/`) }, `team-${i % 7}`),
    );
    const previews = Array.from({ length: 1_000 }, (_, i) =>
      route(`p${i}`, { path: prefix('/api'), headers: [header('x-preview', is(`${i}`))] }, `team-${i % 7}`),
    );
    const late = route('late', { path: exact('/svc-1234/x') }, 'late');
    expect(told(host('a.com', [...routes, ...previews, late]))).toEqual([
      ['r1234', 'late', 'shadows', 'GET http://a.com/svc-1234/x'],
    ]);
  });
});
