import { execFile } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { type Cluster, cluster, freePort, gateway, namespace, route, type Served, serve, soon } from './cluster.ts';
import { type Relay, startRelay } from './relay.ts';
import { startBackend } from './traffic.ts';

/**
 * Row R-12 of edge-security §2.2: random writes, two replicas, and partitions between them and the API server, made by
 * a relay of our own (relay.ts): that takes no rights, and is harder than dropped packets.
 */

const NS = 'split';
const isLong = process.env['TEST_LONG'] !== undefined;
const ROUNDS = isLong ? 8 : 1;
const OBJECTS = 20;
const CONVERGED_MS = 10_000;

/** The same numbers for the same seed. */
function sequence(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return state / 2_147_483_648;
  };
}

const hostOf = (name: string): string => `${name}.example.com`;
const names = Array.from({ length: OBJECTS }, (_, i) => `w${i}`);

/** What the store holds: each object's number, which grows with every write; undefined: it is deleted. */
type Store = Map<string, number | undefined>;

/** Writes at random until it is told to end; every write has been taken when it has. */
async function write(kube: Cluster, store: Store, random: () => number, signal: AbortSignal): Promise<number> {
  let count = 0;
  for (; !signal.aborted; count++) {
    const name = names[Math.floor(random() * OBJECTS)] as string;
    const present = [...store.values()].filter((number) => number !== undefined).length;
    // Never so many that a loss of most would be held back until it is confirmed.
    if (random() < 0.15 && store.get(name) !== undefined && present > OBJECTS * 0.75) {
      await kube.delete(route(NS, name, ''));
      store.set(name, undefined);
    } else {
      await kube.apply(route(NS, name, String(count + 1)));
      store.set(name, count + 1);
    }
    await sleep(random() * 150);
  }
  return count;
}

/** What one client of one replica sees; whatever goes back is found. */
async function watch(served: Served, random: () => number, signal: AbortSignal): Promise<readonly string[]> {
  const wrong: string[] = [];
  const seen = new Map<string, { readonly number: number; readonly gone: boolean }>();
  while (!signal.aborted) {
    const name = names[Math.floor(random() * OBJECTS)] as string;
    const { status, body } = await served.ask(hostOf(name));
    const last = seen.get(name) ?? { number: 0, gone: false };
    const number = Number(body);
    if (status === 404) seen.set(name, { number: last.number, gone: true });
    else if (status !== 200) wrong.push(`${name}: ${status} ${body}`);
    else if (number < last.number || (number === last.number && last.gone))
      wrong.push(`${name}: ${number} after ${last.number}${last.gone ? ', which was deleted' : ''}`);
    else seen.set(name, { number, gone: false });
    await sleep(10);
  }
  return wrong;
}

async function cutAndHeal([one, two]: readonly [Relay, Relay]): Promise<void> {
  await sleep(2_000);
  one.cut();
  await sleep(12_000);
  one.heal();
  two.cut();
  await sleep(12_000);
  two.heal();
  await sleep(3_000);
  for (const relay of [one, two]) relay.cut();
  await sleep(6_000);
}

const revisionOf = async (served: Served): Promise<string> =>
  (JSON.parse((await served.admin('/readyz')).body) as { readonly revision: string }).revision;

it(
  'brings two replicas back to the same table within ten seconds of a partition, and nobody sees a version go back (R-12)',
  async () => {
    const seed = Date.now() % 100_000;
    const kube = await cluster();
    const [port = 0, other = 0] = [await freePort(), await freePort()].toSorted((a, b) => a - b);
    const backend = await startBackend();
    await kube.apply(namespace(NS));
    for (const object of [gateway(NS, port), ...backend.objects(NS)]) await kube.apply(object);
    for (const name of names) await kube.apply(route(NS, name, '0'));
    const relays = [await startRelay(kube.kubeconfig), await startRelay(kube.kubeconfig)] as const;
    const own = ['--gateway-namespace', NS];
    const one = await serve(relays[0].kubeconfig, NS, port, ...own);
    const two = await serve(relays[1].kubeconfig, NS, port, ...own, '--port-offset', String(other - port));
    const replicas = [one, two];
    for (const { log } of replicas) await soon(() => expect(log()).toContain('"message":"ready"'));
    const traffic = replicas.map((served) => backend.load(served.port));

    for (let round = 0; round < ROUNDS; round++) {
      const stop = new AbortController();
      const stopReading = new AbortController();
      const store: Store = new Map(names.map((name) => [name, 0]));
      const writing = write(kube, store, sequence(seed + round), stop.signal);
      const reading = replicas.map((served, i) => watch(served, sequence(seed + i), stopReading.signal));
      await cutAndHeal(relays);
      stop.abort();
      expect(await writing, `seed ${seed}`).toBeGreaterThan(50);
      const revision = await revisionOfStore(kube);
      for (const relay of relays) relay.heal();
      const healedMs = performance.now();
      for (const served of replicas)
        while ((await revisionOf(served)) !== revision) {
          if (performance.now() - healedMs > CONVERGED_MS)
            throw new Error(`a replica differs from the store 10 s after the partition, seed ${seed}: ${served.log()}`);
          await sleep(50);
        }
      for (const served of replicas)
        for (const [name, number] of store)
          await soon(async () =>
            expect(await served.ask(hostOf(name)), `${name}, seed ${seed}`).toMatchObject(
              number === undefined ? { status: 404 } : { body: String(number) },
            ),
          );
      stopReading.abort();
      expect((await Promise.all(reading)).flat(), `seed ${seed}`).toEqual([]);
      // Numbers begin anew.
      for (const name of names) await kube.apply(route(NS, name, '0'));
      for (const served of replicas)
        for (const name of names) await soon(async () => expect((await served.ask(hostOf(name))).body).toBe('0'));
    }
    for (const load of traffic) await load.endWithoutLoss();
  },
  ROUNDS * 60_000 + 90_000,
);

/** What the compiler makes of what the API server has. */
async function revisionOfStore(kube: Cluster): Promise<string> {
  const flags = ['--kubernetes', '--kubeconfig', kube.kubeconfig, '--gateway-labels', `istio=${NS}`];
  const all = ['bin/banyan.js', 'routes', ...flags, '--gateway-namespace', NS, '-o', 'json'];
  const { stdout } = await promisify(execFile)(process.execPath, all, { maxBuffer: 64 * 1_048_576 });
  return (JSON.parse(stdout) as { readonly revision: string }).revision;
}
