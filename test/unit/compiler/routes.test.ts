import { describe, expect, it } from 'vitest';
import {
  compileShop,
  compileYaml,
  documents,
  gateway,
  http,
  idsOf,
  routesOf,
  service,
  stateOf,
  TO_WEB,
  virtualService,
} from './builders.ts';

const HOST = 'a.example.com';
const age = (minute: number): string => `, creationTimestamp: '2026-01-01T00:0${minute}:00Z'`;
const vs = (name: string, rules: string, metadata = '', more = ''): string =>
  virtualService(name, `hosts: [${HOST}], gateways: [infra/public], http: [${rules}]${more}`, metadata);
const rule = (match: string, name = ''): string =>
  `{ ${name === '' ? '' : `name: ${name}, `}match: [${match}], ${TO_WEB} }`;
const prefix = (path: string): string => `{ uri: { prefix: ${path} } }`;

describe('the routes of one host', () => {
  it('come oldest VirtualService first, with all catch-alls at the end', () => {
    const compilation = compileShop([
      vs('young', `${rule(prefix('/y'))}, { ${TO_WEB} }`, age(3)),
      vs('old', `${rule(prefix('/o'))}, { ${TO_WEB} }`, age(1)),
    ]);
    expect(idsOf(compilation, HOST)).toEqual(['shop/old/0', 'shop/young/0', 'shop/old/1', 'shop/young/1']);
  });

  it('come by visibility before age: private, then exported by name, then public', () => {
    const compilation = compileYaml({
      infra: gateway('public', http(80, `'*'`)),
      shop: documents(
        service('web'),
        vs('public', rule(prefix('/p')), age(1)),
        vs('named', rule(prefix('/n')), age(2), ', exportTo: [istio-system]'),
      ),
      'istio-system': vs('own', rule(prefix('/o')), age(3), ", exportTo: ['.']"),
    });
    expect(idsOf(compilation, HOST)).toEqual(['istio-system/own/0', 'shop/named/0', 'shop/public/0']);
  });

  it('end at the first catch-all of a VirtualService', () => {
    const compilation = compileShop([
      vs('one', `${rule(`${prefix('/a')}, {}, ${prefix('/b')}`)}, ${rule(prefix('/c'))}`),
    ]);
    expect(idsOf(compilation, HOST)).toEqual(['shop/one/0.0', 'shop/one/0.1']);
  });

  it.each([prefix("''"), "{ uri: { regex: '/.*' } }", '{ method: {} }', '{ uri: { prefix: / }, headers: { x: {} } }'])(
    'go on behind %s, which is no catch-all',
    (match) => {
      const compilation = compileShop([vs('one', `${rule(match)}, ${rule(prefix('/c'))}`)]);
      expect(idsOf(compilation, HOST)).toEqual(['shop/one/0', 'shop/one/1']);
    },
  );

  it('are named by their rule, or by its place, and never alike', () => {
    const rules = [
      rule(prefix('/a'), 'cart'),
      rule(`{ name: x, uri: { prefix: /b } }, ${prefix('/c')}`, 'items'),
      rule(prefix('/d'), 'twice'),
      rule(prefix('/e'), 'twice'),
      rule(prefix('/f'), '"9"'),
    ];
    expect(idsOf(compileShop([vs('one', rules.join(', '))]), HOST)).toEqual([
      'shop/one/cart',
      'shop/one/items.x',
      'shop/one/items.1',
      'shop/one/2',
      'shop/one/3',
      'shop/one/4',
    ]);
  });

  it('carry Istio’s route name and their owner', () => {
    const compilation = compileShop([vs('one', rule('{ name: m, uri: { prefix: /a } }', 'r'))]);
    expect(routesOf(compilation, HOST)[0]).toMatchObject({
      name: 'r.m',
      owner: { namespace: 'shop', kind: 'VirtualService', name: 'one', delegate: undefined, file: 'shop/test.yaml' },
    });
  });
});

describe('what is settled when the routes are built', () => {
  const world = (match: string) =>
    compileYaml({
      infra: documents(gateway('public', http(80, "'*'")), gateway('other', http(81, "'*'"))),
      shop: documents(
        service('web'),
        virtualService(
          'one',
          `hosts: [${HOST}], gateways: [infra/public, infra/other], http: [{ match: [${match}], ${TO_WEB} }]`,
        ),
      ),
    });

  it.each([
    { match: '{ port: 80 }', at: [true, false] },
    { match: '{ port: 0 }', at: [true, true] },
    { match: '{ port: 82 }', at: [false, false] },
    { match: '{ gateways: [infra/other] }', at: [false, true] },
    { match: '{ gateways: [mesh] }', at: [false, false] },
    { match: '{ sourceLabels: { app: istio-ingressgateway } }', at: [true, true] },
    { match: '{ sourceLabels: { app: other } }', at: [false, false] },
    { match: '{ sourceNamespace: istio-system }', at: [true, true] },
    { match: '{ sourceNamespace: shop }', at: [false, false] },
    { match: '{ gateways: [infra/public], sourceLabels: { app: other }, sourceNamespace: shop }', at: [true, false] },
  ])('$match holds at 80, 81: $at', ({ match, at }) => {
    const compilation = world(match);
    expect([80, 81].map((port) => idsOf(compilation, HOST, `http.${port}`).length > 0)).toEqual(at);
  });

  it('leaves out a VirtualService of which nothing holds, host and all', () => {
    const compilation = world('{ port: 82 }');
    expect(compilation.table.routeConfigs.map(({ virtualHosts }) => virtualHosts)).toEqual([[], []]);
    expect(stateOf(compilation, 'VirtualService', 'one')).toBe('unattached');
  });
});

describe('a VirtualService that names two Gateways of one port', () => {
  it('has each route once, where the older Gateway puts it', () => {
    const compilation = compileYaml({
      infra: documents(gateway('a', http(80, "'*'"), age(1)), gateway('b', http(80, HOST), age(2))),
      shop: documents(
        service('web'),
        virtualService(
          'both',
          `hosts: [${HOST}], gateways: [infra/b, infra/a], http: [${rule(`${prefix('/x')}`)}, { ${TO_WEB} }]`,
        ),
        virtualService('second', `hosts: [${HOST}], gateways: [infra/b], http: [${rule(prefix('/y'))}]`),
      ),
    });
    expect(idsOf(compilation, HOST)).toEqual(['shop/both/0', 'shop/second/0', 'shop/both/1']);
  });
});

describe('a rule that cannot be honoured', () => {
  it.each([
    { name: 'an odd redirect code', rule: '{ redirect: { uri: /x, redirectCode: 304 } }' },
    { name: 'a header name that no header has', rule: `{ ${TO_WEB}, headers: { request: { set: { 'x y': v } } } }` },
  ])('answers 503 for its own match: $name', ({ rule: text }) => {
    const compilation = compileShop([vs('one', text)]);
    const [route] = routesOf(compilation, HOST);
    expect(route?.action).toMatchObject({ kind: 'failed', status: 503, cause: 'route-failed' });
    expect(stateOf(compilation, 'VirtualService', 'one')).toBe('degraded');
  });
});
