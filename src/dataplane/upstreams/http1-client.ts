import { HeaderList } from '../../contract/headers.ts';
import { noteReadBuffer } from '../read-buffers.ts';
import type { ResetReason, UpstreamReceiver, UpstreamRequestHead } from '../stream.ts';
import {
  type ClientConnection,
  type ClientStream,
  type ConnectionEvents,
  type EndOfBody,
  failure,
} from './connection.ts';
import { type AnswerEvents, AnswerReader } from './http1-answer.ts';
import { type RequestFraming, requestFraming, writeLastChunk, writeRequestHead } from './http1-request.ts';
import { tunnelOver, type Wire } from './wire.ts';

/** One HTTP/1.1 connection to a host: one request at a time, no pipelining, thrown away at the first doubt. */
export class Http1Connection implements ClientConnection {
  readonly streamLimit = 1;
  readonly wire: Wire;
  readonly address: string;
  readonly #events: ConnectionEvents;
  #stream: Http1Stream | undefined;
  #served = 0;
  #idleSinceMs = 0;

  constructor(wire: Wire, address: string, events: ConnectionEvents) {
    this.wire = wire;
    this.address = address;
    this.#events = events;
    wire.onBytes = (bytes) => this.#onBytes(bytes);
    wire.onEnd = () => {
      this.#stream?.ended();
      this.destroy();
    };
    wire.onDrain = () => this.#stream?.drained();
    wire.onClose = (error) => {
      this.#stream?.lost(error?.message);
      events.onClosed();
    };
  }

  open(head: UpstreamRequestHead, receiver: UpstreamReceiver, onClosed: () => void): ClientStream {
    const idleMs = this.#served === 0 ? undefined : performance.now() - this.#idleSinceMs;
    const stream = new Http1Stream(this, head, receiver, onClosed, idleMs);
    this.#served++;
    this.#stream = stream;
    return stream;
  }

  destroy(): void {
    this.wire.socket.destroy();
    // Not when the socket has closed, a moment later: nobody must choose it in between.
    this.#events.onClosed();
  }

  /** The request is over; what was left unread or unsent decides whether another may follow. */
  release(reusable: boolean, keepAliveSeconds: number | undefined): void {
    this.#stream = undefined;
    if (!reusable) {
      this.destroy();
      return;
    }
    this.#idleSinceMs = performance.now();
    this.wire.resume();
    if (keepAliveSeconds !== undefined) this.#events.onIdleHint(keepAliveSeconds);
  }

  /** The connection is somebody else's from now on; it counts as long as it lives. */
  surrender(): ConnectionEvents {
    this.#stream = undefined;
    return this.#events;
  }

  #onBytes(bytes: Buffer): boolean {
    // Nobody asked: whoever came next would take it for the answer to its own request (edge-security F-33).
    if (this.#stream === undefined) this.destroy();
    else return this.#stream.received(bytes);
    return false;
  }
}

class Http1Stream implements ClientStream, AnswerEvents {
  readonly #connection: Http1Connection;
  readonly #head: UpstreamRequestHead;
  readonly #receiver: UpstreamReceiver;
  readonly #onClosed: () => void;
  /** undefined: the connection is new. */
  readonly #idleMs: number | undefined;
  readonly #framing: RequestFraming;
  readonly #reader: AnswerReader;
  #state: 'waiting' | 'open' | 'done' = 'waiting';
  #paused = false;
  #bodySent = 0;
  #requestDone = false;

  constructor(
    connection: Http1Connection,
    head: UpstreamRequestHead,
    receiver: UpstreamReceiver,
    onClosed: () => void,
    idleMs: number | undefined,
  ) {
    this.#connection = connection;
    this.#head = head;
    this.#receiver = receiver;
    this.#onClosed = onClosed;
    this.#idleMs = idleMs;
    this.#framing = requestFraming(head);
    this.#reader = new AnswerReader(head.method, head.upgrade !== undefined, this);
  }

  /* ---- the request */

  connected(): void {
    const { address, wire } = this.#connection;
    this.#receiver.onConnected({ address, localAddress: wire.localAddress, reused: this.#idleMs !== undefined });
  }

