import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { countSockets } from '../../support/sockets.ts';

/** Programs that were started, ended with this one at the latest. */
const running = new Set<Program>();
process.on('exit', () => {
  for (const program of running) program.kill();
});
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(1));

export interface Program {
  readonly name: string;
  readonly pid: number;
  /** What it has said so far, for the case that it does not start. */
  said(): string;
  kill(): void;
  exited(): boolean;
}

export const has = (command: string): boolean =>
  spawnSync('sh', ['-c', `command -v ${command}`], { stdio: 'ignore' }).status === 0;

const pinning = has('taskset');

/**
 * On one core, where the system can do that: the load and what is measured must not take each other's time. `signal` ends it:
 * nginx must be asked, or its workers outlive it.
 */
export function start(
  name: string,
  core: number | undefined,
  command: readonly string[],
  signal: NodeJS.Signals = 'SIGKILL',
): Program {
  const [program = '', ...args] = pinning && core !== undefined ? ['taskset', '-c', String(core), ...command] : command;
  const child: ChildProcess = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  let exited = false;
  const hear = (text: Buffer): void => {
    said = (said + text).slice(-20_000);
  };
  child.stdout?.on('data', hear);
  child.stderr?.on('data', hear);
  const self: Program = {
    name,
    pid: child.pid ?? 0,
    said: () => said,
    kill: () => {
      running.delete(self);
      if (!exited) child.kill(signal);
    },
    exited: () => exited,
  };
  child.on('error', hear);
  child.on('exit', (code, by) => {
    exited = true;
    hear(Buffer.from(`(exit code ${code}, signal ${by})`));
    running.delete(self);
  });
  running.add(self);
  return self;
}

/** By its own sockets: that somebody takes connections there does not say who. */
export async function listening(program: Program, port: number): Promise<void> {
  for (let waited = 0; waited < 60_000; waited += 50) {
    if (program.exited()) throw new Error(`${program.name} ended:\n${program.said()}`);
    if (listensOn(program.pid, port)) return;
    await sleep(50);
  }
  throw new Error(`${program.name} does not listen on ${port}:\n${program.said()}`);
}

/** Does the process, or one that it has started, have a socket that listens on the port? */
const listensOn = (pid: number, port: number): boolean =>
  countSockets(family(pid), ({ localPort, listens }) => listens && localPort === port) > 0;

/** The process and all that it has started. */
export function family(pid: number): readonly number[] {
  const children = readFile(`/proc/${pid}/task/${pid}/children`).trim().split(' ').filter(Boolean).map(Number);
  return [pid, ...children.flatMap(family)];
}

/** Microseconds on a core so far: user and system, all threads, all processes of the family. */
export function cpuMicros(pid: number): number {
  let nanos = 0;
  for (const member of family(pid))
    for (const task of readDirectory(`/proc/${member}/task`))
      nanos += Number(readFile(`/proc/${member}/task/${task}/schedstat`).split(' ')[0]);
  return nanos / 1_000;
}

/** Resident memory in MiB. */
export const residentMib = (pid: number): number =>
  family(pid).reduce(
    (sum, member) => sum + Number(/VmRSS:\s+(\d+)/.exec(readFile(`/proc/${member}/status`))?.[1] ?? 0) / 1_024,
    0,
  );

/** What is gone meanwhile counts nothing. */
function readFile(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

function readDirectory(path: string): readonly string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}

export const versionOf = (command: string, ...args: readonly string[]): string => {
  const { stdout, stderr } = spawnSync(command, args, { encoding: 'utf8' });
  return /\d+\.\d+(\.\d+)?/.exec(`${stdout}${stderr}`)?.[0] ?? '?';
};

export const run = (command: string, args: readonly string[]): string =>
  execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'], maxBuffer: 2 ** 28 });
