import { describe, expect, it } from 'vitest';
import { createCompiler } from '../../../src/compiler/index.ts';
import type { FilterSpec } from '../../../src/contract/plugin.ts';
import { resourceSet } from '../../../src/resources/index.ts';
import { compileOptions, parseResources } from '../../support/resources.ts';
import {
  compileShop,
  documents,
  findings,
  gateway,
  http,
  routesOf,
  service,
  TO_WEB,
  virtualService,
} from './builders.ts';

const HOST = 'a.example.com';
const vs = (rule: string, hosts = HOST): string =>
  virtualService('vs', `hosts: [${hosts}], gateways: [infra/public], http: [{ ${rule} }]`);
const policy = (name: string, metadata = ''): string => `
apiVersion: security.istio.io/v1
kind: RequestAuthentication
metadata: { name: ${name}${metadata} }
spec: { jwtRules: [{ issuer: ${name} }] }`;

const REF = { kind: 'RateLimit', namespace: 'a', name: 'b' };
const fail = (): never => {
  throw new Error('bang');
};

describe('the pure halves of filters', () => {
  it('see their policies in the order of age and say what holds for every request', () => {
    const auth: FilterSpec = {
      name: 'auth',
      kinds: ['RequestAuthentication'],
      compileWorkload: ({ policies, gatewayNamespace, rootNamespace }) => ({
        names: policies.map(({ ref }) => `${ref.namespace}/${ref.name}`),
        gatewayNamespace,
        rootNamespace,
      }),
    };
    const silent: FilterSpec = { name: 'silent', kinds: [], compileWorkload: () => undefined };
    const { table } = compileShop(
      [vs(TO_WEB)],
      { filters: [auth, silent] },
      {
        'istio-system': documents(
          policy('young', ", creationTimestamp: '2026-01-02T00:00:00Z'"),
          policy('old', ", creationTimestamp: '2026-01-01T00:00:00Z'"),
        ),
      },
    );
    expect(table.filters).toEqual({
      auth: {
        names: ['istio-system/old', 'istio-system/young'],
        gatewayNamespace: 'istio-system',
        rootNamespace: 'istio-system',
      },
    });
  });

  it('give a route settings of its own, by its rule and host', () => {
    const cors: FilterSpec = {
      name: 'cors',
      kinds: [],
      compileRoute: ({ rule, domain, id, kind }) => (rule['corsPolicy'] ? { domain, id, kind } : undefined),
    };
    const rule = `corsPolicy: { allowMethods: [GET] }, ${TO_WEB}`;
    const compilation = compileShop([vs(rule, `${HOST}, b.example.com`)], { filters: [cors] });
    for (const domain of [HOST, 'b.example.com']) {
      expect(routesOf(compilation, domain)[0]?.filters).toEqual({ cors: { domain, id: 'shop/vs/0', kind: 'forward' } });
    }
    expect(routesOf(compileShop([vs(TO_WEB)], { filters: [cors] }), HOST)[0]?.filters).toEqual({});
  });

  it('bring the clusters they ask for into the table', () => {
    const ask = (host: string, port: number): FilterSpec => ({
      name: 'ask',
      kinds: [],
      compileWorkload: ({ resolveCluster }) => ({ cluster: resolveCluster(host, port, 'shop') }),
    });
    const asked = (host: string, port: number) => {
      const { table } = compileShop([service('authorizer')], { filters: [ask(host, port)] });
      return [table.filters['ask'], table.clusters.map(({ id }) => id)];
    };
    const id = 'outbound|80||authorizer.shop.svc.cluster.local';
    expect(asked('authorizer', 80)).toEqual([{ cluster: id }, [id]]);
    expect(asked('authorizer', 81)).toEqual([{ cluster: undefined }, []]);
    expect(asked('nobody', 80)).toEqual([{ cluster: undefined }, []]);
  });

  it('can tell in which namespaces a host is, and are asked anew when that changes', () => {
    const spec: FilterSpec = {
      name: 'ask',
      kinds: [],
      compileWorkload: ({ serviceNamespaces }) => ({ in: serviceNamespaces('checker.shop.svc.cluster.local') }),
    };
    const compiler = createCompiler(compileOptions({ filters: [spec] }));
    const answer = (name: string): unknown =>
      compiler.compile(resourceSet(parseResources(service(name), 'shop'))).table.filters['ask'];
    expect(answer('other')).toEqual({ in: [] });
    expect(answer('checker')).toEqual({ in: ['shop'] });
  });

  it('can tell which services are spoken to in HTTP/2, and are asked anew when that changes', () => {
    const spec: FilterSpec = {
      name: 'ask',
      kinds: [],
      compileWorkload: ({ speaksHttp2 }) => ({ h2: speaksHttp2('checker', 80, 'shop') }),
    };
    const worldOf = (...shop: string[]) =>
      resourceSet([
        ...parseResources(gateway('public', http(80, "'*'")), 'infra'),
        ...parseResources(documents(...shop), 'shop'),
      ]);
    const upgrade = `
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: checker }
spec: { host: checker, trafficPolicy: { connectionPool: { http: { h2UpgradePolicy: UPGRADE } } } }`;
    const compiler = createCompiler(compileOptions({ filters: [spec] }));
    const answer = (...shop: string[]): unknown => compiler.compile(worldOf(...shop)).table.filters['ask'];
    expect(answer(service('checker', '{ name: http, port: 80 }'))).toEqual({ h2: false });
    expect(answer(service('checker', '{ name: any, port: 80 }'))).toEqual({ h2: false });
    expect(answer(service('checker', '{ name: any, port: 80, appProtocol: grpc }'))).toEqual({ h2: true });
    expect(answer(service('checker', '{ name: http2-any, port: 80 }'))).toEqual({ h2: true });
    expect(answer(service('checker', '{ name: http, port: 80 }'), upgrade)).toEqual({ h2: true });
    expect(answer(service('other'))).toEqual({ h2: true });
  });

  it.each([
    ['workload', { compileWorkload: () => fail() }],
    ['route', { compileRoute: () => fail() }],
    ['finding', { compileWorkload: ({ report }) => report({ object: REF, code: 'nonsense', field: [], message: '' }) }],
  ] as const satisfies readonly (readonly [string, Partial<FilterSpec>])[])(
    'that fail are named, whichever half of them it is: %s',
    (_half, halves) => {
      const broken: FilterSpec = { name: 'broken', kinds: [], ...halves };
      expect(() => compileShop([vs(TO_WEB)], { filters: [broken] })).toThrow(
        /^the filter 'broken' fails on the routes: .*(bang|nonsense)/,
      );
    },
  );

  it('report findings that are placed in the policy’s file', () => {
    const auth: FilterSpec = {
      name: 'auth',
      kinds: ['RequestAuthentication'],
      compileWorkload({ policies, report }) {
        const field = ['spec', 'jwtRules', 0, 'issuer'];
        for (const { ref } of policies)
          report({ object: ref, code: 'ignored-field', field, message: 'no such issuer' });
        return {};
      },
    };
    const compilation = compileShop([], { filters: [auth] }, { 'istio-system': policy('one') });
    expect(findings(compilation, 'ignored-field')).toMatchObject([
      { object: { name: 'one' }, message: 'no such issuer', location: { file: 'istio-system/test.yaml', line: 5 } },
    ]);
  });
});

