import type { IncomingMessage } from 'node:http';
import type { Clock } from '../../kernel/clock.ts';
import { noteReadBuffer } from '../read-buffers.ts';
import type { BodyReceiver, BodySource } from '../stream.ts';

/** Where the message says its body ends; the parser has settled already that it says one thing only. */
export function bodyLengthOf(message: IncomingMessage): 'chunked' | number | undefined {
  if (message.headers['transfer-encoding'] !== undefined) return 'chunked';
  const length = message.headers['content-length'];
  return length === undefined ? undefined : Number(length);
}

/** The body of an HTTP/1.1 request. node reads ahead to its high-water mark, and no further before somebody takes it. */
export class Http1Body implements BodySource {
  readonly #message: IncomingMessage;
  readonly #clock: Clock;
  readonly empty: boolean;
  readonly length: number | undefined;
  #receiver: BodyReceiver | undefined;
  #over = false;
  #broken: 'client-gone' | 'malformed' | undefined;
  #paused = false;
  /** Since when somebody waits for the client to go on; undefined: nobody does. Monotonic. */
  waitingSinceMs: number | undefined;

  constructor(message: IncomingMessage, clock: Clock) {
    this.#message = message;
    this.#clock = clock;
    const length = bodyLengthOf(message);
    this.length = typeof length === 'number' ? length : undefined;
    this.empty = length === undefined || length === 0;
  }

  /** Has all of it come in, whether or not somebody took it? */
  get arrived(): boolean {
    return this.empty || this.#message.complete;
  }

  start(receiver: BodyReceiver): void {
    if (this.#receiver !== undefined) return;
    this.#receiver = receiver;
    if (this.empty) process.nextTick(() => this.#end());
    else if (this.#broken !== undefined) process.nextTick(() => this.#abort());
    else {
      this.waitingSinceMs = this.#clock.monotonicMs();
      this.#message.on('data', (chunk: Buffer) => this.#data(chunk));
      this.#message.on('end', () => this.#end());
      if (this.#paused) this.#message.pause();
    }
  }

  pause(): void {
    this.#paused = true;
    this.waitingSinceMs = undefined;
    if (this.#receiver !== undefined && !this.#over) this.#message.pause();
  }

  resume(): void {
    this.#paused = false;
    if (this.#receiver === undefined || this.#over) return;
    this.waitingSinceMs = this.#clock.monotonicMs();
    this.#message.resume();
  }

  /** The rest will not come. */
  break(reason: 'client-gone' | 'malformed'): void {
    if (this.#over || this.#broken !== undefined) return;
    this.#broken = reason;
    if (this.#receiver !== undefined) this.#abort();
  }

  /** The answer has left; whatever still comes is nobody's. */
  leave(): void {
    this.#over = true;
    this.waitingSinceMs = undefined;
  }

  #data(chunk: Buffer): void {
    if (this.#over || this.#broken !== undefined) return;
    noteReadBuffer(chunk.length);
    if (!this.#paused) this.waitingSinceMs = this.#clock.monotonicMs();
    this.#receiver?.onData(chunk);
  }

  /** Trailers of HTTP/1.1 requests go nowhere, as at Envoy's default (istio-semantics §7, recorded in h2/trailers; edge-security F-21). */
  #end(): void {
    if (this.#over || this.#broken !== undefined) return;
    this.leave();
    this.#receiver?.onEnd(undefined);
  }

  #abort(): void {
    if (this.#over) return;
    this.leave();
    this.#receiver?.onAbort(this.#broken ?? 'client-gone');
  }
}
