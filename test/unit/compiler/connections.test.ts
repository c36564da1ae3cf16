import { describe, expect, it } from 'vitest';
import type { Compilation } from '../../../src/compiler/compilation.ts';
import { compileYaml, documents, findings, gateway, https, service, stateOf, tcp, virtualService } from './builders.ts';

const world = (servers: readonly string[], ...shop: readonly string[]): Compilation =>
  compileYaml({
    infra: gateway('public', servers.join(', ')),
    shop: documents(service('db', '{ name: tcp, port: 5432 }'), service('other', '{ name: tcp, port: 1 }'), ...shop),
  });

const vs = (name: string, hosts: string, rules: string): string =>
  virtualService(name, `hosts: [${hosts}], gateways: [infra/public], ${rules}`);
const to = (host: string): string => `route: [{ destination: { host: ${host} } }]`;

const plainRoute = ({ table }: Compilation, port: number) => {
  const plaintext = table.listeners.find((listener) => listener.port === port)?.plaintext;
  return plaintext?.kind === 'tcp' ? plaintext.route?.destinations.map(({ cluster }) => cluster) : undefined;
};
const DB = 'outbound|5432||db.shop.svc.cluster.local';
const OTHER = 'outbound|1||other.shop.svc.cluster.local';

describe('connections of tcp routes', () => {
  const SOURCE = 'loadBalancer: { consistentHash: { useSourceIp: true } }';
  const PLAIN = 'loadBalancer: { simple: RANDOM }';
  const TIMES = 'connectionPool: { tcp: { idleTimeout: 5s, maxConnectionDuration: 60s } }';
  const rule = (policy: string, subset = ''): string => `
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: db }
spec: { host: db, trafficPolicy: { ${policy} }, subsets: [{ name: v1${subset} }] }`;
  const ofSubset = 'route: [{ destination: { host: db, subset: v1 } }]';
  const none = { hashSource: false, idleTimeoutMs: undefined, maxDurationMs: undefined };

  it.each([
    { rules: to('db'), policy: PLAIN, is: none },
    { rules: to('db'), policy: SOURCE, is: { ...none, hashSource: true } },
    { rules: to('db'), policy: TIMES, is: { ...none, idleTimeoutMs: 5_000, maxDurationMs: 60_000 } },
    {
      rules: to('db'),
      policy: 'connectionPool: { tcp: { idleTimeout: 0s } }',
      is: { ...none, idleTimeoutMs: 0 },
    },
    { rules: ofSubset, policy: SOURCE, is: { ...none, hashSource: true } },
    {
      rules: ofSubset,
      policy: SOURCE,
      subset: ', trafficPolicy: { loadBalancer: { simple: RANDOM } }',
      is: none,
    },
    { rules: ofSubset, policy: PLAIN, subset: `, trafficPolicy: { ${SOURCE} }`, is: { ...none, hashSource: true } },
    { rules: to('db'), policy: PLAIN, subset: `, trafficPolicy: { ${SOURCE} }`, is: none },
    { rules: to('db'), policy: `portLevelSettings: [{ port: { number: 5432 }, ${SOURCE} }]`, is: none },
    { rules: to('other'), policy: SOURCE, is: none },
    {
      rules: 'route: [{ destination: { host: other }, weight: 1 }, { destination: { host: db }, weight: 9 }]',
      policy: SOURCE,
      is: none,
    },
    {
      rules: 'route: [{ destination: { host: db }, weight: 1 }, { destination: { host: other }, weight: 9 }]',
      policy: SOURCE,
      is: { ...none, hashSource: true },
    },
  ])('$rules under $policy $subset', ({ rules, policy, subset, is }) => {
    const [listener] = world([tcp(90, "'*'")], vs('db', "'*'", `tcp: [{ ${rules} }]`), rule(policy, subset)).table
      .listeners;
    expect(listener?.plaintext).toMatchObject({ kind: 'tcp', route: is });
  });
});

