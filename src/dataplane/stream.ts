import type { HeaderList } from '../contract/headers.ts';

/**
 * Byte streams between the two sides of the gateway. Node's streams cost several objects and turns per request; these
 * are four calls. The rule of back-pressure: when `write` returns false, the writer pauses what it reads from until
 * `onDrain` is called. Nothing buffers more than one read.
 */

/** What receives a request body, or the body of an answer. Exactly one of `end` and `abort` is the last call. */
export interface BodySink {
  /** False: enough for now; wait for the drain. The bytes were taken all the same, and are not to be reused by the caller. */
  write(chunk: Uint8Array): boolean;
  end(trailers?: HeaderList): void;
}

/** The request body as the client sends it. Starts paused; nothing is read from the socket beyond one chunk until `start`. */
export interface BodySource {
  /** true: there is no body, and `start` need not be called. */
  readonly empty: boolean;
  /** Content-Length when the client gave one. */
  readonly length: number | undefined;
  start(receiver: BodyReceiver): void;
  pause(): void;
  resume(): void;
}

export interface BodyReceiver {
  onData(chunk: Uint8Array): void;
  onEnd(trailers: HeaderList | undefined): void;
  /** The client broke the framing or left; no `onEnd` follows. */
  onAbort(reason: 'client-gone' | 'malformed'): void;
}

/** The client's side of an answer. Calls after the client has gone do nothing. */
export interface ResponseWriter extends BodySink {
  /** 100, 102, 103; never 101. */
  informational(status: number, headers: HeaderList): void;
  /** Once. `bodyLength`: 0: none follows and `end` comes next; undefined: unknown, framed by the protocol. */
  head(status: number, headers: HeaderList, bodyLength: number | undefined): void;
  /** The answer breaks off: the connection (HTTP/1.1) or the stream (HTTP/2) is cut, so that nobody takes it for complete. */
  abort(): void;
  readonly headSent: boolean;
  onDrain: (() => void) | undefined;
}

/** Why a try brought no answer, or broke it off; texts and flags in `fault.ts` (istio-semantics §5, §7.4). */
export type ResetReason =
  | 'connect-failure'
  | 'connect-timeout'
  | 'connection-termination'
  | 'remote-reset'
  | 'remote-refused-stream'
  | 'protocol-error'
  | 'overflow'
  | 'tls-failure'
  /** We ended it: deadline, client gone, shutdown. */
  | 'local-reset';

export interface UpstreamFailure {
  readonly reason: ResetReason;
  /** For the log only: errno text or TLS error. */
  readonly detail: string | undefined;
  /** No byte of the request had been written: trying again cannot double it. */
  readonly nothingSent: boolean;
  /** The connection had been used before and closed before the first byte of an answer: the keep-alive race. */
  readonly reusedConnection: boolean;
  /** How long that connection had been idle before this try; 0 for a new one. */
  readonly idleMs: number;
}

/** Whom a client's connection speaks for, and where that one came to. */
export interface ClientEnds {
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly localAddress: string;
  readonly localPort: number;
}

export interface UpstreamRequestHead {
  readonly method: string;
  /** Path and query, as they go on the wire. */
  readonly target: string;
  readonly scheme: 'http' | 'https';
  readonly authority: string;
  /** End-to-end headers; framing (`content-length`, `transfer-encoding`, `connection`) is the client's own business. */
  readonly headers: HeaderList;
  /** 0: no body. undefined: unknown, chunked. */
  readonly bodyLength: number | undefined;
  /** The method alone says nothing: a GET may carry a body, a POST without one says content-length: 0. */
  readonly hasBody: boolean;
  /** HTTP/1.1 upgrade to ask for, such as `websocket`. */
  readonly upgrade: string | undefined;
  readonly expectContinue: boolean;
  /** Whose request it is; undefined: the gateway's own. */
  readonly client?: ClientEnds | undefined;
}

/** What a try reports, in this order: connected? informational* (head data* end | upgraded) | failed. */
export interface UpstreamReceiver {
  /** The request is assigned to a live connection; its head is about to be written. */
  onConnected(info: { readonly address: string; readonly localAddress: string; readonly reused: boolean }): void;
  onInformational(status: number, headers: HeaderList): void;
  /** Headers are end-to-end: what is between the service and us is gone. `endStream`: no body follows (onEnd does). Trailers-only gRPC answers have it. */
  onHead(status: number, headers: HeaderList, endStream: boolean): void;
  onData(chunk: Uint8Array): void;
  onEnd(trailers: HeaderList | undefined): void;
  /** 101: from now on the bytes are the two parties' own. `first` may have come with the head. */
  onUpgraded(headers: HeaderList, tunnel: Tunnel, first: Uint8Array): void;
  /** Before or after the head; nothing follows. */
  onFailed(failure: UpstreamFailure): void;
  /** The request body may be written again. */
  onDrain(): void;
}

/** One try on its way. */
export interface UpstreamExchange extends BodySink {
  /** Back-pressure of the answer's body. */
  pause(): void;
  resume(): void;
  /** Ends the try; no further call of the receiver. The connection is not used again (HTTP/1.1), the stream is reset (HTTP/2). */
  cancel(): void;
}

/** Raw bytes both ways. */
export interface Tunnel {
  write(chunk: Uint8Array): boolean;
  end(): void;
  destroy(): void;
  pause(): void;
  resume(): void;
  onData: ((chunk: Uint8Array) => void) | undefined;
  onDrain: (() => void) | undefined;
  /** The other end has no more to say; it may still listen. */
  onEnd: (() => void) | undefined;
  onClose: (() => void) | undefined;
}
