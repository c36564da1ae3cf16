import { describe, expect, it } from 'vitest';
import {
  type BalancedHost,
  Balancer,
  type Hash64,
  xxHash64,
} from '../../../../../src/dataplane/upstreams/balancer/index.ts';
import type { Clock } from '../../../../../src/kernel/clock.ts';
import type { LoadBalancer } from '../../../../../src/table/model.ts';
import { seeded } from '../../../../support/seeded.ts';

type Host = { -readonly [K in keyof BalancedHost]: BalancedHost[K] };

const hostOf = (name: string, changes: Partial<Host> = {}): Host => ({
  key: `10.0.0.${name}:80`,
  weight: 1,
  priority: 0,
  locality: '',
  usable: true,
  activeRequests: 0,
  usableSinceMs: Number.NEGATIVE_INFINITY,
  ...changes,
});

let now = 0;
const clock: Clock = { nowMs: () => now, monotonicMs: () => now };

function balancerOf(
  loadBalancer: LoadBalancer,
  hosts: readonly Host[],
  minHealthPercent = 0,
  seed = 1,
  byLocality = false,
): Balancer<Host> {
  const cluster = { loadBalancer, outlierDetection: { minHealthPercent }, byLocality };
  const balancer = new Balancer<Host>(cluster, { clock, random: seeded(seed) });
  balancer.refresh(hosts);
  return balancer;
}

const NOBODY: ReadonlySet<string> = new Set();
const ROUND_ROBIN: LoadBalancer = { kind: 'round-robin', warmup: undefined };
const LEAST_REQUEST: LoadBalancer = { kind: 'least-request', warmup: undefined };
const RANDOM: LoadBalancer = { kind: 'random' };
const RING: LoadBalancer = { kind: 'ring-hash', minimumRingSize: 1024 };
const MAGLEV: LoadBalancer = { kind: 'maglev', tableSize: 65_537 };
const ALL = [ROUND_ROBIN, LEAST_REQUEST, RANDOM, RING, MAGLEV];

function tally(balancer: Balancer<Host>, times: number, hash?: (i: number) => Hash64): Record<string, number> {
  const counts: Record<string, number> = {};
  for (let i = 0; i < times; i++) {
    const key = balancer.pick({ hash: hash?.(i), avoid: NOBODY })?.key ?? 'nobody';
    counts[key] = (counts[key] ?? 0) + 1;
  }
  return counts;
}

const three = (): Host[] => [hostOf('1'), hostOf('2'), hostOf('3')];

describe.each(ALL.map((policy) => [policy.kind, policy] as const))('%s', (_kind, policy) => {
  it('has nobody to offer where there is nobody', () => {
    expect(tally(balancerOf(policy, []), 3)).toEqual({ nobody: 3 });
  });

  it('has nobody to offer where nobody is usable', () => {
    expect(
      tally(
        balancerOf(
          policy,
          three().map((host) => ({ ...host, usable: false })),
        ),
        3,
      ),
    ).toEqual({ nobody: 3 });
  });

  it('offers the one that is usable', () => {
    const hosts = three().map((host, i) => ({ ...host, usable: i === 1 }));
    expect(tally(balancerOf(policy, hosts), 50)).toEqual({ '10.0.0.2:80': 50 });
  });

  it('gives equal hosts equal shares', () => {
    for (const count of Object.values(tally(balancerOf(policy, three()), 6_000))) {
      expect(count).toBeGreaterThan(1_700);
      expect(count).toBeLessThan(2_300);
    }
  });

  it('avoids who was tried, as long as six picks will do', () => {
    const [one, two] = [hostOf('1'), hostOf('2')];
    const avoid = new Set([one.key]);
    let met = 0;
    const balancer = balancerOf(policy, [one, two]);
    for (let i = 0; i < 1_000; i++) if (balancer.pick({ hash: undefined, avoid })?.key === one.key) met++;
    expect(met).toBeLessThan(80);
    expect(balancerOf(policy, [one]).pick({ hash: undefined, avoid })).toBe(one);
  });
});