describe('filters over time', () => {
  const world = (policies: readonly string[]) =>
    resourceSet([
      ...parseResources(gateway('public', http(80, "'*'")), 'infra'),
      ...shop,
      ...policies.flatMap((text) => parseResources(text, 'istio-system')),
    ]);
  const shop = parseResources(documents(service('web'), vs(TO_WEB)), 'shop');

  it('are asked again only when their policies change, and keep routes whose settings came out equal', () => {
    const calls = { workload: 0, route: 0 };
    const auth: FilterSpec = {
      name: 'auth',
      kinds: ['RequestAuthentication'],
      compileWorkload({ policies }) {
        calls.workload++;
        return { any: policies.length > 0 };
      },
      compileRoute() {
        calls.route++;
        return { same: true };
      },
    };
    const compiler = createCompiler(compileOptions({ filters: [auth] }));
    const one = policy('one');
    const first = compiler.compile(world([one]));
    expect(calls).toEqual({ workload: 1, route: 1 });
    const second = compiler.compile(world([one, policy('two')]));
    expect(calls).toEqual({ workload: 2, route: 2 });
    expect(second.table).toBe(first.table);
    const third = compiler.compile(world([]));
    expect(third.table.filters).not.toBe(first.table.filters);
    expect(third.table.routeConfigs).toBe(first.table.routeConfigs);
  });
});
