import { setTimeout as pause } from 'node:timers/promises';
import type { Loss, Verdict } from './load.ts';
import { startUpstream } from './processes.ts';
import { destinationYaml, routeYaml, serviceYaml } from './routes.ts';
import { highest, openScene, type Row, rowOf } from './scene.ts';

/** Faults of the services behind the gateway (edge-security §2.2: ). */

const NO_STREAMS = { slow: 0, webSockets: 0 } as const;
/** When the upstream closes what nobody uses. */
const IDLE_MS = 1_000;
const RETRY = 'retries: { attempts: 2, retryOn: "reset,connect-failure,refused-stream" }';

/** As the upstream deals it: 0 and 1 are reset before the answer, 2 and 3 in the middle of it. */
const lotOf = (id: string): number => Number(id.replaceAll(/\D/g, '')) % 20;

export async function upstreamResets(seconds: number): Promise<Row> {
  const scene = await openScene();
  scene.routes.write('shop/route.yaml', routeYaml('shop.test', 'shop', RETRY));
  scene.routes.write('shop/plain.yaml', routeYaml('plain.test', 'shop'));
  const gateway = await scene.start();
  await scene.upstream.set({ resets: true });
  const whole: Verdict = ({ status, body, aborted, id }) => {
    if (lotOf(id) === 2 || lotOf(id) === 3) return aborted ? undefined : `cut, but looked complete: ${status}`;
    return aborted || status !== 200 || body !== id ? `status ${status}, aborted ${aborted}` : undefined;
  };
  const once: Verdict = ({ status, body, aborted, id }) => {
    if (lotOf(id) > 3) return status === 200 && body === id && !aborted ? undefined : `status ${status}`;
    return aborted || status >= 500 ? undefined : `status ${status} for a reset`;
  };
  const gets = scene.load({ mix: { ...NO_STREAMS, post: 0 }, verdict: whole });
  const posts = scene.load({ mix: { ...NO_STREAMS, get: 0, http2: 0, post: 60 }, host: 'plain.test', verdict: once });
  await pause(seconds * 1_000);
  const [report, postReport] = [await gets.stop(), await posts.stop()];
  const row = await rowOf(
    {
      ...report,
      requests: report.requests + postReport.requests,
      losses: [...report.losses, ...postReport.losses],
      posts: postReport.posts,
    },
    [scene.upstream],
    { fault: 'R-13 10 % resets, 10 % cut answers', count: Math.round(report.requests / 5) },
  );
  gateway.terminate();
  scene.close();
  return row;
}

export async function keepAliveRace(seconds: number): Promise<Row> {
  const scene = await openScene();
  const gateway = await scene.start();
  await scene.upstream.set({ idleMs: IDLE_MS });
  // A POST that met the end of its connection may have been carried out: it is not sent again (RFC 9110 §9.2.2).
  const onceAtMost: Verdict = ({ status, body, id }) =>
    (status === 200 && body === id) || status === 503 ? undefined : `status ${status}`;
  let requests = 0;
  const losses: Loss[] = [];
  const posts: string[] = [];
  const times: number[] = [];
  for (const end = performance.now() + seconds * 1_000; performance.now() < end; ) {
    const gets = scene.load({ mix: { ...NO_STREAMS, get: 700, post: 0 } });
    const others = scene.load({ mix: { ...NO_STREAMS, get: 0, http2: 0, post: 100 }, verdict: onceAtMost });
    await pause(500);
    for (const report of [await gets.stop(), await others.stop()]) {
      requests += report.requests;
      losses.push(...report.losses);
      posts.push(...report.posts);
      times.push(report.p99Ms);
    }
    // The next requests come just when the connections of the last ones end.
    await pause(IDLE_MS - 40 + 80 * Math.random());
  }
  const report = { requests, losses, posts, p50Ms: 0, p99Ms: highest(times) };
  const row = await rowOf(report, [scene.upstream], {
    fault: 'R-14 keep-alive race, used again after 1 s',
    count: requests,
  });
  gateway.terminate();
  scene.close();
  return row;
}

