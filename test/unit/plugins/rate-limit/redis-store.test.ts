import net, { type AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createRedisStore } from '../../../../plugins/rate-limit/redis-store.ts';
import type { SharedStore } from '../../../../plugins/rate-limit/store.ts';
import { freePort } from '../../../support/gateway.ts';
import { haveRedis, startRedis, type TestRedis } from '../../../support/redis.ts';
import { asking, handClock, perClient, settingsOf } from './support.ts';

const stores: SharedStore[] = [];
let redis: TestRedis;
let serial = 0;

/** So patient that a busy machine is no store in trouble. */
const PATIENT_MS = 5_000;

/** Limits of a name of their own, asked through a connection of their own, as a replica would. */
function replica(spec: object, deadlineMs: number | undefined = PATIENT_MS) {
  const store = createRedisStore(redis.url, deadlineMs);
  stores.push(store);
  return { store, ...asking(settingsOf({ scope: 'shared', ...spec }), { clock: handClock(), store }) };
}

/** The same rule under a new name for each test: nothing is left from another one. */
const shared = (requests: number, window: string, more: object = {}): object => {
  const { rules } = perClient(requests, window) as { rules: readonly object[] };
  return { ...more, rules: rules.map((rule) => ({ ...rule, name: `fair-${serial}` })) };
};

const ready = (store: SharedStore): Promise<void> => expect.poll(() => store.up, { timeout: 10_000 }).toBe(true);

