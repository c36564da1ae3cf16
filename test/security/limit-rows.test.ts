import { generateKeyPairSync } from 'node:crypto';
import http from 'node:http';
import http2 from 'node:http2';
import net from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { authJwt } from '../../plugins/auth-jwt/index.ts';
import { authorization } from '../../plugins/authorization/index.ts';
import { rateLimits } from '../../plugins/rate-limit/index.ts';
import { addressKey } from '../../plugins/rate-limit/keys.ts';
import type { GatewayPlugin } from '../../src/contract/index.ts';
import { type Clock, systemClock } from '../../src/kernel/clock.ts';
import type { MeshSettings } from '../../src/resources/mesh-config.ts';
import { frame, freePort, startGateway, type TestGateway, virtualService } from '../support/gateway.ts';
import { haveRedis, startRedis, type TestRedis } from '../support/redis.ts';
import { askGateway, askMany, startUpstreams, type TestUpstreams } from '../support/upstreams.ts';
import { signedToken } from './jws.ts';
import { movableClock, requestAuthentication } from './jwt-support.ts';
import { NEVER_OVERLOADED } from './support.ts';

/*
 * The L rows of edge-security §1 through whole gateways. What ten million keys take (L-03) stands with the table of buckets,
 * what two processes share with Redis in limit-processes.test.ts.
 */

let upstreams: TestUpstreams;
const gateways: TestGateway[] = [];
beforeAll(async () => {
  upstreams = await startUpstreams(1, (_index, request, response) => {
    if (request.url === '/slow') setTimeout(() => response.end(), 150);
    else response.end();
  });
});
afterAll(() => upstreams.close());
afterEach(async () => {
  for (const gateway of gateways.splice(0)) await gateway.close();
});

interface World {
  readonly clock?: Clock;
  readonly mesh?: Partial<MeshSettings>;
  readonly redisUrl?: string;
  readonly more?: string;
}

const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const login = requestAuthentication({ issuer: 'login', jwks: JSON.stringify(publicKey.export({ format: 'jwk' })) });
const tokenOf = (claims: object): string => signedToken('ES256', privateKey, { iss: 'login', ...claims });

async function serve(spec: object, { clock, mesh, redisUrl, more = '' }: World = {}): Promise<TestGateway> {
  const { rateLimit, identityRateLimit } = rateLimits({ redisUrl });
  const limit = `
---
apiVersion: banyan.dev/v1alpha1
kind: RateLimit
metadata: { name: limits, namespace: istio-system }
spec: ${JSON.stringify(spec)}
`;
  const routes = virtualService('shop', '- route: [{ destination: { host: shop.test } }]', '[shop.example.com]');
  const gateway = await startGateway(frame({ shop: upstreams.ports[0] as number }) + routes + limit + login + more, {
    plugins: [rateLimit, authJwt, authorization, identityRateLimit] as readonly GatewayPlugin[],
    mesh: { pathNormalization: 'decode-and-merge-slashes', ...mesh },
    overload: NEVER_OVERLOADED,
    ...(clock !== undefined && { clock }),
  });
  gateways.push(gateway);
  return gateway;
}

const rule = (per: unknown, requests: number, more: object = {}, window = '1h'): object => ({
  rules: [{ name: 'fair', per, limits: [{ requests, window }], ...more }],
});

async function statuses(
  { port }: TestGateway,
  requests: readonly (readonly [path: string, headers?: http.OutgoingHttpHeaders])[],
): Promise<readonly number[]> {
  const met: number[] = [];
  for (const [path, headers] of requests) met.push((await askGateway(port, path, headers)).status);
  return met;
}

const passedOf = (met: readonly number[]): number => met.filter((status) => status !== 429).length;

