import { readFileSync } from 'node:fs';
import net from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { openContainer } from './container.ts';
import { childrenOf } from './processes.ts';
import { routeYaml, serviceYaml } from './routes.ts';
import { openScene, type Row, rowOf } from './scene.ts';

/** Clients that want more memory than there is (edge-security §2.2: R-21). */

const MIB = 2 ** 20;
const CONTAINER_MIB = 512;
/** As the manifests give it to each of three processes. */
const NODE_OPTIONS = '--max-old-space-size-percentage=23';
/** What such a container makes of it for each of two workers, where the system lets nobody have one. */
const BUFFER_MIB = Math.floor((CONTAINER_MIB * 0.2) / 2);
const UPLOAD = Buffer.alloc(900 * 1024, 'x');
const RECOVERY_LIMIT_MS = 30_000;

/**
 * A crowd sends bodies that might have to be sent again, to a service that takes its time, and asks for large answers that it
 * does not read, all of a namespace of its own. The gateway refuses what is too much for that namespace, as it says it would;
 * it is never killed, and serves everybody when the crowd has gone.
 */
export async function memoryCeiling(seconds: number, crowd: number): Promise<Row> {
  const scene = await openScene();
  scene.routes.write('hostile/service.yaml', serviceYaml('hostile', [['127.0.0.1', scene.upstream.port]]));
  scene.routes.write('hostile/route.yaml', routeYaml('hostile.test', 'hostile'));
  const container = openContainer(CONTAINER_MIB * MIB);
  const gateway = await scene.start({
    nodeOptions: NODE_OPTIONS,
    ...(container === undefined ? { args: ['--max-buffer-mib', String(BUFFER_MIB)] } : { within: container.within }),
  });
  const workers = await gateway.workers();
  const pids = [gateway.pid, ...(await childrenOf(gateway.pid))];
  let refused = 0;
  const load = scene.load({
    mix: { get: 100, post: 10, http2: 20, slow: 0, webSockets: 0, conversations: 0 },
    verdict({ status, body, aborted, id }) {
      if (aborted) return 'aborted';
      if (status === 503 && body.includes('gateway-overloaded')) refused += 1;
      else if (status !== 200 || body !== id) return `status ${status}: ${body.slice(0, 160)}`;
      return undefined;
    },
  });
  let most = 0;
  const watch = setInterval(() => {
    most = Math.max(most, residentOf(pids));
  }, 100);
  const end = performance.now() + seconds * 1_000;
  const clients = Array.from({ length: crowd }, (_, i) => harass(scene.port, i % 2 === 0, end));
  await Promise.all(clients);
  const refusedByThen = refused;
  const began = performance.now();
  let calm = 0;
  for (let before = refused; calm < 5 && performance.now() - began < RECOVERY_LIMIT_MS; before = refused) {
    await pause(200);
    calm = refused === before ? calm + 1 : 0;
  }
  const recoveryMs = performance.now() - began;
  const report = await load.stop();
  clearInterval(watch);
  const after = await gateway.workers();
  const killed = container?.killed() ?? 0;
  const wrong = [
    ...(killed > 0 ? [`${killed} processes were killed`] : []),
    ...(workers.every((pid) => after.includes(pid)) ? [] : ['a worker died']),
    ...(most > CONTAINER_MIB * MIB ? [`${Math.round(most / MIB)} MiB resident`] : []),
    ...(recoveryMs >= RECOVERY_LIMIT_MS ? ['it went on refusing'] : []),
  ];
  const where = container === undefined ? `buffers of ${BUFFER_MIB} MiB` : `a container of ${CONTAINER_MIB} MiB`;
  const row = await rowOf(report, [scene.upstream], {
    fault: `R-21 ${crowd} clients that want memory, ${where}`,
    count: crowd,
    recoveryMs,
    note: `at most ${Math.round(most / MIB)} MiB, ${refusedByThen} of others refused`,
    wrong,
  });
  gateway.terminate();
  await gateway.exited;
  scene.close();
  container?.close();
  return row;
}

/** One after the other, until the time is over; refused or not, it comes back. */
async function harass(port: number, uploads: boolean, endMs: number): Promise<void> {
  while (performance.now() < endMs) {
    const socket = net.connect(port, '127.0.0.1');
    socket.on('error', () => {});
    if (uploads) {
      socket.write(`POST /slow/hostile HTTP/1.1\r\nHost: hostile.test\r\nContent-Length: ${UPLOAD.length}\r\n\r\n`);
      socket.write(UPLOAD);
      socket.once('data', () => socket.destroy());
    } else {
      socket.write('GET /large/hostile HTTP/1.1\r\nHost: hostile.test\r\n\r\n');
      socket.pause();
    }
    await Promise.race([new Promise((resolve) => socket.once('close', resolve)), pause(2_000)]);
    socket.destroy();
  }
}

/** Without the pages of files, which go when memory is wanted. */
function residentOf(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => {
    try {
      return sum + Number(/RssAnon:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) * 1024;
    } catch {
      return sum;
    }
  }, 0);
}
