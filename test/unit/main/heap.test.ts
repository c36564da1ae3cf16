import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';

const MODULE = path.resolve(import.meta.dirname, '../../../src/main/heap.ts');

interface Seen {
  readonly beforeMb: number;
  readonly afterMb: number;
  /** Of the young generation, after as much again was made. */
  readonly youngMb: number;
  readonly kept: number;
  readonly gc: string;
}

/** In a process of its own: what is asked is about the heap of a whole process. */
async function settled(lists: number): Promise<Seen> {
  const program = `
    const v8 = (await import('node:v8')).default;
    const { settleHeap } = await import(${JSON.stringify(MODULE)});
    const mb = () => process.memoryUsage().heapTotal / 1_048_576;
    const lists = [];
    const fill = () => { for (let i = 0; i < ${lists}; i++) lists[i] = Array.from({ length: 1_000 }, (_, k) => ({ k })); };
    fill();
    fill();
    const beforeMb = mb();
    const end = settleHeap(1);
    const afterMb = mb();
    for (let i = 0; i < ${lists}; i++) {
      lists[i] = Array.from({ length: 1_000 }, (_, k) => ({ k }));
      if (i % 20 === 0) await new Promise((resume) => setTimeout(resume, 1));
    }
    const young = v8.getHeapSpaceStatistics().find((space) => space.space_name === 'new_space');
    const youngMb = young.space_size / 1_048_576;
    end();
    const kept = lists.at(-1)?.at(-1)?.k ?? -1;
    console.log(JSON.stringify({ beforeMb, afterMb, youngMb, kept, gc: typeof globalThis.gc }));
  `;
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', program]);
  return JSON.parse(stdout) as Seen;
}

describe('a heap that is to settle', () => {
  it('gives back what was only needed on the way, and keeps what is used', async () => {
    const { beforeMb, afterMb, youngMb, kept, gc } = await settled(2_500);
    expect(afterMb).toBeLessThan(beforeMb * 0.8);
    expect(youngMb).toBeLessThan(64);
    expect(kept).toBe(999);
    expect(gc).toBe('undefined');
  });

  it('is left alone where it is small', async () => {
    const { beforeMb, afterMb } = await settled(20);
    expect(afterMb).toBe(beforeMb);
  });
});
