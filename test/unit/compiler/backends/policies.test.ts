import { describe, expect, it } from 'vitest';
import type { Cluster, HashPolicy } from '../../../../src/table/model.ts';
import { mesh, options, rule } from './builders.ts';
import { backends, cluster, under, web } from './helpers.ts';

const limited = (maxConnections: number): object => ({ tcp: { maxConnections } });

describe('without any rule', () => {
  it('a cluster has Istio’s defaults', () => {
    expect(cluster([web], 'web.shop')).toEqual({
      id: 'outbound|80||web.shop.svc.cluster.local',
      host: 'web.shop.svc.cluster.local',
      port: 80,
      subset: undefined,
      namespace: 'shop',
      protocol: 'http1',
      discovery: { kind: 'endpoints' },
      loadBalancer: { kind: 'least-request', warmup: undefined },
      connections: {
        connectTimeoutMs: 10_000,
        maxConnections: undefined,
        maxPendingRequests: undefined,
        maxRequests: undefined,
        maxRetries: undefined,
        retryBudget: undefined,
        maxRequestsPerConnection: undefined,
        maxConcurrentStreams: undefined,
        idleTimeoutMs: 3_600_000,
        maxConnectionDurationMs: undefined,
        tcpKeepaliveMs: undefined,
        http2KeepAlive: undefined,
      },
      outlierDetection: undefined,
      tls: undefined,
    });
  });
});

describe('levels of a rule', () => {
  const top = {
    connectionPool: limited(1),
    outlierDetection: {},
    portLevelSettings: [{ port: { number: 81 }, loadBalancer: { simple: 'RANDOM' } }],
  };
  const subsets = [
    { name: 'plain' },
    { name: 'own', trafficPolicy: { connectionPool: limited(2) } },
    {
      name: 'port',
      trafficPolicy: {
        connectionPool: limited(3),
        portLevelSettings: [{ port: { number: 80 }, tls: { mode: 'SIMPLE' } }],
      },
    },
  ];
  it.each([
    ['web.shop', 1, 'least-request', true, false],
    ['web.shop:81', undefined, 'random', false, false],
    ['plain@web.shop', 1, 'least-request', true, false],
    ['plain@web.shop:81', undefined, 'random', false, false],
    ['own@web.shop', 2, 'least-request', true, false],
    ['own@web.shop:81', 2, 'random', false, false],
    ['port@web.shop', undefined, 'least-request', false, true],
    ['port@web.shop:81', 3, 'random', false, false],
  ])('%s: limit %s, %s, outliers %s, tls %s', (name, limit, balancer, outliers, tls) => {
    const found = under(top, name, subsets);
    expect(found.connections.maxConnections).toBe(limit);
    expect(found.loadBalancer.kind).toBe(balancer);
    expect(found.outlierDetection !== undefined).toBe(outliers);
    expect(found.tls !== undefined).toBe(tls);
  });
});

describe('the balancer', () => {
  const warm = { durationMs: 30_000, minimumPercent: 10, aggression: 1 };
  it.each([
    [{}, { kind: 'least-request', warmup: undefined }],
    [{ simple: 'LEAST_CONN' }, { kind: 'least-request', warmup: undefined }],
    [
      { simple: 'UNSPECIFIED', warmupDurationSecs: '30s' },
      { kind: 'least-request', warmup: warm },
    ],
    [
      { simple: 'ROUND_ROBIN', warmup: { duration: '30s' } },
      { kind: 'round-robin', warmup: warm },
    ],
    [
      { simple: 'ROUND_ROBIN', warmup: { duration: '1s', minimumPercent: 0, aggression: 2 } },
      {
        kind: 'round-robin',
        warmup: { durationMs: 1000, minimumPercent: 0, aggression: 2 },
      },
    ],
    [{ simple: 'RANDOM', warmup: { duration: '30s' } }, { kind: 'random' }],
    [{ consistentHash: { useSourceIp: true } }, { kind: 'ring-hash', minimumRingSize: 1024 }],
    [{ consistentHash: { useSourceIp: true, minimumRingSize: 7 } }, { kind: 'ring-hash', minimumRingSize: 7 }],
    [
      { consistentHash: { useSourceIp: true, ringHash: { minimumRingSize: 9 } } },
      { kind: 'ring-hash', minimumRingSize: 9 },
    ],
    [{ consistentHash: { useSourceIp: true, ringHash: {} } }, { kind: 'ring-hash', minimumRingSize: 1024 }],
    [{ consistentHash: { useSourceIp: true, maglev: { tableSize: 101 } } }, { kind: 'maglev', tableSize: 101 }],
  ])('%o is %o', (loadBalancer, expected) => {
    expect(under({ loadBalancer }).loadBalancer).toEqual(expected);
  });
});

