import { globSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

/** Where Debian and others put libfaketime's variant for processes of several threads; undefined: it is not installed. */
export const fakeTimeLibrary = (): string | undefined =>
  globSync(['/usr/lib/*/faketime/libfaketimeMT.so.1', '/usr/{lib,lib64,local/lib}/faketime/libfaketimeMT.so.1'])[0];

/** A wall clock of some processes' own, that jumps when it is told to. Their monotonic clock is the machine's. */
export interface FakeClock {
  readonly env: Readonly<Record<string, string>>;
  /** What it is ahead of the machine's. */
  readonly offsetMs: number;
  /** As libfaketime writes it: `+1d`, `-1h`, `-1` (second), `+0`. */
  jump(to: string): void;
  /** `pids`: who has lived by it; those that were killed leave shared memory behind. */
  close(pids: readonly number[]): void;
}

const UNITS_MS: Readonly<Record<string, number>> = { '': 1_000, h: 3_600_000, d: 86_400_000 };

function offsetOf(jump: string): number {
  const [, amount = '', unit = ''] = /^([+-]\d+)([hd]?)$/.exec(jump) ?? [];
  return Number(amount) * (UNITS_MS[unit] ?? Number.NaN);
}

export function fakeClock(library: string): FakeClock {
  const folder = mkdtempSync(path.join(tmpdir(), 'banyan-clock-'));
  const file = path.join(folder, 'offset');
  const write = (offset: string): void => {
    writeFileSync(`${file}.tmp`, `${offset}\n`);
    renameSync(`${file}.tmp`, file);
  };
  write('+0');
  let offsetMs = 0;
  return {
    env: {
      LD_PRELOAD: library,
      FAKETIME_TIMESTAMP_FILE: file,
      FAKETIME_NO_CACHE: '1',
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
      NO_FAKE_STAT: '1',
    },
    get offsetMs() {
      return offsetMs;
    },
    jump(to) {
      offsetMs = offsetOf(to);
      write(to);
    },
    close(pids) {
      rmSync(folder, { recursive: true, force: true });
      for (const pid of pids)
        for (const name of [`faketime_shm_${pid}`, `sem.faketime_sem_${pid}`])
          rmSync(`/dev/shm/${name}`, { force: true });
    },
  };
}
