import http from 'node:http';
import { Registry } from 'prom-client';
import { afterEach, describe, expect, it } from 'vitest';
import { authJwt } from '../../plugins/auth-jwt/index.ts';
import { rateLimits } from '../../plugins/rate-limit/index.ts';
import type { GatewayPlugin } from '../../src/contract/index.ts';
import { ask, closeAll, entry, keep, listening } from '../support/authorized.ts';
import { frame, freePort, startGateway, type TestGateway, virtualService } from '../support/gateway.ts';
import { rateLimiter, type TestGrpcService, type UnaryHandler } from '../support/grpc-service.ts';

afterEach(closeAll);

const deciding = async (decide: UnaryHandler): Promise<TestGrpcService> => keep(await rateLimiter(decide));
const saying = (answer: Readonly<Record<string, unknown>>): Promise<TestGrpcService> =>
  deciding((_, callback) => callback(null, answer));

interface Served extends TestGateway {
  readonly seen: readonly http.IncomingHttpHeaders[];
  metric(name: string): Promise<number | undefined>;
}

const PER_CLIENT = '[{ name: fair, descriptor: [{ key: remote_address, from: client-address }] }]';

/** A gateway before a service, with limits that the service on `port` keeps. */
async function serve(
  port: number,
  rules = PER_CLIENT,
  more: { onStoreFailure?: string; timeout?: string; extra?: string } = {},
): Promise<Served> {
  const { onStoreFailure = 'allow', timeout = '2s', extra = '' } = more;
  const seen: http.IncomingHttpHeaders[] = [];
  const web = await listening(
    http.createServer((request, response) => {
      seen.push(request.headers);
      response.end('served');
    }),
  );
  const limit = `
---
apiVersion: banyan.dev/v1alpha1
kind: RateLimit
metadata: { name: asked, namespace: istio-system }
spec:
  scope: service
  service: { host: limiter.test, port: 9000, domain: edge, timeout: ${timeout} }
  onStoreFailure: ${onStoreFailure}
  rules: ${rules}
`;
  const registry = new Registry();
  const { rateLimit, identityRateLimit } = rateLimits({ redisUrl: undefined, registry });
  const gateway = await startGateway(
    frame({ web }) +
      entry('limiter', port, 'GRPC') +
      virtualService('all', '- route: [{ destination: { host: web.test } }]', '["shop.example.com"]') +
      limit +
      extra,
    { plugins: [rateLimit, authJwt, identityRateLimit] as readonly GatewayPlugin[] },
  );
  keep(gateway);
  const metric = async (name: string): Promise<number | undefined> =>
    (await registry.getSingleMetric(name)?.get())?.values.find(
      ({ labels }) => labels['service'] === 'limiter.test:9000',
    )?.value;
  return Object.assign(gateway, { seen, metric });
}

const descriptors = (service: TestGrpcService): unknown =>
  (
    service.received as unknown as readonly { descriptors: readonly { entries: readonly Record<string, string>[] }[] }[]
  ).map((request) => request.descriptors.map(({ entries }) => entries.map(({ key, value }) => `${key}=${value}`)));

const FAILURES = 'banyan_rate_limit_service_failures_total';
const UP = 'banyan_rate_limit_service_up';
const OK = 1;
const OVER_LIMIT = 2;
const MINUTE = 2;
const HOUR = 3;

