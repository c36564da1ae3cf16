import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { get } from './processes.ts';
import { highest, openScene, type Row, rowOf } from './scene.ts';

/** Faults of the gateway's own processes (edge-security §2.2: ). */

const EXIT_LIMIT_MS = 60_000;

export async function rollingRestart(count: number): Promise<Row> {
  const scene = await openScene();
  let gateway = await scene.start();
  const load = scene.load();
  await pause(1_000);
  const exits: number[] = [];
  const wrong: string[] = [];
  for (let i = 0; i < count; i++) {
    const next = await scene.start();
    const began = performance.now();
    gateway.terminate();
    const code = await gateway.exited;
    if (code !== 0) wrong.push(`exit code ${code}: ${gateway.log().slice(-300)}`);
    exits.push(performance.now() - began);
    gateway = next;
  }
  await pause(500);
  const report = await load.stop();
  if (highest(exits) > EXIT_LIMIT_MS) wrong.push('an exit took too long');
  const note = `exit in at most ${Math.round(highest(exits))} ms`;
  const row = await rowOf(report, [scene.upstream], { fault: 'R-01 rolling restart', count, note, wrong });
  gateway.terminate();
  scene.close();
  return row;
}

/** `judgeTimes`: on a machine for itself. */
export async function killedWorkers(count: number, judgeTimes: boolean): Promise<Row> {
  const scene = await openScene();
  const gateway = await scene.start();
  const load = scene.load();
  await pause(1_000);
  const restarts: number[] = [];
  const accepts: number[] = [];
  const wrong: string[] = [];
  let connections = 0;
  for (let i = 0; i < count; i++) {
    const open = await gateway.metric('banyan_open_connections');
    const [victim] = await gateway.workers();
    connections += open;
    process.kill(victim as number, 'SIGKILL');
    const began = performance.now();
    while ((await get(scene.port, `/get/probe${i}`, { host: 'shop.test' }).catch(() => undefined))?.status !== 200)
      await pause(5);
    accepts.push(performance.now() - began);
    while ((await gateway.workers()).includes(victim as number)) await pause(5);
    restarts.push(await gateway.untilServing(2));
    await pause(2_100);
  }
  const report = await load.stop();
  if (judgeTimes && highest(accepts) > 1_000)
    wrong.push(`new connections were served after ${Math.round(highest(accepts))} ms`);
  const late = restarts.filter((ms) => ms > 2_000).length;
  if (judgeTimes && late > 0) wrong.push(`${late} restarts took more than 2 s`);
  const note = `served anew in at most ${Math.round(highest(accepts))} ms`;
  const row = await rowOf(report, [scene.upstream], {
    fault: 'R-02 kill -9 of a worker',
    count,
    allowed: connections,
    recoveryMs: highest(restarts),
    note,
    wrong,
  });
  gateway.terminate();
  scene.close();
  return row;
}

export async function injectedExceptions(count: number): Promise<Row> {
  const scene = await openScene();
  const hook = path.join(import.meta.dirname, 'throw-on-signal.ts');
  const gateway = await scene.start({ nodeOptions: `--import ${hook}` });
  const load = scene.load();
  await pause(1_000);
  const recoveries: number[] = [];
  for (let i = 0; i < count; i++) {
    const before = await gateway.metric('banyan_worker_restarts_total');
    const victim = (await gateway.workers())[0] as number;
    process.kill(victim, 'SIGUSR2');
    const began = performance.now();
    while ((await gateway.metric('banyan_worker_restarts_total')) === before) await pause(10);
    await gateway.untilServing(2);
    recoveries.push(performance.now() - began);
    while ((await gateway.workers()).length > 2) await pause(20);
    await pause(200);
  }
  const report = await load.stop();
  const row = await rowOf(report, [scene.upstream], {
    fault: 'R-26 exception nobody caught',
    count,
    recoveryMs: highest(recoveries),
    wrong: gateway.log().includes('injected') ? [] : ['nothing was thrown'],
  });
  gateway.terminate();
  scene.close();
  return row;
}
