import { randomUUID } from 'node:crypto';
import {
  constants,
  performServerHandshake,
  type ServerHttp2Session,
  type ServerHttp2Stream,
  type ServerSessionOptions,
} from 'node:http2';
import type { Socket } from 'node:net';
import { HeaderList } from '../../contract/headers.ts';
import type { Clock } from '../../kernel/clock.ts';
import { fleeting } from '../fleeting.ts';
import type { ConnectionLife, DownstreamConnection } from './connection.ts';
import { type Http2Head, readHead } from './http2-headers.ts';
import { Http2Request } from './http2-request.ts';
import type { DownstreamLimits } from './limits.ts';
import type { RequestHandling } from './port.ts';
import {
  CONNECT_REFUSED,
  MALFORMED_STREAM,
  problemBody,
  REFUSED_STREAM,
  REQUEST_TIMEOUT,
  type RejectedAt,
  type Rejection,
  rejectedRequest,
  UNKNOWN_EXPECTATION,
} from './problem.ts';

export interface Http2Options {
  readonly handling: RequestHandling;
  readonly limits: DownstreamLimits;
  readonly clock: Clock;
}

/** What one connection may have on its way beside its streams; a second's worth of honest traffic needs a fraction of it. */
const CONNECTION_WINDOW_BYTES = 1024 * 1024;
const MAX_CONTROL_FRAMES_PER_SWEEP = 500;
/** HPACK counts 32 bytes for each field; the limit itself is on names and values. */
const FIELD_OVERHEAD_BYTES = 32;
/** So many of one host are told with an answer that there is no room, until the next sweep; the others cost a fraction (edge-security R-21). */
const MAX_ANSWERS_WITHOUT_ROOM = 3;
/** Of so many hosts it is counted; the others are always answered. */
const MAX_HOSTS_WITHOUT_ROOM = 100;
/** Browsers send cookies in pieces; those count as one line, but not without end. */
const MAX_COOKIE_PIECES = 60;

/** edge-security §3, row http2. node's own defaults allow four billion streams. */
function sessionOptions(limits: DownstreamLimits): ServerSessionOptions {
  const maxFields = limits.maxHeaders + MAX_COOKIE_PIECES + 4;
  return {
    maxSessionMemory: 10,
    maxHeaderListPairs: maxFields,
    maxSettings: 32,
    maxOutstandingPings: 10,
    maxSessionInvalidFrames: 100,
    maxSessionRejectedStreams: 50,
    peerMaxConcurrentStreams: limits.maxConcurrentStreams,
    streamResetBurst: 200,
    streamResetRate: 33,
    // nghttp2 would leave such a field out; the head is judged here (edge-security H-11).
    strictFieldWhitespaceValidation: false,
    // Services may repeat a field; what they say is passed on, as over HTTP/1.1.
    strictSingleValueFields: false,
    settings: {
      enablePush: false,
      maxConcurrentStreams: limits.maxConcurrentStreams,
      maxHeaderListSize: limits.maxHeaderBytes + maxFields * FIELD_OVERHEAD_BYTES,
    },
  };
}

/** One HTTP/2 connection: many requests at once, by node's stream interface. */
export class Http2Connection implements ConnectionLife {
  readonly #connection: DownstreamConnection;
  readonly #session: ServerHttp2Session;
  readonly #options: Http2Options;
  readonly #requests = new Map<Http2Request, ServerHttp2Stream>();
  /** Streams that have announced nothing and not ended, and since when; monotonic. */
  readonly #unfinished = new Map<ServerHttp2Stream, number>();
  /** Who was told that there is no room since the last sweep, and since one of the host had some, by authority: namespaces have hosts of their own, as far as can be told without looking for the route. */
  readonly #turnedAway = new Map<string, number>();
  #controlFrames = 0;
  #idleSinceMs: number;
  #drainingSinceMs: number | undefined;
  /** When nothing is waited for any longer; monotonic. */
  #endsAtMs: number | undefined;
  #lastStream = 0;
  /** Stream whose head has begun and did not come to us, and since when; monotonic. */
  #begun: { readonly stream: number; readonly sinceMs: number } | undefined;