describe.skipIf(!haveRedis)('limits that replicas share through Redis', () => {
  beforeAll(async () => {
    redis = await startRedis(await freePort());
  });
  afterAll(async () => {
    for (const store of stores) await store.close();
    await redis.close();
  });
  beforeEach(() => void serial++);

  it('count together: the total of two replicas is the limit', async () => {
    const replicas = [replica(shared(200, '1h')), replica(shared(200, '1h'))];
    for (const { store } of replicas) await ready(store);
    const passed = await Promise.all(replicas.flatMap(({ passes }) => Array.from({ length: 16 }, () => passes(25))));
    expect(passed.reduce((all, one) => all + one)).toBe(200);
  });

  it('say what is left, and when to come back', async () => {
    const { store, ask } = replica(shared(2, '1h'));
    await ready(store);
    expect((await ask()).headers['ratelimit']).toContain(';r=1;');
    await ask();
    const { reply, headers } = await ask();
    expect(reply).toMatchObject({ status: 429 });
    expect(Number(headers['retry-after'])).toBeGreaterThan(1790);
    expect(Number(headers['retry-after'])).toBeLessThanOrEqual(1800);
  });

  it('come back at the even rate', async () => {
    const { store, passes } = replica(shared(20, '1s'));
    await ready(store);
    expect(await passes(30)).toBeGreaterThanOrEqual(20);
    await expect.poll(() => passes(1)).toBe(1);
  });

  it('charge no window when another refuses', async () => {
    const rule = {
      name: `two-${serial}`,
      per: 'gateway',
      limits: [
        { requests: 50, window: '1h' },
        { requests: 2, window: '1h' },
      ],
    };
    const { store, passes, ask } = replica({ rules: [rule] });
    await ready(store);
    expect(await passes(20)).toBe(2);
    const wide = replica({ rules: [{ ...rule, limits: [rule.limits[0]] }] });
    await ready(wide.store);
    expect((await wide.ask()).headers['ratelimit']).toContain(';r=47;');
    expect((await ask()).reply).toMatchObject({ status: 429 });
  });

  it('refuse everything at nothing, without being asked', async () => {
    const { ask } = replica(shared(0, '1m'));
    expect((await ask()).reply).toMatchObject({ status: 429 });
  });

  describe.each([
    ['allow', undefined],
    ['deny', 503],
  ])('are kept or dropped as onStoreFailure says: %s', (onStoreFailure, status) => {
    it('when it is dead, and then started again', async () => {
      const { store, ask } = replica(shared(1000, '1h', { onStoreFailure }));
      await ready(store);
      const statuses = async (): Promise<number | undefined> => (await ask()).reply?.status;
      expect(await statuses()).toBeUndefined();
      await redis.kill();
      await expect.poll(statuses).toBe(status);
      expect(store.failures).toBeGreaterThan(0);
      await redis.restart();
      await ready(store);
      expect(await statuses()).toBeUndefined();
    });

    it('when it hangs, and then wakes', async () => {
      const { store, ask } = replica(shared(1000, '1h', { onStoreFailure }), 50);
      await ready(store);
      const statuses = async (): Promise<number | undefined> => (await ask()).reply?.status;
      await expect.poll(statuses).toBeUndefined();
      redis.hang();
      for (let i = 0; i < 20; i++) expect(await statuses()).toBe(status);
      expect(store.up).toBe(false);
      redis.wake();
      await ready(store);
      await expect.poll(statuses).toBeUndefined();
    });
  });

  it('that are strict say what is wrong, and no more', async () => {
    const { store, ask } = replica(shared(5, '1h', { onStoreFailure: 'deny' }));
    await ready(store);
    await store.close();
    expect((await ask()).reply).toMatchObject({
      status: 503,
      cause: 'rate-limit-unavailable',
      side: 'gateway',
      headers: [['retry-after', '1']],
    });
  });

  it('beside local ones that refuse charge nobody', async () => {
    const { store } = replica(shared(5, '1h'));
    await ready(store);
    const both = settingsOf({ scope: 'shared', ...shared(5, '1h') });
    const local = settingsOf(perClient(1, '1h'));
    const { passes } = asking({ rules: [...local.rules, ...both.rules] }, { clock: handClock(), store });
    expect(await passes(20)).toBe(1);
    const alone = asking(both, { clock: handClock(), store });
    expect((await alone.ask()).headers['ratelimit']).toContain(';r=3;');
  });

  it('keep no caller’s name in the store, and no name of any length', async () => {
    const { store, ask } = replica({
      rules: [{ name: `key-${serial}`, per: { header: 'x-api-key' }, limits: [{ requests: 5, window: '1h' }] }],
    });
    await ready(store);
    for (const name of ['a-secret-key', 'x'.repeat(50_000)])
      expect((await ask({ headers: [['x-api-key', name]] })).headers['ratelimit']).toContain(';r=4;');
    const keys = await command(redis.url, 'KEYS *');
    expect(keys).toContain('banyan:rl:');
    expect(keys).not.toMatch(/a-secret-key|x{100}/);
  });

  it('stay in force for an offender when a flood of callers has filled the store (edge-security L-03)', async () => {
    const rules = [{ name: `flood-${serial}`, per: { header: 'x-key' }, limits: [{ requests: 50, window: '1h' }] }];
    const { store, ask } = replica({ onStoreFailure: 'deny', rules });
    await ready(store);
    const as = async (key: string): Promise<number> => (await ask({ headers: [['x-key', key]] })).reply?.status ?? 200;
    for (let i = 0; i < 50; i++) expect(await as('offender')).toBe(200);
    expect(await as('offender')).toBe(429);
    const used = Number(/used_memory:(\d+)/.exec(await command(redis.url, 'INFO memory'))?.[1]);
    await command(redis.url, `CONFIG SET maxmemory ${used + 150_000} maxmemory-policy volatile-ttl`);
    for (let i = 0; i < 4_000; i += 100) {
      const flood = await Promise.all(Array.from({ length: 100 }, (_, j) => as(`${i + j}`)));
      expect(new Set(flood)).toEqual(new Set([200]));
      expect(await as('offender')).toBe(429);
    }
    expect(Number(/evicted_keys:(\d+)/.exec(await command(redis.url, 'INFO stats'))?.[1])).toBeGreaterThan(500);
    await command(redis.url, 'CONFIG SET maxmemory 0');
  });

  it('do not lock anybody out for longer than a period by what a clock that went ahead has left (edge-security L-07)', async () => {
    const { store, ask, passes } = replica(shared(10, '1s'));
    await ready(store);
    await command(redis.url, 'FLUSHALL');
    expect((await ask()).reply).toBeUndefined();
    const [, key = ''] = /(banyan:rl:\S+)/.exec(await command(redis.url, 'KEYS *')) ?? [];
    await command(redis.url, `SET ${key} ${(Date.now() + 3_600_000) * 1000}`);
    await expect.poll(() => passes(1), { timeout: 3_000 }).toBe(1);
  });

  it.each([
    ['allow', undefined],
    ['deny', 503],
  ])('are answered by onStoreFailure while the store is slow: %s', async (onStoreFailure, status) => {
    const service = await proxy(redis.url);
    const store = createRedisStore(service.url, 50);
    stores.push(store);
    const { ask } = asking(settingsOf({ scope: 'shared', ...shared(1_000, '1h', { onStoreFailure }) }), {
      clock: handClock(),
      store,
    });
    const answer = async () => {
      const { reply, headers } = await ask();
      return { status: reply?.status, decided: headers['ratelimit'] !== undefined };
    };
    try {
      await ready(store);
      await expect.poll(answer).toEqual({ status: undefined, decided: true });
      service.delayMs = 1_000;
      for (let i = 0; i < 10; i++) expect(await answer()).toEqual({ status, decided: false });
      service.delayMs = 0;
      await expect.poll(answer, { timeout: 10_000 }).toEqual({ status: undefined, decided: true });
    } finally {
      await store.close();
      service.close();
    }
  });

  it('tell the operator that their store is gone, and that it is back', async () => {
    const own = await startRedis(await freePort());
    const told: string[] = [];
    const store = createRedisStore(own.url, PATIENT_MS, (level, message) => told.push(`${level}: ${message}`));
    stores.push(store);
    const { ask } = asking(settingsOf({ scope: 'shared', ...shared(1_000, '1h') }), { clock: handClock(), store });
    await ready(store);
    await ask();
    expect(told).toEqual([]);
    await own.kill();
    await expect.poll(() => told).toHaveLength(1);
    expect(told[0]).toMatch(
      /^warn: the store of shared rate limits cannot be asked; .*: (the connection was closed|.*ECONN.*)$/,
    );
    await own.restart();
    await ready(store);
    await expect
      .poll(async () => [await ask(), ...told].slice(2))
      .toEqual(['info: the store of shared rate limits answers again']);
    await store.close();
    await own.close();
    expect(told).toHaveLength(2);
  });

  it('tell why a store takes nothing of them, and no password', async () => {
    const own = await startRedis(await freePort());
    await command(own.url, 'CONFIG SET requirepass sesame');
    const told: string[] = [];
    const url = own.url.replace('redis://', 'redis://:pumpkin@');
    const store = createRedisStore(url, PATIENT_MS, (_level, message) => told.push(message));
    stores.push(store);
    await expect.poll(() => told).toEqual([expect.stringContaining('WRONGPASS')]);
    expect(told.join()).not.toMatch(/sesame|pumpkin/);
    await store.close();
    await own.close();
  });

  it('go to the new primary when a failover has made the old one a replica', async () => {
    const next = await startRedis(await freePort());
    const service = await proxy(redis.url);
    const store = createRedisStore(service.url, PATIENT_MS);
    stores.push(store);
    const settings = settingsOf({ scope: 'shared', ...shared(1_000, '1h', { onStoreFailure: 'deny' }) });
    const { ask } = asking(settings, { clock: handClock(), store });
    const status = async (): Promise<number | undefined> => (await ask()).reply?.status;
    try {
      await ready(store);
      expect(await status()).toBeUndefined();
      service.target = next.url;
      await command(redis.url, 'REPLICAOF 127.0.0.1 1');
      expect(await status()).toBe(503);
      await expect.poll(status).toBeUndefined();
    } finally {
      await command(redis.url, 'REPLICAOF NO ONE');
      await store.close();
      service.close();
      await next.close();
    }
  });
});

interface Proxy {
  readonly url: string;
  target: string;
  delayMs: number;
  close(): void;
}

/** What stands before a store under one name, and may lead to another one, or slowly. */
async function proxy(first: string): Promise<Proxy> {
  const server = net.createServer((client) => {
    const upstream = net.connect(Number(new URL(made.target).port), '127.0.0.1');
    for (const [one, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      one.on('data', (data) => {
        if (made.delayMs === 0) other.write(data);
        else setTimeout(() => other.write(data), made.delayMs).unref();
      });
      one.on('error', () => other.destroy());
      one.on('close', () => other.destroy());
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const made: Proxy = {
    url: `redis://127.0.0.1:${(server.address() as AddressInfo).port}`,
    target: first,
    delayMs: 0,
    close: () => void server.close(),
  };
  return made;
}

/** One command, and what came back of it within a moment. */
function command(url: string, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = net.connect(Number(new URL(url).port), '127.0.0.1', () => socket.write(`${text}\r\n`));
    socket.on('error', reject);
    socket.once('data', (data) => {
      socket.destroy();
      resolve(data.toString());
    });
  });
}
