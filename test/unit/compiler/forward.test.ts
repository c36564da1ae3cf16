import { describe, expect, it } from 'vitest';
import { compileShop, documents, forwardOf, routesOf, service, TO_WEB, virtualService } from './builders.ts';

const HOST = 'a.example.com';
const withRule = (rule: string, ...more: readonly string[]) =>
  compileShop([...more, virtualService('vs', `hosts: [${HOST}], gateways: [infra/public], http: [{ ${rule} }]`)]);
const forward = (rule: string, ...more: readonly string[]) => forwardOf(withRule(rule, ...more), HOST);
const to = (host: string, more = ''): string => `{ destination: { host: ${host} }${more} }`;

describe('destinations', () => {
  const several = service('many', '{ name: a, port: 81 }, { name: b, port: 82 }');
  it.each([
    { destination: '{ host: web }', cluster: 'outbound|80||web.shop.svc.cluster.local' },
    { destination: '{ host: web, port: { number: 9 } }', cluster: 'outbound|9||web.shop.svc.cluster.local' },
    { destination: '{ host: web, subset: v1 }', cluster: 'outbound|80|v1|web.shop.svc.cluster.local' },
    { destination: '{ host: many }', cluster: 'outbound|80||many.shop.svc.cluster.local' },
    { destination: '{ host: many, port: { number: 82 } }', cluster: 'outbound|82||many.shop.svc.cluster.local' },
    { destination: '{ host: gone.example }', cluster: 'outbound|80||gone.example' },
  ])('$destination is $cluster', ({ destination, cluster }) => {
    expect(forward(`route: [{ destination: ${destination} }]`, several).destinations).toMatchObject([{ cluster }]);
  });

  it('alone have their whole weight, whatever they say', () => {
    const { destinations, totalWeight } = forward(`route: [${to('web', ', weight: 0')}]`);
    expect([destinations.map(({ weight }) => weight), totalWeight]).toEqual([[1], 1]);
  });

  it('of several have the weights they say, and those without get nothing', () => {
    const { destinations, totalWeight } = forward(
      `route: [${to('web', ', weight: 3')}, ${to('many', ', weight: 0')}, ${to('web', ', weight: 1')}]`,
      several,
    );
    expect([destinations.map(({ weight }) => weight), totalWeight]).toEqual([[3, 1], 4]);
  });
});

describe('header operations', () => {
  const headers = (level: string): string => `headers: { request: ${level} }`;
  const set = (pairs: string): string => `{ set: { ${pairs} } }`;

  it('of one destination follow the route’s in one list', () => {
    const compilation = withRule(
      `${headers('{ set: { x: route }, remove: [b] }')}, route: [{ destination: { host: web }, ${headers('{ set: { x: dest }, add: { w: z }, remove: [c] }')} }]`,
    );
    expect(routesOf(compilation, HOST)[0]?.requestHeaders).toEqual({
      remove: ['b', 'c'],
      set: [
        ['x', 'route'],
        ['x', 'dest'],
      ],
      add: [['w', 'z']],
    });
  });

  it('of several destinations stay with them', () => {
    const compilation = withRule(
      `${headers(set('x: route'))}, route: [${to('web', `, weight: 1, ${headers(set('x: dest'))}`)}, ${to('web', ', weight: 1')}]`,
    );
    expect(routesOf(compilation, HOST)[0]?.requestHeaders.set).toEqual([['x', 'route']]);
    expect(forwardOf(compilation, HOST).destinations[0]?.requestHeaders.set).toEqual([['x', 'dest']]);
  });

  it('are in the order of their names as written, in lower case', () => {
    const compilation = withRule(`${headers(set('x-dup: b, X-Dup: a, a: c'))}, ${TO_WEB}`);
    expect(routesOf(compilation, HOST)[0]?.requestHeaders.set).toEqual([
      ['x-dup', 'a'],
      ['a', 'c'],
      ['x-dup', 'b'],
    ]);
  });

  it('say nothing of the Host', () => {
    const compilation = withRule(`headers: { request: { set: { Host: h, x: v } } }, ${TO_WEB}`);
    expect(routesOf(compilation, HOST)[0]?.requestHeaders).toEqual({ remove: [], set: [['x', 'v']], add: [] });
  });
});

