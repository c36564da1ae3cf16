import { describe, expect, it } from 'vitest';
import type { Compilation } from '../../../src/compiler/compilation.ts';
import { DEFAULT_MESH_SETTINGS } from '../../../src/resources/index.ts';
import { meshSettings } from '../../support/resources.ts';
import {
  compileYaml,
  documents,
  findings,
  gateway,
  hostOf,
  http,
  https,
  idsOf,
  service,
  stateOf,
  TO_WEB,
  tcp,
  virtualService,
} from './builders.ts';

const age = (minute: number): string => `, creationTimestamp: '2026-01-01T00:0${minute}:00Z'`;
const WEB = service('web');
const anywhere = (gateways: string): string =>
  virtualService('all', `hosts: ['a.example.com', 'b.example.com'], gateways: [${gateways}], http: [{ ${TO_WEB} }]`);

/** Ports with what they do: `80 http.80`, `443 tls a.example.com`. */
const opened = ({ table }: Compilation): readonly string[] =>
  table.listeners.flatMap(({ port, bind, plaintext, tls }) => {
    const at = bind === undefined ? `${port}` : `${bind}:${port}`;
    const plain = plaintext === undefined ? [] : [`${at} ${plaintext.kind === 'http' ? plaintext.routeConfig : 'tcp'}`];
    return [...plain, ...tls.map(({ serverNames, handling }) => `${at} ${handling.kind} ${serverNames.join()}`)];
  });

describe('which Gateways count here', () => {
  it.each([
    { selector: '{ istio: ingressgateway }', counts: true },
    { selector: '{ istio: ingressgateway, app: istio-ingressgateway }', counts: true },
    { selector: '{}', counts: true },
    { selector: '{ istio: egressgateway }', counts: false },
    { selector: '{ istio: ingressgateway, tier: edge }', counts: false },
  ])('selector $selector: $counts', ({ selector, counts }) => {
    const text = gateway('public', http(80, "'*'")).replace('{ istio: ingressgateway }', selector);
    const compilation = compileYaml({ shop: text });
    expect(opened(compilation)).toEqual(counts ? ['80 http.80'] : []);
    expect(stateOf(compilation, 'Gateway', 'public')).toBe(counts ? 'serving' : 'unattached');
  });
});

describe('servers of one port', () => {
  const merge = (...servers: readonly string[]) =>
    compileYaml({
      infra: documents(gateway('public', servers.join(', '))),
      shop: documents(WEB, anywhere('infra/public')),
    });

  it('merge when they are plain HTTP of any kind', () => {
    const compilation = merge(http(80, 'a.example.com'), http(80, 'b.example.com').replace('HTTP', 'GRPC'));
    expect(opened(compilation)).toEqual(['80 http.80']);
    expect(idsOf(compilation, 'a.example.com')).toEqual(['shop/all/0']);
    expect(idsOf(compilation, 'b.example.com')).toEqual(['shop/all/0']);
  });

  it('have a route config each when they end TLS', () => {
    const compilation = merge(https(443, 'a.example.com'), https(443, 'b.example.com'));
    expect(opened(compilation)).toEqual(['443 http a.example.com', '443 http b.example.com']);
    expect(compilation.table.routeConfigs.map(({ virtualHosts }) => virtualHosts.map(({ domain }) => domain))).toEqual([
      ['a.example.com'],
      ['b.example.com'],
    ]);
  });

  it('live beside TLS when plain HTTP comes after it, and keep TLS out from then on', () => {
    const compilation = merge(https(443, 'a.example.com'), http(443, 'a.example.com'), https(443, 'b.example.com'));
    expect(opened(compilation)).toEqual(['443 http.443', '443 http a.example.com']);
    expect(findings(compilation, 'server-conflict')).toHaveLength(1);
  });

  it.each([
    { name: 'TCP after HTTP', servers: [http(80, "'*'"), tcp(80, "'*'")] },
    { name: 'HTTP after TCP', servers: [tcp(80, "'*'"), http(80, "'*'")] },
    { name: 'TLS after HTTP', servers: [http(80, "'*'"), https(80, 'a.example.com')] },
    { name: 'a second TCP', servers: [tcp(80, 'a.example.com'), tcp(80, 'b.example.com')] },
  ])('drop $name, and nothing else of its Gateway', ({ servers }) => {
    const compilation = merge(...servers, http(81, "'*'"));
    expect(findings(compilation, 'server-conflict').map(({ field }) => field?.slice(0, 3))).toEqual([
      ['spec', 'servers', 1],
    ]);
    expect(opened(compilation)).toContain('81 http.81');
    expect(stateOf(compilation, 'Gateway', 'public')).toBe('degraded');
  });

  it('do not meet on different bind addresses', () => {
    const bound = (address: string, server: string) => server.replace('{ port', `{ bind: ${address}, port`);
    const compilation = merge(bound('10.0.0.1', http(80, "'*'")), bound('10.0.0.2', https(80, 'a.example.com')));
    expect(opened(compilation)).toEqual(['10.0.0.1:80 http.80.10.0.0.1', '10.0.0.2:80 http a.example.com']);
    expect(findings(compilation, 'server-conflict')).toEqual([]);
  });

  it('of the older Gateway keep a TLS host, and the younger server goes as a whole', () => {
    const compilation = compileYaml({
      infra: documents(
        gateway('young', [https(443, 'a.example.com, b.example.com'), https(443, 'c.example.com')].join(', '), age(2)),
        gateway('old', https(443, 'a.example.com'), age(1)),
      ),
    });
    expect(opened(compilation)).toEqual(['443 http a.example.com', '443 http c.example.com']);
    const [finding] = findings(compilation, 'host-already-served');
    expect(finding).toMatchObject({ object: { name: 'young' }, field: ['spec', 'servers', 0, 'hosts', 0] });
  });

  it('may not share an SNI under different namespaces either, where Envoy would refuse the port', () => {
    const compilation = merge(https(443, 'x/a.example.com'), https(443, 'a.example.com'));
    expect(opened(compilation)).toEqual(['443 http a.example.com']);
    expect(findings(compilation, 'host-already-served')).toHaveLength(1);
  });

  it('take every SNI when one of their hosts is for all', () => {
    expect(opened(merge(https(443, "a.example.com, '*'")))).toEqual(['443 http *']);
  });

  it('are not opened for AUTO_PASSTHROUGH or without any route for connections', () => {
    expect(opened(merge(https(443, "'*.local'", 'AUTO_PASSTHROUGH', 'TLS'), tcp(90, "'*'")))).toEqual([]);
  });
});

