import { describe, expect, it } from 'vitest';
import { OutlierDetector } from '../../../../src/dataplane/upstreams/outlier.ts';
import type { HostOutcome, UpstreamHost } from '../../../../src/dataplane/upstreams/port.ts';
import type { Cluster, Endpoint, OutlierDetection } from '../../../../src/table/model.ts';
import { clusterOf, endpointOf, rigFor, until } from './support.ts';

interface Host {
  readonly name: string;
}

const POLICY: OutlierDetection = {
  consecutive5xx: 5,
  consecutiveGatewayErrors: 0,
  splitLocalOrigin: false,
  consecutiveLocalOriginFailures: 5,
  intervalMs: 10_000,
  baseEjectionTimeMs: 30_000,
  maxEjectionPercent: 100,
  minHealthPercent: 0,
  errorStatuses: [],
};

function rig(policy: Partial<OutlierDetection>, count = 1) {
  let now = 0;
  let changes = 0;
  const hosts: Host[] = Array.from({ length: count }, (_, i) => ({ name: `${i}` }));
  const clock = { nowMs: () => now, monotonicMs: () => now };
  const detector = new OutlierDetector<Host>({ ...POLICY, ...policy }, clock, () => changes++);
  detector.update(hosts);
  const host = hosts[0] as Host;
  return {
    detector,
    hosts,
    host,
    changes: () => changes,
    report(...outcomes: (number | 'failed' | 'timeout' | 'connected')[]): boolean {
      for (const outcome of outcomes) detector.report(host, outcomeOf(outcome));
      return detector.isEjected(host);
    },
    /** Lets time pass, sweeping at each interval as the timer would. */
    pass(ms: number): boolean {
      const { intervalMs } = { ...POLICY, ...policy };
      for (const end = now + ms; now < end; ) {
        now = Math.min(end, (Math.floor(now / intervalMs) + 1) * intervalMs);
        if (now % intervalMs === 0) detector.sweep();
      }
      return detector.isEjected(host);
    },
  };
}

function outcomeOf(outcome: number | 'failed' | 'timeout' | 'connected'): HostOutcome {
  if (typeof outcome === 'number') return { kind: 'status', status: outcome };
  return outcome === 'connected' ? { kind: 'connected' } : { kind: 'local-failure', timeout: outcome === 'timeout' };
}

describe('a host is ejected', () => {
  it.each([
    ['at the fifth 5xx in a row', {}, [500, 501, 502, 503, 504]],
    ['at the third, where that is the limit', { consecutive5xx: 3 }, [599, 500, 503]],
    ['by failures of ours, which count as 503 and 504', { consecutive5xx: 3 }, ['failed', 'timeout', 500]],
    ['by gateway errors', { consecutive5xx: 0, consecutiveGatewayErrors: 2 }, [502, 504]],
    ['by failures of ours, as gateway errors', { consecutive5xx: 0, consecutiveGatewayErrors: 2 }, ['failed', 503]],
    ['by the statuses that are listed', { consecutive5xx: 2, errorStatuses: [404, 503] }, [404, 503]],
    ['by failures of ours besides those', { consecutive5xx: 2, errorStatuses: [404] }, [404, 'failed']],
    [
      'by failures of ours alone, where they are split off',
      { splitLocalOrigin: true, consecutiveLocalOriginFailures: 2 },
      ['failed', 'timeout'],
    ],
    [
      'by failures of ours whatever answers come between',
      { splitLocalOrigin: true, consecutiveLocalOriginFailures: 2 },
      ['failed', 200, 'failed'],
    ],
    [
      'whatever connects between, where they are not split off',
      { consecutive5xx: 2 },
      ['connected', 503, 'connected', 503],
    ],
  ] as const)('%s', (_title, policy, outcomes) => {
    const { report, detector, changes } = rig(policy);
    expect(report(...outcomes.slice(0, -1))).toBe(false);
    expect(report(...outcomes.slice(-1))).toBe(true);
    expect([detector.ejections, changes()]).toEqual([1, 1]);
  });

  it.each([
    ['with a success between', {}, [500, 500, 500, 500, 200, 500, 500, 500, 500]],
    ['with a 404 between', { consecutive5xx: 2 }, [500, 404, 500]],
    ['where 5xx does not count', { consecutive5xx: 0 }, Array(20).fill(503)],
    ['by 5xx where other statuses are listed', { consecutive5xx: 1, errorStatuses: [404] }, [503, 500]],
    ['with a 503 between, where that is not listed', { consecutive5xx: 2, errorStatuses: [404] }, [404, 503, 404]],
    [
      'by listed statuses as gateway errors',
      { consecutive5xx: 0, consecutiveGatewayErrors: 1, errorStatuses: [503] },
      [503, 503],
    ],
    ['by 500 as a gateway error', { consecutive5xx: 0, consecutiveGatewayErrors: 1 }, [500, 501, 505]],
    ['by gateway errors with a 500 between', { consecutive5xx: 0, consecutiveGatewayErrors: 2 }, [502, 500, 502]],
    ['by gateway errors that are not asked for', { consecutive5xx: 0 }, Array(20).fill(502)],
    [
      'by cut connections that were split off, since each connected',
      { splitLocalOrigin: true, consecutiveLocalOriginFailures: 2 },
      ['connected', 'failed', 'connected', 'failed', 'connected', 'failed'],
    ],
    [
      'by split-off failures as 5xx',
      { splitLocalOrigin: true, consecutive5xx: 1, consecutiveLocalOriginFailures: 0 },
      ['failed', 'timeout'],
    ],
  ] as const)('but not %s', (_title, policy, outcomes) => {
    expect(rig(policy).report(...(outcomes as readonly number[]))).toBe(false);
  });
});

