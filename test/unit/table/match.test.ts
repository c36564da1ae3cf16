import { describe, expect, it } from 'vitest';
import { bindTable } from '../../../src/table/bind.ts';
import type { RequestFacts } from '../../../src/table/facts.ts';
import { matchRequest, selectRoute } from '../../../src/table/match.ts';
import type { Route, RouteMatch } from '../../../src/table/model.ts';
import { explainMatch } from '../../../src/table/reference.ts';
import {
  begins,
  claim,
  config,
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
  request,
  route,
  table,
  without,
} from './builders.ts';

/** Index and reference matcher are asked alike: what is said here holds for both. */
function chosen(routes: readonly Route[], facts: RequestFacts): string | undefined {
  const definition = table([config([host('*', routes)])]);
  const result = matchRequest(bindTable(definition), 'http.80', facts);
  expect(explainMatch(definition, 'http.80', facts).route).toBe(result.route);
  expect(result.index).toBe(result.route === undefined ? -1 : routes.indexOf(result.route));
  return result.route?.id;
}

const fits = (conditions: Partial<RouteMatch>, facts: RequestFacts): boolean =>
  chosen([route('only', conditions)], facts) === 'only';

const lines = (...headers: readonly (readonly [string, string])[]): RequestFacts => request('/', { headers });

describe('a path condition', () => {
  it.each([
    [exact('/a'), '/a', true],
    [exact('/a'), '/a/', false],
    [exact('/a'), '/A', false],
    [exact('/a', true), '/A', true],
    [prefix('/foo'), '/foobar', true],
    [prefix('/foo'), '/fo', false],
    [prefix('/Foo', true), '/fOObar', true],
    [prefix(''), '/x', true],
    [prefix('/é'), '/\xc3\xa9x', true],
    [prefix('/é'), '/\xe9x', false],
    [prefix('/\xc9', true), '/\xe9', false],
    [regex('/v[12]/.*'), '/v1/x', true],
    [regex('/v[12]'), '/v1/x', false],
    [regex('/V[12]/.*'), '/v1/x', false],
    [regex('(?i)/V[12]/.*'), '/v1/x', true],
    [regex('('), '/', false],
  ])('%j takes %s: %s', (path, asked, wanted) => {
    expect(fits({ path }, request(asked))).toBe(wanted);
  });

  it('does not see the query', () => {
    expect(fits({ path: exact('/a') }, request('/a?b'))).toBe(true);
    expect(fits({ path: regex('/a.b') }, request('/a?b'))).toBe(false);
  });
});