describe('what routes hash on', () => {
  const hashOn = (httpHeaderName: string): object => ({ loadBalancer: { consistentHash: { httpHeaderName } } });
  const policies = (spec: object, port = 80, subset?: string): readonly HashPolicy[] =>
    backends([web, rule('shop/r', { host: 'web', ...spec })]).hashPolicies('web', port, subset, 'shop');

  it.each<[object, HashPolicy[]]>([
    [{ httpHeaderName: 'X-User' }, [{ kind: 'header', name: 'x-user' }]],
    [{ useSourceIp: true }, [{ kind: 'source-ip' }]],
    [{ httpQueryParameterName: 'User' }, [{ kind: 'query', name: 'User' }]],
    [{ httpCookie: { name: 'u' } }, [{ kind: 'cookie', name: 'u', path: '', ttlSeconds: undefined, attributes: [] }]],
    [
      { httpCookie: { name: 'u', path: '/', ttl: '0s' } },
      [{ kind: 'cookie', name: 'u', path: '/', ttlSeconds: 0, attributes: [] }],
    ],
    [
      { httpCookie: { name: 'u', ttl: '1.9s', attributes: [{ name: 'SameSite', value: 'Lax' }] } },
      [{ kind: 'cookie', name: 'u', path: '', ttlSeconds: 1, attributes: [['SameSite', 'Lax']] }],
    ],
    [{ useSourceIp: false }, []],
    [{}, []],
  ])('%o is %o', (consistentHash, expected) => {
    expect(policies({ trafficPolicy: { loadBalancer: { consistentHash } } })).toEqual(expected);
  });

  it('is found level by level: the subset’s port, the subset, the port, the top', () => {
    const spec = {
      trafficPolicy: { ...hashOn('top'), portLevelSettings: [{ port: { number: 81 }, ...hashOn('port') }] },
      subsets: [
        { name: 'plain' },
        {
          name: 'own',
          trafficPolicy: { ...hashOn('own'), portLevelSettings: [{ port: { number: 81 }, ...hashOn('own-port') }] },
        },
      ],
    };
    const on = (port: number, subset?: string): unknown =>
      policies(spec, port, subset).map((policy) => 'name' in policy && policy.name);
    expect([on(80), on(81), on(80, 'plain'), on(81, 'plain'), on(80, 'own'), on(81, 'own')].flat()).toEqual([
      'top',
      'port',
      'top',
      'port',
      'own',
      'own-port',
    ]);
  });

  it('is nothing for hosts without a rule, and for unknown ones', () => {
    expect(backends([web]).hashPolicies('web', 80, undefined, 'shop')).toEqual([]);
    expect(backends([web]).hashPolicies('gone', 80, undefined, 'shop')).toEqual([]);
  });
});

