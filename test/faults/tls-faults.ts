import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { freePort } from '../support/gateway.ts';
import { createAuthority } from '../unit/dataplane/downstream/certificates.ts';
import type { CrowdReport } from './crowd.ts';
import { routeYaml, tlsGatewayYaml } from './routes.ts';
import { openScene, type Row, rowOf } from './scene.ts';

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

async function reportOf(crowd: ChildProcess): Promise<CrowdReport> {
  const [report] = (await once(crowd, 'message')) as [CrowdReport];
  return report;
}