describe('a rate-limit service', () => {
  it('is asked once about all descriptors that fit, in its own words', async () => {
    const service = await saying({ overall_code: OK });
    const gateway = await serve(
      service.port,
      `
    - name: tenants
      descriptor:
        - { key: generic_key, value: checkout }
        - { key: tenant, from: { header: X-Tenant } }
    - name: routes
      match: { methods: [POST] }
      descriptor:
        - { key: method, from: method }
        - { key: path, from: path }
        - { key: host, from: host }
        - { key: route, from: route }
        - { key: owner, from: namespace }
    - { name: others, match: { methods: [GET] }, descriptor: [{ key: generic_key, value: reads }] }`,
    );
    const tenant = Buffer.from('é').toString('latin1');
    const answer = await ask(gateway.port, { method: 'POST', path: '/./a?b', headers: { 'x-tenant': tenant } });
    expect([answer.status, answer.body]).toEqual([200, 'served']);
    expect(service.received[0]).toMatchObject({ domain: 'edge' });
    expect(descriptors(service)).toEqual([
      [
        ['generic_key=checkout', 'tenant=é'],
        ['method=POST', 'path=/a', 'host=shop.example.com', 'route=team/all/0', 'owner=team'],
      ],
    ]);
    expect(await gateway.metric(FAILURES)).toBe(0);
    expect(await gateway.metric(UP)).toBe(1);
  });

  it('is told a caller’s address where the header is missing: leaving it out is no way around', async () => {
    const service = await saying({ overall_code: OK });
    const gateway = await serve(
      service.port,
      '[{ name: t, descriptor: [{ key: tenant, from: { header: x-tenant } }] }]',
    );
    await ask(gateway.port);
    await ask(gateway.port, { headers: { 'x-tenant': '' } });
    expect(descriptors(service)).toEqual([[['remote_address=127.0.0.1']], [['remote_address=127.0.0.1']]]);
  });

  it('is not asked about what no rule fits, nor about what our own limits refuse', async () => {
    const service = await saying({ overall_code: OK });
    const gateway = await serve(
      service.port,
      '[{ name: t, match: { paths: [{ prefix: /asked }] }, descriptor: [{ key: a, value: b }] }]',
      {
        extra: `
---
apiVersion: banyan.dev/v1alpha1
kind: RateLimit
metadata: { name: own, namespace: istio-system }
spec: { rules: [{ name: own, per: gateway, limits: [{ requests: 2, window: 1h }] }] }
`,
      },
    );
    const statuses: unknown[] = [];
    for (const path of ['/other', '/asked', '/asked']) statuses.push((await ask(gateway.port, { path })).status);
    expect(statuses).toEqual([200, 200, 429]);
    expect(service.received).toHaveLength(1);
  });

  it('refuses in the form of our own limits, by the one that holds longest', async () => {
    const service = await saying({
      overall_code: OVER_LIMIT,
      statuses: [
        {
          code: OVER_LIMIT,
          current_limit: { requests_per_unit: 5, unit: MINUTE },
          duration_until_reset: { seconds: 30 },
        },
        {
          code: OVER_LIMIT,
          current_limit: { requests_per_unit: 100, unit: HOUR },
          duration_until_reset: { seconds: 1799, nanos: 5e8 },
        },
        { code: OK, current_limit: { requests_per_unit: 1, unit: 7 }, duration_until_reset: { seconds: 604_800 } },
      ],
      response_headers_to_add: [
        { key: 'x-plan', value: 'free' },
        { key: 'Content-Length', value: '3' },
        { key: 'content-type', value: 'text/css' },
      ],
      request_headers_to_add: [{ key: 'x-tier', value: 'one' }],
    });
    const rules = `
    - { name: short, descriptor: [{ key: a, value: b }] }
    - { name: long, descriptor: [{ key: c, value: d }] }
    - { name: week, descriptor: [{ key: e, value: f }] }`;
    const gateway = await serve(service.port, rules);
    const answer = await ask(gateway.port);
    expect(answer.status).toBe(429);
    expect(answer.headers).toMatchObject({
      'retry-after': '1800',
      ratelimit: '"long";r=0;t=1800',
      'ratelimit-policy': '"long";q=100;w=3600',
      'x-plan': 'free',
      'content-type': 'application/problem+json',
    });
    expect(answer.body).toContain("the limit 'long' is exhausted");
    expect(gateway.records[0]).toMatchObject({ flags: ['RL'], cause: 'rate-limited', details: 'request_rate_limited' });
    expect(gateway.seen).toHaveLength(0);
    expect(await gateway.metric(FAILURES)).toBe(0);
  });

  it('may refuse in words of its own, and say nothing of the limit', async () => {
    const service = await saying({
      overall_code: OVER_LIMIT,
      raw_body: Buffer.from('{"wait":1}'),
      response_headers_to_add: [{ key: 'content-type', value: 'application/json' }],
    });
    const gateway = await serve(service.port);
    const answer = await ask(gateway.port);
    expect([answer.status, answer.body]).toEqual([429, '{"wait":1}']);
    expect(answer.headers).toMatchObject({ 'retry-after': '1', 'content-type': 'application/json' });
    expect(answer.headers).not.toHaveProperty('ratelimit');
  });

  it('lets pass with what it wants told to both sides, but nothing that would break a message', async () => {
    const service = await saying({
      overall_code: OK,
      statuses: [
        {
          code: OK,
          current_limit: { requests_per_unit: 9, unit: MINUTE },
          limit_remaining: 7,
          duration_until_reset: { seconds: 12 },
        },
        {
          code: OK,
          current_limit: { requests_per_unit: 50, unit: HOUR },
          limit_remaining: 3,
          duration_until_reset: { seconds: 90 },
        },
        { code: OK },
      ],
      response_headers_to_add: [{ key: 'x-plan', value: 'free' }],
      request_headers_to_add: [
        { key: 'X-Tier', value: 'one' },
        { key: 'x-tier', value: 'two' },
        { key: 'host', value: 'evil.example.com' },
        { key: ':path', value: '/elsewhere' },
        { key: 'transfer-encoding', value: 'chunked' },
      ],
    });
    const gateway = await serve(
      service.port,
      `
    - { name: one, descriptor: [{ key: a, value: b }] }
    - { name: two, descriptor: [{ key: c, value: d }] }
    - { name: free, descriptor: [{ key: e, value: f }] }`,
    );
    const answer = await ask(gateway.port, { headers: { 'x-tier': 'forged' } });
    expect(answer.headers).toMatchObject({
      'x-plan': 'free',
      ratelimit: '"two";r=3;t=90',
      'ratelimit-policy': '"two";q=50;w=3600',
    });
    expect(gateway.seen[0]).toMatchObject({ host: 'shop.example.com', 'x-tier': 'one, two' });
    expect(gateway.seen[0]).not.toHaveProperty('transfer-encoding');
  });

  it('is asked about claims once the token is verified', async () => {
    const service = await saying({ overall_code: OK });
    const gateway = await serve(
      service.port,
      `
    - { name: address, descriptor: [{ key: remote_address, from: client-address }] }
    - { name: subject, descriptor: [{ key: sub, from: { claim: sub } }] }`,
    );
    await ask(gateway.port);
    expect(descriptors(service)).toEqual([[['remote_address=127.0.0.1']], [['remote_address=127.0.0.1']]]);
  });

  it('is no longer asked when the client has left, and that is no failure', async () => {
    const reached = Promise.withResolvers<void>();
    const cancelled = Promise.withResolvers<void>();
    const service = await deciding((call) => {
      call.on('cancelled', () => cancelled.resolve());
      reached.resolve();
    });
    const gateway = await serve(service.port, PER_CLIENT, { timeout: '60s' });
    const request = http.get({ port: gateway.port, agent: false, headers: { host: 'shop.example.com' } });
    request.on('error', () => {});
    await reached.promise;
    request.destroy();
    await cancelled.promise;
    await expect.poll(() => gateway.records).toHaveLength(1);
    expect(gateway.records[0]).toMatchObject({ flags: ['DC'] });
    expect(await gateway.metric(FAILURES)).toBeUndefined();
  });
});

