import http from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { endAll, startGatewayProcess } from '../../faults/processes.ts';
import { answeringYaml, type RoutesDirectory, routesDirectory } from '../../faults/routes.ts';
import { freePort } from '../../support/gateway.ts';

/* Limits of scope `local` through the whole product with two workers. */

const LIMIT = 200;

const limits = `apiVersion: banyan.dev/v1alpha1
kind: RateLimit
metadata: { name: limits }
spec:
  rules: [{ name: fair, per: client-address, limits: [{ requests: ${LIMIT}, window: 24h }] }]
`;

let directory: RoutesDirectory;
let port: number;

beforeAll(async () => {
  port = await freePort();
  directory = routesDirectory();
  directory.write('infra/gateway.yaml', answeringYaml(port));
  directory.write('istio-system/limits.yaml', limits);
  await startGatewayProcess({ dir: directory.dir, workers: 2 });
}, 60_000);
afterAll(() => {
  endAll();
  directory.close();
});

const ask = (agent: http.Agent | false): Promise<number> =>
  new Promise((resolve, reject) => {
    const request = http.get({ host: '127.0.0.1', port, agent }, (response) => {
      response.resume();
      response.on('end', () => resolve(response.statusCode ?? 0));
    });
    request.on('error', reject);
  });

describe.skipIf(process.platform !== 'linux')('a limit in memory', () => {
  it('that one worker has exhausted is exhausted at the other one too', { timeout: 60_000 }, async () => {
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    let passed = 0;
    for (let i = 0; i < LIMIT + 20; i++) if ((await ask(agent)) === 204) passed += 1;
    agent.destroy();
    expect(passed).toBe(LIMIT);
    // Far fewer than a worker alone would let through; the kernel spreads new connections over both.
    let refusedInARow = 0;
    for (let i = 0; i < LIMIT / 2 && refusedInARow < 16; i++)
      refusedInARow = (await ask(false)) === 429 ? refusedInARow + 1 : 0;
    expect(refusedInARow).toBe(16);
  });
});