describe('ROUND_ROBIN', () => {
  it('takes turns exactly, also while others come and go', () => {
    const hosts = three();
    const balancer = balancerOf(ROUND_ROBIN, hosts);
    expect(Object.values(tally(balancer, 600))).toEqual([200, 200, 200]);
    const first = balancer.pick({ hash: undefined, avoid: NOBODY })?.key;
    balancer.refresh(hosts);
    expect(balancer.pick({ hash: undefined, avoid: NOBODY })?.key).not.toBe(first);
  });

  it('follows weights', () => {
    const balancer = balancerOf(ROUND_ROBIN, [hostOf('1', { weight: 1 }), hostOf('2', { weight: 3 })]);
    expect(tally(balancer, 400)).toEqual({ '10.0.0.1:80': 100, '10.0.0.2:80': 300 });
  });

  it('does not begin with the same host in every gateway', () => {
    const first = new Set<string | undefined>();
    for (let seed = 0; seed < 20; seed++) {
      first.add(balancerOf(ROUND_ROBIN, three(), 0, seed).pick({ hash: undefined, avoid: NOBODY })?.key);
    }
    expect(first.size).toBe(3);
  });
});

describe('LEAST_REQUEST', () => {
  it('takes the less busy of two', () => {
    const hosts = [hostOf('1', { activeRequests: 50 }), hostOf('2', { activeRequests: 1 })];
    const counts = tally(balancerOf(LEAST_REQUEST, hosts), 4_000);
    // The busy one is taken only where both picks fall on it.
    expect(counts['10.0.0.1:80']).toBeGreaterThan(800);
    expect(counts['10.0.0.1:80']).toBeLessThan(1_200);
  });

  it('follows weights and load', () => {
    const even = tally(balancerOf(LEAST_REQUEST, [hostOf('1', { weight: 1 }), hostOf('2', { weight: 4 })]), 1_000);
    expect(even).toEqual({ '10.0.0.1:80': 200, '10.0.0.2:80': 800 });
    const loaded = [hostOf('1', { weight: 1 }), hostOf('2', { weight: 4, activeRequests: 3 })];
    expect(tally(balancerOf(LEAST_REQUEST, loaded), 1_000)).toEqual({ '10.0.0.1:80': 500, '10.0.0.2:80': 500 });
  });
});

describe('a locality before a host of it', () => {
  /** Hosts of one place, the first of them usable; all of them together weigh as much as is said. */
  const place = (locality: string, weight: number, total: number, usable = total): Host[] =>
    Array.from({ length: total }, (_, i) =>
      hostOf(`${locality}${i}`, { locality, weight: weight / total, usable: i < usable }),
    );
  const shareOf = (policy: LoadBalancer, hosts: readonly Host[], locality: string, minHealthPercent = 0): number => {
    const balancer = balancerOf(policy, hosts, minHealthPercent, 1, true);
    const counts = tally(balancer, 4_000, (i) => xxHash64(`request ${i}`));
    const of = Object.entries(counts).filter(([key]) => key.startsWith(`10.0.0.${locality}`));
    return of.reduce((sum, [, count]) => sum + count, 0) / 4_000;
  };
  const IN_TURN = ALL.filter(({ kind }) => kind !== 'ring-hash' && kind !== 'maglev');

  it.each<readonly [string, Host[], number]>([
    ['by weight', [...place('a', 80, 2), ...place('b', 20, 2)], 0.8],
    ['by weight, however many hosts there are', [...place('a', 80, 1), ...place('b', 20, 9)], 0.8],
    ['as much with five of seven hosts', [...place('a', 80, 7, 5), ...place('b', 20, 2)], 0.8],
    ['less with one of two: 56 to 20', [...place('a', 80, 2, 1), ...place('b', 20, 2)], 56 / 76],
    ['less on both sides: 56 to 14', [...place('a', 80, 2, 1), ...place('b', 20, 2, 1)], 56 / 70],
    ['nothing with none', [...place('a', 80, 2, 0), ...place('b', 20, 2)], 0],
    ['all where the other has none', [...place('a', 80, 2, 1), ...place('b', 20, 2, 0)], 1],
  ])('gets its share %s', (_, hosts, share) => {
    for (const policy of IN_TURN) expect(shareOf(policy, hosts, 'a'), policy.kind).toBeCloseTo(share, 2);
  });

  it.each([RING, MAGLEV])('keeps all of it by hash as long as it has a host: $kind', (policy) => {
    expect(shareOf(policy, [...place('a', 80, 2, 1), ...place('b', 20, 2)], 'a')).toBeCloseTo(0.8, 1);
    expect(shareOf(policy, [...place('a', 80, 2), ...place('b', 20, 2)], 'a')).toBeCloseTo(0.8, 1);
    expect(shareOf(policy, [...place('a', 80, 2, 0), ...place('b', 20, 2)], 'a')).toBe(0);
  });

  it('does not count in panic, when all hosts are used', () => {
    const hosts = [...place('a', 80, 1, 0), ...place('b', 20, 3, 1)].map((host) => ({ ...host, weight: 1 }));
    expect(shareOf(RANDOM, hosts, 'a', 50)).toBeCloseTo(0.25, 1);
  });

  it('has its hosts chosen by the policy', () => {
    const hosts = place('a', 2, 2).concat(place('b', 2, 2));
    expect(tally(balancerOf(ROUND_ROBIN, hosts, 0, 1, true), 400)).toEqual(
      Object.fromEntries(hosts.map(({ key }) => [key, 100])),
    );
    const busy = hosts.map((host, i) => ({ ...host, activeRequests: i === 0 ? 9 : 0 }));
    const counts = tally(balancerOf(LEAST_REQUEST, busy, 0, 1, true), 4_000);
    expect((counts['10.0.0.a0:80'] ?? 0) / 4_000).toBeCloseTo(0.5 / 4, 1);
    expect(((counts['10.0.0.a0:80'] ?? 0) + (counts['10.0.0.a1:80'] ?? 0)) / 4_000).toBeCloseTo(0.5, 2);
  });

  it('counts only where the cluster says so', () => {
    const counts = tally(balancerOf(ROUND_ROBIN, [...place('a', 1, 1), ...place('b', 3, 3)]), 400);
    expect(Object.values(counts)).toEqual([100, 100, 100, 100]);
  });
});

