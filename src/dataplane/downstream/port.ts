import type { TlsFacts } from '../../contract/exchange.ts';
import type { HeaderList } from '../../contract/headers.ts';
import type { BodySource, ResponseWriter, Tunnel } from '../stream.ts';

/**
 * A request as a lane read it: framing settled, nothing interpreted yet. The lanes (ordinary HTTP/1.1, all of
 * HTTP/1.1 behind Fastify, HTTP/2 streams) end here; everything after is the same for all of them.
 */
export interface RawRequest {
  readonly protocol: 'HTTP/1.0' | 'HTTP/1.1' | 'HTTP/2';
  readonly method: string;
  /** The request target as received, one character a byte (Latin-1): origin form, absolute form, `*` or authority form. `:path` in HTTP/2. */
  readonly target: string;
  /** `:scheme` in HTTP/2 as sent; undefined in HTTP/1.1. */
  readonly scheme: string | undefined;
  /** `:authority` in HTTP/2, else undefined: HTTP/1.1's Host lines are in `headers`. */
  readonly authority: string | undefined;
  /** All lines as received, in order, names in lower case; hop-by-hop ones and Host lines included. */
  readonly headers: HeaderList;
  readonly body: BodySource;
  readonly writer: ResponseWriter;
  /** Plain: an IPv4 peer of a dual-stack socket is IPv4, without zones. So all addresses here and in `RejectedRequest`. */
  readonly peerAddress: string;
  readonly peerPort: number;
  /** Whom the connection speaks for: the peer, or whom a load balancer says by the PROXY protocol; and where that one came to. */
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly localAddress: string;
  readonly localPort: number;
  /** The Gateway's own port number. */
  readonly listenerPort: number;
  /** The same, or the port that the client of a load balancer came to. */
  readonly destinationPort: number;
  readonly routeConfig: string;
  readonly tls: TlsFacts | undefined;
  /** Wall clock and monotonic time of the head's arrival, in milliseconds. */
  readonly startedAtMs: number;
  readonly startedMonotonicMs: number;
  /** `Expect: 100-continue` was asked; the body comes once `writer.informational(100)` was called. */
  readonly expectContinue: boolean;
  /** An HTTP/1.1 request with `Connection: upgrade` and an Upgrade header; its value as sent. */
  readonly upgrade: UpgradeRequest | undefined;
  /**
   * Before the answer to somebody for whom there is no room: nothing more of the request is wanted, and the answer may be as
   * short as the protocol allows.
   */
  turnAway(): void;
  /** The client left before the answer was complete. At most one call. */
  onGone(callback: () => void): void;
}

export interface UpgradeRequest {
  readonly value: string;
  /** Writes the 101 and gives the client's raw side, bytes that came early included. After it, `writer` and `body` are not to be touched. */
  accept(headers: HeaderList): Tunnel;
}

/** Something that is no request that could be handed on: the lane answered it already, and it shall still be seen in log and metrics. */
export interface RejectedRequest {
  /** 0: there was no answer, the stream was reset. */
  readonly status: number;
  /** The id that stands in the answer, so that it can be found in the log. */
  readonly requestId?: string;
  /** Stable word, as in `LocalReply.cause`: `malformed-request`, `headers-too-large`, `unsupported-version` … */
  readonly cause: string;
  readonly details: string;
  readonly flag: string | undefined;
  readonly method: string;
  readonly target: string;
  readonly authority: string;
  readonly protocol: RawRequest['protocol'];
  readonly peerAddress: string;
  readonly remoteAddress: string;
  readonly listenerPort: number;
  readonly serverName: string | undefined;
  readonly startedAtMs: number;
}

/** What lies behind the lanes. */
export interface RequestHandling {
  handle(request: RawRequest): void;
  rejected(request: RejectedRequest): void;
}
