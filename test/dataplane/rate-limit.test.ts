import http from 'node:http';
import { afterEach, describe, expect, it } from 'vitest';
import { rateLimits } from '../../plugins/rate-limit/index.ts';
import type { GatewayPlugin } from '../../src/contract/index.ts';
import { frame, freePort, startGateway, type TestGateway, virtualService } from '../support/gateway.ts';
import { haveRedis, startRedis, type TestRedis } from '../support/redis.ts';

const gateways: TestGateway[] = [];
let redis: TestRedis | undefined;
afterEach(async () => {
  for (const gateway of gateways.splice(0)) await gateway.close();
  await redis?.close();
  redis = undefined;
});

async function serve(spec: string, redisUrl?: string): Promise<TestGateway> {
  const { rateLimit, identityRateLimit } = rateLimits({ redisUrl });
  const limit = `
---
apiVersion: banyan.dev/v1alpha1
kind: RateLimit
metadata: { name: limits, namespace: istio-system }
spec:
${spec.trim().replaceAll(/^/gm, '  ')}
`;
  const gateway = await startGateway(frame({}) + virtualService('all', '- directResponse: { status: 204 }') + limit, {
    plugins: [rateLimit, identityRateLimit] as readonly GatewayPlugin[],
  });
  gateways.push(gateway);
  return gateway;
}

const ask = (port: number, path = '/', agent?: http.Agent): Promise<http.IncomingMessage> =>
  new Promise((resolve, reject) => {
    const request = http.get({ port, path, agent: agent ?? false }, (response) => {
      response.resume();
      response.on('end', () => resolve(response));
    });
    request.on('error', reject);
  });

const RULE = 'rules: [{ name: fair, per: client-address, limits: [{ requests: 300, window: 1h }] }]';

describe('rate limits of a whole gateway', () => {
  it('count whatever way a path is written, over any connection (edge-security L-04)', async () => {
    const { port } = await serve(
      'rules: [{ name: fair, per: route, match: { paths: [{ exact: /a }] }, limits: [{ requests: 3, window: 1h }] }]',
    );
    const statuses: (number | undefined)[] = [];
    for (const path of ['/a', '/%61', '/a?n=1', '/./a', '/b/../a']) statuses.push((await ask(port, path)).statusCode);
    expect(statuses).toEqual([204, 204, 204, 429, 429]);
    expect((await ask(port, '/b')).statusCode).toBe(204);
  });

  it('tell the caller what is left, and when to come back', async () => {
    const { port, records } = await serve(
      'rules: [{ name: fair, per: gateway, limits: [{ requests: 1, window: 1m }] }]',
    );
    expect((await ask(port)).headers).toMatchObject({
      ratelimit: '"fair";r=0;t=60',
      'ratelimit-policy': '"fair";q=1;w=60',
    });
    const refused = await ask(port);
    expect(refused.statusCode).toBe(429);
    expect(refused.headers).toMatchObject({ 'content-type': 'application/problem+json' });
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0);
    expect(records.at(-1)).toMatchObject({ status: 429, cause: 'rate-limited', flags: ['RL'] });
  });

  it.skipIf(!haveRedis)('are one for two gateways that share Redis', async () => {
    redis = await startRedis(await freePort());
    const { url } = redis;
    // A store that is slow for a moment refuses here: what passes then is what was counted.
    const shared = `scope: shared\nonStoreFailure: deny\n${RULE}`;
    const pair = [await serve(shared, url), await serve(shared, url)];
    for (const { port } of pair)
      await expect.poll(async () => (await ask(port, '/')).headers['ratelimit']).toBeDefined();
    const left = (): Promise<number> =>
      Promise.all(
        pair.map(async ({ port }) => Number(/r=(\d+)/.exec(String((await ask(port)).headers['ratelimit']))?.[1])),
      ).then((all) => Math.min(...all));
    const remaining = await left();
    const agents = pair.map(() => new http.Agent({ keepAlive: true, maxSockets: 16 }));
    const answers = await Promise.all(
      Array.from({ length: 600 }, (_, i) => ask(pair[i % 2]?.port ?? 0, '/', agents[i % 2])),
    );
    for (const agent of agents) agent.destroy();
    const passed = answers.filter(({ statusCode }) => statusCode === 204).length;
    const undecided = answers.filter(({ statusCode }) => statusCode === 503).length;
    expect(passed + undecided).toBeGreaterThanOrEqual(remaining);
    expect(passed).toBeLessThanOrEqual(remaining + 300 * 0.01);
  });

  it.skipIf(!haveRedis)('let requests pass, or none, while Redis is gone', async () => {
    redis = await startRedis(await freePort());
    const open = await serve(`scope: shared\n${RULE}`, redis.url);
    const strict = await serve(`scope: shared\nonStoreFailure: deny\n${RULE}`, redis.url);
    await expect.poll(async () => (await ask(strict.port)).statusCode).toBe(204);
    await redis.kill();
    await expect.poll(async () => (await ask(strict.port)).statusCode).toBe(503);
    expect(strict.records.at(-1)).toMatchObject({ cause: 'rate-limit-unavailable', flags: ['RLSE'] });
    expect((await ask(open.port)).statusCode).toBe(204);
    await redis.restart();
    await expect.poll(async () => (await ask(strict.port)).statusCode, { timeout: 5000 }).toBe(204);
  });
});
