import { describe, expect, it } from 'vitest';
import type { Resource } from '../../../../src/resources/kinds.ts';
import { entry, mesh, options, pod, rule, service, slice } from './builders.ts';
import { addresses, backends, build, cluster, codes, id } from './helpers.ts';

const limited = (maxConnections: number): object => ({ connectionPool: { tcp: { maxConnections } } });
const WEB = 'web.shop.svc.cluster.local';

/** Which rule shapes traffic to shop/web, told by its limit of connections. */
const chosen = (objects: readonly Resource[], settings = options()): number | undefined =>
  cluster([service('shop/web'), ...objects], 'web.shop', settings)?.connections.maxConnections;

const inOwnNamespace = options({ gatewayNamespace: 'edge' });

describe('which DestinationRule counts', () => {
  it.each<[string, readonly Resource[], number | undefined]>([
    ['none', [], undefined],
    [
      'the service’s namespace before the root',
      [
        rule('istio-system/r', { host: WEB, trafficPolicy: limited(1) }),
        rule('shop/r', { host: 'web', trafficPolicy: limited(2) }),
      ],
      2,
    ],
    ['the root’s where the service has none', [rule('istio-system/r', { host: WEB, trafficPolicy: limited(1) })], 1],
    [
      'the root’s private one before the service’s',
      [
        rule('istio-system/r', { host: '*.local', exportTo: ['.'], trafficPolicy: limited(1) }),
        rule('shop/r', { host: 'web', trafficPolicy: limited(2) }),
      ],
      1,
    ],
    ['not that of a third namespace', [rule('other/r', { host: WEB, trafficPolicy: limited(1) })], undefined],
    [
      'not one that is hidden',
      [rule('shop/r', { host: 'web', exportTo: ['.'], trafficPolicy: limited(1) })],
      undefined,
    ],
    [
      'one exported to the gateway by name',
      [rule('shop/r', { host: 'web', exportTo: ['istio-system', 'x'], trafficPolicy: limited(1) })],
      1,
    ],
    [
      'the exact host before any wildcard, the longer wildcard before the shorter',
      [
        rule('shop/a', { host: '*.svc.cluster.local', trafficPolicy: limited(1) }),
        rule('shop/b', { host: '*.shop.svc.cluster.local', trafficPolicy: limited(2) }),
        rule('shop/c', { host: '*.local', trafficPolicy: limited(3) }),
      ],
      2,
    ],
    [
      'a wildcard that begins within a label, the longer before the shorter',
      [
        rule('shop/a', { host: '*.shop.svc.cluster.local', trafficPolicy: limited(1) }),
        rule('shop/b', { host: '*eb.shop.svc.cluster.local', trafficPolicy: limited(2) }),
        rule('shop/c', { host: '*b.shop.svc.cluster.local', trafficPolicy: limited(3) }),
        rule('shop/d', { host: '*-web.shop.svc.cluster.local', trafficPolicy: limited(4) }),
      ],
      2,
    ],
    [
      'the exact host before a wildcard that begins within a label',
      [
        rule('shop/b', { host: '*eb.shop.svc.cluster.local', trafficPolicy: limited(2) }),
        rule('shop/c', { host: WEB, trafficPolicy: limited(3) }),
      ],
      3,
    ],
    [
      'a wildcard that begins within a label and fits as a whole',
      [rule('shop/b', { host: '*web.shop.svc.cluster.local', trafficPolicy: limited(2) })],
      2,
    ],
    [
      'a short host of another namespace is another host',
      [rule('istio-system/r', { host: 'web', trafficPolicy: limited(1) })],
      undefined,
    ],
    [
      'of different exportTo the youngest',
      [
        rule('shop/a', { host: 'web', exportTo: ['istio-system'], trafficPolicy: limited(1) }, { age: 1 }),
        rule('shop/b', { host: 'web', trafficPolicy: limited(2) }, { age: 2 }),
        rule('shop/c', { host: 'web', exportTo: ['.'], trafficPolicy: limited(3) }, { age: 3 }),
      ],
      2,
    ],
    [
      'of equal exportTo the first with a policy',
      [
        rule('shop/a', { host: 'web' }, { age: 1 }),
        rule('shop/b', { host: 'web', trafficPolicy: limited(2) }, { age: 2 }),
        rule('shop/c', { host: 'web', trafficPolicy: limited(3) }, { age: 3 }),
      ],
      2,
    ],
    [
      'one for workloads, of the root only',
      [
        rule('shop/a', {
          host: 'web',
          workloadSelector: { matchLabels: { istio: 'ingressgateway' } },
          trafficPolicy: limited(1),
        }),
        rule('shop/b', { host: 'web', trafficPolicy: limited(2) }),
      ],
      2,
    ],
    [
      'one for this gateway before those for all',
      [
        rule('istio-system/b', { host: WEB, exportTo: ['.'], trafficPolicy: limited(2) }, { age: 1 }),
        rule(
          'istio-system/a',
          { host: WEB, workloadSelector: { matchLabels: { istio: 'ingressgateway' } }, trafficPolicy: limited(1) },
          { age: 2 },
        ),
      ],
      1,
    ],
    [
      'not one for another gateway',
      [
        rule('istio-system/a', {
          host: WEB,
          workloadSelector: { matchLabels: { istio: 'other' } },
          trafficPolicy: limited(1),
        }),
        rule('istio-system/b', { host: WEB, exportTo: ['.'], trafficPolicy: limited(2) }),
      ],
      2,
    ],
  ])('%s', (_, objects, limit) => {
    expect(chosen(objects)).toBe(limit);
  });

  it.each<[string, readonly Resource[], number | undefined]>([
    [
      'the gateway’s namespace first, even by wildcard',
      [
        rule('edge/r', { host: '*.local', trafficPolicy: limited(1) }),
        rule('shop/r', { host: 'web', trafficPolicy: limited(2) }),
      ],
      1,
    ],
    [
      'not what the gateway’s namespace exports elsewhere',
      [
        rule('edge/r', { host: WEB, exportTo: ['other'], trafficPolicy: limited(1) }),
        rule('shop/r', { host: 'web', trafficPolicy: limited(2) }),
      ],
      2,
    ],
    [
      'not the root’s private ones',
      [rule('istio-system/r', { host: WEB, exportTo: ['.'], trafficPolicy: limited(1) })],
      undefined,
    ],
    ['the root’s last', [rule('istio-system/r', { host: WEB, trafficPolicy: limited(1) })], 1],
  ])('with a gateway outside the root namespace: %s', (_, objects, limit) => {
    expect(chosen(objects, inOwnNamespace)).toBe(limit);
  });

  it('the mesh’s default hides rules that say nothing', () => {
    const closed = options({ mesh: mesh({ defaultDestinationRuleExportTo: ['.'] }) });
    expect(chosen([rule('shop/r', { host: 'web', trafficPolicy: limited(1) })], closed)).toBeUndefined();
  });
});

