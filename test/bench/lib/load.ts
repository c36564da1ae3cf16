import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { cpuMicros, has, type Program, residentMib } from './process.ts';

export interface Load {
  /** https://… or http://…; h2c goes by http. */
  readonly url: string;
  readonly protocol: 'h1' | 'h2c';
  /** Sent with each request, as POST; h2load alone. */
  readonly body?: string;
  /** wrk adds a Host of its own unless it is spelt so. */
  readonly headers: Readonly<Record<string, string>>;
  readonly connections: number;
  readonly seconds: number;
}

/** One slice of load on one proxy. */
export interface Sample {
  readonly requests: number;
  /** Answers that were not 2xx, and broken connections. */
  readonly failed: number;
  readonly perSecond: number;
  readonly cpuPerRequest: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly residentMib: number;
}

export const missingTools = (): readonly string[] => ['wrk', 'h2load'].filter((tool) => !has(tool));

export async function measure(program: Program, load: Load): Promise<Sample> {
  const before = cpuMicros(program.pid);
  const answer = await (load.protocol === 'h1' ? wrk(load) : h2load(load)).catch((error: Error) => {
    throw new Error(`${program.name}${program.exited() ? ' has ended' : ''}: ${error.message}\n${program.said()}`);
  });
  const cpu = cpuMicros(program.pid) - before;
  if (program.exited()) throw new Error(`${program.name} has ended: ${program.said()}`);
  return { ...answer, cpuPerRequest: cpu / answer.requests, residentMib: residentMib(program.pid) };
}

type Answer = Omit<Sample, 'cpuPerRequest' | 'residentMib'>;

async function wrk({ url, headers, connections, seconds }: Load): Promise<Answer> {
  const given = Object.entries(headers).flatMap(([name, value]) => ['-H', `${name}: ${value}`]);
  const size = ['-t', '1', '-c', String(connections), '-d', `${seconds}s`, '--timeout', '10s'];
  const text = await output(['wrk', '--latency', ...size, ...given, url]);
  const [, requests = '0', took = '1s'] = /(\d+) requests in ([\d.]+\w+)/.exec(text) ?? [];
  const broken = /Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/.exec(text)?.slice(1) ?? [];
  const failed = broken.reduce((sum, count) => sum + Number(count), 0);
  return {
    requests: Number(requests),
    failed: failed + Number(/Non-2xx or 3xx responses: (\d+)/.exec(text)?.[1] ?? 0),
    perSecond: (Number(requests) * 1_000) / millis(took),
    p50Ms: millis(/50%\s+([\d.]+\w+)/.exec(text)?.[1] ?? '0ms'),
    p99Ms: millis(/99%\s+([\d.]+\w+)/.exec(text)?.[1] ?? '0ms'),
  };
}

const UNITS: Readonly<Record<string, number>> = { us: 0.001, ms: 1, s: 1_000, m: 60_000 };
function millis(text: string): number {
  const [, number = '0', unit = 'ms'] = /([\d.]+)([a-z]+)/.exec(text) ?? [];
  return Number(number) * (UNITS[unit] ?? 1);
}

async function h2load({ url, headers, connections, seconds, body }: Load): Promise<Answer> {
  const directory = mkdtempSync(path.join(tmpdir(), 'banyan-h2load-'));
  const log = path.join(directory, 'log');
  const given = Object.entries(headers).flatMap(([name, value]) => ['-H', `${name}: ${value}`]);
  const clients = String(Math.max(1, Math.floor(connections / 8)));
  const size = ['-c', clients, '-m', '8', '-D', String(seconds), `--log-file=${log}`];
  if (body !== undefined) writeFileSync(path.join(directory, 'body'), body);
  const sent = body === undefined ? [] : ['-d', path.join(directory, 'body')];
  await output(['h2load', ...size, ...given, ...sent, url]);
  const rows = readFileSync(log, 'utf8')
    .trim()
    .split('\n')
    .map((line) => line.split('\t'));
  rmSync(directory, { recursive: true });
  const times = rows.map(([, , micros]) => Number(micros) / 1_000).sort((a, b) => a - b);
  return {
    requests: rows.length,
    failed: rows.filter(([, status]) => !status?.startsWith('2')).length,
    perSecond: rows.length / seconds,
    p50Ms: times[times.length >> 1] ?? 0,
    p99Ms: times[Math.floor(times.length * 0.99)] ?? 0,
  };
}

/** By the core that the proxies leave free. */
function output(command: readonly string[]): Promise<string> {
  const [program = '', ...args] = has('taskset') ? ['taskset', '-c', '1', ...command] : command;
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    let text = '';
    child.stdout.on('data', (chunk: Buffer) => {
      text += chunk;
    });
    child.stderr.on('data', (chunk: Buffer) => {
      text += chunk;
    });
    child.on('error', reject);
    child.on('exit', (code) => (code === 0 ? resolve(text) : reject(new Error(`${command.join(' ')}:\n${text}`))));
  });
}