describe('the Host sent upstream', () => {
  const host = (value: string, how = 'set'): string => `headers: { request: { ${how}: { Host: ${value} } } }`;
  const one = (headers: string): string => `route: [{ destination: { host: web }, ${headers} }]`;
  it.each([
    { rule: `rewrite: { authority: rewritten }, ${one(host('dest'))}`, is: 'rewritten' },
    { rule: `${host('route')}, ${one(host('dest'))}`, is: 'route' },
    { rule: `${host('route', 'add')}, ${one(host('dest'))}`, is: 'route' },
    { rule: one(host('dest')), is: 'dest' },
    { rule: one("headers: { request: { set: { ':authority': dest } } }"), is: 'dest' },
    { rule: `${host("''")}, ${TO_WEB}`, is: undefined },
    { rule: TO_WEB, is: undefined },
  ])('is $is by $rule', ({ rule, is }) => {
    expect(forward(rule).hostRewrite).toBe(is);
  });

  it('is each destination’s own where the route has none', () => {
    const split = `route: [${to('web', `, weight: 1, ${host('a')}`)}, ${to('web', ', weight: 1')}]`;
    expect(forward(split).destinations.map(({ hostRewrite }) => hostRewrite)).toEqual(['a', undefined]);
    const both = forward(`${host('route')}, ${split}`);
    expect([both.hostRewrite, ...both.destinations.map((one) => one.hostRewrite)]).toEqual([
      'route',
      undefined,
      undefined,
    ]);
  });
});

describe('path rewriting', () => {
  it.each([
    {
      rule: 'match: [{ uri: { prefix: /foo/ } }], rewrite: { uri: / }',
      is: { kind: 'prefix', matched: '/foo/', replacement: '/' },
    },
    { rule: 'match: [{ uri: { exact: /foo } }], rewrite: { uri: /x }', is: { kind: 'whole', replacement: '/x' } },
    { rule: "match: [{ uri: { regex: '/f.*' } }], rewrite: { uri: /x }", is: { kind: 'whole', replacement: '/x' } },
    { rule: 'rewrite: { uri: /x }', is: { kind: 'prefix', matched: '/', replacement: '/x' } },
    {
      rule: "rewrite: { uriRegexRewrite: { match: '/f(.)', rewrite: '/\\1' } }",
      is: { kind: 'regex', pattern: '/f(.)', substitution: '/\\1' },
    },
    { rule: 'rewrite: { authority: h }', is: undefined },
  ])('by $rule', ({ rule, is }) => {
    expect(forward(`${rule}, ${TO_WEB}`).pathRewrite).toEqual(is);
  });
});

describe('mirrors', () => {
  it.each([
    { mirror: 'mirror: { host: web }', is: [1_000_000] },
    { mirror: 'mirror: { host: web }, mirrorPercent: 25', is: [250_000] },
    { mirror: 'mirror: { host: web }, mirrorPercent: 25, mirrorPercentage: { value: 0.5 }', is: [5_000] },
    { mirror: 'mirror: { host: web }, mirrorPercentage: {}', is: [] },
    { mirror: 'mirror: { host: web }, mirrorPercentage: { value: 0 }', is: [] },
    {
      mirror: 'mirrors: [{ destination: { host: web } }, { destination: { host: web }, percentage: { value: 10 } }]',
      is: [1_000_000, 100_000],
    },
    { mirror: 'mirrors: [{ destination: { host: web }, percentage: {} }]', is: [] },
  ])('$mirror: $is of a million', ({ mirror, is }) => {
    expect(forward(`${mirror}, ${TO_WEB}`).mirrors.map(({ perMillion }) => perMillion)).toEqual(is);
  });
});

describe('timeouts and hashing', () => {
  const rule = (name: string, loadBalancer: string): string => `
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: ${name} }
spec: { host: ${name}, trafficPolicy: { loadBalancer: { consistentHash: ${loadBalancer} } } }`;

  it('have no timeout unless one is given', () => {
    expect(forward(TO_WEB).timeoutMs).toBeUndefined();
    expect(forward(`timeout: 1.5s, ${TO_WEB}`).timeoutMs).toBe(1500);
  });

  it('hash on what the destinations’ rules say, all of them', () => {
    const rules = documents(
      service('other'),
      rule('web', '{ httpHeaderName: x-user }'),
      rule('other', '{ useSourceIp: true }'),
    );
    const both = forward(`route: [${to('web', ', weight: 1')}, ${to('other', ', weight: 1')}]`, rules);
    expect(both.hashPolicies).toEqual([{ kind: 'header', name: 'x-user' }, { kind: 'source-ip' }]);
    expect(both.retry?.avoidPreviousHosts).toBe(true);
    const one = forward(TO_WEB, rules);
    expect(one.hashPolicies).toHaveLength(1);
    expect(one.retry?.avoidPreviousHosts).toBe(false);
    expect(forward(TO_WEB).hashPolicies).toEqual([]);
  });
});
