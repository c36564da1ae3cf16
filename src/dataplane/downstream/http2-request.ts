import { constants, type ServerHttp2Stream } from 'node:http2';
import type { TlsFacts } from '../../contract/exchange.ts';
import type { HeaderList } from '../../contract/headers.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { DownstreamConnection } from './connection.ts';
import { Http2Body } from './http2-body.ts';
import type { Http2Head } from './http2-headers.ts';
import { Http2Writer } from './http2-writer.ts';
import type { RawRequest } from './port.ts';

/** Who has the streams of a connection. */
interface StreamOwner {
  turnedAway(authority: string | undefined): void;
}

/** One stream of an HTTP/2 connection. */
export class Http2Request implements RawRequest {
  readonly #connection: DownstreamConnection;
  readonly #stream: ServerHttp2Stream;
  readonly #owner: StreamOwner;
  #onGone: (() => void) | undefined;
  #gone = false;
  isTurnedAway = false;
  readonly protocol = 'HTTP/2';
  readonly method: string;
  readonly target: string;
  readonly scheme: string | undefined;
  readonly authority: string | undefined;
  readonly headers: HeaderList;
  readonly body: Http2Body;
  readonly writer: Http2Writer;
  readonly startedAtMs: number;
  readonly startedMonotonicMs: number;
  readonly expectContinue: boolean;
  readonly upgrade = undefined;
  /** Calls of gRPC may be silent for as long as they like. */
  readonly streaming: boolean;

  constructor(
    connection: DownstreamConnection,
    stream: ServerHttp2Stream,
    head: Http2Head,
    endStream: boolean,
    clock: Clock,
    owner: StreamOwner,
  ) {
    this.#connection = connection;
    this.#owner = owner;
    this.#stream = stream;
    this.method = head.method;
    this.target = head.path;
    this.scheme = head.scheme;
    this.authority = head.authority;
    this.headers = head.headers;
    this.expectContinue = head.expect !== undefined;
    this.startedAtMs = clock.nowMs();
    this.startedMonotonicMs = clock.monotonicMs();
    this.streaming = head.headers.get('content-type')?.startsWith('application/grpc') === true;
    this.body = new Http2Body(stream, endStream, head.contentLength, clock);
    this.writer = new Http2Writer(stream, head.method, clock);
    stream.once('aborted', () => this.lost());
    stream.once('close', () => this.lost());
  }

  get peerAddress(): string {
    return this.#connection.peerAddress;
  }

  get peerPort(): number {
    return this.#connection.peerPort;
  }

  get remoteAddress(): string {
    return this.#connection.remoteAddress;
  }

  get remotePort(): number {
    return this.#connection.remotePort;
  }

  get localAddress(): string {
    return this.#connection.localAddress;
  }

  get localPort(): number {
    return this.#connection.localPort;
  }

  get listenerPort(): number {
    return this.#connection.listenerPort;
  }

  get destinationPort(): number {
    return this.#connection.destinationPort;
  }

  get routeConfig(): string {
    return this.#connection.routeConfig;
  }

  get tls(): TlsFacts | undefined {
    return this.#connection.tls;
  }

  /** A body that is still on its way is not read and thrown away, as for other answers: ten thousand of them would fill the memory. */
  turnAway(): void {
    this.isTurnedAway = true;
    this.#owner.turnedAway(this.authority);
    if (!this.body.empty) this.writer.terse = true;
  }

  onGone(callback: () => void): void {
    this.#onGone = callback;
    if (this.#gone) process.nextTick(callback);
  }

  /** The stream is gone: by the client, with the connection, or because nghttp2 found that it breaks the protocol. */
  lost(): void {
    if (this.#gone) return;
    const unanswered = !this.writer.over;
    this.writer.leave();
    this.body.break(this.#stream.rstCode === constants.NGHTTP2_PROTOCOL_ERROR ? 'malformed' : 'client-gone');
    if (!unanswered) return;
    this.#gone = true;
    this.#onGone?.();
  }
}