describe('a header condition', () => {
  it.each([
    [header('x', is('a')), [], false],
    [header('x', is('a')), ['a'], true],
    [header('x', is('a')), ['A'], false],
    [header('x', is('a')), ['b', 'a'], true],
    [header('x', is('a,b')), ['a', 'b'], false],
    [header('x', is('')), [], false],
    [header('x', is('')), [''], true],
    [header('x', begins('a')), ['ab'], true],
    [header('x', ends('b')), ['ab'], true],
    [header('x', like('a+')), ['aa'], true],
    [header('x', like('a+')), ['aab'], false],
    [header('x', present), [''], true],
    [header('x', present), [], false],
    [header('x', is('é')), ['\xc3\xa9'], true],
    [without('x', is('a')), [], true],
    [without('x', is('a')), ['a'], false],
    [without('x', is('a')), ['b'], true],
    [without('x', is('a')), ['b', 'a'], false],
    [without('x', like('.*')), [], false],
    [without('x', like('.*')), ['b'], false],
    [without('x', is('')), [], false],
    [without('x', present), [], true],
    [without('x', present), [''], false],
  ])('%j against the lines %j: %s', (condition, values, wanted) => {
    expect(fits({ headers: [condition] }, lines(...values.map((value) => ['x', value] as const)))).toBe(wanted);
  });

  it.each(
    'user-agent accept authorization origin referer content-type via cache-control x-envoy-attempt-count'.split(' '),
  )('sees the lines of %s joined', (name) => {
    const facts = lines([name, 'a'], ['x', 'y'], [name, 'b']);
    expect(fits({ headers: [header(name, is('a,b'))] }, facts)).toBe(true);
    expect(fits({ headers: [header(name, is('a'))] }, facts)).toBe(false);
    expect(fits({ headers: [without(name, is('a'))] }, facts)).toBe(true);
    expect(fits({ headers: [without(name, present)] }, facts)).toBe(false);
    expect(fits({ headers: [without(name, is('a'))] }, lines())).toBe(true);
  });

  it.each(['accept-language', 'cookie', 'x-team', 'x-ot-span-context'])('sees the lines of %s one by one', (name) => {
    const facts = lines([name, 'a'], [name, 'b']);
    expect(fits({ headers: [header(name, is('b'))] }, facts)).toBe(true);
    expect(fits({ headers: [header(name, is('a,b'))] }, facts)).toBe(false);
  });

  it('reads the parts of the request line', () => {
    const facts = request('/p?q=1', { method: 'PUT', authority: 'Shop.example.com:81', scheme: 'https' });
    const asks = (name: string, value: string) => fits({ headers: [header(name, is(value))] }, facts);
    expect([asks(':method', 'PUT'), asks(':method', 'put')]).toEqual([true, false]);
    expect([asks(':authority', 'Shop.example.com:81'), asks(':authority', 'shop.example.com:81')]).toEqual([
      true,
      false,
    ]);
    expect([asks('host', 'Shop.example.com:81'), asks(':scheme', 'https'), asks(':path', '/p?q=1')]).toEqual([
      true,
      true,
      true,
    ]);
    expect([asks('method', 'PUT'), asks(':status', '200'), asks(':path', '/p')]).toEqual([false, false, false]);
    expect(fits({ headers: [without(':status', present)] }, facts)).toBe(true);
  });
});

describe('a query condition', () => {
  it.each([
    [query('v', is('2')), '/?v=2', true],
    [query('v', is('2')), '/?x=1&v=2', true],
    [query('v', is('2')), '/?v=1&v=2', false],
    [query('v', is('2')), '/?V=2', false],
    [query('v', is('2')), '/?v==2', false],
    [query('v', is('=2')), '/?v==2', true],
    [query('v', is('2')), '/?v=2;debug', false],
    [query('v', is('2')), '/?%76=2', false],
    [query('v', is('2')), '/?&&v=2', true],
    [query('v', is('2')), '/', false],
    [query('d', present), '/?d', true],
    [query('d', present), '/?d=', true],
    [query('d', present), '/?debug', false],
    [query('d', is('')), '/?d', true],
    [query('d', is('')), '/?d=', true],
    [query('d', is('')), '/?d=1', false],
    [query('d', is('')), '/?', false],
    [query('n', is('a b')), '/?n=a%20b', false],
    [query('n', is('a+b')), '/?n=a+b', true],
    [query('f[x]', is('1')), '/?f[x]=1', true],
    [query('p', begins('ab')), '/?p=abc', true],
    [query('i', like('[0-9]+')), '/?i=12', true],
    [query('i', like('[0-9]+')), '/?i=', false],
    [query('a=b', is('c')), '/?a=b=c', false],
  ])('%j of %s: %s', (condition, target, wanted) => {
    expect(fits({ queryParams: [condition] }, request(target))).toBe(wanted);
  });
});

