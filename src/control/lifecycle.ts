import type { Log } from './log.ts';

export interface Stop {
  readonly reason: string;
  readonly exitCode: number;
}

export interface LifecycleOptions {
  /** SIGHUP: look at the files now. */
  readonly reload: () => void;
  readonly log: Log;
  /** Ends the process at once; for the second request to stop. */
  readonly exit: (code: number) => void;
  /** For tests. */
  readonly events?: NodeJS.EventEmitter;
}

/** A terminal's Ctrl-C reaches this process and its launcher, which passes it on: within this time it is one wish. */
const SAME_WISH_MS = 1_000;

/**
 * Resolves when the process is to end: by SIGTERM or SIGINT, or by an error that nobody caught, after which nothing may
 * be relied on but what is needed to let requests under way finish.
 */
export function untilTold({ reload, log, exit, events = process }: LifecycleOptions): Promise<Stop> {
  return new Promise((resolve) => {
    let toldAtMs: number | undefined;
    const stop = (reason: string, exitCode: number): void => {
      const now = performance.now();
      if (toldAtMs === undefined) {
        toldAtMs = now;
        resolve({ reason, exitCode });
      } else if (now - toldAtMs > SAME_WISH_MS) {
        log.warn('told again to stop; requests under way are cut off', { reason });
        exit(exitCode === 0 ? 1 : exitCode);
      }
    };
    events.on('SIGTERM', () => stop('SIGTERM', 0));
    events.on('SIGINT', () => stop('SIGINT', 0));
    events.on('SIGHUP', () => {
      log.info('looking at the files, as told by SIGHUP');
      reload();
    });
    // Whoever may send it would get a debugger, and with it every key, where nobody listens for it (edge-security A-03).
    events.on('SIGUSR1', () => log.warn('no debugger is opened by SIGUSR1'));
    const broken = (kind: string) => (error: unknown) => {
      log.error(`${kind}; this process ends`, { error: error instanceof Error ? error.stack : String(error) });
      stop(kind, 1);
    };
    events.on('uncaughtException', broken('an error that nobody caught'));
    events.on('unhandledRejection', broken('a rejection that nobody caught'));
  });
}