/** `judgeTimes`: on a machine for itself. */
export async function hangingUpstream(seconds: number, judgeTimes: boolean): Promise<Row> {
  const scene = await openScene();
  const upstreams = [scene.upstream, ...(await Promise.all([startUpstream(), startUpstream(), startUpstream()]))];
  scene.routes.write(
    'shop/service.yaml',
    serviceYaml(
      'shop',
      upstreams.map(({ port }) => ['127.0.0.1', port] as const),
    ),
  );
  scene.routes.write(
    'shop/route.yaml',
    routeYaml(
      'shop.test',
      'shop',
      'timeout: 20s\nretries: { attempts: 5, perTryTimeout: 1s, retryOn: "reset,connect-failure,gateway-error" }',
    ),
  );
  scene.routes.write(
    'shop/rule.yaml',
    destinationYaml(
      'shop',
      '{ outlierDetection: { consecutive5xxErrors: 3, interval: 1s, baseEjectionTime: 3s, maxEjectionPercent: 50 } }',
    ),
  );
  const gateway = await scene.start();
  const load = scene.load({ mix: { ...NO_STREAMS, post: 0 } });
  await pause(1_500);
  const victim = upstreams[3] as (typeof upstreams)[number];
  await victim.seen();
  process.kill(victim.pid, 'SIGSTOP');
  await pause(seconds * 1_000);
  process.kill(victim.pid, 'SIGCONT');
  await victim.seen();
  const began = performance.now();
  while ((await victim.seen()).requests === 0 && performance.now() - began < 60_000) await pause(50);
  const recoveryMs = performance.now() - began;
  const report = await load.stop();
  const row = await rowOf(report, upstreams, {
    fault: 'R-15 one of four hangs',
    count: 1,
    recoveryMs,
    wrong: recoveryMs >= (judgeTimes ? 30_000 : 60_000) ? ['it never came back'] : [],
  });
  gateway.terminate();
  scene.close();
  return row;
}

export async function retryStorm(seconds: number): Promise<Row> {
  const scene = await openScene();
  scene.routes.write('shop/route.yaml', routeYaml('shop.test', 'shop', 'retries: { attempts: 3, retryOn: "5xx" }'));
  scene.routes.write(
    'shop/rule.yaml',
    destinationYaml('shop', '{ retryBudget: { percent: 20, minRetryConcurrency: 1 } }'),
  );
  const gateway = await scene.start();
  await scene.upstream.set({ status: 503 });
  await scene.upstream.seen();
  const refused: Verdict = ({ status, aborted }) => (status === 503 && !aborted ? undefined : `status ${status}`);
  const storm = scene.load({ mix: { ...NO_STREAMS, get: 300, post: 0 }, verdict: refused });
  await pause(seconds * 1_000);
  const report = await storm.stop();
  const factor = (await scene.upstream.seen()).requests / report.requests;
  await scene.upstream.set({});
  const began = performance.now();
  const after = scene.load({ mix: { ...NO_STREAMS, post: 0 } });
  await pause(1_000);
  const healed = await after.stop();
  const row = await rowOf(
    { ...report, losses: [...report.losses, ...healed.losses], requests: report.requests + healed.requests },
    [],
    {
      fault: 'R-16 retry storm, all answer 503',
      count: 1,
      recoveryMs: healed.losses.length === 0 ? 0 : performance.now() - began,
      note: `upstream load ${factor.toFixed(2)} times what was offered`,
      wrong: factor > 1.2 ? [`upstream load ${factor.toFixed(2)}`] : [],
    },
  );
  gateway.terminate();
  scene.close();
  return row;
}

export async function slowTenant(seconds: number): Promise<Row> {
  const scene = await openScene();
  const slow = await startUpstream();
  await slow.set({ delayMs: 3_000 });
  scene.routes.write('slow/service.yaml', serviceYaml('slow', [['127.0.0.1', slow.port]]));
  scene.routes.write('slow/route.yaml', routeYaml('slow.test', 'slow'));
  scene.routes.write(
    'slow/rule.yaml',
    destinationYaml(
      'slow',
      '{ connectionPool: { tcp: { maxConnections: 10 }, http: { http1MaxPendingRequests: 5 } } }',
    ),
  );
  const gateway = await scene.start();
  const warm = scene.load({ mix: NO_STREAMS });
  await pause(2_000);
  await warm.stop();
  const alone = scene.load({ mix: NO_STREAMS });
  await pause(seconds * 500);
  const before = await alone.stop();
  const either: Verdict = ({ status, aborted }) =>
    (status === 200 || status === 503) && !aborted ? undefined : `status ${status}`;
  const burden = scene.load({
    mix: { ...NO_STREAMS, get: 200, post: 0, http2: 0 },
    host: 'slow.test',
    verdict: either,
    connections: 400,
  });
  const beside = scene.load({ mix: NO_STREAMS });
  await pause(seconds * 1_000);
  const [report, burdened] = [await beside.stop(), await burden.stop()];
  const row = await rowOf({ ...report, losses: [...report.losses, ...burdened.losses] }, [scene.upstream], {
    fault: 'R-18 slow tenant at 200/s',
    count: burdened.requests,
    note: `p99 of the others alone ${Math.round(before.p99Ms)} ms; slow tenant p50 ${Math.round(burdened.p50Ms)} ms`,
  });
  gateway.terminate();
  scene.close();
  return row;
}