describe('a claim condition', () => {
  const withClaims = (claims: Readonly<Record<string, unknown>>, spaceDelimitedClaims: readonly string[] = []) =>
    request('/', { identity: { claims, spaceDelimitedClaims } });

  it.each([
    [claim(['plan'], is('gold')), { plan: 'gold' }, true],
    [claim(['plan'], is('gold')), { plan: 'Gold' }, false],
    [claim(['plan'], is('gold')), { Plan: 'gold' }, false],
    [claim(['plan'], is('gold')), { plan: ['silver', 'gold'] }, true],
    [claim(['plan'], is('gold')), { plan: 'silver gold' }, false],
    [claim(['plan'], begins('team-')), { plan: ['x', 'team-7'] }, true],
    [claim(['level'], is('7')), { level: 7 }, false],
    [claim(['level'], is('7')), { level: '7' }, true],
    [claim(['level'], is('7')), { level: [7] }, false],
    [claim(['vip'], is('true')), { vip: true }, false],
    [claim(['org'], like('.*')), { org: { unit: 'x' } }, false],
    [claim(['org'], like('.*')), { org: null }, false],
    [claim(['org'], like('.*')), { org: '' }, true],
    [claim(['org'], like('.*')), {}, false],
    [claim(['org'], like('.*')), { org: [] }, false],
    [claim(['org', 'unit'], is('r1')), { org: { unit: ['x', 'r1'] } }, true],
    [claim(['org', 'unit'], is('r1')), { 'org.unit': 'r1' }, false],
    [claim(['org', 'unit'], is('r1')), { org: 'r1' }, false],
    [claim(['https://e.com/roles'], is('admin')), { 'https://e.com/roles': ['user', 'admin'] }, true],
    [claim(['scope'], is('write')), { scope: 'read write' }, true],
    [claim(['scope'], is('write')), { scope: 'writer' }, false],
    [claim(['scope'], is('write')), { scope: ['write'] }, true],
    [claim(['permission'], is('p1')), { permission: 'p0 p1' }, true],
    [claim(['roles'], is('r1')), { roles: 'r0 r1' }, true],
    [claim(['roles'], present), { roles: 'r0' }, true],
    [claim(['roles'], present), { roles: 7 }, false],
    [claim(['name'], is('José')), { name: 'José' }, true],
    [claim(['toString'], present), {}, false],
    [claim(['blocked'], is('yes'), true), {}, true],
    [claim(['blocked'], is('yes'), true), { blocked: 'no' }, true],
    [claim(['blocked'], is('yes'), true), { blocked: ['no', 'yes'] }, false],
  ])('%j of a token with %j: %s', (condition, claims, wanted) => {
    expect(fits({ claims: [condition] }, withClaims(claims, ['roles']))).toBe(wanted);
  });

  it('splits words only where that is asked for', () => {
    expect(fits({ claims: [claim(['roles'], is('r1'))] }, withClaims({ roles: 'r0 r1' }))).toBe(false);
  });

  it('never holds without a token, and its opposite always does', () => {
    expect(fits({ claims: [claim(['sub'], like('.*'))] }, request())).toBe(false);
    expect(fits({ claims: [claim(['sub'], like('.+'), true)] }, request())).toBe(true);
  });
});

describe('choosing a route', () => {
  it('takes the first in order whose conditions all hold', () => {
    const routes = [
      route('post', { path: prefix('/a'), headers: [header(':method', is('POST'))] }),
      route('long', { path: prefix('/a/b') }),
      route('short', { path: prefix('/a') }),
      route('exact', { path: exact('/a/b') }),
      route('folded', { path: exact('/C', true) }),
    ];
    expect(chosen(routes, request('/a/b'))).toBe('long');
    expect(chosen(routes, request('/a/b', { method: 'POST' }))).toBe('post');
    expect(chosen(routes, request('/ax'))).toBe('short');
    expect(chosen(routes, request('/c'))).toBe('folded');
    expect(chosen(routes, request('/x'))).toBeUndefined();
  });

  it('keeps the order between routes that many conditions tell apart', () => {
    const many = Array.from({ length: 30 }, (_, i) =>
      route(`p${i}`, { path: prefix('/api'), headers: [header('x-p', is(`${i}`))] }),
    );
    const routes = [
      ...many.slice(0, 10),
      route('any-p', { path: prefix('/api'), headers: [header('x-p', present)] }),
      ...many.slice(10),
      route('rest', { path: prefix('/api') }),
    ];
    expect(chosen(routes, request('/api', { headers: [['x-p', '3']] }))).toBe('p3');
    expect(chosen(routes, request('/api', { headers: [['x-p', '20']] }))).toBe('any-p');
    expect(
      chosen(
        routes,
        request('/api', {
          headers: [
            ['x-p', '20'],
            ['x-p', '7'],
          ],
        }),
      ),
    ).toBe('p7');
    expect(chosen(routes, request('/api'))).toBe('rest');
  });

  it('stays in the virtual host it chose', () => {
    const bound = bindTable(
      table([config([host('a.x.com', [route('exact', { path: exact('/only') })]), host('*.x.com', [route('wild')])])]),
    );
    const ask = (name: string, target: string) => matchRequest(bound, 'http.80', request(target, { host: name }));
    expect(ask('a.x.com', '/').route).toBeUndefined();
    expect(ask('a.x.com', '/').virtualHost?.virtualHost.domain).toBe('a.x.com');
    expect(ask('b.x.com', '/').route?.id).toBe('wild');
    expect(ask('x.com', '/').virtualHost).toBeUndefined();
  });

  it('finds nothing in a route config that is not there', () => {
    const result = matchRequest(bindTable(table([])), 'http.80', request());
    expect(result).toEqual({ virtualHost: undefined, route: undefined, index: -1, redirectToTls: false });
  });

  it('chooses anew within a virtual host when a token came', () => {
    const bound = bindTable(
      table([config([host('*', [route('gold', { claims: [claim(['plan'], is('gold'))] }), route('rest')])])]),
    );
    const first = matchRequest(bound, 'http.80', request());
    expect(first.route?.id).toBe('rest');
    const verified = request('/', { identity: { claims: { plan: 'gold' }, spaceDelimitedClaims: [] } });
    const again = first.virtualHost && selectRoute(first.virtualHost, verified);
    expect([again?.route?.id, again?.index]).toEqual(['gold', 0]);
  });
});

