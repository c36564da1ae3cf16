import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { countSockets } from '../support/sockets.ts';
import type { LoadMix } from './load.ts';
import { childrenOf, type GatewayProcess } from './processes.ts';
import { grpcYaml } from './routes.ts';
import { openScene } from './scene.ts';

/**
 * R-25: the base load of edge-security §2.2 for a while, and what becomes of memory and descriptors. All garbage is collected
 * each half minute, and two slopes are told of those moments: of the resident memory, and of what is alive, V8's own code
 * and what open connections take aside, of which there are now more and now fewer.
 */
const BASE_LOAD: LoadMix = { get: 360, post: 40, http2: 100, slow: 3.3, webSockets: 50, conversations: 20 };
/** How often it is asked whether it is ready. */
const CHECK_MS = 5_000;
/**
 * How often: what is alive differs by what is under way, so a few looks tell no slope. Nor does the resident memory in
 * between, which climbs from each collection to the next.
 */
const COLLECTION_MS = 30_000;
const MIB = 1024 * 1024;

export interface Alive {
  readonly atMs: number;
  readonly live: number;
  readonly rss: number;
  readonly descriptors: number;
}

/** What lets a gateway's processes tell of their memory when they are asked to. */
export function memoryHook(): { readonly folder: string; readonly file: string; readonly nodeOptions: string } {
  const folder = mkdtempSync(path.join(tmpdir(), 'banyan-soak-'));
  const file = path.join(folder, 'memory.jsonl');
  process.env['SOAK_FILE'] = file;
  return { folder, file, nodeOptions: `--import ${path.join(import.meta.dirname, 'memory-on-signal.ts')}` };
}

/** Resolves with whether all is as it should be. */
export async function soak(minutes: number): Promise<boolean> {
  const { folder, file, nodeOptions } = memoryHook();
  const scene = await openScene();
  scene.routes.write('shop/route.yaml', grpcYaml(scene.upstream.grpcPort));
  const gateway = await scene.start({ nodeOptions });
  const pids = [gateway.pid, ...(await childrenOf(gateway.pid))];
  const before = await alive(pids, file);
  const load = scene.load({ mix: BASE_LOAD, connections: 100, http2Connections: 10 });
  const look = (): Promise<Alive> => alive(pids, file);
  // Arenas of the allocator and pools of connections take their time to find their size; so does a heap that is collected as often as here.
  const warm = (await looksFor((minutes * 60_000) / 2, gateway, look)).at(-1) ?? before;
  const looks = [warm, ...(await looksFor((minutes * 60_000) / 2, gateway, look))];
  const middle = looks[looks.length >> 1] ?? warm;
  const end = looks.at(-1) ?? warm;
  const report = await load.stop();
  await pause(10_000);
  const after = await alive(pids, file);
  // What a pool keeps is no leak.
  const services = [scene.upstream.port, scene.upstream.grpcPort];
  const pooled = countSockets(pids, ({ remotePort }) => services.includes(remotePort));
  const leaked = after.descriptors - before.descriptors - pooled;

  const ofConnection = Math.max(0, (end.live - after.live) / Math.max(1, end.descriptors - after.descriptors));
  const besides = ({ live, descriptors }: Alive): number => live - descriptors * ofConnection;
  const slope = percentAnHour(looks.map(({ atMs, rss }) => [atMs, rss] as const));
  const liveSlope = percentAnHour(looks.map((look) => [look.atMs, besides(look)] as const));
  const mib = (bytes: number): string => (bytes / MIB).toFixed(1);
  const show = (name: string, { live, rss, descriptors }: Alive): string =>
    `${name.padEnd(28)} ${mib(live).padStart(8)} ${mib(rss).padStart(8)} ${String(descriptors).padStart(12)}`;
  console.log(`R-25 soak, ${minutes} minutes, ${pids.length} processes together`);
  console.log('                             live MiB  RSS MiB  descriptors');
  console.log(show('before the load', before));
  console.log(show('after the warm-up', warm));
  console.log(show('half of the rest', middle));
  console.log(show('at the end of the load', end));
  console.log(show('10 s after it', after));
  console.log(`of these last, ${pooled} are connections kept for the services, ${leaked} more than before the load`);
  console.log(
    `requests ${report.requests}, lost ${report.losses.length}, p50 ${report.p50Ms.toFixed(1)} ms, p99 ${report.p99Ms.toFixed(1)} ms`,
  );
  console.log(
    `RSS: ${slope.toFixed(2)} % an hour; alive: ${liveSlope.toFixed(2)} % an hour (${looks.length} looks; ${(ofConnection / 1024).toFixed(1)} KiB a connection left out)`,
  );
  for (const { kind, id, why } of report.losses.slice(0, 10)) console.log(`    ${kind} ${id}: ${why}`);
  const clients = await gateway.metric('banyan_open_connections');
  const wrong = [
    ...(report.losses.length > 0 ? [`${report.losses.length} lost`] : []),
    ...(liveSlope >= 1 || slope >= 1 ? ['memory grows'] : []),
    ...(leaked > 0 ? [`${leaked} descriptors are left over`] : []),
    ...(clients > 0 ? [`${clients} clients' connections are left`] : []),
  ];
  if (wrong.length > 0) for (const look of looks) console.log(show('', look));
  console.log(wrong.length === 0 ? 'as it should be' : `BAD ${wrong.join('; ')}`);
  gateway.terminate();
  await gateway.exited;
  scene.close();
  rmSync(folder, { recursive: true, force: true });
  return wrong.length === 0;
}

async function looksFor(ms: number, gateway: GatewayProcess, look: () => Promise<Alive>): Promise<Alive[]> {
  const looks: Alive[] = [];
  for (const endMs = performance.now() + ms; performance.now() < endMs; ) {
    await waitFor(Math.min(COLLECTION_MS, endMs - performance.now()), gateway);
    looks.push(await look());
  }
  return looks;
}

async function waitFor(ms: number, gateway: GatewayProcess): Promise<void> {
  for (const end = performance.now() + ms; performance.now() < end; ) {
    await pause(Math.min(CHECK_MS, end - performance.now()));
    if (!(await gateway.ready())) throw new Error(`not ready any more: ${gateway.log().slice(-1_000)}`);
  }
}

/** After a full collection in each process. */
export async function alive(pids: readonly number[], file: string): Promise<Alive> {
  rmSync(file, { force: true });
  for (const pid of pids) process.kill(pid, 'SIGUSR2');
  for (;;) {
    await pause(50);
    const lines = linesOf(file);
    if (lines.length < pids.length) continue;
    const sum = (of: (line: Omit<Alive, 'atMs'>) => number): number =>
      lines.reduce((total, line) => total + of(line), 0);
    return {
      atMs: performance.now(),
      live: sum(({ live }) => live),
      rss: sum(({ rss }) => rss),
      descriptors: sum(({ descriptors }) => descriptors),
    };
  }
}

function linesOf(file: string): readonly Omit<Alive, 'atMs'>[] {
  try {
    return readFileSync(file, 'utf8')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as Omit<Alive, 'atMs'>);
  } catch {
    return [];
  }
}

/** The median of the slopes of all pairs (Theil and Sen): a few peaks of garbage do not move it. */
function percentAnHour(points: readonly (readonly [atMs: number, value: number])[]): number {
  const slopes = points.flatMap(([x1, y1], i) => points.slice(i + 1).map(([x2, y2]) => (y2 - y1) / (x2 - x1)));
  const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1] ?? 0;
  return ((median(slopes) * 3_600_000) / median(points.map(([, value]) => value))) * 100;
}
