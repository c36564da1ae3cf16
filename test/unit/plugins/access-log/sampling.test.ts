import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { createAccessLogFilter } from '../../../../plugins/access-log/index.ts';
import { isNotable, isNotableConnection, isSampled } from '../../../../plugins/access-log/sampling.ts';
import type { ConnectionRecord, RequestRecord } from '../../../../src/contract/index.ts';
import { fakeConnection, fakeRecord } from '../../../support/fake-record.ts';

/** As a UUID is made, and the same each time. */
const idOf = (seed: number): string =>
  createHash('sha256')
    .update(String(seed))
    .digest('hex')
    .slice(0, 32)
    .replace(/(.{8})(.{4})(.{4})(.{4})(.{12})/, '$1-$2-$3-$4-$5');
const ids = Array.from({ length: 20_000 }, (_, i) => idOf(i));

describe('sampling', () => {
  it.each([0.01, 0.1, 0.5, 0.9])('takes about a share of %d', (share) => {
    const taken = ids.filter((id) => isSampled(id, share)).length / ids.length;
    expect(Math.abs(taken - share)).toBeLessThan(0.012);
  });

  it('takes nothing at 0 and everything at 1', () => {
    expect(ids.filter((id) => isSampled(id, 0))).toEqual([]);
    expect(ids.filter((id) => !isSampled(id, 1))).toEqual([]);
  });

  it('takes at a larger share whatever it takes at a smaller one', () => {
    const few = ids.filter((id) => isSampled(id, 0.05));
    expect(few.filter((id) => !isSampled(id, 0.06))).toEqual([]);
  });

  it('decides by the id alone: every gateway and every release says the same', () => {
    // Known answers: whoever samples by the same rule elsewhere relies on them.
    expect(
      ['2f1c7f4e-0000-4000-8000-000000000000', '', 'a', 'b', 'f47ac10b-58cc-4372-a567-0e02b2c3d479'].map((id) =>
        [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1].find((share) => isSampled(id, share)),
      ),
    ).toEqual([0.9, 0.7, 0.2, 0.6, 0.6]);
  });

  it.each<[boolean, string, Partial<RequestRecord>]>([
    [true, 'a service’s 500', { status: 500 }],
    [true, 'our own 503', { status: 503, cause: 'no-healthy-upstream' }],
    [true, 'a refusal', { status: 403, cause: 'rbac-denied' }],
    [true, 'a limit', { status: 429, cause: 'rate-limited' }],
    [true, 'a client that left', { status: 0 }],
    [true, 'a marked request', { policyMarks: [{ kind: 'audited', rule: 'r' }] }],
    [true, 'a request that a dry run would refuse', { policyMarks: [{ kind: 'dry-run-denied', rule: 'none' }] }],
    [false, 'a request that a dry run would let pass', { policyMarks: [{ kind: 'dry-run-allowed', rule: 'r' }] }],
    [false, 'an answer', {}],
    [false, 'a service’s own 404', { status: 404 }],
    [false, 'a preflight', { status: 200, cause: 'cors-preflight' }],
    [false, 'a redirect', { status: 301 }],
  ])('%s: %s is logged in any case', (notable, _, changes) => {
    expect(isNotable(fakeRecord(changes))).toBe(notable);
  });

  it.each<[boolean, string, Partial<ConnectionRecord>]>([
    [true, 'a refused connection', { cause: 'rbac-denied' }],
    [true, 'one without a route', { cause: 'no-route' }],
    [true, 'one that did not reach its service', { cause: 'upstream-connect-failure' }],
    [true, 'one that a plugin of one’s own refused', { cause: 'not-today' }],
    [true, 'a marked one', { policyMarks: [{ kind: 'audited', rule: 'r' }] }],
    [
      true,
      'one that a dry run would refuse',
      { cause: 'drained', policyMarks: [{ kind: 'dry-run-denied', rule: 'r' }] },
    ],
    [false, 'one that a dry run would let pass', { policyMarks: [{ kind: 'dry-run-allowed', rule: 'r' }] }],
    [false, 'one that was served', {}],
    [false, 'one that was idle', { cause: 'idle-timeout' }],
    [false, 'one that lasted as long as it may', { cause: 'max-duration' }],
    [false, 'one that was cut at the end', { cause: 'drained' }],
  ])('%s: %s is logged in any case', (notable, _, changes) => {
    expect(isNotableConnection(fakeConnection(changes))).toBe(notable);
  });

  it('takes a share of the raw connections by their own ids', () => {
    const lines: { connection_id: string; log_share?: number }[] = [];
    const writer = { write: (line: string) => void lines.push(JSON.parse(line)), dropped: 0, close: async () => {} };
    const sampledOut = { count: 0 };
    const filter = createAccessLogFilter('json', writer, 0.25, sampledOut);
    for (const [i, connectionId] of ids.slice(0, 400).entries())
      filter.logConnection?.(
        fakeConnection({ connectionId, cause: i % 100 === 0 ? 'no-healthy-upstream' : undefined }),
      );
    expect(lines.length + sampledOut.count).toBe(400);
    expect(lines.filter(({ log_share }) => log_share === 1).map(({ connection_id }) => connection_id)).toEqual(
      [0, 100, 200, 300].map((i) => ids[i]),
    );
    const sampled = lines.filter(({ log_share }) => log_share === 0.25).map(({ connection_id }) => connection_id);
    expect(sampled).toEqual(ids.slice(0, 400).filter((id, i) => i % 100 !== 0 && isSampled(id, 0.25)));
  });

  it('writes those lines, says for how many each stands, and counts the others', () => {
    const lines: { request_id: string; log_share?: number }[] = [];
    const writer = { write: (line: string) => void lines.push(JSON.parse(line)), dropped: 0, close: async () => {} };
    const sampledOut = { count: 0 };
    const filter = createAccessLogFilter('json', writer, 0.25, sampledOut);
    for (const [i, requestId] of ids.slice(0, 400).entries())
      filter.log?.(fakeRecord({ requestId, status: i % 100 === 0 ? 502 : 200 }));
    expect(lines.length + sampledOut.count).toBe(400);
    expect(lines.filter(({ log_share }) => log_share === 1).map(({ request_id }) => request_id)).toEqual(
      [0, 100, 200, 300].map((i) => ids[i]),
    );
    const sampled = lines.filter(({ log_share }) => log_share === 0.25).map(({ request_id }) => request_id);
    expect(sampled).toEqual(ids.slice(0, 400).filter((id, i) => i % 100 !== 0 && isSampled(id, 0.25)));
  });

  it('is off by default: every line is there, and says nothing of it', () => {
    const lines: string[] = [];
    const writer = { write: (line: string) => void lines.push(line), dropped: 0, close: async () => {} };
    const filter = createAccessLogFilter('json', writer);
    for (const requestId of ids.slice(0, 100)) filter.log?.(fakeRecord({ requestId }));
    for (const connectionId of ids.slice(0, 100)) filter.logConnection?.(fakeConnection({ connectionId }));
    expect(lines).toHaveLength(200);
    expect(lines.join('')).not.toContain('log_share');
  });
});