describe('at most so many', () => {
  const ejectedOf = (policy: Partial<OutlierDetection>, count: number): number => {
    const { detector, hosts } = rig({ consecutive5xx: 1, ...policy }, count);
    for (const host of hosts) detector.report(host, { kind: 'status', status: 500 });
    return hosts.filter((host) => detector.isEjected(host)).length;
  };

  it.each([
    [10, 1, 0],
    [10, 9, 0],
    [10, 10, 1],
    [10, 25, 2],
    [50, 2, 1],
    [50, 3, 1],
    [100, 3, 3],
    [0, 10, 0],
    [200, 4, 4],
  ])('%i %% of %i hosts are %i', (maxEjectionPercent, count, ejected) => {
    expect(ejectedOf({ maxEjectionPercent }, count)).toBe(ejected);
  });

  it('and the count of one that could not be ejected starts anew', () => {
    const { report } = rig({ consecutive5xx: 2, maxEjectionPercent: 0 });
    expect(report(500, 500, 500, 500)).toBe(false);
    const other = rig({ consecutive5xx: 2, maxEjectionPercent: 50 }, 2);
    other.detector.report(other.hosts[1] as Host, { kind: 'status', status: 500 });
    other.detector.report(other.hosts[1] as Host, { kind: 'status', status: 500 });
    expect(other.report(500, 500)).toBe(false);
    other.pass(30_000);
    expect(other.report(500)).toBe(false);
    expect(other.report(500)).toBe(true);
  });

  it('of the hosts there are: one that is gone makes room', () => {
    const { detector, hosts } = rig({ consecutive5xx: 1, maxEjectionPercent: 50 }, 2);
    detector.report(hosts[0] as Host, { kind: 'status', status: 500 });
    const newcomer = { name: 'new' };
    detector.update([hosts[1] as Host, newcomer]);
    detector.report(newcomer, { kind: 'status', status: 500 });
    expect(detector.isEjected(newcomer)).toBe(true);
    detector.report(hosts[0] as Host, { kind: 'status', status: 500 });
    expect(detector.isEjected(hosts[0] as Host)).toBe(false);
  });
});

describe('an ejected host comes back', () => {
  it('at the first sweep after its time, and its counts start anew', () => {
    const { report, pass, changes } = rig({ consecutive5xx: 2, baseEjectionTimeMs: 25_000 });
    pass(3_000);
    expect(report(500, 500, 500)).toBe(true);
    expect(pass(26_999)).toBe(true);
    expect(pass(1)).toBe(false);
    expect(changes()).toBe(2);
    expect(report(500)).toBe(false);
    expect(report(500)).toBe(true);
  });

  it('later each time, and earlier again for each interval in service', () => {
    const { report, pass } = rig({ consecutive5xx: 1 });
    const outFor = (): number => {
      report(500);
      let ms = 0;
      while (pass(10_000)) ms += 10_000;
      return ms + 10_000;
    };
    expect([outFor(), outFor(), outFor()]).toEqual([30_000, 60_000, 90_000]);
    pass(10_000);
    expect(outFor()).toBe(90_000);
    pass(20_000);
    expect(outFor()).toBe(60_000);
    pass(1_000_000);
    expect(outFor()).toBe(30_000);
  });

  it('after 300 s at the latest, or the base where that is longer', () => {
    const durations = (baseEjectionTimeMs: number): number[] => {
      const { report, pass } = rig({ consecutive5xx: 1, baseEjectionTimeMs });
      return Array.from({ length: 4 }, () => {
        report(500);
        let ms = 10_000;
        while (pass(10_000)) ms += 10_000;
        return ms;
      });
    };
    expect(durations(120_000)).toEqual([120_000, 240_000, 300_000, 300_000]);
    expect(durations(400_000)).toEqual([400_000, 400_000, 400_000, 400_000]);
  });
});

