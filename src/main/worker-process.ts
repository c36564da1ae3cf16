import { type ChildProcess, fork } from 'node:child_process';
import type { FromWorker, ToWorker, WorkerHandle } from '../control/worker-messages.ts';
import type { ListenerReport } from '../dataplane/index.ts';
import { type Settings, workerEnvironment } from '../settings.ts';
import type { LogRelay } from './log-relay.ts';

/** As `main.ts` knows it. */
const WORKER_COMMAND = 'internal-worker';

export interface WorkerStart {
  readonly settings: Settings;
  /** How many serve, this one included. */
  readonly processes: number;
}

/** Begins a worker as a process of the same program. `relay`: takes what it writes to standard output. */
export function spawnWorker(program: string, relay: LogRelay): WorkerHandle<WorkerStart, ListenerReport> {
  const child = fork(program, [WORKER_COMMAND], {
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
    // Plain data with `undefined` in it travels as it is.
    serialization: 'advanced',
    env: workerEnvironment(),
  });
  if (child.stdout !== null) relay.attach(child.stdout);
  // What becomes of a broken process is told by its exit.
  child.on('error', () => {});
  return handleOf(child);
}

function handleOf(child: ChildProcess): WorkerHandle<WorkerStart, ListenerReport> {
  return {
    pid: child.pid,
    send(message: ToWorker<WorkerStart>) {
      if (child.connected) child.send(message, () => {});
    },
    kill: () => void child.kill('SIGKILL'),
    onMessage: (listener) => void child.on('message', (message) => listener(message as FromWorker<ListenerReport>)),
    onExit: (listener) =>
      void child.once('exit', (code, signal) => listener(signal ?? `exit code ${code ?? 'unknown'}`)),
  };
}
