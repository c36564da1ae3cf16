import type { ServerHttp2Stream } from 'node:http2';
import type { HeaderList } from '../../contract/headers.ts';
import type { Clock } from '../../kernel/clock.ts';
import { readTrailers } from './http2-headers.ts';
import { StreamBody } from './lane-body.ts';

/** The body of an HTTP/2 request. A client that says a length and sends another has sent no complete request (edge-security H-10). */
export class Http2Body extends StreamBody {
  readonly #stream: ServerHttp2Stream;
  #trailers: HeaderList | undefined;
  #received = 0;
  /** Since when what still comes is thrown away; undefined: nothing does. Monotonic. */
  unwantedSinceMs: number | undefined;

  constructor(stream: ServerHttp2Stream, endStream: boolean, length: number | undefined, clock: Clock) {
    super(stream, endStream, length, clock);
    this.#stream = stream;
    if (endStream) return;
    stream.on('trailers', (_headers: unknown, _flags: number, raw?: readonly string[]) => {
      this.#trailers = readTrailers(raw ?? []);
    });
  }

  /** Whatever still comes is read and thrown away, so that the connection goes on. */
  leave(): void {
    this.waitingSinceMs = undefined;
    if (this.empty || this.over) return;
    this.close();
    this.unwantedSinceMs = this.clock.monotonicMs();
    this.#stream.once('end', () => {
      this.unwantedSinceMs = undefined;
    });
    this.#stream.resume();
  }

  protected override take(chunk: Buffer): void {
    this.#received += chunk.length;
    super.take(chunk);
  }

  /** node ends the reading also of a stream that was reset; only the length tells, where there was one. */
  protected ended(): void {
    if (this.over || this.broken !== undefined) return;
    const short = this.length !== undefined && !this.empty && this.#received !== this.length;
    if (short || this.#stream.rstCode !== 0) {
      this.break(short ? 'malformed' : 'client-gone');
      return;
    }
    this.close();
    this.receiver?.onEnd(this.#trailers);
  }
}