describe('connections', () => {
  const of = (connectionPool: object, more: object = {}): Cluster['connections'] =>
    under({ connectionPool, ...more }).connections;

  it('take every limit, 0 being none', () => {
    expect(
      of({
        tcp: { maxConnections: 1, connectTimeout: '1.5s', maxConnectionDuration: '1h', tcpKeepalive: { time: '75s' } },
        http: {
          http1MaxPendingRequests: 2,
          http2MaxRequests: 3,
          maxRetries: 4,
          maxRequestsPerConnection: 5,
          maxConcurrentStreams: 6,
          idleTimeout: '7s',
          http2KeepAlive: { interval: '8s', timeout: '9s' },
        },
      }),
    ).toEqual({
      connectTimeoutMs: 1500,
      maxConnections: 1,
      maxPendingRequests: 2,
      maxRequests: 3,
      maxRetries: 4,
      retryBudget: undefined,
      maxRequestsPerConnection: 5,
      maxConcurrentStreams: 6,
      idleTimeoutMs: 7000,
      maxConnectionDurationMs: 3_600_000,
      tcpKeepaliveMs: 75_000,
      http2KeepAlive: { intervalMs: 8000, timeoutMs: 9000 },
    });
    expect(of({ tcp: { maxConnections: 0 }, http: { http1MaxPendingRequests: 0, maxRetries: 0 } })).toMatchObject({
      maxConnections: undefined,
      maxPendingRequests: undefined,
      maxRetries: undefined,
    });
  });

  it.each([
    [{}, 3_600_000],
    [{ tcp: { idleTimeout: '5s' } }, 5000],
    [{ tcp: { idleTimeout: '5s' }, http: { idleTimeout: '6s' } }, 6000],
    [{ tcp: { idleTimeout: '0s' } }, undefined],
  ])('of %o are idle for at most %s ms', (pool, expected) => {
    expect(of(pool).idleTimeoutMs).toBe(expected);
  });

  it('a retry budget takes the place of the limit of retries, also when the pool is a subset’s', () => {
    expect(of({ http: { maxRetries: 4 } }, { retryBudget: {} })).toMatchObject({
      maxRetries: undefined,
      retryBudget: { percent: 20, minConcurrency: 3 },
    });
    const subsets = [{ name: 'a', trafficPolicy: { connectionPool: limited(9) } }];
    expect(under({ retryBudget: { percent: 5 } }, 'a@web.shop', subsets).connections).toMatchObject({
      maxConnections: 9,
      retryBudget: { percent: 5, minConcurrency: 3 },
    });
  });

  it('begin with a header of the PROXY protocol where any level says so, whatever a port has', () => {
    const first = (spec: object, name = 'web.shop', subsets: object[] = []) => under(spec, name, subsets).proxyProtocol;
    expect(
      [{}, { proxyProtocol: {} }, { proxyProtocol: { version: 'V1' } }, { proxyProtocol: { version: 'V2' } }].map(
        (spec) => first(spec),
      ),
    ).toEqual([undefined, 1, 1, 2]);
    const portLevelSettings = [{ port: { number: 80 }, connectionPool: limited(3) }];
    expect(first({ proxyProtocol: { version: 'V2' }, portLevelSettings })).toBe(2);
    const subsets = [
      { name: 'a', trafficPolicy: { connectionPool: limited(9) } },
      { name: 'b', trafficPolicy: { proxyProtocol: { version: 'V1' } } },
    ];
    expect(first({ proxyProtocol: { version: 'V2' } }, 'a@web.shop', subsets)).toBe(2);
    expect(first({ proxyProtocol: { version: 'V2' } }, 'b@web.shop', subsets)).toBe(1);
  });

  it('an empty keepalive leaves it to the system, and the mesh has the last word on connecting', () => {
    expect(of({ tcp: { tcpKeepalive: {} } }).tcpKeepaliveMs).toBe(7_200_000);
    expect(
      under({}, 'web.shop', [], options({ mesh: mesh({ connectTimeoutMs: 50 }) })).connections.connectTimeoutMs,
    ).toBe(50);
  });
});

