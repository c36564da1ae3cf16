import { setTimeout as pause } from 'node:timers/promises';
import { startNameServer, type Zone } from './dns-server.ts';
import type { Verdict } from './load.ts';
import { startUpstream } from './processes.ts';
import { destinationYaml, namedServiceYaml, routeYaml, serviceYaml } from './routes.ts';
import { openScene, type Row, rowOf } from './scene.ts';

/** Faults of a service as a whole, and of its name (edge-security §2.2: ). */

const NO_STREAMS = { slow: 0, webSockets: 0 } as const;

/** Three of five answer 503 and are ejected; below 50 % healthy all are used again, as the rule says. */
export async function panic(seconds: number): Promise<Row> {
  const scene = await openScene();
  const upstreams = [scene.upstream, ...(await Promise.all(Array.from({ length: 4 }, () => startUpstream())))];
  const endpoints = upstreams.map(({ port }) => ['127.0.0.1', port] as const);
  scene.routes.write('shop/service.yaml', serviceYaml('shop', endpoints));
  scene.routes.write('shop/route.yaml', routeYaml('shop.test', 'shop', 'retries: { attempts: 0 }'));
  const ejecting =
    'consecutive5xxErrors: 3, interval: 500ms, baseEjectionTime: 60s, maxEjectionPercent: 100, minHealthPercent: 50';
  scene.routes.write('shop/rule.yaml', destinationYaml('shop', `{ outlierDetection: { ${ejecting} } }`));
  const gateway = await scene.start();
  for (const sick of upstreams.slice(0, 3)) await sick.set({ status: 503 });
  const either: Verdict = ({ status, aborted }) =>
    (status === 200 || status === 503) && !aborted ? undefined : `status ${status}`;
  const warm = scene.load({ mix: { ...NO_STREAMS, get: 300 }, verdict: either });
  await pause(4_000);
  await warm.stop();
  for (const upstream of upstreams) await upstream.seen();
  const load = scene.load({ mix: { ...NO_STREAMS, get: 200, post: 0 }, verdict: either });
  await pause(seconds * 1_000);
  const report = await load.stop();
  const seen = await Promise.all(upstreams.map((upstream) => upstream.seen()));
  const sick = seen.slice(0, 3).reduce((sum, { requests }) => sum + requests, 0);
  const share = sick / Math.max(1, report.requests);
  for (const healed of upstreams.slice(0, 3)) await healed.set({});
  const after = scene.load({ mix: NO_STREAMS });
  await pause(2_000);
  const healed = await after.stop();
  const row = await rowOf({ ...report, losses: [...report.losses, ...healed.losses] }, [], {
    fault: 'R-17 three of five hosts are sick',
    count: 1,
    note: `${Math.round(share * 100)} % of the requests to them: all hosts are used`,
    wrong: share < 0.4 ? ['the healthy ones bear it all, in spite of minHealthPercent'] : [],
  });
  gateway.terminate();
  scene.close();
  return row;
}

const at = (...addresses: readonly string[]): Zone => ({ kind: 'addresses', addresses, ttl: 0 });
const NAME = 'shop.names.test';
const THOUSAND = Array.from({ length: 1_000 }, (_, i) => `127.2.${Math.floor(i / 250)}.${(i % 250) + 1}`);

/** A name with a time to live of nothing, that is there, gone, silent, broken, elsewhere, and in a thousand places. */
export async function names(seconds: number): Promise<Row> {
  const server = await startNameServer(NAME, at('127.0.0.1'));
  const scene = await openScene();
  scene.routes.write('shop/service.yaml', namedServiceYaml('shop', NAME, scene.upstream.port));
  const gateway = await scene.start();
  const load = scene.load({ mix: NO_STREAMS });
  const zones: readonly Zone[] = [
    at('127.0.0.1'),
    { kind: 'no-such-name' },
    { kind: 'silence' },
    { kind: 'failure' },
    at('127.0.1.1', '127.0.1.2'),
    at(...THOUSAND),
    at('127.0.0.1'),
  ];
  const wrong: string[] = [];
  let most = 0;
  for (const zone of zones) {
    server.zone = zone;
    server.questions();
    await pause(seconds * 1_000);
    // Two workers ask, each for itself; the first of a run may be due at once.
    if (zone.kind === 'addresses') most = Math.max(most, (server.questions() - 2) / seconds / 2);
  }
  if (most > 1.2) wrong.push(`${most.toFixed(1)} lookups a second by each worker`);
  const report = await load.stop();
  const row = await rowOf(report, [scene.upstream], {
    fault: 'R-19 a name is gone, silent, moved, in 1,000 places',
    count: zones.length,
    note: `at most ${most.toFixed(1)} lookups a second by each worker`,
    wrong,
  });
  gateway.terminate();
  scene.close();
  server.close();
  return row;
}
