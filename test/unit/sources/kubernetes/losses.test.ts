import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Registry } from 'prom-client';
import { describe, expect, it, onTestFinished } from 'vitest';
import { registerClusterMetrics } from '../../../../src/admin/cluster-metrics.ts';
import { settableClock } from '../../../support/settable-clock.ts';
import { type FakeApi, type Fault, GATEWAYS, refuse, VIRTUAL_SERVICES, virtualService, when } from './fake-api.ts';
import { fakeApi, follow, soon } from './support.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

const tenRoutes = (api: FakeApi): void => {
  for (let i = 0; i < 10; i++) api.put(VIRTUAL_SERVICES, virtualService(`v${i}`));
};
/** As after a restart of the server: whoever resumes has to list anew. */
const oldVersionExpires = (api: FakeApi, kind: string): Fault =>
  when(
    ({ path, query }) => path === kind && query.has('watch') && Number(query.get('resourceVersion')) < api.version,
    (to) => refuse(to, 410, 'Expired'),
  );
const deleteRoutes = (api: FakeApi, count: number, from = 0): void => {
  for (let i = from; i < count; i++) api.delete(VIRTUAL_SERVICES, virtualService(`v${i}`));
};
const codes = (followed: ReturnType<typeof follow>): readonly string[] =>
  (followed.current()?.diagnostics ?? []).map(({ code }) => code);

describe('a loss of most routes at once', () => {
  it('is held back, and forgotten when they are back', async () => {
    const api = await fakeApi();
    tenRoutes(api);
    const followed = follow(api);
    await followed.started;
    api.lose(VIRTUAL_SERVICES);
    api.faults.push(oldVersionExpires(api, VIRTUAL_SERVICES));
    api.dropWatches('end');
    await soon(() => expect(codes(followed)).toContain('deletion-held'));
    expect(followed.names()).toHaveLength(10);
    api.faults.length = 0;
    tenRoutes(api);
    await soon(() => expect(codes(followed)).not.toContain('deletion-held'));
    expect(followed.names()).toHaveLength(10);
  });

  it('is believed when a second list confirms it', async () => {
    const api = await fakeApi();
    tenRoutes(api);
    const followed = follow(api, { timings: { confirmMs: 80 } });
    await followed.started;
    deleteRoutes(api, 6);
    await soon(() => expect(codes(followed)).toContain('deletion-held'));
    expect(followed.names()).toHaveLength(10);
    await soon(() => expect(followed.names()).toEqual(['v6', 'v7', 'v8', 'v9']));
    expect(codes(followed)).not.toContain('deletion-held');
  });

  it('is believed when the operator says so', async () => {
    const api = await fakeApi();
    tenRoutes(api);
    const followed = follow(api);
    await followed.started;
    deleteRoutes(api, 10);
    await soon(() => expect(codes(followed)).toContain('deletion-held'));
    followed.source.refresh();
    await soon(() => expect(followed.names()).toEqual([]));
  });

  it('does not stand in the way of what changes meanwhile', async () => {
    const api = await fakeApi();
    tenRoutes(api);
    const followed = follow(api);
    await followed.started;
    deleteRoutes(api, 6);
    await soon(() => expect(codes(followed)).toContain('deletion-held'));
    api.put(VIRTUAL_SERVICES, virtualService('new'));
    await soon(() => expect(followed.names()).toHaveLength(11));
  });

  it.each([
    ['half of them', 5],
    ['few of them', 4],
  ])('is none when it is %s', async (_, count) => {
    const api = await fakeApi();
    tenRoutes(api);
    const followed = follow(api);
    await followed.started;
    deleteRoutes(api, count);
    await soon(() => expect(followed.names()).toHaveLength(10 - count));
    expect(codes(followed)).not.toContain('deletion-held');
  });

  it('is none when the only two are deleted one after the other', async () => {
    const api = await fakeApi();
    for (const name of ['v0', 'v1']) api.put(VIRTUAL_SERVICES, virtualService(name));
    const followed = follow(api);
    await followed.started;
    deleteRoutes(api, 2);
    await soon(() => expect(followed.names()).toEqual([]));
    expect(codes(followed)).not.toContain('deletion-held');
  });

  it('is one when a list has lost the only Gateway', async () => {
    const api = await fakeApi();
    const spec = { servers: [{ port: { number: 80, name: 'http', protocol: 'HTTP' }, hosts: ['*'] }] };
    api.put(GATEWAYS, { metadata: { name: 'public', namespace: 'infra' }, spec });
    const followed = follow(api);
    await followed.started;
    api.lose(GATEWAYS);
    api.faults.push(oldVersionExpires(api, GATEWAYS));
    api.dropWatches('end');
    await soon(() => expect(codes(followed)).toContain('deletion-held'));
    expect(followed.names('Gateway')).toEqual(['public']);
  });
});

