import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type Applied, DirectoryState } from '../../../src/sources/directory-state.ts';
import { names, stubDecode } from './stub-decode.ts';

const HOUR_MS = 3_600_000;
const NOON_MS = Date.UTC(2026, 0, 2, 12);

describe('a file that is written all the time', () => {
  it.each([
    ['', 0],
    [', by a clock that is set back', -HOUR_MS],
    [', by a clock that is set forward', 24 * HOUR_MS],
  ])('is waited for, but not for ever%s', async (_, setByMs) => {
    const root = mkdtempSync(path.join(tmpdir(), 'banyan-state-'));
    onTestFinished(() => rmSync(root, { recursive: true, force: true }));
    mkdirSync(path.join(root, 'orders'));
    const state = new DirectoryState(root, { decode: stubDecode, maxFileBytes: 1_000, include: [] });
    const served = (): readonly string[] => names(state.snapshot().resources.ofKind('Service'));
    const write = (text: string, passedMs: number, aheadMs: number): Promise<Applied> => {
      const nowMs = NOON_MS + passedMs + aheadMs;
      writeFileSync(path.join(root, 'orders/a.yaml'), text);
      utimesSync(path.join(root, 'orders/a.yaml'), nowMs / 1_000, nowMs / 1_000);
      return state.apply([''], { nowMs: () => nowMs, monotonicMs: () => 5_000 + passedMs });
    };
    await write('first', 0, 0);
    expect((await write('second', 1_000, 0)).unsettled).toEqual(['orders/a.yaml']);
    expect((await write('the third', 1_100, setByMs)).unsettled).toEqual(['orders/a.yaml']);
    expect(served()).toEqual(['orders/first']);
    expect((await write('fourth at=1', 1_500, setByMs)).unsettled).toEqual([]);
    expect(served()).toEqual(['orders/fourth']);
  });
});