describe('a host that requires TLS', () => {
  const definition = table([config([host('*', [route('only')], true)])]);
  const bound = bindTable(definition);
  const ask = (facts: RequestFacts) => {
    const { route: found, redirectToTls } = matchRequest(bound, 'http.80', facts);
    const explained = explainMatch(definition, 'http.80', facts);
    expect([explained.route, explained.redirectToTls]).toEqual([found, redirectToTls]);
    return { id: found?.id, redirectToTls };
  };
  const proto = (value: string) => lines(['x-forwarded-proto', value]);

  it('redirects whatever did not come by exactly https', () => {
    for (const facts of [proto('http'), proto('Https'), proto('https, http'), request()]) {
      expect(ask(facts)).toEqual({ id: undefined, redirectToTls: true });
    }
    expect(ask(proto('https'))).toEqual({ id: 'only', redirectToTls: false });
    expect(ask(request('/', { scheme: 'https' }))).toEqual({ id: 'only', redirectToTls: false });
  });

  it('gives no route to a request that claims no protocol, as any host does', () => {
    expect(ask(proto(''))).toEqual({ id: undefined, redirectToTls: false });
    expect(chosen([route('only')], proto(''))).toBeUndefined();
  });
});

describe('conditions that cannot be split any further', () => {
  it('are still all asked', () => {
    const same = match({ path: prefix('/a'), headers: [header('x', is('1'))] });
    const routes = [
      ...Array.from({ length: 12 }, (_, i) => route(`q${i}`, { ...same, queryParams: [query('q', is(`${i}`))] })),
      ...Array.from({ length: 12 }, (_, i) => route(`c${i}`, { ...same, claims: [claim(['c'], is(`${i}`))] })),
      ...Array.from({ length: 12 }, (_, i) =>
        route(`n${i}`, { ...same, headers: [...same.headers, without('y', is(`${i}`))] }),
      ),
    ];
    const ask = (target: string, extra: Parameters<typeof request>[1] = {}) =>
      chosen(routes, request(target, { headers: [['x', '1']], ...extra }));
    expect(ask('/a?q=7')).toBe('q7');
    expect(ask('/a?q=99')).toBe('n0');
    expect(ask('/a', { identity: { claims: { c: ['9', '5'] }, spaceDelimitedClaims: [] } })).toBe('c5');
    expect(
      ask('/a', {
        headers: [
          ['x', '1'],
          ['y', '0'],
        ],
      }),
    ).toBe('n1');
    expect(ask('/a', { headers: [['x', '2']] })).toBeUndefined();
  });
});
