import { describe, expect, it } from 'vitest';
import { explainMatch } from '../../../src/table/reference.ts';
import { claim, config, exact, header, host, is, prefix, query, request, route, table } from './builders.ts';

const routes = [
  route('other-path', { path: exact('/w') }),
  route('many', {
    path: prefix('/v'),
    headers: [header('x-tier', is('gold'))],
    queryParams: [query('v', is('2'))],
    claims: [claim(['role'], is('admin'))],
  }),
  route('winner', { path: prefix('/v1') }),
  route('later', { path: prefix('/') }),
];
const definition = table([
  config([host('shop.example.com', routes), host('*.example.com', [route('wild')]), host('*', [])]),
]);

describe('explaining a choice', () => {
  const facts = request('/v1/cart?v=1', {
    headers: [
      ['x-tier', 'silver'],
      ['x-tier', 'iron'],
    ],
  });

  it('tells for each route, in order, why it lost, or that an earlier one answers', () => {
    const { candidates, route: found } = explainMatch(definition, 'http.80', facts);
    expect(found?.id).toBe('winner');
    expect(candidates.map((candidate) => [candidate.route.id, candidate.outcome.kind])).toEqual([
      ['other-path', 'lost'],
      ['many', 'lost'],
      ['winner', 'answers'],
      ['later', 'shadowed'],
    ]);
    const outcome = candidates[1]?.outcome;
    const losses = outcome?.kind === 'lost' ? outcome.losses : [];
    expect(losses.map((loss) => [loss.kind, loss.found])).toEqual([
      ['header', ['silver', 'iron']],
      ['query', '1'],
      ['claim', []],
    ]);
    expect(candidates[3]?.outcome).toEqual({ kind: 'shadowed', by: routes[2] });
  });

  it('names the domains that would take the host, the chosen one first', () => {
    expect(explainMatch(definition, 'http.80', facts).domains).toEqual(['shop.example.com', '*.example.com', '*']);
  });

  it('has nothing to tell where there is no route config, no host or no route', () => {
    const nowhere = explainMatch(definition, 'http.81', facts);
    expect([nowhere.routeConfig, nowhere.virtualHost, nowhere.candidates]).toEqual([undefined, undefined, []]);
    const empty = explainMatch(definition, 'http.80', request('/', { host: 'x.org' }));
    expect([empty.virtualHost?.domain, empty.candidates, empty.route]).toEqual(['*', [], undefined]);
    const unknown = explainMatch(table([config([host('a.com', routes)])]), 'http.80', facts);
    expect([unknown.virtualHost, unknown.domains]).toEqual([undefined, []]);
  });

  it('says that routes are not asked before the redirect to https', () => {
    const secure = table([config([host('*', [route('only')], true)])]);
    const { redirectToTls, candidates, route: found } = explainMatch(secure, 'http.80', request());
    expect([redirectToTls, candidates[0]?.outcome.kind, found]).toEqual([true, 'unasked', undefined]);
  });
});
