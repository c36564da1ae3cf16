import { describe, expect, it } from 'vitest';
import { BucketTable } from '../../../../plugins/rate-limit/bucket-table.ts';
import { judge, toleranceOf } from '../../../../plugins/rate-limit/gcra.ts';

const window = { requests: 100, windowMs: 60_000, burst: 100 };

/** One request of the key; true: it passes. */
function request(table: BucketTable, key: string, nowMs: number, limit = window): boolean {
  const verdict = judge(limit, table.get(key), nowMs);
  if (verdict.allowed) table.set(key, verdict.nextArrivalMs, toleranceOf(limit), nowMs);
  return verdict.allowed;
}

describe('the table of buckets', () => {
  it('remembers keys apart', () => {
    const table = new BucketTable(1024, 1);
    for (let i = 0; i < 50; i++) table.set(`k${i}`, 5000 + i, 1000, 0);
    for (let i = 0; i < 50; i++) expect(table.get(`k${i}`)).toBe(5000 + i);
    expect(table.get('other')).toBeUndefined();
  });

  it('holds ten million distinct keys in 64 MiB, and an active offender stays limited (edge-security L-03)', () => {
    const before = process.memoryUsage().arrayBuffers;
    const table = new BucketTable(2 ** 20, 12_345);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThanOrEqual(64 * 1024 * 1024);
    let nowMs = 0;
    let passed = 0;
    const total = 10_000_000;
    for (let i = 0; i < total; i++) {
      request(table, String(i), nowMs);
      if (i % 1000 === 0) {
        nowMs += 1;
        if (request(table, 'offender', nowMs)) passed++;
      }
    }
    expect(passed).toBeLessThanOrEqual(window.burst + (nowMs / window.windowMs) * window.requests + 1);
  }, 60_000);

  it('does not let a flood under a wider window of another rule free an offender', () => {
    const table = new BucketTable(1024, 7);
    const hourly = { requests: 50, windowMs: 3_600_000, burst: 50 };
    let passed = 0;
    for (let i = 0; i < 200_000; i++) {
      request(table, `flood ${i}`, 0, hourly);
      if (i % 100 === 0 && request(table, 'offender', 0)) passed++;
    }
    expect(passed).toBe(window.burst);
  });

  it('spreads keys differently under another seed', () => {
    const places = (seed: number): string => {
      const table = new BucketTable(8, seed);
      for (let i = 0; i < 64; i++) table.set(`k${i}`, 1000 + i, 1000, 0);
      return Array.from({ length: 64 }, (_, i) => (table.get(`k${i}`) === undefined ? '.' : 'x')).join('');
    };
    expect(places(1)).toHaveLength(64);
    expect(places(1).match(/x/g)).toHaveLength(8);
  });
});