describe('L-01 a caller', () => {
  const forwarded = Array.from({ length: 40 }, (_, i) => `198.51.100.${i}`);

  it('is the peer, whatever it says of itself', async () => {
    const gateway = await serve(rule('client-address', 3));
    const names = [
      'x-forwarded-for',
      'x-real-ip',
      'forwarded',
      'true-client-ip',
      'x-client-ip',
      'x-envoy-external-address',
    ];
    const met = await statuses(
      gateway,
      forwarded.map((address, i) => ['/', { [names[i % names.length] as string]: address }] as const),
    );
    expect(passedOf(met)).toBe(3);
  });

  it('is what the trusted proxy saw, whatever stands left of that', async () => {
    const gateway = await serve(rule('client-address', 3), { mesh: { numTrustedProxies: 1 } });
    const met = await statuses(
      gateway,
      forwarded.map((address) => ['/', { 'x-forwarded-for': `${address}, 203.0.113.7` }] as const),
    );
    expect(passedOf(met)).toBe(3);
    expect(await statuses(gateway, [['/', { 'x-forwarded-for': '203.0.113.8' }]])).toEqual([200]);
  });

  it('that leaves its header or claim out is counted by address', async () => {
    const byHeader = await serve(rule({ header: 'x-api-key' }, 2));
    expect(passedOf(await statuses(byHeader, [['/'], ['/'], ['/', { 'x-api-key': '' }], ['/']]))).toBe(2);
    const byClaim = await serve(rule({ claim: 'sub' }, 2));
    const bearer = (claims: object) => ({ authorization: `Bearer ${tokenOf(claims)}` });
    const met = await statuses(byClaim, [
      ['/'],
      ['/', bearer({ jti: 'a' })],
      ['/', bearer({ sub: ['a'] })],
      ['/', bearer({})],
    ]);
    expect(met).toEqual([200, 200, 401, 429]);
    expect(
      await statuses(byClaim, [
        ['/', bearer({ sub: 'a' })],
        ['/', bearer({ sub: 'b' })],
      ]),
    ).toEqual([200, 200]);
  });
});

describe('L-02 addresses of one /64', () => {
  it('are one caller, by the thousand', () => {
    const random = Array.from(
      { length: 2 ** 16 },
      (_, i) => `2001:db8:a:b:${(i * 7919).toString(16).slice(-4)}:0:${i.toString(16)}:1`,
    );
    expect(new Set(random).size).toBe(2 ** 16);
    expect(new Set(random.map(addressKey)).size).toBe(1);
  });

  it('have one bucket at the gateway, others their own', async () => {
    const gateway = await serve(rule('client-address', 5), { mesh: { numTrustedProxies: 1 } });
    const agent = new http.Agent({ keepAlive: true, maxSockets: 8 });
    const ask = async (address: string): Promise<number> =>
      (await askGateway(gateway.port, '/', { 'x-forwarded-for': address }, agent)).status;
    const met = await Promise.all(Array.from({ length: 200 }, (_, i) => ask(`2001:db8:0:1::${i.toString(16)}`)));
    expect(passedOf(met)).toBe(5);
    expect(await ask('2001:db8:0:2::1')).toBe(200);
    agent.destroy();
  });
});

const SPELLINGS = ['/a', '//a', '/%61', '/a?n=1', '/a?n=2', '/./a', '/x/../a', '/%2fa', '/a#x', '/\\a'];

describe('L-04 one resource', () => {
  it.each([
    ['by its exact path', { paths: [{ exact: '/a' }] }],
    ['by a prefix', { paths: [{ prefix: '/a' }] }],
  ])('matched %s is counted together however it is written', async (_what, match) => {
    const gateway = await serve(rule('gateway', 4, { match }));
    expect(
      passedOf(
        await statuses(
          gateway,
          SPELLINGS.map((path) => [path] as const),
        ),
      ),
    ).toBe(4);
    expect(await statuses(gateway, [['/A'], ['/b'], ['/b?/a']])).toEqual([200, 200, 200]);
  });

  it('of a caller’s whole limit is whatever it asks for', async () => {
    const gateway = await serve(rule('client-address', 4));
    expect(
      passedOf(
        await statuses(
          gateway,
          [...SPELLINGS, '/A', '/B'].map((path) => [path] as const),
        ),
      ),
    ).toBe(4);
  });

  it.each([
    [
      'hosts',
      { hosts: ['shop.example.com'] },
      ['shop.example.com', 'SHOP.example.com', 'shop.example.com:80', 'shop.example.com:0443'],
    ],
    [
      'hosts by suffix',
      { hosts: ['*.example.com'] },
      ['shop.example.com', 'Shop.Example.com', 'shop.example.com:8080'],
    ],
  ])('matched by %s is counted however the host is written', async (_what, match, hosts) => {
    const gateway = await serve(rule('gateway', 2, { match }));
    const met = await statuses(
      gateway,
      [...hosts, ...hosts].map((host) => ['/', { host }] as const),
    );
    expect(passedOf(met)).toBe(2);
  });
});