  begin(body: readonly Uint8Array[], end: EndOfBody | undefined): boolean {
    if (this.#state !== 'waiting') return true;
    const head = writeRequestHead(this.#head, this.#framing);
    if (!head.ok) {
      this.#fail('local-reset', head.error);
      return true;
    }
    this.#state = 'open';
    const more = this.#sendHead(head.value, body, end);
    if (this.#paused) this.#connection.wire.pause();
    return more;
  }

  /** With as much of the body as is here already. */
  #sendHead(head: string, body: readonly Uint8Array[], end: EndOfBody | undefined): boolean {
    const { socket } = this.#connection.wire;
    this.#requestDone = this.#framing.kind === 'none';
    if (this.#requestDone) return socket.write(head, 'latin1');
    socket.cork();
    let more = socket.write(head, 'latin1');
    for (const chunk of body) more = this.write(chunk);
    if (end !== undefined) this.end(end.trailers);
    socket.uncork();
    return more;
  }

  write(chunk: Uint8Array): boolean {
    if (this.#state !== 'open' || this.#requestDone || chunk.length === 0) return true;
    const { socket } = this.#connection.wire;
    this.#bodySent += chunk.length;
    if (this.#framing.kind === 'length') {
      if (this.#bodySent <= this.#framing.length) return socket.write(chunk);
      this.#fail('local-reset', 'the request body is longer than its Content-Length');
      return true;
    }
    socket.cork();
    socket.write(`${chunk.length.toString(16)}\r\n`, 'latin1');
    socket.write(chunk);
    const more = socket.write('\r\n', 'latin1');
    socket.uncork();
    return more;
  }

  end(trailers: EndOfBody['trailers']): void {
    if (this.#state !== 'open' || this.#requestDone) return;
    this.#requestDone = true;
    if (this.#framing.kind === 'chunked') this.#connection.wire.socket.write(writeLastChunk(trailers), 'latin1');
    else if (this.#framing.kind === 'length' && this.#bodySent < this.#framing.length)
      this.#fail('local-reset', 'the request body is shorter than its Content-Length');
  }

  drained(): void {
    if (this.#state === 'open' && !this.#requestDone) this.#receiver.onDrain();
  }

  /* ---- the answer */

  /** False: no more for now. */
  received(bytes: Buffer): boolean {
    if (this.#state === 'waiting') {
      // An answer before the request: left over from somebody else, or a server that speaks out of turn.
      this.#fail('protocol-error', 'bytes before the request was sent');
      return false;
    }
    const used = this.#reader.feed(bytes);
    if (this.#state !== 'open') return false;
    if (this.#reader.error !== undefined) this.#fail('protocol-error', this.#reader.error);
    else if (this.#reader.upgraded !== undefined) return this.#upgrade(this.#reader.upgraded, bytes.subarray(used));
    else if (this.#reader.complete) this.#complete(used === bytes.length);
    return !this.#paused || this.#state !== 'open';
  }

  informational(status: number, headers: string[]): void {
    if (this.#state === 'open') this.#receiver.onInformational(status, HeaderList.adopt(headers));
  }

  head(status: number, headers: string[], endStream: boolean): void {
    if (this.#state === 'open') this.#receiver.onHead(status, HeaderList.adopt(headers), endStream);
  }

  data(bytes: Buffer, start: number, end: number): void {
    if (this.#state !== 'open') return;
    const part = bytes.subarray(start, end);
    noteReadBuffer(part.length);
    this.#receiver.onData(this.#connection.wire.lends ? Buffer.from(part) : part);
  }

  pause(): void {
    this.#paused = true;
    if (this.#state === 'open') this.#connection.wire.pause();
  }

  resume(): void {
    this.#paused = false;
    if (this.#state === 'open') this.#connection.wire.resume();
  }

  /** The server closed its side in order. */
  ended(): void {
    if (this.#state === 'done') return;
    const cut = this.#reader.ended();
    if (cut === 'complete') this.#complete(false);
    else if (cut === 'head-cut') this.#fail('protocol-error', 'the head was cut short');
    else this.#fail('connection-termination', cut === 'body-cut' ? 'the body was cut short' : undefined);
  }

  /** The connection is gone. */
  lost(detail: string | undefined): void {
    if (this.#state !== 'done') this.#fail('connection-termination', detail);
  }

  #complete(nothingLeft: boolean): void {
    const { keepAlive, keepAliveSeconds, trailers } = this.#reader;
    this.#state = 'done';
    this.#connection.release(keepAlive && this.#requestDone && nothingLeft, keepAliveSeconds);
    this.#onClosed();
    this.#receiver.onEnd(trailers === undefined ? undefined : HeaderList.adopt(trailers));
  }

  #upgrade(headers: string[], rest: Buffer): boolean {
    const { wire } = this.#connection;
    this.#state = 'done';
    const events = this.#connection.surrender();
    const tunnel = tunnelOver(wire, () => {
      this.#onClosed();
      events.onClosed();
    });
    this.#receiver.onUpgraded(HeaderList.adopt(headers), tunnel, wire.lends ? Buffer.from(rest) : rest);
    return true;
  }

  cancel(): void {
    if (this.#state === 'done') return;
    const untouched = this.#state === 'waiting';
    this.#state = 'done';
    this.#connection.release(untouched, undefined);
    this.#onClosed();
  }

  #fail(reason: ResetReason, detail: string | undefined): void {
    const nothingSent = this.#state === 'waiting';
    this.#state = 'done';
    // What could not even be written leaves the connection as it was.
    this.#connection.release(nothingSent && reason === 'local-reset', undefined);
    this.#onClosed();
    const race = reason === 'connection-termination' && this.#idleMs !== undefined && !this.#reader.started;
    const reuse = { reusedConnection: race, idleMs: this.#idleMs ?? 0 };
    this.#receiver.onFailed(failure(reason, detail, nothingSent, reuse));
  }
}
