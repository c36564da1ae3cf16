import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it, onTestFinished } from 'vitest';
import { type Cluster, cluster, freePort, gateway, namespace, route, type Served, serve, soon } from './cluster.ts';
import { temporaryFolder } from './service-account.ts';
import { startKube } from './start-kube.ts';
import { startBackend } from './traffic.ts';

/** Rows of edge-security §2.2, and etcd restarted: a real API server, and a gateway under load. */

const isLong = process.env['TEST_LONG'] !== undefined;
const DEAD_MS = isLong ? 1_800_000 : 60_000;
const FROZEN_MS = isLong ? 600_000 : 15_000;
const ETCD_AWAY_MS = 5_000;
/** From the API server's return, or a change after it, to what is served. */
const CONVERGED_MS = 10_000;

/** How long it takes until a change is served, once the API server takes it. */
async function converge(kube: Cluster, served: Served, text: string): Promise<number> {
  await soon(() => kube.apply(route('hard', 'version', text)));
  const beganMs = performance.now();
  while ((await served.ask('version.example.com')).body !== text) {
    if (performance.now() - beganMs > 60_000) throw new Error(`'${text}' is not served: ${served.log()}`);
    await sleep(20);
  }
  return performance.now() - beganMs;
}

it(
  'loses no request while etcd restarts, the API server stands still, and is dead while the gateway is replaced (R-06, R-09)',
  async () => {
    const own = await startKube();
    onTestFinished(() => own.stop());
    const kube = await cluster(own.kubeconfig);
    const port = await freePort();
    const backend = await startBackend();
    await kube.apply(namespace('hard'));
    for (const object of [gateway('hard', port), ...backend.objects('hard'), route('hard', 'version', 'first')])
      await kube.apply(object);
    const flags = ['--gateway-namespace', 'hard', '--state-dir', temporaryFolder()];
    const first = await serve(own.kubeconfig, 'hard', port, ...flags);
    await soon(() => expect(first.log()).toContain('"message":"ready"'));
    const traffic = backend.load(port);

    await own.restartEtcd(ETCD_AWAY_MS);
    expect(await converge(kube, first, 'after etcd')).toBeLessThan(CONVERGED_MS);

    const thaw = own.freezeApiserver();
    onTestFinished(thaw);
    await sleep(FROZEN_MS);
    expect(first.log()).toContain('(contact): ');
    const age = await first.metric('banyan_kubernetes_contact_age_seconds{kind="VirtualService"}');
    expect(age).toBeGreaterThan(FROZEN_MS / 1_000 - 1);
    thaw();
    expect(await converge(kube, first, 'after the frost')).toBeLessThan(CONVERGED_MS);
    // What is saved is saved every five seconds.
    await sleep(6_000);

    process.kill(own.pids()['kube-apiserver'] as number, 'SIGKILL');
    const deadSinceMs = performance.now();
    const second = await serve(own.kubeconfig, 'hard', port, ...flags);
    await soon(() => expect(second.log()).toContain('"message":"ready"'));
    expect(second.log()).toContain('what was saved is served');
    await first.stop();
    expect((await second.ask('version.example.com')).body).toBe('after the frost');
    expect(await second.metric('banyan_kubernetes_synced')).toBe(0);
    await sleep(DEAD_MS - (performance.now() - deadSinceMs));
    expect((await second.ask('version.example.com')).body).toBe('after the frost');
    await own.stopApiserver();
    await own.startApiserver();
    expect(await converge(kube, second, 'alive')).toBeLessThan(CONVERGED_MS);
    // Of the other kinds it hears in its own time.
    await soon(async () => expect(await second.metric('banyan_kubernetes_synced')).toBe(1));
    await traffic.endWithoutLoss();
  },
  DEAD_MS + FROZEN_MS + 180_000,
);
