import { constants, type ServerHttp2Stream } from 'node:http2';
import type { HeaderList } from '../../contract/headers.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { ResponseWriter } from '../stream.ts';
import { httpDate } from './http-date.ts';

/** Connection-specific in HTTP/1.1, forbidden in HTTP/2 (RFC 9113 §8.2.2); the length is the lane's to say. */
const NOT_SENT = new Set([
  'connection',
  'content-length',
  'http2-settings',
  'keep-alive',
  'proxy-connection',
  'te',
  'transfer-encoding',
  'upgrade',
]);

/** So many frames may wait for a client that reads slowly; with more of them interim answers are left out, or services could fill the memory. */
const MAX_WAITING_FRAMES = 100;

/** A value that would be cut, or make a field of its own, on its way through node's NUL-separated lists. */
const UNSENDABLE = /[\0\r\n]/;

/** The answer on an HTTP/2 stream: lines in their order, trailers, and no body where there is none. */
export class Http2Writer implements ResponseWriter {
  readonly #stream: ServerHttp2Stream;
  readonly #method: string;
  readonly #clock: Clock;
  #over = false;
  #bodyless = false;
  /** A head that waits for what follows: with nothing at all it closes the stream itself. */
  #waitingHead: string[] | undefined;
  #trailers: HeaderList | undefined;
  #listensForDrain = false;
  #continueSent = false;
  headSent = false;
  /** The head is all of the answer, and the stream is reset behind it: its client is to stop sending (RFC 9113 §8.1). */
  terse = false;
  onDrain: (() => void) | undefined;
  /** Since when the client has left what was written unread; monotonic. */
  stalledSinceMs: number | undefined;
  /** Everything has been handed to the connection. */
  onFlushed: (() => void) | undefined;

  constructor(stream: ServerHttp2Stream, method: string, clock: Clock) {
    this.#stream = stream;
    this.#method = method;
    this.#clock = clock;
  }

  get over(): boolean {
    return this.#over;
  }

  informational(status: number, headers: HeaderList): void {
    if (this.#over || this.headSent || status < 100 || status > 199 || status === 101) return;
    if (status === 100 ? this.#continueSent : this.#isCrowded) return;
    this.#continueSent ||= status === 100;
    this.#try(() => this.#stream.additionalHeaders({ ':status': status, ...asObject(headers) }));
  }

  get #isCrowded(): boolean {
    return (this.#stream.session?.state.outboundQueueSize ?? 0) >= MAX_WAITING_FRAMES;
  }

  head(status: number, headers: HeaderList, bodyLength: number | undefined): void {
    if (this.#over || this.headSent) return;
    this.headSent = true;
    if (this.terse) {
      this.#dismiss(status, headers);
      return;
    }
    this.#bodyless = this.#method === 'HEAD' || status === 204 || status === 304;
    const lines = this.#lines(status, headers, bodyLength);
    if (lines === undefined) this.abort();
    else if (this.#bodyless) this.#try(() => this.#respond(lines, true));
    else if (bodyLength === 0) this.#waitingHead = lines;
    else this.#try(() => this.#respond(lines, false));
  }

  #dismiss(status: number, headers: HeaderList): void {
    this.#bodyless = true;
    const lines = this.#lines(status, headers, undefined);
    if (lines === undefined) this.abort();
    else
      this.#try(() => {
        this.#stream.respond(lines as never, { endStream: true });
        // What is on its way already is not to lie about until the reset has left.
        this.#stream.resume();
        this.#stream.close(constants.NGHTTP2_NO_ERROR);
      });
  }

  #lines(status: number, headers: HeaderList, bodyLength: number | undefined): string[] | undefined {
    const given = headers.raw();
    const lines = [':status', String(status)];
    let dated = false;
    for (let i = 0; i < given.length; i += 2) {
      const name = given[i] as string;
      const value = given[i + 1] as string;
      if (NOT_SENT.has(name)) continue;
      if (UNSENDABLE.test(value)) return undefined;
      if (name === 'date') dated = true;
      lines.push(name, value);
    }
    if (bodyLength !== undefined && status !== 204 && (status !== 304 || bodyLength > 0))
      lines.push('content-length', String(bodyLength));
    if (!dated) lines.push('date', httpDate(this.#clock.nowMs()));
    return lines;
  }

  #respond(lines: string[], endStream: boolean): void {
    if (endStream) {
      this.#stream.respond(lines as never, { endStream: true });
      this.onFlushed?.();
      return;
    }
    this.#stream.respond(lines as never, { waitForTrailers: true });
    this.#stream.once('wantTrailers', () => {
      this.stalledSinceMs = undefined;
      this.#try(() => this.#stream.sendTrailers(asObject(this.#trailers)));
      this.onFlushed?.();
    });
  }

  write(chunk: Uint8Array): boolean {
    if (this.#over || !this.headSent || this.#bodyless || chunk.length === 0) return true;
    this.#sendWaitingHead();
    if (this.#stream.write(chunk)) return true;
    this.stalledSinceMs ??= this.#clock.monotonicMs();
    if (!this.#listensForDrain) {
      this.#listensForDrain = true;
      this.#stream.on('drain', () => this.#drained());
    }
    return false;
  }

  #drained(): void {
    if (!this.#over) this.stalledSinceMs = undefined;
    if (!this.#over) this.onDrain?.();
  }

  /** gRPC's trailers-only answers come here with a head and nothing else: one HEADERS frame that ends the stream. */
  end(trailers?: HeaderList): void {
    if (this.#over) return;
    if (!this.headSent) {
      this.abort();
      return;
    }
    this.#over = true;
    if (this.#bodyless) return;
    this.#trailers = trailers;
    const waiting = this.#waitingHead;
    if (waiting !== undefined && (trailers === undefined || trailers.size === 0)) {
      this.#waitingHead = undefined;
      this.#try(() => this.#respond(waiting, true));
      return;
    }
    this.#sendWaitingHead();
    this.stalledSinceMs ??= this.#clock.monotonicMs();
    this.#stream.end();
  }

  #sendWaitingHead(): void {
    const waiting = this.#waitingHead;
    this.#waitingHead = undefined;
    if (waiting !== undefined) this.#try(() => this.#respond(waiting, false));
  }

  abort(): void {
    if (this.#over) return;
    this.#over = true;
    this.#stream.close(constants.NGHTTP2_INTERNAL_ERROR);
  }

  /** The stream is gone. */
  leave(): void {
    this.#over = true;
    this.stalledSinceMs = undefined;
  }

  /** node throws at names, values and states that it cannot send; half an answer would be worse than none. */
  #try(send: () => void): void {
    try {
      if (!this.#stream.destroyed && !this.#stream.closed) send();
    } catch {
      this.#over = true;
      this.#stream.close(constants.NGHTTP2_INTERNAL_ERROR);
    }
  }
}

/** Repeated names keep all their values, which is as much order as there is between them. */
function asObject(headers: HeaderList | undefined): Record<string, string | string[]> {
  const object: Record<string, string | string[]> = Object.create(null);
  for (const [name, value] of headers ?? []) {
    if (name.startsWith(':') || NOT_SENT.has(name) || UNSENDABLE.test(value)) continue;
    const before = object[name];
    object[name] = before === undefined ? value : Array.isArray(before) ? [...before, value] : [before, value];
  }
  return object;
}
