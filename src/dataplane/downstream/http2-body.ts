import type { ServerHttp2Stream } from 'node:http2';
import type { HeaderList } from '../../contract/headers.ts';
import type { Clock } from '../../kernel/clock.ts';
import { noteReadBuffer } from '../read-buffers.ts';
import type { BodyReceiver, BodySource } from '../stream.ts';
import { readTrailers } from './http2-headers.ts';

/** The body of an HTTP/2 request. A client that says a length and sends another has sent no complete request (edge-security H-10). */
export class Http2Body implements BodySource {
  readonly #stream: ServerHttp2Stream;
  readonly #clock: Clock;
  readonly empty: boolean;
  readonly length: number | undefined;
  #receiver: BodyReceiver | undefined;
  #trailers: HeaderList | undefined;
  #received = 0;
  #over = false;
  #broken: 'client-gone' | 'malformed' | undefined;
  #paused = false;
  /** Since when somebody waits for the client to go on; monotonic. */
  waitingSinceMs: number | undefined;
  /** Since when what still comes is thrown away; undefined: nothing does. Monotonic. */
  unwantedSinceMs: number | undefined;

  constructor(stream: ServerHttp2Stream, endStream: boolean, length: number | undefined, clock: Clock) {
    this.#stream = stream;
    this.#clock = clock;
    this.empty = endStream;
    this.length = length;
    if (endStream) return;
    stream.on('trailers', (_headers: unknown, _flags: number, raw?: readonly string[]) => {
      this.#trailers = readTrailers(raw ?? []);
    });
  }

  start(receiver: BodyReceiver): void {
    if (this.#receiver !== undefined) return;
    this.#receiver = receiver;
    if (this.empty) process.nextTick(() => this.#end());
    else if (this.#broken !== undefined) process.nextTick(() => this.#abort());
    else {
      this.waitingSinceMs = this.#clock.monotonicMs();
      this.#stream.on('data', (chunk: Buffer) => this.#data(chunk));
      this.#stream.on('end', () => this.#end());
      if (this.#paused) this.#stream.pause();
    }
  }

  pause(): void {
    this.#paused = true;
    this.waitingSinceMs = undefined;
    if (this.#receiver !== undefined && !this.#over) this.#stream.pause();
  }

  resume(): void {
    this.#paused = false;
    if (this.#receiver === undefined || this.#over) return;
    this.waitingSinceMs = this.#clock.monotonicMs();
    this.#stream.resume();
  }

  /** The rest will not come. */
  break(reason: 'client-gone' | 'malformed'): void {
    if (this.#over || this.#broken !== undefined) return;
    this.#broken = reason;
    if (this.#receiver !== undefined) this.#abort();
  }

  /** The answer has left; whatever still comes is thrown away. */
  leave(): void {
    this.waitingSinceMs = undefined;
    if (this.empty || this.#over) return;
    this.#over = true;
    this.unwantedSinceMs = this.#clock.monotonicMs();
    this.#stream.once('end', () => {
      this.unwantedSinceMs = undefined;
    });
    this.#stream.resume();
  }

  #data(chunk: Buffer): void {
    this.#received += chunk.length;
    if (this.#over || this.#broken !== undefined) return;
    noteReadBuffer(chunk.length);
    if (!this.#paused) this.waitingSinceMs = this.#clock.monotonicMs();
    this.#receiver?.onData(chunk);
  }

  /** node ends the reading also of a stream that was reset; only the length tells, where there was one. */
  #end(): void {
    if (this.#over || this.#broken !== undefined) return;
    const short = this.length !== undefined && !this.empty && this.#received !== this.length;
    if (short || this.#stream.rstCode !== 0) {
      this.break(short ? 'malformed' : 'client-gone');
      return;
    }
    this.#over = true;
    this.waitingSinceMs = undefined;
    this.#receiver?.onEnd(this.#trailers);
  }

  #abort(): void {
    if (this.#over) return;
    this.#over = true;
    this.waitingSinceMs = undefined;
    this.#receiver?.onAbort(this.#broken ?? 'client-gone');
  }
}
