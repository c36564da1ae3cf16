import { describe, expect, it, onTestFinished } from 'vitest';
import { systemClock } from '../../../../src/kernel/clock.ts';
import {
  type Condition,
  createApiClient,
  type DesiredStatus,
  type StatusWriter,
  startStatusWriter,
} from '../../../../src/sources/kubernetes.ts';
import { type FakeApi, refuse, VIRTUAL_SERVICES, virtualService, when } from './fake-api.ts';
import { type Followed, fakeApi, follow, soon } from './support.ts';

const EVENTS = '/api/v1/events';
const LEASES = '/apis/coordination.k8s.io/v1/leases';
const no = (reason: string) => ({ status: 'False', reason, message: reason }) as const;
const yes = (reason: string) => ({ status: 'True', reason, message: reason }) as const;

const desired = (name: string, generation = 1, message = 'Serving'): DesiredStatus => ({
  ref: { kind: 'VirtualService', namespace: 'shop', name },
  generation,
  verdicts: {
    Accepted: yes('Accepted'),
    Programmed: yes(message),
    Conflicted: no('NoConflict'),
    Frozen: no('UpToDate'),
  },
});

interface Status {
  readonly observedGeneration: number;
  readonly conditions: readonly Condition[];
  readonly banyan: unknown;
}
const statusOf = (api: FakeApi, name: string): Status | undefined =>
  api.get(VIRTUAL_SERVICES, `shop/${name}`)?.['status'] as Status | undefined;
const writes = (api: FakeApi): number =>
  api.calls.filter(({ method, path }) => method === 'PATCH' && path.endsWith('/status')).length;

function writer(
  api: FakeApi,
  { source }: Followed,
  identity = 'one',
  patienceMs = 4_000,
  recheckMs = 40,
  said: string[] = [],
): StatusWriter {
  const client = createApiClient(api.access);
  const started = startStatusWriter({
    client,
    namespace: 'istio-system',
    identity,
    gateway: 'istio-system/istio=ingressgateway',
    facts: (ref) => source.known(ref),
    clock: systemClock,
    log: { info: () => {}, warn: (line) => void said.push(line) },
    timings: { roundMs: 10, leaseMs: 20, recheckMs, patienceMs },
  });
  onTestFinished(async () => {
    await started.close();
    await client.close();
  });
  return started;
}

async function followed(api: FakeApi): Promise<Followed> {
  const one = follow(api, { keepStatus: true });
  await one.started;
  return one;
}
const events = (api: FakeApi): readonly unknown[] =>
  api.calls.filter(({ path }) => path.endsWith('/events')).map(({ body }) => body);
const rounds = () => new Promise((resume) => setTimeout(resume, 100));