it('in a cluster, choices among sick hosts are told', async () => {
  const outlierDetection = { ...POLICY, consecutive5xx: 1, maxEjectionPercent: 100, minHealthPercent: 60 };
  const rigged = rigFor([endpointOf(1), endpointOf(2)], clusterOf({ outlierDetection }));
  const panics = (): number | undefined => rigged.upstreams.snapshot()[0]?.panics;
  rigged.host().report({ kind: 'status', status: 200 });
  expect(panics()).toBe(0);
  rigged.host().report({ kind: 'status', status: 503 });
  const chosen = new Set(Array.from({ length: 10 }, () => rigged.host().port));
  expect([chosen.size, panics()]).toEqual([2, 10]);
  await rigged.upstreams.close(0);
});

it('in a cluster, an ejected host gets nothing until its time is over', async () => {
  const outlierDetection = { ...POLICY, consecutive5xx: 3, intervalMs: 10, baseEjectionTimeMs: 40 };
  const rigged = rigFor([endpointOf(1), endpointOf(2)], clusterOf({ outlierDetection }));
  const pick = (): number | undefined => rigged.cluster.pick({ hash: undefined, avoid: new Set() })?.port;
  for (let i = 0; i < 6; i++) {
    const host = rigged.host();
    host.report({ kind: 'status', status: host.port === 1 ? 503 : 200 });
  }
  expect(Array.from({ length: 4 }, pick)).toEqual([2, 2, 2, 2]);
  expect(rigged.upstreams.snapshot()[0]).toMatchObject({
    ejections: 1,
    hosts: [{ ejected: true }, { ejected: false }],
  });
  await until(() => pick() === 1);
  rigged.update(clusterOf({ outlierDetection }), [endpointOf(1), endpointOf(2)]);
  expect(rigged.upstreams.snapshot()[0]?.ejections).toBe(1);
  await rigged.upstreams.close(0);
});

describe('in a cluster, who is not ready is not there', () => {
  const shareOf = async (
    endpoints: readonly Endpoint[],
    outlierDetection: OutlierDetection,
    fails: readonly number[] = [],
    changes: Partial<Cluster> = {},
  ): Promise<readonly number[]> => {
    const rigged = rigFor(endpoints, clusterOf({ outlierDetection, ...changes }));
    const pick = (): UpstreamHost | undefined => rigged.cluster.pick({ hash: undefined, avoid: new Set() });
    for (let i = 0; i < 20; i++) {
      const host = pick();
      host?.report({ kind: 'status', status: fails.includes(host.port) ? 503 : 200 });
    }
    const chosen = new Set(Array.from({ length: 40 }, () => pick()?.port ?? 0));
    await rigged.upstreams.close(0);
    return [...chosen].sort((a, b) => a - b);
  };
  const unready = (port: number, changes: Partial<Endpoint> = {}): Endpoint =>
    endpointOf(port, { healthy: false, ...changes });

  it.each([
    ['one of three', [endpointOf(1), unready(2), unready(3)], [1]],
    ['nobody', [unready(1), unready(2)], [0]],
    ['all', [endpointOf(1), endpointOf(2)], [1, 2]],
  ] as const)('no panic brings it back: ready is %s', async (_who, endpoints, expected) => {
    expect(await shareOf(endpoints, { ...POLICY, minHealthPercent: 60 })).toEqual(expected);
  });

  it('makes no room for ejections', async () => {
    const policy = { ...POLICY, consecutive5xx: 1, maxEjectionPercent: 10 };
    const eight = [3, 4, 5, 6, 7, 8, 9, 10];
    expect(await shareOf([endpointOf(1), endpointOf(2), ...eight.map((port) => unready(port))], policy, [1])).toEqual([
      1, 2,
    ]);
    expect(
      await shareOf(
        [1, 2, ...eight].map((port) => endpointOf(port)),
        policy,
        [1],
      ),
    ).toEqual([2, ...eight]);
  });

  it('sends nobody on to the next priority', async () => {
    const near = [endpointOf(1), unready(2), unready(3)];
    expect(await shareOf([...near, endpointOf(4, { priority: 1 })], POLICY)).toEqual([1]);
    expect(await shareOf([unready(1), endpointOf(4, { priority: 1 })], POLICY)).toEqual([4]);
  });

  it('but where the cluster counts it: there others take what is too much for those who are left', async () => {
    const near = [endpointOf(1), unready(2), unready(3)];
    const counting = { countsUnready: true };
    expect(await shareOf([...near, endpointOf(4, { priority: 1 })], POLICY, [], counting)).toEqual([1, 4]);
    expect(await shareOf(near, POLICY, [], counting)).toEqual([1]);
    expect(await shareOf([unready(1)], POLICY, [], counting)).toEqual([0]);
  });
});
