import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';

/*
 * A package of its own, with the real launcher and a small program for it to start. An old Node is made of the one that
 * runs the tests, by a preloaded module that says so.
 */

let folder: string;
let launcher: string;
let nodePackage: string;
const children: ChildProcess[] = [];

beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'banyan-launcher-'));
  mkdirSync(path.join(folder, 'app/bin'), { recursive: true });
  mkdirSync(path.join(folder, 'app/dist/src'), { recursive: true });
  writeFileSync(path.join(folder, 'app/package.json'), '{"type":"module"}');
  launcher = path.join(folder, 'app/bin/banyan.js');
  copyFileSync('bin/banyan.js', launcher);
  writeFileSync(
    path.join(folder, 'app/dist/src/main.js'),
    `const SCRIPTS = {
      argv: (...rest) => console.log(JSON.stringify({ rest, pid: process.pid, mark: process.env.BANYAN_LAUNCHED_BY })),
      exit: (code) => process.exit(Number(code)),
      kill: (signal) => process.kill(process.pid, signal),
      serve: () => {
        setInterval(() => {}, 1000);
        for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP']) process.on(signal, () => { console.log(signal); if (signal !== 'SIGHUP') process.exit(7); });
        console.log(process.pid);
      },
    };
    export const main = async ([name, ...rest]) => SCRIPTS[name](...rest);`,
  );
  writeFileSync(
    path.join(folder, 'old.mjs'),
    `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '20.20.2' } });`,
  );
  // Hoisted: above the package, as npm does it for a dependency.
  nodePackage = path.join(folder, `node_modules/node-${process.platform}-${process.arch}`);
  mkdirSync(path.join(nodePackage, 'bin'), { recursive: true });
  symlinkSync(process.execPath, path.join(nodePackage, 'bin/node'));
});

afterAll(() => {
  for (const child of children) child.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

interface Started {
  readonly child: ChildProcess;
  readonly output: () => string;
  readonly end: Promise<{ readonly code: number | null; readonly signal: string | null }>;
}

function start(old: boolean, args: readonly string[], env: Readonly<Record<string, string>> = {}): Started {
  const child = spawn(
    process.execPath,
    [...(old ? ['--import', path.join(folder, 'old.mjs')] : []), launcher, ...args],
    {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { PATH: process.env['PATH'], ...env },
    },
  );
  children.push(child);
  let text = '';
  child.stdout?.on('data', (chunk) => (text += chunk));
  child.stderr?.on('data', (chunk) => (text += chunk));
  const end = once(child, 'close').then(([code, signal]) => ({ code, signal }));
  return { child, output: () => text, end };
}

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    // A zombie that nobody waits for is no longer alive.
    return !execFileSync('ps', ['-o', 'stat=', '-p', String(pid)], { encoding: 'utf8' }).startsWith('Z');
  } catch {
    return false;
  }
};

describe.each([
  ['under a Node that will do', false],
  ['under an old Node', true],
])('the launcher %s', (_name, old) => {
  it('runs the program with its arguments, and leaves no mark in its environment', async () => {
    const { end, output } = start(old, ['argv', '--x', 'y z']);
    expect(await end).toEqual({ code: 0, signal: null });
    expect(JSON.parse(output())).toEqual({ rest: ['--x', 'y z'], pid: expect.any(Number) });
  });

  it('passes on how it ended', async () => {
    expect(await start(old, ['exit', '3']).end).toEqual({ code: 3, signal: null });
    expect(await start(old, ['kill', 'SIGKILL']).end).toEqual({ code: null, signal: 'SIGKILL' });
  });

  it.each([['SIGTERM'], ['SIGINT']] as const)('passes on %s', async (signal) => {
    const { child, end, output } = start(old, ['serve']);
    await vi.waitFor(() => expect(output()).toMatch(/\d/), { timeout: 5000 });
    child.kill('SIGHUP');
    await vi.waitFor(() => expect(output()).toContain('SIGHUP'), { timeout: 5000 });
    child.kill(signal);
    expect(await end).toEqual({ code: 7, signal: null });
    expect(output()).toContain(signal);
  });

  it('takes the program with it when it is killed', async () => {
    const { child, output } = start(old, ['serve']);
    await vi.waitFor(() => expect(output()).toMatch(/\d\n/), { timeout: 5000 });
    const pid = Number(output());
    child.kill('SIGKILL');
    await vi.waitFor(() => expect(isAlive(pid)).toBe(false), { timeout: 5000 });
  });

  it.each([['--insecure-http-parser'], ['--max-http-header-size=1000 --insecure_http_parser']])(
    'refuses to run with NODE_OPTIONS=%s',
    async (options) => {
      const { end, output } = start(old, ['argv'], { NODE_OPTIONS: options });
      expect(await end).toEqual({ code: 2, signal: null });
      expect(output()).toMatch(/^banyan: refuses to run with --insecure-http-parser/);
    },
  );
});

describe('the launcher under an old Node', () => {
  it('says what to do when there is no other', async () => {
    rmSync(path.join(nodePackage, 'bin/node'));
    const { end, output } = start(true, ['argv']);
    expect(await end).toEqual({ code: 2, signal: null });
    expect(output()).toMatch(
      /^banyan: needs Node 24 or newer; this is Node 20\.20\.2, and the package node-\w+-\w+.*`npm ci`/,
    );
  });
});
