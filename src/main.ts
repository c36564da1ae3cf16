import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { type CliHost, runCli } from './cli/program.ts';
import { CliError, processTerminal } from './cli/terminal.ts';
import type { Settings } from './settings.ts';

/** One level up from `src/main.ts`, two from `dist/src/main.js`. */
const packageRoot = ['..', '../..']
  .map((up) => path.resolve(import.meta.dirname, up))
  .find((folder) => existsSync(path.join(folder, 'package.json'))) as string;

const LINGER_MS = 500;

/** By which a gateway starts its workers; of no use to people. */
const WORKER_COMMAND = 'internal-worker';

/** One command line of `banyan`, to its end. Rooms are loaded by the commands that need them: `check` waits for no web server. */
export async function main(argv: readonly string[]): Promise<void> {
  // Whoever pipes into `head` closes early; that is no failure.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));
  process.exitCode = argv[0] === WORKER_COMMAND && process.connected ? await work() : await runCli(argv, host);
  // All is said and closed; a timer that some library forgot must not keep the process.
  setTimeout(() => process.exit(), LINGER_MS).unref();
}

const host: CliHost = {
  terminal: processTerminal,
  get version() {
    return (JSON.parse(readFileSync(path.join(packageRoot, 'package.json'), 'utf8')) as { version: string }).version;
  },
  examples: path.join(packageRoot, 'routes-examples'),
  serve,
  demo,
  async filterSpecs({ plugin }) {
    const { filterSpecsWith } = await import('../plugins/specs.ts');
    if (plugin.length === 0) return filterSpecsWith([]);
    const { loadOwnPlugins } = await import('./main/own-plugins.ts');
    return filterSpecsWith((await loadOwnPlugins(plugin)).map(({ spec }) => spec));
  },
};

async function serve(settings: Settings): Promise<number> {
  const { runGateway } = await import('./main/gateway.ts');
  return runGateway(settings, path.join(packageRoot, 'bin', 'banyan.js'));
}

async function work(): Promise<number> {
  const { runWorker } = await import('./main/worker.ts');
  return runWorker();
}

/** The gateway on the example routes, beside everything that they lead to. */
async function demo(settings: Settings): Promise<number> {
  const program = path.join(host.examples, 'demo', 'start.ts');
  if (!existsSync(program))
    throw new CliError('the demo is not part of this installation', {
      exitCode: 2,
      hint: 'serve routes of your own: banyan serve --dir DIR',
    });
  const { startDemo } = (await import(pathToFileURL(program).href)) as {
    readonly startDemo: () => Promise<{ close(): Promise<void> }>;
  };
  const upstreams = await startDemo().catch((error: Error) => {
    throw new CliError(`the demo's services could not be started: ${error.message}`, {
      exitCode: 1,
      hint: 'is another demo running?',
    });
  });
  try {
    return await serve(settings);
  } finally {
    await upstreams.close();
  }
}
