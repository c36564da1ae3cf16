import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { freePort } from '../support/gateway.ts';
import { createAuthority } from '../unit/dataplane/downstream/certificates.ts';
import type { CrowdReport } from './crowd.ts';
import { childrenOf } from './processes.ts';
import { routeYaml, tlsGatewayYaml } from './routes.ts';
import { openScene, type Row, rowOf } from './scene.ts';
import { alive, memoryHook } from './soak.ts';

/** At the same time. */
const CROWD = 50;

/** Everybody connects again at the same time (edge-security §2.2: R-27). */
export async function massReconnect(clients: number, judgeTimes: boolean): Promise<Row> {
  const scene = await openScene();
  const tlsPort = await freePort();
  const pair = createAuthority('faults').issue({ subject: '/CN=shop.test', names: 'DNS:shop.test' });
  scene.routes.write('istio-system/secure.yaml', tlsGatewayYaml(tlsPort, pair));
  scene.routes.write(
    'shop/route.yaml',
    routeYaml('shop.test', 'shop').replace('[infra/edge]', '[infra/edge, istio-system/secure]'),
  );
  const gateway = await scene.start();
  const before = scene.load();
  await pause(3_000);
  const quiet = await before.stop();
  const load = scene.load();
  const crowd = fork(path.join(import.meta.dirname, 'crowd.ts'), [String(tlsPort), String(clients)]);
  const report = await reportOf(crowd);
  const beside = await load.stop();
  const wrong: string[] = [];
  if (report.served !== clients) wrong.push(`${clients - report.served} were not served: ${report.why}`);
  if (judgeTimes && report.lastMs > 10_000) wrong.push(`the last was served after ${Math.round(report.lastMs)} ms`);
  const row = await rowOf({ ...beside, losses: [...quiet.losses, ...beside.losses] }, [scene.upstream], {
    fault: 'R-27 so many TLS clients at once',
    count: clients,
    recoveryMs: report.lastMs,
    note: `all served; the others' p99 before ${Math.round(quiet.p99Ms)} ms`,
    wrong,
  });
  gateway.terminate();
  scene.close();
  return row;
}

/** So many handshakes it takes until resident memory has found its size, which is some 50,000 where nobody asks for a collection. */
const SETTLED = 60_000;

/**
 * Clients with certificates, one handshake and one request each: what they leave behind (edge-security §1, T-09). Resident memory
 * is judged where the warm-up is long enough.
 */
export async function mutualHandshakes(count: number, warmUp: number): Promise<Row> {
  const { folder, file, nodeOptions } = memoryHook();
  const scene = await openScene();
  const tlsPort = await freePort();
  const authority = createAuthority('faults');
  const server = authority.issue({ subject: '/CN=shop.test', names: 'DNS:shop.test' });
  const client = authority.issue({ subject: '/CN=client', usage: 'clientAuth' });
  const pem = path.join(folder, 'client.pem');
  writeFileSync(pem, client.certificatePem + client.keyPem);
  scene.routes.write('istio-system/secure.yaml', tlsGatewayYaml(tlsPort, server, authority.certificatePem));
  scene.routes.write(
    'shop/route.yaml',
    routeYaml('shop.test', 'shop').replace('[infra/edge]', '[infra/edge, istio-system/secure]'),
  );
  const gateway = await scene.start({ nodeOptions });
  const pids = [gateway.pid, ...(await childrenOf(gateway.pid))];
  const visit = (rounds: number): Promise<CrowdReport> =>
    reportOf(fork(path.join(import.meta.dirname, 'crowd.ts'), [tlsPort, CROWD, rounds, pem].map(String)));
  await visit(Math.ceil(warmUp / CROWD));
  const before = await alive(pids, file);
  const rounds = Math.ceil(count / CROWD);
  const { served, why } = await visit(rounds);
  const after = await alive(pids, file);
  const growth = (100 * (after.rss - before.rss)) / before.rss;
  const missing = rounds * CROWD - served;
  const wrong = [
    ...(missing > 0 ? [`${missing} were not served: ${why}`] : []),
    ...(growth > 5 && warmUp >= SETTLED ? [`resident memory grew by ${growth.toFixed(1)} %`] : []),
  ];
  gateway.terminate();
  scene.close();
  rmSync(folder, { recursive: true, force: true });
  const note = `resident memory ${growth.toFixed(1)} %, alive ${((100 * (after.live - before.live)) / before.live).toFixed(1)} %`;
  const report = { requests: served, losses: [], posts: [], p50Ms: 0, p99Ms: 0 };
  return rowOf(report, [], { fault: 'T-09 handshakes with client certificates', count: served, note, wrong });
}

async function reportOf(crowd: ChildProcess): Promise<CrowdReport> {
  const [report] = (await once(crowd, 'message')) as [CrowdReport];
  return report;
}
