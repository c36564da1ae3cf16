import net from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { get } from './processes.ts';
import { openScene, type Row, rowOf } from './scene.ts';

/** Faults of what the gateway lives on (edge-security §2.2: R-22). */

export async function blockedOutput(seconds: number): Promise<Row> {
  const scene = await openScene();
  const gateway = await scene.start({ blocked: true });
  const load = scene.load({ mix: { get: 400 } });
  await pause(seconds * 1_000);
  const wrong: string[] = [];
  const report = await load.stop();
  const began = performance.now();
  gateway.terminate();
  const code = await Promise.race([gateway.exited, pause(20_000, 'none' as const)]);
  if (code !== 0) wrong.push(`exit: ${code}`);
  const row = await rowOf(report, [scene.upstream], {
    fault: 'R-22 standard output blocked',
    count: 1,
    note: `exit in ${Math.round(performance.now() - began)} ms`,
    wrong,
  });
  scene.close();
  return row;
}

/** `/dev/full` is a disk on which nothing fits. */
export async function fullDisk(seconds: number): Promise<Row> {
  const scene = await openScene();
  const gateway = await scene.start({ args: ['--access-log-file', '/dev/full'] });
  const load = scene.load({ mix: { get: 200 } });
  await pause(seconds * 1_000);
  const report = await load.stop();
  gateway.terminate();
  const code = await Promise.race([gateway.exited, pause(20_000, 'none' as const)]);
  const row = await rowOf(report, [scene.upstream], {
    fault: 'R-22 no room for the access log',
    count: 1,
    wrong: code === 0 ? [] : [`exit: ${code}, ${gateway.log().slice(-300)}`],
  });
  scene.close();
  return row;
}

const DESCRIPTORS = 256;

/** More clients than there are descriptors: those that were there are served on, and all are again when the crowd has gone. */
export async function noDescriptors(rounds: number): Promise<Row> {
  const scene = await openScene();
  const gateway = await scene.start({ descriptors: DESCRIPTORS });
  const load = scene.load({ mix: { webSockets: 0, slow: 0, http2: 60, get: 0, post: 0 } });
  await pause(1_000);
  const wrong: string[] = [];
  const recoveries: number[] = [];
  for (let i = 0; i < rounds; i++) {
    const crowd = Array.from({ length: 3 * DESCRIPTORS }, () => net.connect(scene.port, '127.0.0.1'));
    for (const socket of crowd) socket.on('error', () => {});
    await pause(2_000);
    for (const socket of crowd) socket.destroy();
    const began = performance.now();
    while ((await get(scene.port, '/get/new', { host: 'shop.test' }).catch(() => undefined))?.status !== 200) {
      if (performance.now() - began > 30_000) break;
      await pause(20);
    }
    recoveries.push(performance.now() - began);
  }
  const report = await load.stop();
  if (gateway.log().includes('a worker ended')) wrong.push('a worker died');
  const row = await rowOf(report, [scene.upstream], {
    fault: `R-22 ${3 * DESCRIPTORS} clients, ${DESCRIPTORS} descriptors`,
    count: rounds,
    recoveryMs: Math.max(...recoveries),
    note: 'load on connections that were there',
    wrong: [...wrong, ...(Math.max(...recoveries) > 30_000 ? ['nobody new was served any more'] : [])],
  });
  gateway.terminate();
  scene.close();
  return row;
}