describe('httpsRedirect', () => {
  const redirecting = ', tls: { httpsRedirect: true }';
  const compilation = compileYaml({
    infra: documents(
      gateway('redirect', http(80, "a.example.com, '*.wild.example.com', x/c.example.com", redirecting), age(1)),
      gateway('plain', http(80, 'a.example.com, b.example.com'), age(2)),
    ),
    shop: documents(WEB, anywhere('infra/plain')),
  });

  it('is for all of a host that one Gateway redirects', () => {
    expect(hostOf(compilation, 'a.example.com')).toMatchObject({ requireTls: true, routes: [{ id: 'shop/all/0' }] });
  });

  it('makes hosts that no VirtualService has', () => {
    expect(hostOf(compilation, '*.wild.example.com')).toEqual({
      domain: '*.wild.example.com',
      requireTls: true,
      routes: [],
    });
  });

  it('leaves other hosts alone, and those with a namespace', () => {
    expect(hostOf(compilation, 'b.example.com')?.requireTls).toBe(false);
    expect(hostOf(compilation, 'c.example.com')).toBeUndefined();
  });
});

describe('hosts of servers', () => {
  const world = (hosts: string, vs: string) =>
    compileYaml({ infra: gateway('public', http(80, hosts)), shop: documents(WEB, vs) });
  const domains = (hosts: string, wanted: string): readonly string[] => {
    const vs = virtualService('vs', `hosts: [${wanted}], gateways: [infra/public], http: [{ ${TO_WEB} }]`);
    return world(hosts, vs).table.routeConfigs.flatMap(({ virtualHosts }) => virtualHosts.map(({ domain }) => domain));
  };

  it.each([
    { hosts: "'*.x.com'", wanted: 'a.x.com', is: ['a.x.com'] },
    { hosts: 'a.x.com', wanted: "'*.x.com'", is: ['a.x.com'] },
    { hosts: "'*'", wanted: "'*.x.com'", is: ['*.x.com'] },
    { hosts: "'*.a.x.com'", wanted: "'*.x.com'", is: ['*.a.x.com'] },
    { hosts: "'*.x.com'", wanted: 'MiXed.x.com', is: ['mixed.x.com'] },
    { hosts: "'shop/*.x.com'", wanted: 'a.x.com', is: ['a.x.com'] },
    { hosts: "'*/*.x.com'", wanted: 'a.x.com', is: ['a.x.com'] },
    { hosts: "'*/*', infra/a.x.com", wanted: 'b.y.com', is: ['b.y.com'] },
    { hosts: "'*'", wanted: 'cart', is: ['cart.shop.svc.cluster.local'] },
    { hosts: "'*.x.com'", wanted: 'x.com', is: [] },
    { hosts: 'Upper.x.com', wanted: 'upper.x.com', is: [] },
    { hosts: "'./*.x.com'", wanted: 'a.x.com', is: [] },
    { hosts: "'other/*'", wanted: 'a.x.com', is: [] },
  ])('$hosts and $wanted meet as $is', ({ hosts, wanted, is }) => {
    expect(domains(hosts, wanted)).toEqual(is);
  });
});