describe('tcp routes', () => {
  it.each([
    { rules: `tcp: [{ ${to('db')} }]`, is: [DB] },
    { rules: `tcp: [{ match: [{ port: 90 }], ${to('db')} }]`, is: [DB] },
    { rules: `tcp: [{ match: [{ port: 91 }], ${to('db')} }, { ${to('other')} }]`, is: [OTHER] },
    { rules: `tcp: [{ match: [{ gateways: [infra/public] }], ${to('db')} }]`, is: [DB] },
    { rules: `tcp: [{ match: [{ destinationSubnets: [10.0.0.0/8] }], ${to('db')} }]`, is: [DB] },
    { rules: `tcp: [{ match: [{ port: 91 }], ${to('db')} }]`, is: undefined },
    { rules: `tcp: [{ match: [{ gateways: [infra/other] }], ${to('db')} }]`, is: undefined },
    { rules: `http: [{ ${to('db')} }]`, is: undefined },
  ])('$rules', ({ rules, is }) => {
    expect(plainRoute(world([tcp(90, "'*'")], vs('db', "'*'", rules)), 90)).toEqual(is);
  });

  it('are of the first VirtualService that has one, and whose hosts overlap', () => {
    const compilation = world(
      [tcp(90, "'*.a.com'")],
      vs('a', 'x.b.com', `tcp: [{ ${to('other')} }]`),
      vs('b', 'x.a.com', `tcp: [{ match: [{ port: 1 }], ${to('other')} }]`),
      vs('c', "'*.a.com'", `tcp: [{ ${to('db')} }]`),
    );
    expect(plainRoute(compilation, 90)).toEqual([DB]);
    expect(['a', 'b', 'c'].map((name) => stateOf(compilation, 'VirtualService', name))).toEqual([
      'unattached',
      'unattached',
      'serving',
    ]);
  });

  it('split by weight, per connection', () => {
    const split =
      'tcp: [{ route: [{ destination: { host: db }, weight: 3 }, { destination: { host: other }, weight: 0 }] }]';
    const [listener] = world([tcp(90, "'*'")], vs('db', "'*'", split)).table.listeners;
    expect(listener?.plaintext).toMatchObject({ kind: 'tcp', route: { destinations: [{ cluster: DB, weight: 3 }] } });
  });

  it('come behind TLS that is ended here', () => {
    const { table } = world([https(90, 'a.com', 'SIMPLE', 'TLS')], vs('db', 'a.com', `tcp: [{ ${to('db')} }]`));
    expect(table.listeners[0]?.tls).toMatchObject([
      { serverNames: ['a.com'], handling: { kind: 'tcp', route: { destinations: [{ cluster: DB }] } } },
    ]);
  });

  it('have an id each, by which logs and metrics name them', () => {
    const { table } = world(
      [tcp(90, "'*'"), https(91, "'*.x.com'", 'PASSTHROUGH', 'TLS')],
      vs('db', "'*'", `tcp: [{ match: [{ port: 1 }], ${to('db')} }, { ${to('db')} }]`),
      vs(
        'bank',
        'a.x.com',
        `tls: [{ match: [{ port: 1, sniHosts: [a.x.com] }, { sniHosts: [a.x.com] }], ${to('db')} }]`,
      ),
    );
    const [plain, passthrough] = table.listeners;
    expect(plain?.plaintext).toMatchObject({ route: { id: 'shop/db/tcp/1' } });
    expect(passthrough?.tls).toMatchObject([{ handling: { route: { id: 'shop/bank/tls/0.1' } } }]);
  });

  it('make their clusters part of the table', () => {
    const { table } = world([tcp(90, "'*'")], vs('db', "'*'", `tcp: [{ ${to('db')} }]`));
    expect(table.clusters.map(({ id }) => id)).toEqual([DB]);
  });
});

describe('tls routes', () => {
  const tls = (sni: string, host = 'db', more = ''): string =>
    `{ match: [{ sniHosts: [${sni}]${more} }], ${to(host)} }`;
  const chains = ({ table }: Compilation) =>
    table.listeners.flatMap((listener) =>
      listener.tls.map(({ serverNames, handling }) => `${listener.port} ${handling.kind} ${serverNames.join()}`),
    );

  it('pass TLS through by SNI, per match, in lower case', () => {
    const rules = `tls: [${tls('a.x.com, B.x.com')}, ${tls("'*.x.com'", 'other', ', port: 90')}]`;
    const compilation = world([https(90, "'*.x.com'", 'PASSTHROUGH', 'TLS')], vs('db', "'*.x.com'", rules));
    expect(chains(compilation)).toEqual(['90 passthrough a.x.com,b.x.com', '90 passthrough *.x.com']);
  });

  it.each([
    `tls: [${tls('a.x.com', 'db', ', port: 91')}]`,
    `tls: [${tls('a.x.com', 'db', ', gateways: [infra/other]')}]`,
    `http: [{ ${to('db')} }]`,
  ])('are none by %s', (rules) => {
    expect(chains(world([https(90, "'*.x.com'", 'PASSTHROUGH', 'TLS')], vs('db', 'a.x.com', rules)))).toEqual([]);
  });

  it('leave out a match with an SNI that is taken, its other SNI hosts included', () => {
    const compilation = world(
      [https(90, "'*.x.com'", 'PASSTHROUGH', 'TLS'), https(90, 'own.x.com')],
      vs('a', 'a.x.com', `tls: [${tls('a.x.com')}]`),
      vs('b', "'*.x.com'", `tls: [${tls('a.x.com, b.x.com')}, ${tls('own.x.com')}, ${tls('c.x.com')}]`),
    );
    expect(chains(compilation)).toEqual(['90 passthrough a.x.com', '90 passthrough c.x.com', '90 http own.x.com']);
    expect(findings(compilation, 'host-already-served').map(({ object, field }) => [object?.name, field?.[2]])).toEqual(
      [
        ['b', 0],
        ['b', 1],
      ],
    );
  });
});