describe('the protocol upstream', () => {
  const upgrading = options({ mesh: mesh({ h2Upgrade: true }) });
  it.each([
    ['web.shop', {}, 'http1', 'http2'],
    ['web.shop:81', {}, 'http2', 'http2'],
    ['web.shop:82', {}, 'http1', 'http1'],
    ['web.shop:83', {}, 'http1', 'http1'],
    ['web.shop', { h2UpgradePolicy: 'UPGRADE' }, 'http2', 'http2'],
    ['web.shop:82', { h2UpgradePolicy: 'UPGRADE' }, 'http2', 'http2'],
    ['web.shop', { h2UpgradePolicy: 'DEFAULT' }, 'http1', 'http2'],
    ['web.shop', { h2UpgradePolicy: 'DO_NOT_UPGRADE' }, 'http1', 'http1'],
    ['web.shop:81', { h2UpgradePolicy: 'DO_NOT_UPGRADE' }, 'http2', 'http2'],
    ['web.shop:82', { useClientProtocol: true }, 'client', 'client'],
    ['web.shop:81', { useClientProtocol: true }, 'client', 'client'],
    ['web.shop', { useClientProtocol: true }, 'client', 'client'],
  ])('%s with %o is %s, in a mesh that upgrades %s', (name, http, alone, upgraded) => {
    expect(under({ connectionPool: { http } }, name).protocol).toBe(alone);
    expect(under({ connectionPool: { http } }, name, [], upgrading).protocol).toBe(upgraded);
  });
});

describe('the mesh’s policy for all', () => {
  const settings = options({
    mesh: mesh({ defaultTrafficPolicy: { connectionPool: limited(9), outlierDetection: { consecutive5xxErrors: 1 } } }),
  });
  it.each<[string, object | undefined, number | undefined, number | undefined]>([
    ['holds without any rule', undefined, 9, 1],
    ['holds for blocks that a rule has not', { loadBalancer: { simple: 'RANDOM' } }, 9, 1],
    ['gives way block by block', { connectionPool: limited(2) }, 2, 1],
    ['gives way as a whole block', { outlierDetection: { interval: '1s' } }, 9, 5],
    [
      'holds behind an entry for the port',
      { connectionPool: limited(2), portLevelSettings: [{ port: { number: 80 }, loadBalancer: { simple: 'RANDOM' } }] },
      9,
      1,
    ],
  ])('%s', (_title, trafficPolicy, maxConnections, consecutive5xx) => {
    const rules = trafficPolicy === undefined ? [] : [rule('shop/r', { host: 'web', trafficPolicy })];
    const found = cluster([web, ...rules], 'web.shop', settings);
    expect([found?.connections.maxConnections, found?.outlierDetection?.consecutive5xx]).toEqual([
      maxConnections,
      consecutive5xx,
    ]);
  });
});

describe('outlier detection', () => {
  it.each([
    [{}, {}],
    [{ consecutiveErrors: 9 }, {}],
    [
      { consecutive5xxErrors: 0, consecutiveGatewayErrors: 3 },
      { consecutive5xx: 0, consecutiveGatewayErrors: 3 },
    ],
    [
      { splitExternalLocalOriginErrors: true, consecutiveLocalOriginFailures: 2 },
      { splitLocalOrigin: true, consecutiveLocalOriginFailures: 2 },
    ],
    [{ maxEjectionPercent: 0 }, {}],
    [{ outlierDetectionHttpErrorCodes: [404, 503] }, { errorStatuses: [404, 503] }],
    [
      { splitExternalLocalOriginErrors: true, consecutiveLocalOriginFailures: 0 },
      { splitLocalOrigin: true, consecutiveLocalOriginFailures: 5 },
    ],
    [
      { interval: '1s', baseEjectionTime: '2s', maxEjectionPercent: 100, minHealthPercent: 50 },
      {
        intervalMs: 1000,
        baseEjectionTimeMs: 2000,
        maxEjectionPercent: 100,
        minHealthPercent: 50,
      },
    ],
  ])('%o', (outlierDetection, changes) => {
    expect(under({ outlierDetection }).outlierDetection).toEqual({
      consecutive5xx: 5,
      consecutiveGatewayErrors: 0,
      splitLocalOrigin: false,
      consecutiveLocalOriginFailures: 5,
      intervalMs: 10_000,
      baseEjectionTimeMs: 30_000,
      maxEjectionPercent: 10,
      minHealthPercent: 0,
      errorStatuses: [],
      ...changes,
    });
  });
});