describe('subsets', () => {
  const versions = [
    service('shop/web'),
    slice('shop/web', [{ address: '127.0.0.1', pod: 'p1' }, { address: '127.0.0.2' }, '127.0.0.3']),
    pod('shop/p1', '127.0.0.9', { app: 'web', version: 'v1' }),
    pod('shop/p2', '127.0.0.2', { app: 'web', version: 'v2' }),
    rule(
      'shop/a',
      {
        host: 'web',
        subsets: [
          { name: 'v1', labels: { version: 'v1' } },
          { name: 'all' },
          { name: 'both', labels: { app: 'web', version: 'v2' } },
          { name: 'v3', labels: { version: 'v3' } },
        ],
      },
      { age: 1 },
    ),
    rule(
      'shop/b',
      {
        host: 'web',
        subsets: [
          { name: 'v1', labels: { version: 'v2' } },
          { name: 'late', labels: { app: 'web' } },
        ],
      },
      { age: 2 },
    ),
  ];

  it.each([
    ['v1', ['127.0.0.1:9080']],
    ['both', ['127.0.0.2:9080']],
    ['all', ['127.0.0.1:9080', '127.0.0.2:9080', '127.0.0.3:9080']],
    ['late', ['127.0.0.1:9080', '127.0.0.2:9080']],
    ['v3', []],
    ['v4', undefined],
  ])('%s is %o', (name, expected) => {
    expect(addresses(versions, `${name}@web.shop`)).toEqual(expected);
    expect(backends(versions).subsetExists('web', name, 'shop')).toBe(expected !== undefined);
  });

  it('that select nothing of what is there are told of, once a route needs them', () => {
    expect(codes(versions, ['v3@web.shop', 'v1@web.shop'])).toEqual([
      'ignored-field shop/b',
      'subset-selects-nothing shop/a',
    ]);
    expect(
      codes(
        versions.filter((object) => object.kind !== 'EndpointSlice'),
        ['v3@web.shop'],
      ),
    ).toEqual(['ignored-field shop/b']);
  });

  it('of an ExternalName service are those of its target', () => {
    const alias = service('x/alias', { type: 'ExternalName', externalName: WEB });
    expect(backends([...versions, alias]).subsetExists('alias', 'v1', 'x')).toBe(true);
    expect(backends([...versions, alias]).subsetExists('alias', 'v4', 'x')).toBe(false);
  });

  it('can be explained', () => {
    const known = backends([...versions, rule('other/x', { host: WEB, subsets: [{ name: 'theirs' }] })]);
    expect(known.explainSubset('web', 'v1', 'shop')).toMatchObject({ kind: 'defined', object: { name: 'a' } });
    expect(known.explainSubset('web', 'theirs', 'shop')).toMatchObject({ kind: 'not-applied', object: { name: 'x' } });
    expect(known.explainSubset('web', 'v9', 'shop')).toEqual({
      kind: 'undefined',
      known: expect.arrayContaining(['v1', 'all', 'both', 'v3', 'late']),
    });
  });
});

