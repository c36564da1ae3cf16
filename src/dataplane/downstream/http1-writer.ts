import type { ServerResponse } from 'node:http';
import type { HeaderList } from '../../contract/headers.ts';
import type { ResponseWriter } from '../stream.ts';
import { asText, framedLines, sendInterim } from './answer-lines.ts';

/** What the writer must know of the request and its connection. */
export interface WriterContext {
  readonly method: string;
  readonly expectContinue: boolean;
  nowMs(): number;
  monotonicMs(): number;
  /** Asked when the head leaves: must this be the connection's last answer? It must, when `wanted`. */
  lastAnswer(wanted: boolean): boolean;
  /** Cuts the connection. */
  cut(): void;
}

/** node joins head and body to one write only where both are text; for small bodies that is worth the copy. */
const MAX_JOINED_BYTES = 8 * 1024;

/** The answer to an HTTP/1.1 request, by node's response object: header lines in their order, as they are. */
export class Http1Writer implements ResponseWriter {
  readonly #response: ServerResponse;
  readonly #context: WriterContext;
  #over = false;
  #bodyless = false;
  #listensForDrain = false;
  #continueSent = false;
  #chunked = false;
  /** The head has not left yet. */
  #waiting = false;
  /** The first bytes of the body, waiting to leave with the head in one piece. */
  #first: Uint8Array | undefined;
  headSent = false;
  onDrain: (() => void) | undefined;
  /** Since when the client has left what was written unread; monotonic. */
  stalledSinceMs: number | undefined;

  constructor(response: ServerResponse, context: WriterContext) {
    this.#response = response;
    this.#context = context;
  }

  /** No further call has an effect. */
  get over(): boolean {
    return this.#over;
  }

  /** Of the 100s only the first, and only where one was asked for. */
  informational(status: number, headers: HeaderList): void {
    if (status < 100 || status > 199 || status === 101 || this.#over || this.headSent) return;
    if (status === 100) this.#continue();
    else if (this.#response.socket !== null) sendInterim(this.#response.socket, status, headers);
  }

  #continue(): void {
    if (this.#continueSent || !this.#context.expectContinue) return;
    this.#continueSent = true;
    this.#response.writeContinue();
  }

  head(status: number, headers: HeaderList, bodyLength: number | undefined): void {
    if (this.#over || this.headSent) return;
    this.headSent = true;
    this.#bodyless = this.#context.method === 'HEAD' || status === 204 || status === 304;
    const lines = this.#lines(status, headers, bodyLength);
    const response = this.#response;
    response.sendDate = false;
    // node then adds no Connection and no Keep-Alive line of its own.
    response.removeHeader('connection');
    try {
      response.writeHead(status, lines);
    } catch {
      // A status or a value that HTTP/1.1 cannot carry: half a head would be worse than none.
      this.abort();
      return;
    }
    // The head leaves with the first bytes of the body, or at the end of this turn when none come: an event stream
    // may be silent for long.
    if (bodyLength === 0) return;
    this.#waiting = true;
    process.nextTick(flush, this);
  }

  #lines(status: number, headers: HeaderList, bodyLength: number | undefined): string[] {
    this.#chunked = !this.#bodyless && bodyLength === undefined;
    const lines = framedLines(headers, { status, bodyLength, chunked: this.#chunked, nowMs: this.#context.nowMs() });
    // Without the 100 the client may send its body or not; what comes next could be either (RFC 9110 §10.1.1).
    const uncertain = this.#context.expectContinue && !this.#continueSent;
    if (this.#context.lastAnswer(uncertain || !this.#response.shouldKeepAlive)) lines.push('connection', 'close');
    return lines;
  }

  /** Sends the head, and what waits with it, if nothing has taken it along yet. */
  flushHead(): void {
    if (this.#over || !this.#waiting) return;
    if (this.#first === undefined) this.#response.flushHeaders();
    this.#sendFirst();
  }

  #sendFirst(): void {
    const first = this.#first;
    this.#waiting = false;
    this.#first = undefined;
    if (first !== undefined) this.#response.write(asText(first), 'latin1');
  }

  write(chunk: Uint8Array): boolean {
    if (this.#over || !this.headSent || this.#bodyless || chunk.length === 0) return true;
    if (this.#waiting && this.#first === undefined && !this.#chunked && chunk.length <= MAX_JOINED_BYTES) {
      this.#first = chunk;
      return true;
    }
    this.#sendFirst();
    if (this.#response.write(chunk)) return true;
    this.stalledSinceMs ??= this.#context.monotonicMs();
    if (!this.#listensForDrain) {
      this.#listensForDrain = true;
      this.#response.on('drain', () => this.#drained());
    }
    return false;
  }

  #drained(): void {
    this.stalledSinceMs = undefined;
    if (!this.#over) this.onDrain?.();
  }

  /** Trailers are not sent over HTTP/1.1 (istio-semantics, recorded in h2/trailers). */
  end(): void {
    if (this.#over) return;
    if (!this.headSent) {
      this.abort();
      return;
    }
    this.#over = true;
    // What is still unread may stall as well as anything before.
    this.stalledSinceMs ??= this.#context.monotonicMs();
    const first = this.#first;
    this.#first = undefined;
    if (first === undefined) this.#response.end();
    else this.#response.end(asText(first), 'latin1');
  }

  abort(): void {
    if (this.#over) return;
    this.#over = true;
    this.#context.cut();
  }

  /** The connection is gone. */
  leave(): void {
    this.#over = true;
    this.stalledSinceMs = undefined;
  }
}

function flush(writer: Http1Writer): void {
  writer.flushHead();
}
