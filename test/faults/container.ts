import { mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';

/** A control group with a limit on memory, as a container has one: who exceeds it is killed. */
export interface Container {
  /** What a program is run by to be in it. */
  readonly within: readonly string[];
  /** Processes that were killed for want of memory. */
  killed(): number;
  close(): void;
}

/** By the version of control groups: where groups of memory lie, and the names of their files. */
const KINDS = [
  { root: '/sys/fs/cgroup/memory', limit: 'memory.limit_in_bytes', events: 'memory.oom_control' },
  { root: '/sys/fs/cgroup', limit: 'memory.max', events: 'memory.events' },
] as const;

/** undefined: this system lets nobody make one here. */
export function openContainer(memoryBytes: number): Container | undefined {
  for (const { root, limit, events } of KINDS) {
    const folder = path.join(root, `banyan-faults-${process.pid}`);
    try {
      mkdirSync(folder);
    } catch {
      continue;
    }
    const close = (): void => {
      try {
        rmdirSync(folder);
      } catch {
        // Somebody is in it still.
      }
    };
    try {
      writeFileSync(path.join(folder, limit), String(memoryBytes));
      readFileSync(path.join(folder, events));
    } catch {
      close();
      continue;
    }
    return {
      within: ['sh', '-c', `echo $$ > ${path.join(folder, 'cgroup.procs')} && exec "$@"`, 'sh'],
      killed: () => Number(/oom_kill (\d+)/.exec(readFileSync(path.join(folder, events), 'utf8'))?.[1] ?? 0),
      close,
    };
  }
  return undefined;
}
