import type { ConnectionSettings } from '../../table/model.ts';
import type { ClientConnection } from './connection.ts';

export type PoolSettings = Pick<
  ConnectionSettings,
  'idleTimeoutMs' | 'maxRequestsPerConnection' | 'maxConnectionDurationMs' | 'maxConcurrentStreams'
>;

/** One connection, as the pool sees it: in the making, or alive. */
export class Pooled {
  /** undefined: not connected yet. */
  connection: ClientConnection | undefined;
  cancelConnect: (() => void) | undefined;
  onGone: (() => void) | undefined;
  streams = 0;
  started = 0;
  /** Takes no more requests. */
  retired = false;
  /** Released a moment ago: whether the server closes it is not known yet. */
  settling = false;
  /** Is in the pool's list of those with room. */
  listed = false;
  readonly #settings: PoolSettings;
  #idleTimer: NodeJS.Timeout | undefined;
  #ageTimer: NodeJS.Timeout | undefined;
  #hintMs: number | undefined;
  #onIdle: (() => void) | undefined;

  constructor(settings: PoolSettings) {
    this.#settings = settings;
  }

  get hasRoom(): boolean {
    if (this.connection === undefined || this.retired || this.settling) return false;
    return this.streams < this.connection.streamLimit;
  }

  startAging(onOld: () => void, onIdle: () => void): void {
    this.#onIdle = onIdle;
    const { maxConnectionDurationMs } = this.#settings;
    if (maxConnectionDurationMs !== undefined) this.#ageTimer = setTimeout(onOld, maxConnectionDurationMs).unref();
  }

  stopAging(): void {
    clearTimeout(this.#idleTimer);
    clearTimeout(this.#ageTimer);
  }

  /** A second less than the server said: a request that meets its closing is lost (edge-security R-14). */
  hintIdle(seconds: number): void {
    const hint = Math.max(seconds * 1_000 - 1_000, seconds * 500);
    if (hint === this.#hintMs) return;
    this.#hintMs = hint;
    clearTimeout(this.#idleTimer);
    this.#idleTimer = undefined;
  }

  becameIdle(): void {
    const limit = Math.min(
      this.#settings.idleTimeoutMs ?? Number.POSITIVE_INFINITY,
      this.#hintMs ?? Number.POSITIVE_INFINITY,
    );
    if (limit > MAX_TIMER_MS) return;
    // Running on while it is busy costs less than stopping and starting it for each request.
    if (this.#idleTimer !== undefined) this.#idleTimer.refresh();
    else this.#idleTimer = setTimeout(() => this.#idleTooLong(), limit).unref();
  }

  #idleTooLong(): void {
    if (this.streams === 0) this.#onIdle?.();
    else this.#idleTimer = undefined;
  }

  /** Nothing is under way on it. */
  close(): void {
    this.retired = true;
    this.connection?.destroy();
    this.onGone?.();
  }

  abandon(): void {
    if (this.connection !== undefined) this.connection.destroy();
    else {
      this.cancelConnect?.();
      this.onGone?.();
    }
  }
}

/** setTimeout takes no more. */
const MAX_TIMER_MS = 2 ** 31 - 1;
