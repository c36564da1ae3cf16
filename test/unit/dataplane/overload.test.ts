import { describe, expect, it } from 'vitest';
import { DEFAULT_OVERLOAD_LIMITS, evenCap, OVERLOAD_PATIENCE, Overload } from '../../../src/dataplane/overload.ts';

const calm = { utilization: 0.5, delayMs: 5, heap: 0.3, bufferBytes: 0 };
const strained = { utilization: 1, delayMs: 400, heap: 0.3, bufferBytes: 0 };

const offer = (overload: Overload, namespace: string, count: number): number => {
  let admitted = 0;
  for (let i = 0; i < count; i++) {
    if (overload.admit(namespace) !== 'admitted') continue;
    admitted += 1;
    overload.release(namespace);
  }
  return admitted;
};
const strainFor = (overload: Overload, samples: number): void => {
  for (let i = 0; i < samples; i++) {
    offer(overload, 'greedy', 900);
    offer(overload, 'modest', 100);
    overload.sample(strained);
  }
};

describe('an overloaded process', () => {
  it.each([
    ['a calm process', calm],
    ['a busy loop that is in time', { ...calm, utilization: 1 }],
    ['a late loop with time to spare', { ...calm, delayMs: 400 }],
  ])('refuses nobody: %s', (_name, load) => {
    const overload = new Overload();
    for (let i = 0; i < 20; i++) {
      expect(offer(overload, 'team', 500)).toBe(500);
      overload.sample(load);
    }
  });

  it('does not take a moment for an overload', () => {
    const overload = new Overload();
    strainFor(overload, OVERLOAD_PATIENCE - 1);
    expect(offer(overload, 'greedy', 900)).toBe(900);
  });

  it('takes from whom asks for most, and leaves those alone who ask for little', () => {
    const overload = new Overload();
    strainFor(overload, OVERLOAD_PATIENCE + 3);
    expect(offer(overload, 'greedy', 900)).toBeLessThan(600);
    expect(offer(overload, 'modest', 100)).toBe(100);
    expect(overload.admit('greedy')).toBe('gateway-overloaded');
  });

  it('sheds for a heap that is nearly full, too', () => {
    const overload = new Overload();
    for (let i = 0; i < 10; i++) {
      offer(overload, 'team', 100);
      overload.sample({ ...calm, heap: 0.95 });
    }
    expect(offer(overload, 'team', 100)).toBeLessThan(100);
  });

  it('lets nobody in while buffers fill the memory, and everybody as soon as they do not', () => {
    const overload = new Overload({ ...DEFAULT_OVERLOAD_LIMITS, bufferBytes: 1_000 });
    overload.sample({ ...calm, bufferBytes: 1_001 });
    expect(offer(overload, 'modest', 1)).toBe(0);
    overload.sample({ ...calm, bufferBytes: 1_000 });
    expect(offer(overload, 'greedy', 900)).toBe(900);
  });

  it('lets in no more than can have their buffers, of one namespace half as many, and others when those are over', () => {
    const overload = new Overload({ ...DEFAULT_OVERLOAD_LIMITS, bufferBytes: 1_000 });
    expect([1, 2].map(() => overload.admit('greedy', 400))).toEqual(['admitted', 'namespace-overloaded']);
    expect([1, 2].map(() => overload.admit('team', 400))).toEqual(['admitted', 'namespace-overloaded']);
    expect([overload.admit('other', 300), overload.admit('other', 200)]).toEqual(['gateway-overloaded', 'admitted']);
    overload.giveBack('greedy', 300);
    expect(overload.admit('other', 300)).toBe('admitted');
    overload.release('greedy', 100);
    expect(overload.admit('greedy', 100)).toBe('admitted');
  });

  it('lets everybody in again when it has recovered', () => {
    const overload = new Overload();
    strainFor(overload, 30);
    for (let i = 0; i < 30; i++) {
      offer(overload, 'greedy', 10);
      overload.sample(calm);
    }
    expect(offer(overload, 'greedy', 900)).toBe(900);
  });
});

describe('the bulkhead of a namespace', () => {
  it('is full for that namespace alone, and has room again when requests end', () => {
    const overload = new Overload();
    for (let i = 0; i < DEFAULT_OVERLOAD_LIMITS.requestsPerNamespace; i++) overload.admit('slow');
    expect(overload.admit('slow')).toBe('namespace-overloaded');
    expect(overload.admit('other')).toBe('admitted');
    overload.release('slow');
    expect(overload.admit('slow')).toBe('admitted');
  });
});

describe('the even cap', () => {
  it.each([
    [[100], 0.5, 50],
    [[900, 100], 0.5, 400],
    [[900, 100], 0.1, 50],
    [[10, 10, 980], 0.9, 880],
    [[5, 5], 1, Infinity],
    [[], 0.5, Infinity],
    [[1], 0.1, 1],
  ])('of %j at %d is %d', (offered, share, cap) => {
    expect(evenCap(offered, share)).toBe(cap);
  });
});
