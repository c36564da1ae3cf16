import { execFileSync, spawn } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

/**
 * Does what the Dockerfile does, step by step, without a container engine: build, keep production dependencies alone, and
 * see that what is left starts, says it is ready, and ends when told to.
 */
const root = path.resolve(import.meta.dirname, '..');
const image = mkdtempSync(path.join(tmpdir(), 'banyan-image-'));
const run = (command: string, ...args: string[]): void => {
  execFileSync(command, args, { cwd: image, stdio: ['ignore', 'inherit', 'inherit'] });
};

try {
  for (const name of [
    'package.json',
    'package-lock.json',
    'tsconfig.json',
    'tsconfig.build.json',
    'src',
    'plugins',
    'bin',
  ])
    cpSync(path.join(root, name), path.join(image, name), { recursive: true });
  run(
    path.join(root, 'node_modules/.bin/tsc'),
    '-p',
    path.join(root, 'tsconfig.build.json'),
    '--outDir',
    path.join(image, 'dist'),
  );
  run('npm', 'ci', '--omit=dev', '--omit=optional', '--ignore-scripts', '--no-audit', '--no-fund');
  for (const name of ['src', 'plugins', 'tsconfig.json', 'tsconfig.build.json'])
    rmSync(path.join(image, name), { recursive: true });
  await startsAndStops();
  console.log('the image starts, gets ready and stops');
} finally {
  rmSync(image, { recursive: true, force: true });
}

async function startsAndStops(): Promise<void> {
  const routes = path.join(image, 'routes', 'team');
  mkdirSync(routes, { recursive: true });
  writeFileSync(path.join(routes, 'namespace.yaml'), 'apiVersion: v1\nkind: Namespace\nmetadata: { name: team }\n');
  const adminPort = '29899';
  const child = spawn(
    process.execPath,
    ['bin/banyan.js', 'serve', '--dir', 'routes', '--listen-address', '127.0.0.1', '--admin-port', adminPort],
    { cwd: image, stdio: 'inherit' },
  );
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
  try {
    await ready(`http://127.0.0.1:${adminPort}/readyz`);
  } finally {
    child.kill('SIGTERM');
  }
  const code = await ended;
  if (code !== 0) throw new Error(`the gateway ended with ${code} when told to stop`);
}

async function ready(url: string): Promise<void> {
  for (let i = 0; i < 200; i++) {
    const status = await fetch(url).then(
      (answer) => answer.status,
      () => 0,
    );
    if (status === 200) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`${url} did not say 200 within 10 s`);
}
