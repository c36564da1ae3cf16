import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { HeaderList } from '../../contract/headers.ts';
import { headerName } from '../header-fields.ts';
import type { ResponseWriter } from '../stream.ts';
import { asText, framedLines } from './answer-lines.ts';

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

const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

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

  /** Who asks for a 100 is not in this lane, and other interim answers confuse clients of HTTP/1.1 (RFC 8297 §3). */
  informational(): void {}

  head(status: number, headers: HeaderList, bodyLength: number | undefined): void {
    if (this.#over || this.headSent) return;
    this.headSent = true;
    const context = this.#context;
    this.#bodyless = context.method === 'HEAD' || status === 204 || status === 304;
    this.#chunked = !this.#bodyless && bodyLength === undefined;
    this.#promised = this.#bodyless ? undefined : bodyLength;
    const lines = framedLines(headers, { status, bodyLength, chunked: this.#chunked, nowMs: context.nowMs() });
    if (context.lastAnswer()) lines.push('connection', 'close');
    if (status < 100 || status > 999) {
      this.abort();
      return;
    }
    let text = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'unknown'}\r\n`;
    for (let i = 0; i < lines.length; i += 2) {
      const name = lines[i] as string;
      const value = lines[i + 1] as string;
      // A value that HTTP/1.1 cannot carry: half a head would be worse than none.
      if (headerName(name) === undefined || !VALUE.test(value)) {
        this.abort();
        return;
      }
      text += `${name}: ${value}\r\n`;
    }
    this.#text = `${text}\r\n`;
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
