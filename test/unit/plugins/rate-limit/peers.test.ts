import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { PeerCharge, Peers } from '../../../../plugins/rate-limit/index.ts';
import { asking, handClock, perClient, settingsOf } from './support.ts';

/** So many workers that hear of each other. */
function workers(count: number, spec: object) {
  const clock = handClock();
  const listeners: ((charges: readonly PeerCharge[]) => void)[] = [];
  const told: (readonly PeerCharge[])[] = [];
  const all = Array.from({ length: count }, (_, own) => {
    const peers: Peers = {
      processes: count,
      tell(charges) {
        told.push(charges);
        for (const [i, hear] of listeners.entries()) if (i !== own) hear(structuredClone(charges));
      },
      listen: (listener) => void listeners.push(listener),
    };
    return asking(settingsOf(spec), { clock, peers });
  });
  const pass = (ms: number): void => {
    clock.pass(ms);
    vi.advanceTimersByTime(ms);
  };
  return { all, told, pass };
}

beforeEach(() => vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe('limits in the memory of several workers', () => {
  it('hold for all of them, whichever a caller comes to', async () => {
    const { all, pass } = workers(3, perClient(30, '1h'));
    let passed = 0;
    for (let i = 0; i < 60; i++) {
      passed += (await all[i % 3]?.passes(1)) ?? 0;
      pass(50);
    }
    expect(passed).toBe(30);
  });

  it('are whole for a caller with one connection, that is for one worker', async () => {
    const { all, pass } = workers(4, perClient(30, '1h'));
    let passed = 0;
    for (let i = 0; i < 40; i++) {
      passed += (await all[0]?.passes(1)) ?? 0;
      pass(10);
    }
    expect(passed).toBe(30);
  });

  it('are exceeded by what comes before anybody can know, and that is owed', async () => {
    const { all, pass } = workers(2, perClient(10, '10s'));
    expect((await Promise.all(all.map(({ passes }) => passes(20)))).reduce((sum, one) => sum + one)).toBe(20);
    pass(50);
    let passed = 0;
    for (let second = 0; second < 60; second++) {
      for (const { passes } of all) passed += await passes(5);
      pass(1_000);
    }
    // Twice ten were let through at once: in a minute at one a second, ten less.
    expect(passed).toBeLessThanOrEqual(60 - 10 + 2);
    expect(passed).toBeGreaterThan(30);
  });

  it('lock nobody out for longer than what all together may have let through is worth', async () => {
    const { all, pass } = workers(2, perClient(10, '10s'));
    for (let i = 0; i < 50; i++) await Promise.all(all.map(({ passes }) => passes(20)));
    pass(50);
    pass(20_000);
    expect(await all[0]?.passes(1)).toBe(1);
  });

  it('are told of in one word a while, and not of all callers there are', async () => {
    const { all, told, pass } = workers(2, perClient(10, '1h'));
    for (let i = 0; i < 2_500; i++) await all[0]?.passes(1, { peerAddress: `10.0.${i >> 8}.${i & 255}` } as never);
    pass(50);
    expect(told).toHaveLength(1);
    expect(told[0]?.length).toBeLessThanOrEqual(2_000);
    pass(5_000);
    expect(told).toHaveLength(1);
  });
});
