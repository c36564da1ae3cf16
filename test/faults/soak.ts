import { mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { LoadMix } from './load.ts';
import { childrenOf, type GatewayProcess } from './processes.ts';
import { grpcYaml } from './routes.ts';
import { openScene } from './scene.ts';

/**
 * R-25: the base load of edge-security §2.2 for a while, and what becomes of memory and descriptors. Two slopes are told: of
 * the resident memory, in which garbage comes and goes, and of what is alive after a full collection, V8's
 * own code aside.
 */
const BASE_LOAD: LoadMix = { get: 360, post: 40, http2: 100, slow: 3.3, webSockets: 50, conversations: 20 };
const SAMPLE_MS = 5_000;
/** How often all garbage is collected, once warm: what is alive differs by what is under way, so a few looks tell no slope. */
const COLLECTION_MS = 30_000;
const MIB = 1024 * 1024;

interface Sample {
  readonly atMs: number;
  readonly rss: number;
  readonly descriptors: number;
}

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
  // Arenas of the allocator and pools of connections take their time to find their size.
  const warmUpMs = (minutes * 60_000) / 2;
  await sampleFor(warmUpMs, pids, gateway);
  const warm = await alive(pids, file);
  const samples: Sample[] = [];
  const looks = [warm];
  for (const endMs = performance.now() + minutes * 60_000 - warmUpMs; performance.now() < endMs; ) {
    samples.push(...(await sampleFor(Math.min(COLLECTION_MS, endMs - performance.now()), pids, gateway)));
    looks.push(await alive(pids, file));
  }
  const middle = looks[looks.length >> 1] ?? warm;
  const end = looks.at(-1) ?? warm;
  const report = await load.stop();
  await pause(10_000);
  const after = await alive(pids, file);
  const pooled = socketsTo(pids, [scene.upstream.port, scene.upstream.grpcPort]);
  const leaked = after.descriptors - before.descriptors - pooled;

  const slope = percentAnHour(samples.map(({ atMs, rss }) => [atMs, rss] as const));
  const liveSlope = percentAnHour(looks.map(({ atMs, live }) => [atMs, live] as const));
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
    `RSS: ${slope.toFixed(2)} % an hour; alive after a full collection: ${liveSlope.toFixed(2)} % an hour (${looks.length} looks)`,
  );
  for (const { kind, id, why } of report.losses.slice(0, 10)) console.log(`    ${kind} ${id}: ${why}`);
  const clients = await gateway.metric('banyan_open_connections');
  const wrong = [
    ...(report.losses.length > 0 ? [`${report.losses.length} lost`] : []),
    ...(liveSlope >= 1 || slope >= 1 ? ['memory grows'] : []),
    ...(leaked > 0 ? [`${leaked} descriptors are left over`] : []),
    ...(clients > 0 ? [`${clients} clients' connections are left`] : []),
  ];
  console.log(wrong.length === 0 ? 'as it should be' : `BAD ${wrong.join('; ')}`);
  gateway.terminate();
  await gateway.exited;
  scene.close();
  rmSync(folder, { recursive: true, force: true });
  return wrong.length === 0;
}

async function sampleFor(ms: number, pids: readonly number[], gateway: GatewayProcess): Promise<Sample[]> {
  const samples: Sample[] = [];
  const end = performance.now() + ms;
  while (performance.now() < end) {
    await pause(Math.min(SAMPLE_MS, end - performance.now()));
    samples.push({ atMs: performance.now(), ...resident(pids) });
    if (!(await gateway.ready())) throw new Error(`not ready any more: ${gateway.log().slice(-1_000)}`);
  }
  return samples;
}

function resident(pids: readonly number[]): { readonly rss: number; readonly descriptors: number } {
  let rss = 0;
  let descriptors = 0;
  for (const pid of pids) {
    rss += Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) * 1024;
    descriptors += readdirSync(`/proc/${pid}/fd`).length;
  }
  return { rss, descriptors };
}

/** Connections of these processes to these ports: what a pool keeps is no leak. */
function socketsTo(pids: readonly number[], ports: readonly number[]): number {
  const [any] = pids;
  const wanted = new Set(ports.map((port) => port.toString(16).toUpperCase().padStart(4, '0')));
  const inodes = new Set<string>();
  for (const table of ['tcp', 'tcp6'])
    for (const line of readFileSync(`/proc/${any}/net/${table}`, 'utf8').split('\n').slice(1)) {
      const [, , remote = '', , , , , , , inode = ''] = line.trim().split(/\s+/);
      if (wanted.has(remote.split(':')[1] ?? '')) inodes.add(`socket:[${inode}]`);
    }
  return pids
    .flatMap((pid) => readdirSync(`/proc/${pid}/fd`).map((fd) => linkOf(`/proc/${pid}/fd/${fd}`)))
    .filter((link) => inodes.has(link)).length;
}

function linkOf(file: string): string {
  try {
    return readlinkSync(file);
  } catch {
    return '';
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