describe('findings about rules', () => {
  const web = service('shop/web');
  it.each<[string, Resource, readonly string[]]>([
    ['an unknown host', rule('shop/r', { host: 'wev' }), ['unknown-rule-host shop/r']],
    ['a wildcard that covers nothing', rule('shop/r', { host: '*.example.org' }), ['unknown-rule-host shop/r']],
    [
      'one that begins within a label and covers nothing',
      rule('shop/r', { host: '*x.svc.cluster.local' }),
      ['unknown-rule-host shop/r'],
    ],
    ['one that begins within a label and covers something', rule('shop/r', { host: '*eb.shop.svc.cluster.local' }), []],
    ['a wildcard that covers something', rule('shop/r', { host: '*.svc.cluster.local' }), []],
    ['a rule of a third namespace', rule('x/r', { host: WEB }), ['rule-not-applied x/r']],
    ['a hidden rule', rule('shop/r', { host: 'web', exportTo: ['.'] }), ['rule-not-applied shop/r']],
    ['a rule that counts', rule('shop/r', { host: 'web', trafficPolicy: limited(1) }), []],
    [
      'a balancer that has no meaning',
      rule('shop/r', { host: 'web', trafficPolicy: { loadBalancer: { simple: 'PASSTHROUGH' } } }),
      ['destination-without-endpoints shop/r'],
    ],
    ['PROXY protocol', rule('shop/r', { host: 'web', trafficPolicy: { proxyProtocol: { version: 'V1' } } }), []],
    [
      'unverified TLS at any level',
      rule('shop/r', {
        host: 'web',
        trafficPolicy: {
          tls: { mode: 'SIMPLE', insecureSkipVerify: true },
          portLevelSettings: [{ port: { number: 80 }, tls: { mode: 'SIMPLE', sni: 'a.example.net' } }],
        },
        subsets: [
          { name: 'a', trafficPolicy: { tls: { mode: 'MUTUAL', credentialName: 'x', insecureSkipVerify: true } } },
        ],
      }),
      Array(3).fill('server-certificate-unverified shop/r'),
    ],
    [
      'verified TLS',
      rule('shop/r', {
        host: 'web',
        trafficPolicy: {
          tls: {
            mode: 'SIMPLE',
            caCertificates: '/ca.pem',
            sni: 'a.example.net',
            subjectAltNames: ['a.example.net'],
          },
        },
      }),
      [],
    ],
    [
      'TLS by the Host’s name and the system’s authorities',
      rule('shop/r', { host: 'web', trafficPolicy: { tls: { mode: 'SIMPLE' } } }),
      ['system-authorities-trusted shop/r'],
    ],
    [
      'the system’s authorities, where they are meant',
      rule('shop/r', { host: 'web', trafficPolicy: { tls: { mode: 'SIMPLE', caCertificates: 'system' } } }),
      [],
    ],
    ['no TLS', rule('shop/r', { host: 'web', trafficPolicy: { tls: { mode: 'DISABLE', sni: 'a.example.net' } } }), []],
  ])('%s', (_, object, expected) => {
    expect(codes([web, object])).toEqual(expected);
  });

  it('a name that the ServiceEntry gives is one to look for', () => {
    const host = 'api.example.net';
    const tls = { mode: 'SIMPLE', caCertificates: '/ca.pem', sni: 'x.example.net' };
    const objects = [
      entry('x/a', { hosts: [host], subjectAltNames: ['y'] }),
      rule('x/r', { host, trafficPolicy: { tls } }),
    ];
    expect(codes(objects)).toEqual([]);
  });

  it('say where, and guess what was meant', () => {
    const [finding] = build([web, rule('shop/r', { host: 'wev' })], []).diagnostics;
    expect(finding).toMatchObject({
      field: ['spec', 'host'],
      message: 'nothing provides the host wev.shop.svc.cluster.local; did you mean web.shop.svc.cluster.local?',
      location: { file: 'shop/r.yaml', line: 1, column: 1 },
      severity: 'warning',
    });
  });
});

describe('PASSTHROUGH', () => {
  it('reaches nobody', () => {
    const passthrough = rule('shop/r', { host: 'web', trafficPolicy: { loadBalancer: { simple: 'PASSTHROUGH' } } });
    const objects = [service('shop/web'), slice('shop/web', ['127.0.0.1']), passthrough];
    expect(build(objects, [id('web.shop')]).endpoints.clusters[id('web.shop')]).toEqual([]);
  });
});
