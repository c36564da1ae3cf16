import { execFileSync } from 'node:child_process';
import { mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createAccessLogFilter } from '../../../../plugins/access-log/index.ts';
import { createLineWriter } from '../../../../plugins/access-log/writer.ts';
import { fakeRecord } from '../../../support/fake-record.ts';

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(path.join(tmpdir(), 'banyan-log-'));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

describe('the writer', () => {
  it('writes every line whole and in order, and what waits when it is closed', async () => {
    const file = path.join(dir, 'sub', 'access.log');
    const writer = createLineWriter(file);
    const filter = createAccessLogFilter('json', writer);
    await expect.poll(() => tryRead(file)).toBe('');
    for (let i = 0; i < 1000; i++) filter.log?.(fakeRecord({ requestId: String(i) }));
    await writer.close();
    await expect.poll(() => tryRead(file)?.split('\n').length).toBe(1001);
    const ids = (tryRead(file) ?? '')
      .trimEnd()
      .split('\n')
      .map((line) => (JSON.parse(line) as { request_id: string }).request_id);
    expect(ids).toEqual(Array.from({ length: 1000 }, (_, i) => String(i)));
    expect(writer.dropped).toBe(0);
  });

  it('drops and counts lines that a target nobody reads does not take, and holds nobody up (edge-security R-22)', async () => {
    const pipe = path.join(dir, 'pipe');
    execFileSync('mkfifo', [pipe]);
    // Open at both ends, and never read.
    openSync(pipe, 'r+');
    const told: string[] = [];
    const writer = createLineWriter(pipe, (_level, message) => told.push(message));
    const line = `${'x'.repeat(64 * 1024)}\n`;
    for (let i = 0; i < 400; i++) {
      writer.write(line);
      if (i % 50 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    expect(writer.dropped).toBeGreaterThan(100);
    expect(told).toEqual([expect.stringContaining('nobody reads them fast enough')]);
    await writer.close();
  });

  it('outlives a target that cannot be written', async () => {
    const told: string[] = [];
    const writer = createLineWriter('/dev/full', (level, message) => told.push(`${level}: ${message}`));
    await new Promise((resolve) => setTimeout(resolve, 20));
    for (let i = 0; i < 50; i++) writer.write(`${'x'.repeat(1024)}\n`);
    await expect.poll(() => writer.dropped).toBeGreaterThan(0);
    expect(told).toEqual([expect.stringMatching(/^warn: lines of the access log cannot be written, .*ENOSPC/)]);
  });

  it('tells of a target that cannot be opened', async () => {
    const told: string[] = [];
    createLineWriter(dir, (_level, message) => told.push(message));
    await expect.poll(() => told).toEqual([expect.stringContaining('EISDIR')]);
  });
});

function tryRead(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}