describe('L-05 all requests count', () => {
  const agentOf = (sockets: number): http.Agent => new http.Agent({ keepAlive: true, maxSockets: sockets });

  it('over a hundred connections or a hundred streams of one', async () => {
    const gateway = await serve(rule('client-address', 100));
    const agent = agentOf(100);
    const first = await askMany(gateway.port, Array(60).fill('/'), agent);
    agent.destroy();
    const session = http2.connect(`http://127.0.0.1:${gateway.port}`);
    const second = await Promise.all(
      Array.from(
        { length: 100 },
        () =>
          new Promise<number>((resolve, reject) => {
            const request = session.request({ ':path': '/', ':authority': 'shop.example.com' });
            request.on('response', (headers) => resolve(Number(headers[':status'])));
            request.on('error', reject);
            request.resume();
          }),
      ),
    );
    session.destroy();
    expect(passedOf(first.map(({ status }) => status))).toBe(60);
    expect(passedOf(second)).toBe(40);
  });

  it('that are refused afterwards: by token, by policy, for want of a route', async () => {
    const deny = `
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: { name: no-admin, namespace: istio-system }
spec: { action: DENY, rules: [{ to: [{ operation: { paths: ["/admin"] } }] }] }
`;
    const gateway = await serve(rule('client-address', 6), { more: deny });
    const met = await statuses(gateway, [
      ['/', { authorization: 'Bearer a.b.c' }],
      ['/', { authorization: `Bearer ${tokenOf({ exp: 1 })}` }],
      ['/admin'],
      ['/', { host: 'nowhere.example.com' }],
      ['/', { host: 'nowhere.example.com' }],
      ['/'],
      ['/'],
      ['/admin'],
      ['/', { authorization: 'Bearer a.b.c' }],
    ]);
    expect(met).toEqual([401, 401, 403, 404, 404, 200, 429, 429, 429]);
  });

  it('whose clients leave before the answer', async () => {
    const gateway = await serve(rule('client-address', 5));
    const leave = (): Promise<void> =>
      new Promise((resolve) => {
        const socket = net.connect(gateway.port, '127.0.0.1', () =>
          socket.write('GET /slow HTTP/1.1\r\nHost: shop.example.com\r\n\r\n'),
        );
        socket.on('error', () => {});
        socket.on('close', () => resolve());
        setTimeout(() => socket.destroy(), 30);
      });
    const before = gateway.records.length;
    await Promise.all(Array.from({ length: 5 }, leave));
    await expect.poll(() => gateway.records.length).toBe(before + 5);
    expect((await askGateway(gateway.port, '/')).status).toBe(429);
  });

  it('whose bodies never come', async () => {
    const gateway = await serve(rule('client-address', 2));
    const sockets = Array.from({ length: 2 }, () => {
      const socket = net.connect(gateway.port, '127.0.0.1', () =>
        socket.write('POST / HTTP/1.1\r\nHost: shop.example.com\r\nContent-Length: 10\r\n\r\n12'),
      );
      return socket.on('error', () => {});
    });
    await expect.poll(async () => (await askGateway(gateway.port, '/')).status).toBe(429);
    for (const socket of sockets) socket.destroy();
  });

  it('but those that a limit refuses are not charged to another one', async () => {
    const gateway = await serve({
      rules: [
        {
          name: 'narrow',
          per: 'gateway',
          match: { paths: [{ exact: '/a' }] },
          limits: [{ requests: 1, window: '1h' }],
        },
        { name: 'wide', per: 'gateway', limits: [{ requests: 3, window: '1h' }] },
      ],
    });
    const paths = ['/a', '/a', '/a', '/a', '/b', '/b', '/b'];
    expect(
      await statuses(
        gateway,
        paths.map((path) => [path] as const),
      ),
    ).toEqual([200, 429, 429, 429, 200, 200, 429]);
  });
});

