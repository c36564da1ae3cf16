import { type ChildProcess, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import http from 'node:http';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { freePort } from '../support/gateway.ts';
import type { Seen, ToUpstream, UpstreamMode } from './upstream.ts';

const root = path.resolve(import.meta.dirname, '../..');
/** A machine that others use as well may take long to start a process. */
const PATIENCE_MS = 60_000;
const children = new Set<ChildProcess>();

function ours(child: ChildProcess): ChildProcess {
  children.add(child);
  child.once('exit', () => children.delete(child));
  return child;
}

export function endAll(): void {
  for (const child of children) child.kill('SIGKILL');
}

export interface Upstream {
  readonly port: number;
  /** Speaks HTTP/2, and echoes what it is told. */
  readonly grpcPort: number;
  readonly pid: number;
  set(mode: Partial<UpstreamMode>): Promise<void>;
  /** What came since it was last asked. */
  seen(): Promise<Seen>;
}

export async function startUpstream(): Promise<Upstream> {
  const port = await freePort();
  const grpcPort = await freePort();
  const child = ours(fork(path.join(import.meta.dirname, 'upstream.ts'), [String(port), String(grpcPort)]));
  await once(child, 'message');
  const ask = async (message: ToUpstream): Promise<unknown> => {
    const answer = once(child, 'message');
    child.send(message);
    return (await answer)[0];
  };
  return {
    port,
    grpcPort,
    pid: child.pid as number,
    async set(mode) {
      await ask({ kind: 'mode', mode: { delayMs: 0, status: 200, resets: false, idleMs: 0, ...mode } });
    },
    seen: async () => (await ask({ kind: 'seen' })) as Seen,
  };
}

export interface GatewayProcess {
  readonly pid: number;
  readonly log: () => string;
  readonly exited: Promise<number | null>;
  ready(): Promise<boolean>;
  /** Process ids of its workers that serve. */
  workers(): Promise<readonly number[]>;
  metric(name: string): Promise<number>;
  /** Resolves with the milliseconds it took. */
  untilServing(workers: number): Promise<number>;
  terminate(): void;
}

export interface GatewayStart {
  readonly dir: string;
  readonly args?: readonly string[];
  readonly nodeOptions?: string;
  /** Besides this process's own. */
  readonly env?: Readonly<Record<string, string>>;
  /** Standard output is a pipe that nobody reads. */
  readonly blocked?: boolean;
  /** As many descriptors as each of its processes may have. */
  readonly descriptors?: number;
  /** What it is run by: a program and its arguments, which run what follows them. */
  readonly within?: readonly string[];
  readonly workers?: number;
}

export async function startGatewayProcess({
  dir,
  args = [],
  nodeOptions,
  env = {},
  blocked,
  descriptors,
  within = [],
  workers: workerNumber = 2,
}: GatewayStart): Promise<GatewayProcess> {
  const adminPort = await freePort();
  const flags = [
    '--listen-address',
    '127.0.0.1',
    '--admin-port',
    String(adminPort),
    '--workers',
    String(workerNumber),
    '--drain-seconds',
    '4',
    // What is looked for are losses by faults. On a machine that others use as well, a start beside a running gateway takes long
    // enough for an overload, whose refusals have a fault of their own.
    '--overload-busy-percent',
    '100',
  ];
  const logging = blocked === true || args.includes('--access-log-file') ? [] : ['--access-log', 'off'];
  const command = [
    process.execPath,
    path.join(root, 'bin/banyan.js'),
    'serve',
    '--dir',
    dir,
    ...flags,
    ...logging,
    ...args,
  ];
  const limited = descriptors === undefined ? [] : ['sh', '-c', `ulimit -n ${descriptors} && exec "$@"`, 'sh'];
  const [program = '', ...rest] = [...within, ...limited, ...command];
  const child = ours(
    spawn(program, rest, {
      stdio: ['ignore', blocked === true ? 'pipe' : 'ignore', 'pipe'],
      env: { ...process.env, ...(nodeOptions === undefined ? {} : { NODE_OPTIONS: nodeOptions }), ...env },
    }),
  );
  child.stdout?.pause();
  let text = '';
  child.stderr?.on('data', (chunk) => (text += chunk));
  const admin = (target: string): Promise<{ readonly status: number; readonly body: string }> => get(adminPort, target);
  const metric = async (name: string): Promise<number> => {
    const line = (await admin('/metrics')).body
      .split('\n')
      .find((one) => one.startsWith(`${name} `) || one.startsWith(`${name}{`));
    return line === undefined ? 0 : Number(line.slice(line.lastIndexOf(' ') + 1));
  };
  const ready = async (): Promise<boolean> => (await admin('/readyz').catch(() => undefined))?.status === 200;
  const started: GatewayProcess = {
    pid: child.pid as number,
    log: () => text,
    exited: once(child, 'exit').then(([code]) => code as number | null),
    ready,
    workers: () => childrenOf(child.pid as number),
    metric,
    async untilServing(workers) {
      const began = performance.now();
      for (;;) {
        const serving = await metric('banyan_workers{state="serving"}').catch(() => 0);
        if (serving === workers) return performance.now() - began;
        if (performance.now() - began > PATIENCE_MS) throw new Error(`${serving} workers serve; ${text.slice(-2000)}`);
        await pause(20);
      }
    },
    terminate: () => void child.kill('SIGTERM'),
  };
  const began = performance.now();
  while (!(await ready())) {
    if (performance.now() - began > PATIENCE_MS || child.exitCode !== null)
      throw new Error(`not ready: ${text.slice(-2000)}`);
    await pause(20);
  }
  return started;
}

export function get(
  port: number,
  target: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<{ readonly status: number; readonly body: string }> {
  return new Promise((resolve, reject) => {
    const request = http.get({ host: '127.0.0.1', port, path: target, headers, agent: false }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (chunk) => (body += chunk));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body }));
      response.on('error', reject);
    });
    request.setTimeout(5_000, () => request.destroy(new Error('timed out')));
    request.on('error', reject);
  });
}

export async function childrenOf(pid: number): Promise<readonly number[]> {
  const { readFile } = await import('node:fs/promises');
  const text = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8');
  return text.trim().split(' ').filter(Boolean).map(Number);
}