describe('a rate-limit service that cannot be asked', () => {
  it.each([
    ['nobody listens', freePort],
    ['it is unavailable', async () => (await deciding((_, done) => done({ code: 14 }))).port],
    ['it is hung', async () => (await deciding(() => {})).port],
    ['it does not know', async () => (await saying({ overall_code: 0 })).port],
    ['its answer is none', async () => (await saying({ overall_code: 9 })).port],
    [
      'its answer would break a message',
      async () =>
        (await saying({ overall_code: OK, request_headers_to_add: [{ key: 'x-a', value: 'b\r\nc: d' }] })).port,
    ],
    ['its answer is huge', async () => (await saying({ overall_code: OK, raw_body: Buffer.alloc(2 ** 17) })).port],
  ] as const)('lets pass, or refuses where that is set: %s', async (_, start) => {
    const port = await start();
    const open = await serve(port, PER_CLIENT, { timeout: '100ms' });
    expect((await ask(open.port)).body).toBe('served');
    expect(await open.metric(FAILURES)).toBe(1);
    expect(await open.metric(UP)).toBe(0);
    const strict = await serve(port, PER_CLIENT, { timeout: '100ms', onStoreFailure: 'deny' });
    const answer = await ask(strict.port);
    expect([answer.status, answer.headers['retry-after']]).toEqual([503, '1']);
    expect(strict.records[0]).toMatchObject({ cause: 'rate-limit-unavailable', flags: ['RLSE'] });
    expect(strict.seen).toHaveLength(0);
  });

  it('is waited for half a second, and then no more until it answers', async () => {
    let hung = true;
    const service = await deciding((_, callback) => {
      if (!hung) callback(null, { overall_code: OK });
    });
    const gateway = await serve(service.port, PER_CLIENT, { timeout: '20ms' });
    // From now on most requests are not even sent to it.
    await expect
      .poll(async () => {
        const before = service.received.length;
        for (let i = 0; i < 10; i++) await ask(gateway.port);
        return service.received.length - before;
      })
      .toBeLessThan(3);
    expect(await gateway.metric(UP)).toBe(0);
    hung = false;
    await expect
      .poll(
        async () => {
          await ask(gateway.port);
          return gateway.metric(UP);
        },
        { timeout: 5_000 },
      )
      .toBe(1);
  });

  it('is not known here: that is reported, and its failure mode holds', async () => {
    const rules = PER_CLIENT;
    const gateway = await serve(1, rules, { onStoreFailure: 'deny' });
    await gateway.publish(
      frame({}) +
        virtualService('all', '- directResponse: { status: 204 }') +
        `
---
apiVersion: banyan.dev/v1alpha1
kind: RateLimit
metadata: { name: asked, namespace: istio-system }
spec:
  scope: service
  service: { host: nobody.test, port: 9000, domain: edge }
  onStoreFailure: deny
  rules: ${rules}
`,
    );
    expect((await ask(gateway.port)).status).toBe(503);
  });
});