describe('L-07 a clock', () => {
  it.each([-3_600_000, 3_600_000])('on the wall that jumps by %i ms changes nothing', async (jumpMs) => {
    let movedMs = 0;
    const clock = { nowMs: () => systemClock.nowMs() + movedMs, monotonicMs: systemClock.monotonicMs };
    const gateway = await serve(rule('client-address', 3), { clock });
    const ask = () => statuses(gateway, Array(3).fill(['/']));
    expect(await ask()).toEqual([200, 200, 200]);
    movedMs = jumpMs;
    expect(await ask()).toEqual([429, 429, 429]);
    movedMs = 0;
    expect(await ask()).toEqual([429, 429, 429]);
  });

  it('of any kind that goes back frees nobody at once, and locks nobody out for longer than a period', async () => {
    const clock = movableClock();
    const gateway = await serve(rule('client-address', 3, {}, '30s'), { clock });
    const ask = () => statuses(gateway, Array(4).fill(['/']));
    clock.move(3_600_000);
    expect(await ask()).toEqual([200, 200, 200, 429]);
    clock.move(-3_600_000);
    expect(await ask()).toEqual([429, 429, 429, 429]);
    clock.move(30_000);
    expect(await ask()).toEqual([200, 200, 200, 429]);
  });

  it('that goes ahead gives no more than one whole bucket', async () => {
    const clock = movableClock();
    const gateway = await serve(rule('client-address', 3, {}, '30s'), { clock });
    const ask = () => statuses(gateway, Array(8).fill(['/']));
    expect(passedOf(await ask())).toBe(3);
    clock.move(3_600_000);
    expect(passedOf(await ask())).toBe(3);
  });
});

describe.skipIf(!haveRedis)('L-06 the store of limits that replicas share', () => {
  let redis: TestRedis;
  beforeAll(async () => {
    redis = await startRedis(await freePort());
  });
  afterAll(() => redis.close());

  const shared = (requests: number, onStoreFailure: string): object => ({
    scope: 'shared',
    onStoreFailure,
    ...rule('client-address', requests, { name: `${onStoreFailure}-${requests}` }),
  });
  const ready = ({ port }: TestGateway): Promise<void> =>
    expect.poll(async () => (await askGateway(port, '/')).headers['ratelimit'], { timeout: 5_000 }).toBeDefined();

  it.each([-3_600_000, 3_600_000])(
    'goes by its own clock, whatever that of a replica says (%i ms)',
    async (movedMs) => {
      const clock = movableClock();
      clock.move(movedMs);
      const spec = shared(20 + (movedMs > 0 ? 1 : 0), 'deny');
      const pair = [await serve(spec, { redisUrl: redis.url }), await serve(spec, { redisUrl: redis.url, clock })];
      for (const gateway of pair) await ready(gateway);
      let passed = 0;
      let undecided = 0;
      for (let i = 0; i < 60; i++) {
        const { status } = await askGateway(pair[i % 2]?.port ?? 0, '/');
        if (status === 200) passed += 1;
        if (status === 503) undecided += 1;
      }
      // Two or more were answered before; a store that is late for a moment refuses, and may have charged all the same.
      expect(passed).toBeLessThanOrEqual(21 - 2);
      expect(passed + undecided).toBeGreaterThan(10);
      expect((await askGateway(pair[0]?.port ?? 0, '/')).status).not.toBe(200);
    },
  );

  it.each([
    ['deny', 503],
    ['allow', 200],
  ] as const)('answers by its setting %s while it hangs, and never lets a bad token pass', async (setting, status) => {
    const gateway = await serve(shared(1_000, setting), { redisUrl: redis.url });
    await ready(gateway);
    redis.hang();
    try {
      const met = await Promise.all(Array.from({ length: 20 }, () => askGateway(gateway.port, '/')));
      expect(new Set(met.map((one) => one.status))).toEqual(new Set([status]));
      for (let i = 0; i < 10; i++) {
        const bad = await askGateway(gateway.port, '/', { authorization: 'Bearer a.b.c' });
        expect(bad.status).toBe(setting === 'deny' ? 503 : 401);
      }
    } finally {
      redis.wake();
    }
    await expect
      .poll(async () => (await askGateway(gateway.port, '/')).headers['ratelimit'], { timeout: 5_000 })
      .toBeDefined();
  });

  it('keeps limits of scope local in force while it is gone', async () => {
    const local = `
---
apiVersion: banyan.dev/v1alpha1
kind: RateLimit
metadata: { name: local, namespace: istio-system }
spec: ${JSON.stringify(rule('client-address', 4, { name: 'local' }))}
`;
    const gateway = await serve(shared(2_000, 'allow'), { redisUrl: 'redis://127.0.0.1:1', more: local });
    expect(passedOf(await statuses(gateway, Array(9).fill(['/'])))).toBe(4);
  });
});
