import type { Readable } from 'node:stream';
import type { Clock } from '../../kernel/clock.ts';
import { noteReadBuffer } from '../read-buffers.ts';
import type { BodyReceiver, BodySource } from '../stream.ts';

/** A request body as a lane reads it: starts when somebody takes it, pauses, breaks, ends once. Where it is read from is the lane's business. */
export abstract class LaneBody implements BodySource {
  protected readonly clock: Clock;
  readonly empty: boolean;
  readonly length: number | undefined;
  protected receiver: BodyReceiver | undefined;
  protected over = false;
  protected broken: 'client-gone' | 'malformed' | undefined;
  protected paused = false;
  /** Since when somebody waits for the client to go on; undefined: nobody does. Monotonic. */
  waitingSinceMs: number | undefined;

  constructor(empty: boolean, length: number | undefined, clock: Clock) {
    this.empty = empty;
    this.length = length;
    this.clock = clock;
  }

  start(receiver: BodyReceiver): void {
    if (this.receiver !== undefined) return;
    this.receiver = receiver;
    if (this.empty) process.nextTick(() => this.ended());
    else if (this.broken !== undefined) process.nextTick(() => this.#abort());
    else {
      this.waitingSinceMs = this.clock.monotonicMs();
      this.listen();
    }
  }

  pause(): void {
    this.paused = true;
    this.waitingSinceMs = undefined;
    if (this.receiver !== undefined && !this.over) this.hold();
  }

  resume(): void {
    this.paused = false;
    if (this.receiver === undefined || this.over) return;
    this.waitingSinceMs = this.clock.monotonicMs();
    this.proceed();
  }

  /** The rest will not come. */
  break(reason: 'client-gone' | 'malformed'): void {
    if (this.over || this.broken !== undefined) return;
    this.broken = reason;
    if (this.receiver !== undefined) this.#abort();
  }

  /** The answer has left; whatever still comes is nobody's. */
  abstract leave(): void;

  /** Somebody takes it from now on; `paused` says whether at once. */
  protected abstract listen(): void;

  protected abstract hold(): void;

  protected abstract proceed(): void;

  /** Nothing more is to be read: is that a whole body? Called at most once while it is neither over nor broken. */
  protected abstract ended(): void;

  protected take(chunk: Buffer): void {
    if (this.over || this.broken !== undefined) return;
    noteReadBuffer(chunk.length);
    if (!this.paused) this.waitingSinceMs = this.clock.monotonicMs();
    this.receiver?.onData(chunk);
  }

  protected close(): void {
    this.over = true;
    this.waitingSinceMs = undefined;
  }

  #abort(): void {
    if (this.over) return;
    this.close();
    this.receiver?.onAbort(this.broken ?? 'client-gone');
  }
}

/** A body that node reads: ahead to its high-water mark, and no further before somebody takes it. What an end means is the protocol's business. */
export abstract class StreamBody extends LaneBody {
  readonly #readable: Readable;

  constructor(readable: Readable, empty: boolean, length: number | undefined, clock: Clock) {
    super(empty, length, clock);
    this.#readable = readable;
  }

  protected listen(): void {
    this.#readable.on('data', (chunk: Buffer) => this.take(chunk));
    this.#readable.on('end', () => this.ended());
    if (this.paused) this.#readable.pause();
  }

  protected hold(): void {
    this.#readable.pause();
  }

  protected proceed(): void {
    this.#readable.resume();
  }
}