  constructor(connection: DownstreamConnection, side: Socket, options: Http2Options) {
    this.#connection = connection;
    this.#options = options;
    this.#idleSinceMs = options.clock.monotonicMs();
    const session = performServerHandshake(side, sessionOptions(options.limits)) as ServerHttp2Session;
    this.#session = session;
    session.setLocalWindowSize(CONNECTION_WINDOW_BYTES);
    session.on('error', () => session.destroy());
    session.once('close', () => side.destroy());
    // Half a connection is of no use to HTTP/2, whose every frame may need an answer.
    side.once('end', () => session.destroy());
    const control = (): void => {
      this.#controlFrames += 1;
    };
    session.on('ping', control);
    session.on('remoteSettings', control);
    session.on('stream', (stream, _headers, flags, raw: unknown) =>
      this.#stream(stream, flags, raw as readonly string[]),
    );
  }

  #stream(stream: ServerHttp2Stream, flags: number, raw: readonly string[]): void {
    stream.on('error', () => {});
    this.#lastStream = stream.id ?? 0;
    if (stream.destroyed || stream.closed) return;
    const endStream = (flags & constants.NGHTTP2_FLAG_END_STREAM) !== 0;
    const head = readHead(raw, this.#options.limits);
    // Nobody behind the lane is to take this for a whole request (edge-security H-10).
    if (head === undefined || (endStream && (head.contentLength ?? 0) > 0)) {
      stream.close(constants.NGHTTP2_PROTOCOL_ERROR);
      const { method = '', path: target = '', authority = '' } = head ?? {};
      this.#rejected(MALFORMED_STREAM, { method, target, authority });
      return;
    }
    if ((this.#turnedAway.get(head.authority ?? '') ?? 0) >= MAX_ANSWERS_WITHOUT_ROOM) {
      stream.close(constants.NGHTTP2_REFUSED_STREAM);
      this.#rejected(REFUSED_STREAM, { method: head.method, target: head.path, authority: head.authority ?? '' });
    } else if (head.contentLength === 0 && !endStream) this.#awaitEnd(stream, head);
    else this.#begin(stream, head, endStream);
  }

  /** A length of 0 would be a whole request for the service, and DATA may come all the same, which nghttp2 resets the stream for (H-10). */
  #awaitEnd(stream: ServerHttp2Stream, head: Http2Head): void {
    this.#unfinished.set(stream, this.#options.clock.monotonicMs());
    stream.once('close', () => this.#unfinished.delete(stream));
    stream.once('end', () => {
      this.#unfinished.delete(stream);
      // node ends what was reset as well, be it with NO_ERROR: only that is closed by then.
      if (!stream.destroyed && !stream.closed) this.#begin(stream, head, true);
    });
    stream.resume();
  }

  #begin(stream: ServerHttp2Stream, head: Http2Head, endStream: boolean): void {
    const { handling, clock } = this.#options;
    const request = new Http2Request(this.#connection, stream, head, endStream, clock, this);
    this.#requests.set(request, stream);
    stream.once('close', () => {
      this.#requests.delete(request);
      if (!request.isTurnedAway) this.#turnedAway.delete(request.authority ?? '');
      this.#idleSinceMs = clock.monotonicMs();
    });
    request.writer.onFlushed = fleeting(() => request.body.leave());
    if (head.method === 'CONNECT') this.#reject(request, CONNECT_REFUSED);
    else if (head.expect !== undefined && head.expect !== '100-continue') this.#reject(request, UNKNOWN_EXPECTATION);
    else handling.handle(request);
  }

  /** There is no room for a request of this authority. */
  turnedAway(authority: string | undefined): void {
    const told = this.#turnedAway.get(authority ?? '') ?? 0;
    if (told > 0 || this.#turnedAway.size < MAX_HOSTS_WITHOUT_ROOM) this.#turnedAway.set(authority ?? '', told + 1);
  }

  #reject(request: Http2Request, reason: Rejection): void {
    const requestId = randomUUID();
    const body = problemBody(reason, requestId);
    const headers = HeaderList.from([
      ['content-type', 'application/problem+json'],
      ['server', 'banyan'],
    ]);
    request.writer.head(reason.status, headers, body.length);
    request.writer.write(body);
    request.writer.end();
    const { method, target, authority = '' } = request;
    this.#rejected(reason, { requestId, method, target, authority });
  }

  #rejected(reason: Rejection, of: Pick<RejectedAt, 'requestId' | 'method' | 'target' | 'authority'>): void {
    const { peerAddress, remoteAddress, listenerPort, tls } = this.#connection;
    const startedAtMs = this.#options.clock.nowMs();
    const ends = { peerAddress, remoteAddress, listenerPort };
    const at = { protocol: 'HTTP/2', ...ends, serverName: tls?.serverName, startedAtMs } as const;
    this.#options.handling.rejected(rejectedRequest(reason, { ...of, ...at }));
  }