it('RANDOM takes no notice of weights', () => {
  const counts = tally(balancerOf(RANDOM, [hostOf('1', { weight: 1 }), hostOf('2', { weight: 100 })]), 4_000);
  expect(counts['10.0.0.1:80']).toBeGreaterThan(1_800);
});

it('is asked once and five times more for a host that was not tried', () => {
  const numbers = [0, 0, 0, 0, 0, 0.9, 0, 0, 0, 0, 0, 0, 0.9];
  const environment = { clock, random: () => numbers.shift() ?? 0 };
  const balancer = new Balancer<Host>({ loadBalancer: RANDOM, outlierDetection: undefined }, environment);
  balancer.refresh([hostOf('1'), hostOf('2')]);
  const avoid = new Set(['10.0.0.1:80']);
  const picked = [1, 2].map(() => balancer.pick({ hash: undefined, avoid })?.key);
  expect(picked).toEqual(['10.0.0.2:80', '10.0.0.1:80']);
});

describe.each([
  ['ring-hash', RING],
  ['maglev', MAGLEV],
] as const)('consistent hashing by %s', (_kind, policy) => {
  const hosts = Array.from({ length: 10 }, (_, i) => hostOf(`${i + 1}`));
  const hashOfUser = (i: number): Hash64 => xxHash64(`user-${i}`);
  const placement = (list: readonly Host[]): (string | undefined)[] => {
    const balancer = balancerOf(policy, list);
    return Array.from({ length: 2_000 }, (_, i) => balancer.pick({ hash: hashOfUser(i), avoid: NOBODY })?.key);
  };

  it('sends one hash to one host, whatever the order of the hosts and the gateway', () => {
    expect(placement(hosts.toReversed())).toEqual(placement(hosts));
  });

  it('moves few keys when a host goes, and those of others hardly', () => {
    const before = placement(hosts);
    const after = placement(hosts.filter((host) => host.key !== '10.0.0.4:80'));
    const moved = before.filter((key, i) => key !== '10.0.0.4:80' && key !== after[i]).length;
    expect(moved / before.length).toBeLessThan(0.08);
    expect(after).not.toContain('10.0.0.4:80');
  });

  it('follows weights', () => {
    const counts = tally(
      balancerOf(policy, [hostOf('1', { weight: 1 }), hostOf('2', { weight: 3 })]),
      8_000,
      hashOfUser,
    );
    expect(counts['10.0.0.1:80']).toBeGreaterThan(1_500);
    expect(counts['10.0.0.1:80']).toBeLessThan(2_500);
  });

  it('moves on where the first choice is to be avoided', () => {
    const balancer = balancerOf(policy, hosts);
    const first = balancer.pick({ hash: hashOfUser(5), avoid: NOBODY });
    const second = balancer.pick({ hash: hashOfUser(5), avoid: new Set([first?.key ?? '']) });
    expect(second).not.toBe(first);
  });

  it('goes back when a host comes back', () => {
    const list = hosts.map((host) => ({ ...host }));
    const balancer = balancerOf(policy, list);
    const hash = hashOfUser(7);
    const home = balancer.pick({ hash, avoid: NOBODY }) as Host;
    home.usable = false;
    balancer.refresh(list);
    expect(balancer.pick({ hash, avoid: NOBODY })).not.toBe(home);
    home.usable = true;
    balancer.refresh(list);
    expect(balancer.pick({ hash, avoid: NOBODY })).toBe(home);
  });
});

