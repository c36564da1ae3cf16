import type { Socket } from 'node:net';
import type { HeaderList } from '../../contract/headers.ts';
import type { ResponseWriter } from '../stream.ts';
import { asText, framedLines, headText, sendInterim } from './answer-lines.ts';

/** What the writer must know of the request and its connection. */
export interface FastWriterContext {
  readonly method: string;
  readonly socket: Socket;
  nowMs(): number;
  /** Asked when the head leaves: must this be the connection's last answer? */
  lastAnswer(): boolean;
  /** All of the answer is written. */
  answered(): void;
  /** Cuts the connection. */
  cut(): void;
}

/** Pieces up to this size wait for one another within a turn of the loop; for larger ones the copy is dearer than a write. */
const MAX_JOINED_BYTES = 8 * 1024;

/** The answer to a request of the fast lane, written to the socket as it is. */
export class FastWriter implements ResponseWriter {
  readonly #context: FastWriterContext;
  #over = false;
  #bodyless = false;
  #chunked = false;
  /** Bytes that the head has promised and that were not written yet; undefined: it has promised none. */
  #promised: number | undefined;
  /** What has not left yet, one character a byte. */
  #text = '';
  #flushing = false;
  headSent = false;
  onDrain: (() => void) | undefined;

  constructor(context: FastWriterContext) {
    this.#context = context;
  }

  get over(): boolean {
    return this.#over;
  }

  /** Who asks for a 100 is not in this lane. */
  informational(status: number, headers: HeaderList): void {
    if (status < 102 || status > 199 || this.#over || this.headSent) return;
    sendInterim(this.#context.socket, status, headers);
  }

  head(status: number, headers: HeaderList, bodyLength: number | undefined): void {
    if (this.#over || this.headSent) return;
    this.headSent = true;
    const context = this.#context;
    this.#bodyless = context.method === 'HEAD' || status === 204 || status === 304;
    this.#chunked = !this.#bodyless && bodyLength === undefined;
    this.#promised = this.#bodyless ? undefined : bodyLength;
    const lines = framedLines(headers, { status, bodyLength, chunked: this.#chunked, nowMs: context.nowMs() });
    if (context.lastAnswer()) lines.push('connection', 'close');
    const text = headText(status, lines);
    if (text === undefined) {
      this.abort();
      return;
    }
    this.#text = text;
    // An event stream may be silent for long: what waits leaves at the end of this turn at the latest.
    this.#flushSoon();
  }

  write(chunk: Uint8Array): boolean {
    if (this.#over || !this.headSent || this.#bodyless || chunk.length === 0) return true;
    const { socket } = this.#context;
    if (!this.#keepsPromise(chunk.length)) return true;
    if (this.#chunked) this.#text += `${chunk.length.toString(16)}\r\n`;
    if (chunk.length <= MAX_JOINED_BYTES) {
      this.#text += asText(chunk);
      if (this.#chunked) this.#text += '\r\n';
      if (this.#text.length > MAX_JOINED_BYTES) return this.#flush();
      this.#flushSoon();
      return !socket.writableNeedDrain;
    }
    socket.cork();
    this.#flush();
    const more = socket.write(chunk);
    if (this.#chunked) socket.write('\r\n', 'latin1');
    socket.uncork();
    return more;
  }

  /** A body of another length than its head says would be taken for the beginning of the next answer, or wait for one. */
  #keepsPromise(bytes: number): boolean {
    if (this.#promised === undefined) return true;
    this.#promised -= bytes;
    if (this.#promised < 0) this.abort();
    return this.#promised >= 0;
  }

  /** Trailers are not sent over HTTP/1.1 (istio-semantics, recorded in h2/trailers). */
  end(): void {
    if (this.#over) return;
    if (!this.headSent) {
      this.abort();
      return;
    }
    if ((this.#promised ?? 0) > 0) {
      this.abort();
      return;
    }
    if (this.#chunked) this.#text += '0\r\n\r\n';
    this.#flush();
    this.#over = true;
    this.#context.answered();
  }

  #flushSoon(): void {
    if (this.#flushing) return;
    this.#flushing = true;
    process.nextTick(flush, this);
  }

  flushNow(): void {
    this.#flushing = false;
    if (!this.#over) this.#flush();
  }

  #flush(): boolean {
    const text = this.#text;
    if (text === '') return true;
    this.#text = '';
    return this.#context.socket.write(text, 'latin1');
  }

  /** The socket has room again. */
  drained(): void {
    if (!this.#over) this.onDrain?.();
  }

  abort(): void {
    if (this.#over) return;
    this.#over = true;
    this.#context.cut();
  }

  leave(): void {
    this.#over = true;
  }
}

function flush(writer: FastWriter): void {
  writer.flushNow();
}