  /**
   * GOAWAY: streams the client opened later are not looked at, and it may send them elsewhere (RFC 9113 §6.8). The connection
   * stays for a while even without a stream: closed at once, with such a stream unread, it would be reset before the
   * client has read why.
   */
  drain(): void {
    if (this.#session.closed || this.#session.destroyed || this.#drainingSinceMs !== undefined) return;
    this.#drainingSinceMs = this.#options.clock.monotonicMs();
    this.#session.goaway(constants.NGHTTP2_NO_ERROR);
  }

  sweep(nowMs: number): void {
    if (this.#session.destroyed) return;
    // PING and SETTINGS cost us an answer each, and carry nothing (edge-security H-06).
    if (this.#controlFrames > MAX_CONTROL_FRAMES_PER_SWEEP) {
      this.#session.goaway(constants.NGHTTP2_ENHANCE_YOUR_CALM);
      this.#session.destroy();
      return;
    }
    this.#controlFrames = 0;
    this.#turnedAway.clear();
    if (nowMs - (this.#drainingSinceMs ?? nowMs) >= this.#options.limits.drainIdleMs) this.#session.close();
    for (const [request, stream] of this.#requests) this.#sweepRequest(request, stream, nowMs);
    for (const [stream, sinceMs] of this.#unfinished)
      if (nowMs - sinceMs >= this.#options.limits.bodyIdleTimeoutMs) stream.close(constants.NGHTTP2_CANCEL);
    if (this.#requests.size === 0 && this.#unfinished.size === 0) this.#sweepStreamless(nowMs);
  }

  /** A head that never ends is a stream for nghttp2, which therefore stays after a GOAWAY, but none that we hear of (edge-security X-01). */
  #sweepStreamless(nowMs: number): void {
    const { http2IdleTimeoutMs, headersTimeoutMs, drainIdleMs, stalledWriteTimeoutMs } = this.#options.limits;
    if (this.#session.closed) {
      // What was answered last may still be on its way.
      this.#endsAtMs ??= nowMs + stalledWriteTimeoutMs;
      if (nowMs >= this.#endsAtMs) this.#session.destroy();
      return;
    }
    const stream = this.#session.state.lastProcStreamID ?? 0;
    if (stream <= this.#lastStream) this.#begun = undefined;
    else if (this.#begun?.stream !== stream) this.#begun = { stream, sinceMs: nowMs };
    if (
      nowMs - (this.#begun?.sinceMs ?? nowMs) >= headersTimeoutMs ||
      nowMs - this.#idleSinceMs >= http2IdleTimeoutMs
    ) {
      this.#endsAtMs = nowMs + drainIdleMs;
      this.#session.close();
    }
  }

  #sweepRequest(request: Http2Request, stream: ServerHttp2Stream, nowMs: number): void {
    const { bodyIdleTimeoutMs, stalledWriteTimeoutMs } = this.#options.limits;
    if (nowMs - (request.writer.stalledSinceMs ?? nowMs) >= stalledWriteTimeoutMs) {
      stream.close(constants.NGHTTP2_CANCEL);
      return;
    }
    this.#sweepUnread(request, stream, nowMs);
    if (request.streaming || nowMs - (request.body.waitingSinceMs ?? nowMs) < bodyIdleTimeoutMs) return;
    const unanswered = !request.writer.headSent && !request.writer.over;
    request.lost();
    if (unanswered) stream.respond({ ':status': REQUEST_TIMEOUT.status }, { endStream: true });
    stream.close(constants.NGHTTP2_NO_ERROR);
  }

  /** The answer is complete, and the client goes on with a body nobody wants: asked to stop after a while (RFC 9113 §8.1). */
  #sweepUnread(request: Http2Request, stream: ServerHttp2Stream, nowMs: number): void {
    const { lingerMs } = this.#options.limits;
    if (request.body.unwantedSinceMs !== undefined && nowMs - request.body.unwantedSinceMs >= lingerMs)
      stream.close(constants.NGHTTP2_NO_ERROR);
  }
}