describe('maglev', () => {
  // The placement that Envoy's own tests state for these hosts and this size of table.
  const hosts = [90, 91, 92, 93, 94, 95].map((port) => ({ ...hostOf('x'), key: `127.0.0.1:${port}` }));
  const balancer = balancerOf({ kind: 'maglev', tableSize: 7 }, hosts);
  const pick = (hash: Hash64, ...avoided: number[]): number =>
    Number(balancer.pick({ hash, avoid: new Set(avoided.map((port) => `127.0.0.1:${port}`)) })?.key.slice(-2));

  it('has its hosts where Envoy has them', () => {
    expect([0, 1, 2, 3, 4, 5, 6, 7].map((low) => pick({ high: 0, low }))).toEqual([92, 94, 90, 91, 95, 90, 93, 92]);
  });

  it('goes by all 64 bits of a hash', () => {
    // 2^32 is 4 beyond a multiple of 7.
    expect([0, 1, 2].map((low) => pick({ high: 1, low }))).toEqual([95, 90, 93]);
  });

  it('looks elsewhere where Envoy does', () => {
    // 2^64 − 1 and 2^64 − 2 are 1 and 0 beyond a multiple of 7; 2^64 − 3 is 6 beyond one.
    expect(pick({ high: 0, low: 0 }, 92)).toBe(94);
    expect(pick({ high: 0, low: 0 }, 92, 94)).toBe(93);
  });
});

it('a ring is as large as asked, in whole places for each host', () => {
  // Three equal hosts on at least 4 places: two each, so that every hash finds one.
  const balancer = balancerOf({ kind: 'ring-hash', minimumRingSize: 4 }, three());
  expect(Object.keys(tally(balancer, 2_000, (i) => xxHash64(`${i}`))).length).toBe(3);
});

describe('priorities', () => {
  const hosts = (usable: readonly (readonly [priority: number, usable: boolean])[]): Host[] =>
    usable.map(([priority, ok], i) => hostOf(`${i}`, { priority, usable: ok }));
  const shares = (list: readonly Host[], minHealthPercent = 0): Record<number, number> => {
    const balancer = balancerOf(ROUND_ROBIN, list, minHealthPercent);
    const counts: Record<number, number> = {};
    for (let i = 0; i < 10_000; i++) {
      const host = balancer.pick({ hash: undefined, avoid: NOBODY });
      if (host !== undefined) counts[host.priority] = (counts[host.priority] ?? 0) + 1;
    }
    return counts;
  };

  it('leave the next alone while the first is healthy enough', () => {
    expect(
      shares(
        hosts([
          [0, true],
          [0, true],
          [1, true],
        ]),
      ),
    ).toEqual({ 0: 10_000 });
    // 3 of 4 are 105 % with Envoy's overprovisioning.
    expect(
      shares(
        hosts([
          [0, true],
          [0, true],
          [0, true],
          [0, false],
          [1, true],
        ]),
      ),
    ).toEqual({ 0: 10_000 });
  });

  it('give the next what the first cannot take', () => {
    const counts = shares(
      hosts([
        [0, true],
        [0, false],
        [1, true],
      ]),
    );
    expect(counts[0]).toBeGreaterThan(6_700);
    expect(counts[0]).toBeLessThan(7_300);
  });

  it('fall to the next when nobody of the first is left', () => {
    expect(
      shares(
        hosts([
          [0, false],
          [0, false],
          [1, true],
        ]),
      ),
    ).toEqual({ 1: 10_000 });
    expect(
      shares(
        hosts([
          [0, false],
          [1, false],
          [3, true],
        ]),
      ),
    ).toEqual({ 3: 10_000 });
  });

  it('may begin anywhere', () => {
    expect(shares(hosts([[2, true]]))).toEqual({ 2: 10_000 });
  });

  it('end in nobody when all are down', () => {
    expect(
      shares(
        hosts([
          [0, false],
          [1, false],
        ]),
      ),
    ).toEqual({});
  });
});