describe('statuses', () => {
  it('are written with what they were observed of', async () => {
    const api = await fakeApi();
    api.put(VIRTUAL_SERVICES, virtualService('cart'));
    writer(api, await followed(api)).update({ revision: 'r1', statuses: () => [desired('cart')] });
    await soon(() => expect(statusOf(api, 'cart')).toBeDefined());
    expect(statusOf(api, 'cart')).toMatchObject({
      observedGeneration: 1,
      banyan: { revision: 'r1', replicas: '1/1' },
      conditions: [
        { type: 'Accepted', status: 'True', observedGeneration: 1 },
        { type: 'Programmed', status: 'True' },
        { type: 'Conflicted', status: 'False' },
        { type: 'Frozen', status: 'False' },
      ],
    });
  });

  it('make an event of what turns, and none of a good beginning', async () => {
    const api = await fakeApi();
    api.put(VIRTUAL_SERVICES, virtualService('cart'));
    const statuses = writer(api, await followed(api));
    statuses.update({ revision: 'r1', statuses: () => [desired('cart')] });
    await soon(() => expect(writes(api)).toBe(1));
    await rounds();
    expect(events(api)).toEqual([]);
    const { verdicts, ...rest } = desired('cart');
    const frozen = { ...rest, verdicts: { ...verdicts, Frozen: yes('LastGood') } };
    statuses.update({ revision: 'r2', statuses: () => [frozen] });
    await soon(() => expect(events(api)).toHaveLength(1));
    expect(events(api)[0]).toMatchObject({
      type: 'Warning',
      reason: 'LastGood',
      involvedObject: { kind: 'VirtualService', namespace: 'shop', name: 'cart' },
    });
  });

  it('make one event of what two conditions say, the one that says more', async () => {
    const api = await fakeApi();
    api.put(VIRTUAL_SERVICES, virtualService('cart'));
    const { verdicts, ...rest } = desired('cart');
    const keeps = { Programmed: no('LastGood'), Frozen: { ...yes('LastGood'), message: 'the timeout is no duration' } };
    const statuses = writer(api, await followed(api));
    statuses.update({ revision: 'r1', statuses: () => [{ ...rest, verdicts: { ...verdicts, ...keeps } }] });
    await soon(() => expect(writes(api)).toBe(1));
    await rounds();
    expect(events(api)).toMatchObject([{ reason: 'LastGood', message: 'the timeout is no duration' }]);
  });

  it('say the same again by the same event, whoever says it', async () => {
    const api = await fakeApi();
    api.put(VIRTUAL_SERVICES, virtualService('cart'));
    const source = await followed(api);
    const { verdicts, ...rest } = desired('cart');
    const frozen = { ...rest, verdicts: { ...verdicts, Frozen: yes('LastGood') } };
    for (const identity of ['one', 'two']) {
      const statuses = writer(api, source, identity);
      for (const status of [frozen, desired('cart'), frozen]) {
        const before = writes(api);
        statuses.update({ revision: 'r', statuses: () => [status] });
        await soon(() => expect(writes(api)).toBe(before + 1));
        await rounds();
      }
      statuses.update({ revision: 'r', statuses: () => [desired('cart')] });
      await soon(() => expect(statusOf(api, 'cart')?.conditions.at(-1)?.status).toBe('False'));
      await rounds();
      await statuses.close();
    }
    expect(api.all(EVENTS)).toMatchObject([
      { type: 'Warning', reason: 'LastGood', count: 4 },
      { type: 'Normal', reason: 'UpToDate', count: 4 },
    ]);
  });

  it('make no more than a few events of an object that never rests', async () => {
    const api = await fakeApi();
    api.put(VIRTUAL_SERVICES, virtualService('cart'));
    const statuses = writer(api, await followed(api));
    const { verdicts, ...rest } = desired('cart');
    for (let i = 0; i < 30; i++) {
      const Frozen = i % 2 === 0 ? yes('LastGood') : no('UpToDate');
      const before = writes(api);
      const status = { ...rest, verdicts: { ...verdicts, Frozen: { ...Frozen, message: `${i}` } } };
      statuses.update({ revision: `r${i}`, statuses: () => [status] });
      await soon(() => expect(writes(api)).toBe(before + 1));
    }
    await rounds();
    expect(api.all(EVENTS)).toHaveLength(10);
  });

  it('are written once, and again only when they are news', async () => {
    const api = await fakeApi();
    api.put(VIRTUAL_SERVICES, virtualService('cart'));
    const statuses = writer(api, await followed(api));
    statuses.update({ revision: 'r1', statuses: () => [desired('cart')] });
    await soon(() => expect(writes(api)).toBe(1));
    statuses.update({ revision: 'r2', statuses: () => [desired('cart')] });
    await rounds();
    expect(writes(api)).toBe(1);
    statuses.update({ revision: 'r3', statuses: () => [desired('cart', 1, 'PartlyServing')] });
    await soon(() => expect(writes(api)).toBe(2));
  });

  it('leave the conditions of others, and keep the time of what did not turn', async () => {
    const api = await fakeApi();
    const others = { type: 'Reconciled', status: 'True' };
    const old = { type: 'Accepted', status: 'True', lastTransitionTime: '2020-01-01T00:00:00Z' };
    api.put(VIRTUAL_SERVICES, { ...virtualService('cart'), status: { conditions: [others, old] } });
    writer(api, await followed(api)).update({ revision: 'r1', statuses: () => [desired('cart')] });
    await soon(() => expect(statusOf(api, 'cart')?.conditions).toHaveLength(5));
    expect(statusOf(api, 'cart')?.conditions[0]).toEqual(others);
    expect(statusOf(api, 'cart')?.conditions[1]?.lastTransitionTime).toBe('2020-01-01T00:00:00Z');
  });

  it('are not written again where they do not come to be what was written', async () => {
    const api = await fakeApi();
    api.put(VIRTUAL_SERVICES, virtualService('cart'));
    api.faults.push(
      when(
        ({ method, path }) => method === 'PATCH' && path.endsWith('/status'),
        (to) => to.end('{}'),
      ),
    );
    writer(api, await followed(api)).update({ revision: 'r1', statuses: () => [desired('cart')] });
    await soon(() => expect(writes(api)).toBe(1));
    await rounds();
    expect(writes(api)).toBe(1);
  });

  it('say nothing of a version of an object that is not known yet, nor of objects that are nowhere', async () => {
    const api = await fakeApi();
    api.put(VIRTUAL_SERVICES, virtualService('cart'));
    writer(api, await followed(api)).update({ revision: 'r1', statuses: () => [desired('cart', 2), desired('none')] });
    await rounds();
    expect(writes(api)).toBe(0);
  });

  it('of an object that another gateway serves are left to that one', async () => {
    const api = await fakeApi();
    const programmed = { type: 'Programmed', status: 'True', reason: 'Serving', observedGeneration: 1 };
    const status = { conditions: [programmed], banyan: { gateway: 'other/app=inner' } };
    api.put(VIRTUAL_SERVICES, { ...virtualService('cart'), status });
    const { verdicts, ...rest } = desired('cart');
    const statuses = [{ ...rest, verdicts: { ...verdicts, Programmed: no('Unattached') } }];
    writer(api, await followed(api)).update({ revision: 'r1', statuses: () => statuses });
    await rounds();
    expect(writes(api)).toBe(0);
  });

  it('of one object are refused without harm to the others', async () => {
    const api = await fakeApi();
    for (const name of ['a', 'b']) api.put(VIRTUAL_SERVICES, virtualService(name));
    api.faults.push(
      when(
        ({ method, path }) => method === 'PATCH' && path.includes('/a/'),
        (to) => refuse(to, 403, 'Forbidden'),
      ),
    );
    const statuses = writer(api, await followed(api));
    statuses.update({ revision: 'r1', statuses: () => [desired('a'), desired('b')] });
    await soon(() => expect(statusOf(api, 'b')).toBeDefined());
    await rounds();
    expect(statuses.counts).toEqual({ written: 1, failed: 1 });
  });

  it('are written by one of two replicas, which counts the other', async () => {
    const api = await fakeApi();
    const source = await followed(api);
    const [one, two] = [writer(api, source, 'one'), writer(api, source, 'two')];
    for (const replica of [one, two]) replica.update({ revision: 'r1', statuses: () => [] });
    await soon(() => expect([one.leads, two.leads].filter(Boolean)).toHaveLength(1));
    await rounds();
    expect([one.leads, two.leads].filter(Boolean)).toHaveLength(1);
    api.put(VIRTUAL_SERVICES, virtualService('cart'));
    await soon(() => expect(source.names()).toEqual(['cart']));
    for (const replica of [one, two]) replica.update({ revision: 'r1', statuses: () => [desired('cart')] });
    await soon(() => expect(statusOf(api, 'cart')?.banyan).toMatchObject({ revision: 'r1', replicas: '2/2' }));
  });

  it.each([
    ['when the other replicas serve it too', true, 60_000, '2/2'],
    ['after a while, when the others do not', false, 200, '1/2'],
  ])('are written %s', async (_, follows, patienceMs, replicas) => {
    const api = await fakeApi();
    const source = await followed(api);
    const one = writer(api, source, 'one', patienceMs);
    one.update({ revision: 'r1', statuses: () => [] });
    await soon(() => expect(one.leads).toBe(true));
    const two = writer(api, source, 'two', patienceMs);
    two.update({ revision: 'r1', statuses: () => [] });
    await soon(() => expect(JSON.stringify(api.all(LEASES))).toMatch(/banyan.dev.two/));
    api.put(VIRTUAL_SERVICES, virtualService('cart'));
    await soon(() => expect(source.names()).toEqual(['cart']));
    one.update({ revision: 'r2', statuses: () => [desired('cart')] });
    await rounds();
    if (follows) {
      expect(statusOf(api, 'cart')).toBeUndefined();
      two.update({ revision: 'r2', statuses: () => [] });
    }
    await soon(() => expect(statusOf(api, 'cart')?.banyan).toMatchObject({ revision: 'r2', replicas }));
  });

  it('are written soon although the news came while the Lease was looked at', async () => {
    const api = await fakeApi();
    api.put(VIRTUAL_SERVICES, virtualService('cart'));
    const source = await followed(api);
    const one = writer(api, source, 'one', 4_000, 60_000);
    let isFirst = true;
    api.faults.push(({ path }) => {
      if (isFirst && path.includes('/leases')) one.update({ revision: 'r2', statuses: () => [desired('cart')] });
      if (path.includes('/leases')) isFirst = false;
      return false;
    });
    one.update({ revision: 'r1', statuses: () => [] });
    await soon(() => expect(statusOf(api, 'cart')?.banyan).toMatchObject({ revision: 'r2' }));
  });

  it('are taken over at once from a leader that resigns', async () => {
    const api = await fakeApi();
    const source = await followed(api);
    const one = writer(api, source, 'one');
    one.update({ revision: 'r1', statuses: () => [] });
    await soon(() => expect(one.leads).toBe(true));
    const two = writer(api, source, 'two');
    two.update({ revision: 'r1', statuses: () => [] });
    await one.close();
    await soon(() => expect(two.leads).toBe(true));
    expect(api.get(LEASES, 'istio-system/banyan-status')?.['spec']).toMatchObject({ holderIdentity: 'two' });
  });

  it('are said not to be written once, and again only after it went well', async () => {
    const api = await fakeApi();
    const said: string[] = [];
    let isAway = true;
    api.faults.push(
      when(
        ({ path }) => isAway && path.includes('/leases'),
        (to) => refuse(to, 503, 'ServiceUnavailable'),
      ),
    );
    const statuses = writer(api, await followed(api), 'one', 4_000, 40, said);
    statuses.update({ revision: 'r1', statuses: () => [] });
    await soon(() => expect(statuses.counts.failed).toBeGreaterThan(3));
    expect(said).toHaveLength(1);
    isAway = false;
    await soon(() => expect(statuses.leads).toBe(true));
    isAway = true;
    const before = statuses.counts.failed;
    await soon(() => expect(statuses.counts.failed).toBeGreaterThan(before + 3));
    expect(said).toHaveLength(2);
  });

  it('are nobody’s to write while the Lease is refused', async () => {
    const api = await fakeApi();
    api.put(VIRTUAL_SERVICES, virtualService('cart'));
    api.faults.push(
      when(
        ({ path }) => path.includes('/leases'),
        (to) => refuse(to, 403, 'Forbidden'),
      ),
    );
    const statuses = writer(api, await followed(api));
    statuses.update({ revision: 'r1', statuses: () => [desired('cart')] });
    await soon(() => expect(statuses.counts.failed).toBeGreaterThan(0));
    expect(writes(api)).toBe(0);
  });
});
