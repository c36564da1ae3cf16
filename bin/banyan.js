#!/usr/bin/env node
// Starts Banyan under a Node it can run on. Plain JavaScript for any Node from 18 on: `npx banyan` and npm scripts may
// come by whichever Node is installed, while the product needs 24 and brings it along as an optional dependency.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import * as nodeModule from 'node:module';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const NEEDED_MAJOR = 24;
/** Says to the child that it was started by this launcher, and is to end with it. */
const MARK = 'BANYAN_LAUNCHED_BY';

const packageRoot = path.dirname(path.dirname(fileURLToPath(import.meta.url)));

function fail(message) {
  process.stderr.write(`banyan: ${message}\n`);
  process.exit(2);
}

/** A lenient parser lets a request mean one thing to the gateway and another behind it (request smuggling). */
function refuseLenientParser() {
  const given = [...process.execArgv, ...(process.env.NODE_OPTIONS ?? '').split(/\s+/)];
  if (given.some((option) => option.replaceAll('_', '-').startsWith('--insecure-http-parser')))
    fail(
      'refuses to run with --insecure-http-parser, which lets malformed requests through; take it out of NODE_OPTIONS',
    );
}

/** In the package's own node_modules or, when hoisted, in that of any folder above. */
function findNode() {
  const name = `node-${process.platform}-${process.arch}`;
  for (let folder = packageRoot; ; folder = path.dirname(folder)) {
    const candidate = path.join(folder, 'node_modules', name, 'bin', 'node');
    if (existsSync(candidate)) return candidate;
    if (folder === path.dirname(folder)) return undefined;
  }
}

function relaunch() {
  const here = `needs Node ${NEEDED_MAJOR} or newer; this is Node ${process.versions.node}`;
  if (process.env[MARK] !== undefined)
    fail(
      `${here}, which came with the package node-${process.platform}-${process.arch}: install that again with \`npm ci\``,
    );
  const node = findNode();
  if (node === undefined)
    fail(
      `${here}, and the package node-${process.platform}-${process.arch}, which would bring one, is not installed. Run \`npm ci\` without --omit=optional, or start banyan with a newer Node.`,
    );
  // The channel carries nothing: when it breaks, the child knows that the launcher was killed.
  const child = spawn(node, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], {
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
    env: { ...process.env, [MARK]: String(process.pid) },
  });
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  child.once('error', (error) => fail(`cannot run ${node}: ${error.message}`));
  child.once('exit', (code, signal) => {
    if (signal === null) process.exit(code ?? 1);
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  });
}

/** A launcher that is killed outright cannot pass anything on; nothing may go on serving behind its back. */
function endWithLauncher() {
  delete process.env[MARK];
  if (process.channel === undefined) return;
  process.once('disconnect', () => process.kill(process.pid, 'SIGKILL'));
  process.channel.unref();
}

async function run() {
  if (process.env[MARK] !== undefined) endWithLauncher();
  nodeModule.enableCompileCache?.();
  const sources = path.join(packageRoot, 'src', 'main.ts');
  // The published package has no sources: Node strips no types below node_modules.
  const entry = existsSync(sources) ? sources : path.join(packageRoot, 'dist', 'src', 'main.js');
  const { main } = await import(pathToFileURL(entry).href);
  await main(process.argv.slice(2));
}

refuseLenientParser();
if (Number.parseInt(process.versions.node, 10) < NEEDED_MAJOR) relaunch();
else await run();