describe('a wall clock that is set', () => {
  it('forward by a day does not part a loss in two', async () => {
    const api = await fakeApi();
    tenRoutes(api);
    const clock = settableClock();
    const followed = follow(api, { clock });
    await followed.started;
    deleteRoutes(api, 3);
    await soon(() => expect(followed.names()).toHaveLength(7));
    clock.set(DAY_MS);
    deleteRoutes(api, 6, 3);
    await soon(() => expect(codes(followed)).toContain('deletion-held'));
  });

  it('back by an hour does not make one loss of two', async () => {
    const api = await fakeApi();
    tenRoutes(api);
    const clock = settableClock();
    const followed = follow(api, { clock, timings: { silenceMs: 60_000 } });
    await followed.started;
    deleteRoutes(api, 3);
    await soon(() => expect(followed.names()).toHaveLength(7));
    clock.set(-HOUR_MS);
    clock.pass(20_000);
    deleteRoutes(api, 6, 3);
    await soon(() => expect(followed.names()).toHaveLength(4));
    expect(codes(followed)).not.toContain('deletion-held');
  });

  it.each([DAY_MS, -HOUR_MS])('by %d ms does not change since when the API server was not heard', async (byMs) => {
    const api = await fakeApi();
    tenRoutes(api);
    const clock = settableClock();
    const followed = follow(api, { clock });
    await followed.started;
    const registry = new Registry();
    registerClusterMetrics(registry, { health: () => followed.source.health(), clock, writer: undefined });
    clock.set(byMs);
    const ages = (await registry.getSingleMetric('banyan_kubernetes_contact_age_seconds')?.get())?.values ?? [];
    expect(ages).not.toEqual([]);
    for (const { value } of ages) expect(Math.abs(value)).toBeLessThan(600);
  });
});

describe('the saved state', () => {
  const stateDir = (): string => {
    const dir = mkdtempSync(path.join(tmpdir(), 'banyan-state-'));
    onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
    return dir;
  };
  const saved = async (api: FakeApi, dir: string): Promise<void> => {
    const { started, source } = follow(api, { stateDir: dir });
    await started;
    await source.close();
  };

  it('is served when the API server is away at the start, until it is back', async () => {
    const api = await fakeApi();
    api.put(VIRTUAL_SERVICES, virtualService('cart'));
    const dir = stateDir();
    await saved(api, dir);
    api.faults.push(
      when(
        () => true,
        (to) => to.socket?.resetAndDestroy(),
      ),
    );
    const followed = follow(api, { stateDir: dir });
    const first = await followed.started;
    expect(first.resources.get('VirtualService', 'shop', 'cart')?.body.spec.hosts).toEqual(['cart.example.com']);
    expect(codes(followed)).toContain('saved-state-served');
    api.put(VIRTUAL_SERVICES, virtualService('new'));
    api.faults.length = 0;
    await soon(() => expect(followed.names()).toEqual(['cart', 'new']));
    await soon(() => expect(codes(followed)).not.toContain('saved-state-served'));
  });

  it('keeps what an object last said that is refused now', async () => {
    const api = await fakeApi();
    api.put(VIRTUAL_SERVICES, virtualService('cart'));
    const dir = stateDir();
    await saved(api, dir);
    api.put(VIRTUAL_SERVICES, { ...virtualService('cart'), spec: { hosts: [] } });
    const first = await follow(api, { stateDir: dir }).started;
    expect(first.frozen).toHaveLength(1);
    expect(first.resources.get('VirtualService', 'shop', 'cart')?.body.spec.hosts).toEqual(['cart.example.com']);
  });

  it('makes an empty server suspect', async () => {
    const api = await fakeApi();
    tenRoutes(api);
    const dir = stateDir();
    await saved(api, dir);
    api.lose(VIRTUAL_SERVICES);
    const followed = follow(api, { stateDir: dir });
    await followed.started;
    expect(followed.names()).toHaveLength(10);
    expect(codes(followed)).toContain('deletion-held');
  });

  it('is for its owner alone', async () => {
    const dir = path.join(stateDir(), 'new');
    await saved(await fakeApi(), dir);
    for (const file of readdirSync(dir)) expect(statSync(path.join(dir, file)).mode & 0o777).toBe(0o600);
    expect(readdirSync(dir)).toContain('Secret.jsonl');
  });

  it.each([
    ['damaged', '{"banyan":1,"server":"S","objects":2}\n{"kind":"VirtualService"}\n'],
    ['no JSON', 'what?\n'],
    ['of another cluster', '{"banyan":1,"server":"https://elsewhere","savedAtMs":1,"objects":0}\n'],
  ])('is not used when it is %s', async (_, text) => {
    const api = await fakeApi();
    const dir = stateDir();
    writeFileSync(path.join(dir, 'VirtualService.jsonl'), text.replace('"S"', JSON.stringify(api.access.server)));
    api.put(VIRTUAL_SERVICES, virtualService('cart'));
    const { started, log, names } = follow(api, { stateDir: dir });
    await started;
    expect(names()).toEqual(['cart']);
    expect(log.join()).toContain('is not used');
  });
});
