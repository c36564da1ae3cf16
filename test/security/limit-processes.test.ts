import http from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { endAll, type GatewayProcess, startGatewayProcess } from '../faults/processes.ts';
import { answeringYaml, type RoutesDirectory, routesDirectory } from '../faults/routes.ts';
import { freePort } from '../support/gateway.ts';
import { haveRedis, startRedis, type TestRedis } from '../support/redis.ts';
import { type Asked, askGateway } from '../support/upstreams.ts';

/* L-06 of edge-security §1: processes of their own, with workers of their own, that share a real Redis. */

const LIMIT = 1_000;

const limits = `apiVersion: banyan.dev/v1alpha1
kind: RateLimit
metadata: { name: limits }
spec:
  scope: shared
  onStoreFailure: deny
  rules: [{ name: fair, per: client-address, limits: [{ requests: ${LIMIT}, window: 24h }] }]
`;

describe.skipIf(!haveRedis)('two gateway processes of two workers each that share Redis', () => {
  let redis: TestRedis;
  const directories: RoutesDirectory[] = [];
  const ports: number[] = [];
  const processes: GatewayProcess[] = [];

  beforeAll(async () => {
    redis = await startRedis(await freePort());
    for (let i = 0; i < 2; i++) {
      const directory = routesDirectory();
      const port = await freePort();
      directories.push(directory);
      ports.push(port);
      directory.write('infra/gateway.yaml', answeringYaml(port));
      directory.write('istio-system/limits.yaml', limits);
    }
    const started = await Promise.all(
      directories.map(({ dir }) => startGatewayProcess({ dir, args: ['--redis-url', redis.url], workers: 2 })),
    );
    processes.push(...started);
  }, 60_000);
  afterAll(async () => {
    endAll();
    for (const directory of directories) directory.close();
    await redis.close();
  });

  it('let pass together what one alone may, and one in a hundred more at most', { timeout: 60_000 }, async () => {
    let passed = 0;
    let undecided = 0;
    const agents = ports.map(() => new http.Agent({ keepAlive: true, maxSockets: 16 }));
    const ask = (i: number): Promise<Asked> => askGateway(ports[i % 2] as number, '/', {}, agents[i % 2]);
    for (let round = 0; round < 30; round++) {
      for (const { status } of await Promise.all(Array.from({ length: 100 }, (_, i) => ask(i)))) {
        if (status === 204) passed += 1;
        if (status === 503) undecided += 1;
      }
    }
    for (const agent of agents) agent.destroy();
    expect(passed).toBeLessThanOrEqual(LIMIT * 1.01);
    // A store that is late for a moment refuses here, and may have charged all the same.
    expect(passed + undecided).toBeGreaterThanOrEqual(LIMIT);
    expect(passed).toBeGreaterThan(0);
    const last = await Promise.all(Array.from({ length: 8 }, (_, i) => ask(i)));
    expect(last.filter(({ status }) => status === 204)).toEqual([]);
  });
});
