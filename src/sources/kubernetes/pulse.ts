import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock } from '../../kernel/clock.ts';
import type { ApiClient } from './client.ts';

export interface PulseTimings {
  /** Between two beats; one that gets no answer for as long is missed. */
  readonly pulseMs: number;
}

export interface PulseOptions {
  readonly client: ApiClient;
  readonly clock: Clock;
  readonly random: () => number;
  readonly timings: PulseTimings;
  readonly onMissed: (error: Error) => void;
  /** The server answers again; then, in monotonic milliseconds, it did not. */
  readonly onReturned: (missedMs: number) => void;
}

/** After a missed beat the next one comes soon; */
const SOON_SHARE = 1 / 4;
/** and replicas do not come back together. */
const SPREAD_SHARE = 1 / 4;

/**
 * Whether the API server can be reached. A watch does not tell: silent is what it is when nothing happens, and after a
 * partition TCP may wait for a minute before it tries again, or the server may have forgotten the connection. So it is
 * asked for its version now and then, and when it answers again the watches that were quiet meanwhile are renewed.
 */
export class Pulse {
  readonly #options: PulseOptions;
  readonly #stop = new AbortController();
  #running: Promise<void> | undefined;

  constructor(options: PulseOptions) {
    this.#options = options;
  }

  start(): void {
    this.#running ??= this.#run();
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    const { client, clock, random, timings, onMissed, onReturned } = this.#options;
    const { pulseMs } = timings;
    const rest = (ms: number): Promise<void> => sleep(ms, undefined, { signal }).catch(() => {});
    let missedMs: number | undefined;
    while (!signal.aborted) {
      await rest(missedMs === undefined ? pulseMs : pulseMs * SOON_SHARE);
      if (signal.aborted) return;
      try {
        await client.knock(pulseMs);
      } catch (error) {
        missedMs = clock.monotonicMs();
        if (!signal.aborted) onMissed(error as Error);
        continue;
      }
      if (missedMs === undefined) continue;
      await rest(random() * pulseMs * SPREAD_SHARE);
      if (!signal.aborted) onReturned(missedMs);
      missedMs = undefined;
    }
  }
}
