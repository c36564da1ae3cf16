import http from 'node:http';
import { freePort } from '../support/free-port.ts';
import { measure } from './lib/load.ts';
import { startUpstream } from './lib/peers.ts';
import type { Section } from './lib/report.ts';
import { figure, median } from './lib/table.ts';
import { gatewayYaml, routesYaml, serveBanyan, serviceYaml, write } from './lib/workspace.ts';

const TEAMS = 10;
/** Answers in a row, each by a new connection, until we believe that every worker serves the edit. */
const SURE = 6;

/** Route edits under load, by teams that save at the same time: does any request fail, and when is an edit live? */
export async function benchReload(edits: number): Promise<Section> {
  const upstream = await startUpstream();
  const port = await freePort();
  write('reload/platform/all.yaml', gatewayYaml({ http: port }) + serviceYaml('web', upstream));
  write('reload/stable/routes.yaml', teamRoutes('stable', 0));
  for (let team = 0; team < TEAMS; team++) write(`reload/team-${team}/routes.yaml`, teamRoutes(`team-${team}`, 0));
  const gateway = await serveBanyan({
    name: 'banyan',
    directory: 'reload',
    port,
    settings: ['--access-log-file', '/dev/null'],
  });
  let over = false;
  const load = { failed: 0, requests: 0 };
  const loading = (async () => {
    while (!over) {
      const sample = await measure(gateway, {
        url: `http://127.0.0.1:${port}/small`,
        protocol: 'h1',
        headers: { Host: 'stable.test' },
        connections: 16,
        seconds: 2,
      });
      load.failed += sample.failed;
      load.requests += sample.requests;
    }
  })();
  const probes = { failed: 0, requests: 0 };
  const toLive: number[] = [];
  const each = Math.ceil(edits / TEAMS);
  await Promise.all(
    Array.from({ length: TEAMS }, async (_, team) => {
      for (let version = 1; version <= each; version++) {
        write(`reload/team-${team}/routes.yaml`, teamRoutes(`team-${team}`, version));
        toLive.push(await untilLive(port, `team-${team}.test`, version, probes));
      }
    }),
  );
  over = true;
  await loading;
  gateway.kill();
  const sorted = toLive.sort((a, b) => a - b);
  return {
    name: 'reload',
    tables: [
      {
        columns: ['edits', 'requests meanwhile', 'failed (bar: 0)', 'live after ms, median', '99 %', 'longest'],
        rows: [
          [
            figure(toLive.length),
            figure(load.requests + probes.requests),
            String(load.failed + probes.failed),
            figure(median(sorted)),
            figure(sorted[Math.floor(sorted.length * 0.99)] ?? Number.NaN),
            figure(sorted.at(-1) ?? Number.NaN),
          ],
        ],
      },
    ],
  };
}

const teamRoutes = (name: string, version: number): string =>
  routesYaml(
    name,
    `${name}.test`,
    `    - headers: { response: { set: { x-version: "${version}" } } }
      route: [{ destination: { host: web.test } }]`,
  );

async function untilLive(
  port: number,
  host: string,
  version: number,
  probes: { failed: number; requests: number },
): Promise<number> {
  const began = performance.now();
  let first = 0;
  for (let inARow = 0; inARow < SURE; ) {
    const answer = await ask(port, host);
    probes.requests += 1;
    // An answer that is neither by the state before the edit nor by the one after it is as bad as none.
    if (answer !== version && answer !== version - 1) probes.failed += 1;
    if (answer !== version) inARow = 0;
    else if (inARow++ === 0) first = performance.now() - began;
  }
  return first;
}

/** The version that answered; undefined: no good answer. */
const ask = (port: number, host: string): Promise<number | undefined> =>
  new Promise((resolve) => {
    const request = http.get({ port, path: '/small', agent: false, headers: { host } }, (response) => {
      response.resume();
      response.on('end', () =>
        resolve(response.statusCode === 200 ? Number(response.headers['x-version']) : undefined),
      );
      response.on('error', () => resolve(undefined));
    });
    request.on('error', () => resolve(undefined));
  });