describe('TLS settings of a server', () => {
  const terminationOf = (tls: string, tlsDefaults = DEFAULT_MESH_SETTINGS.tlsDefaults) => {
    const server = `{ port: { number: 443, name: https, protocol: HTTPS }, hosts: ['*'], tls: { ${tls} } }`;
    const options = { mesh: meshSettings({ tlsDefaults }) };
    const [listener] = compileYaml({ infra: gateway('public', server) }, options).table.listeners;
    const handling = listener?.tls[0]?.handling;
    return handling?.kind === 'http' ? handling.termination : undefined;
  };

  it('are TLS 1.2 to 1.3 without client certificates by default', () => {
    expect(terminationOf('mode: SIMPLE, credentialName: cert')).toEqual({
      clientCertificate: 'none',
      credentials: ['cert'],
      clientCa: undefined,
      subjectAltNames: [],
      spkiPins: [],
      certificateHashes: [],
      minVersion: 'TLSv1.2',
      maxVersion: 'TLSv1.3',
      cipherSuites: [],
    });
  });

  it('are the mesh’s where the server says nothing, unless its certificates are the mesh’s', () => {
    const [own, other, curves] = [['AES128-SHA'], ['AES256-SHA'], ['P-256', 'X25519']] as const;
    const defaults = { minVersion: 'TLSv1.3', cipherSuites: other, ecdhCurves: curves } as const;
    const of = (tls: string) => terminationOf(tls, defaults);
    for (const mode of ['SIMPLE', 'MUTUAL', 'OPTIONAL_MUTUAL'])
      expect(of(`mode: ${mode}, credentialName: c`)).toMatchObject({
        minVersion: 'TLSv1.3',
        cipherSuites: other,
        ecdhCurves: curves,
      });
    const said = `minProtocolVersion: TLSV1_1, maxProtocolVersion: TLSV1_2, cipherSuites: [${own}]`;
    expect(of(`mode: SIMPLE, credentialName: c, ${said}`)).toMatchObject({
      minVersion: 'TLSv1.1',
      maxVersion: 'TLSv1.2',
      cipherSuites: own,
      ecdhCurves: curves,
    });
    const mesh = of(`mode: ISTIO_MUTUAL, ${said}`);
    expect(mesh).toMatchObject({ minVersion: 'TLSv1.2', maxVersion: 'TLSv1.3', cipherSuites: [] });
    expect(mesh).not.toHaveProperty('ecdhCurves');
  });

  it.each([
    { tls: 'mode: MUTUAL, credentialName: c', clientCertificate: 'required', clientCa: 'c-cacert' },
    { tls: 'mode: OPTIONAL_MUTUAL, credentialName: c', clientCertificate: 'optional', clientCa: 'c-cacert' },
    {
      tls: 'mode: OPTIONAL_MUTUAL, credentialName: c, subjectAltNames: [x]',
      clientCertificate: 'required',
      clientCa: 'c-cacert',
    },
    { tls: "mode: MUTUAL, credentialName: 'kubernetes://c'", clientCertificate: 'required', clientCa: 'c-cacert' },
    {
      tls: 'mode: MUTUAL, credentialName: c, caCertCredentialName: other',
      clientCertificate: 'required',
      clientCa: 'other',
    },
  ])('$tls asks for client certificates: $clientCertificate, of $clientCa', ({ tls, clientCertificate, clientCa }) => {
    expect(terminationOf(tls)).toMatchObject({ clientCertificate, clientCa });
  });

  it('drop unknown and doubled cipher suites', () => {
    const suites = '[AES128-SHA, NONSENSE, AES128-SHA, AES256-SHA]';
    expect(terminationOf(`mode: SIMPLE, credentialName: c, cipherSuites: ${suites}`)?.cipherSuites).toEqual([
      'AES128-SHA',
      'AES256-SHA',
    ]);
  });

  it('leave a server without any certificate where Envoy would refuse the whole port', () => {
    expect(terminationOf('mode: SIMPLE, credentialName: c, subjectAltNames: [x]')?.credentials).toEqual([]);
  });
});

describe('the PROXY protocol of load balancers', () => {
  it.each([
    [false, undefined],
    [true, true],
  ])('where the mesh settings say %s every listener has it: %s', (proxyProtocol, expected) => {
    const { table } = compileYaml(
      {
        infra: gateway('public', `${http(80, "'*'")}, ${https(443, "'*'")}`),
        shop: documents(WEB, anywhere('infra/public')),
      },
      { mesh: meshSettings({ proxyProtocol }) },
    );
    expect(table.listeners.map((listener) => [listener.port, listener.proxyProtocol])).toEqual([
      [80, expected],
      [443, expected],
    ]);
  });
});