describe('panic', () => {
  const few = (usable: number): Host[] => Array.from({ length: 10 }, (_, i) => hostOf(`${i}`, { usable: i < usable }));

  it('uses all hosts below the threshold', () => {
    expect(Object.keys(tally(balancerOf(ROUND_ROBIN, few(4), 50), 100)).length).toBe(10);
    expect(Object.keys(tally(balancerOf(ROUND_ROBIN, few(0), 50), 100)).length).toBe(10);
  });

  it('does not above it', () => {
    expect(Object.keys(tally(balancerOf(ROUND_ROBIN, few(6), 50), 100)).length).toBe(6);
  });

  it('is off at 0', () => {
    expect(tally(balancerOf(ROUND_ROBIN, few(0), 0), 10)).toEqual({ nobody: 10 });
    expect(Object.keys(tally(balancerOf(ROUND_ROBIN, few(1), 0), 10)).length).toBe(1);
  });

  it.each([
    ['below the threshold', few(4), 50, 20],
    ['with nobody usable', few(0), 50, 20],
    ['above the threshold', few(6), 50, 0],
    ['where it is off', few(1), 0, 0],
    ['where there is nobody at all', [], 50, 0],
  ] as const)('is counted for each choice that it widened: %s', (_when, hosts, minHealthPercent, panics) => {
    const balancer = balancerOf(ROUND_ROBIN, hosts, minHealthPercent);
    tally(balancer, 20);
    expect(balancer.panics).toBe(panics);
  });

  it('is counted for the priority alone that is short of hosts', () => {
    const spare = few(10).map((host) => ({ ...host, key: `spare-${host.key}`, priority: 1 }));
    const balancer = balancerOf(ROUND_ROBIN, [...few(4), ...spare], 50);
    tally(balancer, 200);
    expect(balancer.panics).toBe(0);
  });
});

describe('warm-up', () => {
  const policy = (kind: 'round-robin' | 'least-request', aggression = 1): LoadBalancer => ({
    kind,
    warmup: { durationMs: 10_000, minimumPercent: 10, aggression },
  });
  const share = (balancer: Balancer<Host>): number => (tally(balancer, 1_000)['10.0.0.2:80'] ?? 0) / 1_000;

  it.each(['round-robin', 'least-request'] as const)('lets a new host grow into its share (%s)', (kind) => {
    now = 100_000;
    const balancer = balancerOf(policy(kind), [hostOf('1'), hostOf('2', { usableSinceMs: now })]);
    expect(share(balancer)).toBeCloseTo(0.1 / 1.1, 1);
    now += 5_000;
    share(balancer);
    expect(share(balancer)).toBeCloseTo(0.5 / 1.5, 1);
    now += 5_000;
    share(balancer);
    expect(share(balancer)).toBeCloseTo(0.5, 1);
  });

  it('grows faster with more aggression', () => {
    now = 100_000;
    const balancer = balancerOf(policy('round-robin', 2), [hostOf('1'), hostOf('2', { usableSinceMs: now - 2_500 })]);
    expect(share(balancer)).toBeCloseTo(0.5 / 1.5, 1);
  });

  it('changes nothing among hosts that all came together', () => {
    now = 100_000;
    const balancer = balancerOf(policy('round-robin'), [
      hostOf('1', { usableSinceMs: now }),
      hostOf('2', { usableSinceMs: now }),
    ]);
    expect(share(balancer)).toBeCloseTo(0.5, 2);
  });
});
