import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { HeaderList } from '../../contract/headers.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { ConnectionLife, DownstreamConnection } from './connection.ts';
import { httpDate } from './http-date.ts';
import { bodyLengthOf } from './http1-body.ts';
import { type Framing, type GateOwner, RequestGate } from './http1-gate.ts';
import { objectionTo } from './http1-objections.ts';
import { Http1Request, originalTarget } from './http1-request.ts';
import { responseFor, switchProtocols, watchQuietly } from './http1-upgrade.ts';
import type { RequestOwner } from './lane-request.ts';
import type { DownstreamLimits } from './limits.ts';
import type { RequestHandling } from './port.ts';
import {
  CONNECT_REFUSED,
  MALFORMED,
  problemAnswer,
  problemBody,
  type RejectedAt,
  type Rejection,
  rejectedRequest,
} from './problem.ts';
import { TunnelLife } from './tcp.ts';

export interface Http1Options {
  readonly handling: RequestHandling;
  readonly limits: DownstreamLimits;
  readonly clock: Clock;
}

/** How long the answer to a request with a broken body may take to come. */
const BROKEN_BODY_GRACE_MS = 5_000;

/** One HTTP/1.1 connection: one request after the other, and how it ends. */
export class Http1Connection implements ConnectionLife, GateOwner, RequestOwner<Http1Request> {
  readonly connection: DownstreamConnection;
  readonly clock: Clock;
  readonly #options: Http1Options;
  readonly #socket: Socket;
  readonly #gate: RequestGate;
  #feedParser: (bytes: Buffer) => void = () => {};
  #message: IncomingMessage | undefined;
  #current: Http1Request | undefined;
  #served = 0;
  #idleSinceMs: number;
  /** The answer under way is the last one. */
  #last = false;
  /** Nothing that comes is taken any more. */
  #closing = false;
  #lingerUntilMs: number | undefined;
  #lingered = 0;
  #cutAtMs: number | undefined;
  #tunnel: TunnelLife | undefined;

  constructor(connection: DownstreamConnection, socket: Socket, options: Http1Options) {
    this.connection = connection;
    this.clock = options.clock;
    this.#options = options;
    this.#socket = socket;
    this.#gate = new RequestGate(this);
    this.#idleSinceMs = options.clock.monotonicMs();
    socket.once('close', () => this.#lost());
    // node calls this after the last answer. It would reset the connection when the client still sends, and the client
    // might never see that answer.
    const closeAtOnce = socket.destroySoon.bind(socket);
    socket.destroySoon = () => this.#closeSoon(closeAtOnce);
  }

  /** node's parser listens by now; from here on it is fed by the gate. `read`: what has been read already. */
  takeOver(read: Buffer): void {
    const socket = this.#socket;
    const [feed] = socket.listeners('data') as ((bytes: Buffer) => void)[];
    if (feed === undefined) throw new Error('the HTTP server does not listen to the connection');
    this.#feedParser = feed;
    socket.removeListener('data', feed);
    socket.on('data', this.#onData);
    if (read.length > 0) this.#onData(read);
  }

  readonly #onData = (bytes: Buffer): void => {
    if (!this.#closing) this.#gate.data(bytes);
    else if (this.#lingerUntilMs !== undefined) {
      this.#lingered += bytes.length;
      if (this.#lingered > this.#options.limits.lingerBytes) this.cut();
    }
  };

  /* ---------------------------------------------------------------- the gate's owner */

  feed(bytes: Buffer): void {
    this.#feedParser(bytes);
  }

  framing(): Framing | undefined {
    const message = this.#message;
    this.#message = undefined;
    return message === undefined || this.#closing ? undefined : (bodyLengthOf(message) ?? 'none');
  }

  refuse(reason: Rejection): void {
    this.faulty(reason);
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  /* ---------------------------------------------------------------- requests */

  /**
   * node's parser made a request of it. Called before Fastify is, whose plugins may take their time or answer themselves:
   * whoever does, with the answer the way is free for the next request.
   */
  arrived(message: IncomingMessage, response: ServerResponse): void {
    this.#message = message;
    this.#gate.begin();
    response.once('finish', () => this.#answered());
  }

  /** Fastify has passed it on. */
  request(message: IncomingMessage, response: ServerResponse): void {
    if (this.#closing) return;
    const reason = objectionTo(message, this.#options.limits.maxHeaders);
    const request = new Http1Request(this, message, response, undefined);
    this.#current = request;
    this.#served += 1;
    if (reason === undefined) this.#options.handling.handle(request);
    else this.#reject(request, message, reason);
  }

  #reject(request: Http1Request, message: IncomingMessage, reason: Rejection): void {
    this.#closing = true;
    const requestId = randomUUID();
    const body = problemBody(reason, requestId);
    const headers = HeaderList.from([
      ['content-type', 'application/problem+json'],
      ['server', 'banyan'],
    ]);
    request.writer.head(reason.status, headers, body.length);
    request.writer.write(body);
    request.writer.end();
    const {
      method = '',
      headers: { host = '' },
      httpVersion,
    } = message;
    this.#rejected(reason, { requestId, method, target: request.target, authority: host }, httpVersion);
  }

  #answered(): void {
    this.#current?.writer.leave();
    this.#current?.body.leave();
    this.#current = undefined;
    this.#idleSinceMs = this.clock.monotonicMs();
    if (!this.#last && !this.#closing) this.#gate.done();
  }

  lastAnswer(request: Http1Request, wanted: boolean): boolean {
    this.#last ||=
      wanted ||
      this.#closing ||
      this.connection.draining ||
      !request.body.arrived ||
      this.#served >= this.#options.limits.maxRequestsPerConnection;
    return this.#last;
  }

  /* ---------------------------------------------------------------- upgrades and tunnels */

  /** node has given the socket out of its hands; nothing reads it now. */
  upgrade(message: IncomingMessage, early: Buffer): void {
    const socket = this.#socket;
    socket.removeListener('data', this.#onData);
    const watch = watchQuietly(socket, () => this.cut());
    const response = responseFor(message, socket);
    const release = (): void => {
      watch.stop();
      if (response.socket !== null) response.detachSocket(socket);
    };
    const request = new Http1Request(this, message, response, (headers) => {
      release();
      this.#current = undefined;
      request.writer.leave();
      this.#tunnel = new TunnelLife(socket, this.#options.limits.tunnelIdleTimeoutMs);
      return switchProtocols(socket, message.headers.upgrade ?? '', headers);
    });
    response.once('finish', () => {
      release();
      socket.destroySoon();
    });
    this.#current = request;
    process.nextTick(() => {
      // What the gate kept back goes into the socket again, behind what came with the head.
      const held = this.#gate.shut();
      for (const bytes of [held, early]) if (bytes !== undefined && bytes.length > 0) socket.unshift(bytes);
      watch.start();
      this.#options.handling.handle(request);
    });
  }

  /** istio-semantics §7.1: an authority gets 404, anything else 400. */
  connect(message: IncomingMessage): void {
    this.#socket.removeListener('data', this.#onData);
    this.#answerRaw(/^[^/?#@]+:\d{1,5}$/.test(originalTarget(message)) ? CONNECT_REFUSED : MALFORMED);
  }

  /* ---------------------------------------------------------------- ends */

  /** The parser, or node's clock, is not content with what came. */
  faulty(reason: Rejection | undefined): void {
    if (this.#closing && this.#lingerUntilMs !== undefined && reason === undefined) return;
    const current = this.#current;
    if (reason === undefined || this.#socket.destroyed) this.cut();
    else if (current === undefined) this.#answerRaw(reason);
    else if (current.body.arrived || current.writer.over) this.cut();
    else {
      // The request is with those behind the lane: they answer it, and know why from the body.
      this.#gate.shut();
      this.#cutAtMs = this.clock.monotonicMs() + BROKEN_BODY_GRACE_MS;
      current.body.break('malformed');
    }
  }

  cut(): void {
    this.#socket.destroy();
  }

  drain(): void {
    this.#idleSinceMs = this.clock.monotonicMs();
  }

  sweep(nowMs: number): void {
    if (this.#tunnel !== undefined) {
      this.#tunnel.sweep(nowMs);
      return;
    }
    const { limits } = this.#options;
    const current = this.#current;
    if (nowMs >= (this.#lingerUntilMs ?? Infinity) || nowMs >= (this.#cutAtMs ?? Infinity)) this.cut();
    else if (current !== undefined) this.#sweepRequest(current, nowMs);
    else if (this.connection.draining && !this.#closing && this.#gate.settled) {
      if (nowMs - this.#idleSinceMs >= limits.drainIdleMs) this.#socket.destroySoon();
    }
  }

  #sweepRequest(request: Http1Request, nowMs: number): void {
    const { bodyIdleTimeoutMs, stalledWriteTimeoutMs } = this.#options.limits;
    if (nowMs - (request.writer.stalledSinceMs ?? nowMs) >= stalledWriteTimeoutMs) this.cut();
    if (nowMs - (request.body.waitingSinceMs ?? nowMs) < bodyIdleTimeoutMs) return;
    // The answer to it is the last: nothing is taken behind it.
    this.#closing = true;
    request.timedOut(this.#socket);
  }

  #closeSoon(atOnce: () => void): void {
    const nothingUnread = this.#socket.readableLength === 0 && this.#gate.settled;
    this.#closing = true;
    this.#gate.shut();
    if (this.#lingerUntilMs !== undefined) return;
    if (nothingUnread) {
      atOnce();
      return;
    }
    this.#lingerUntilMs = this.clock.monotonicMs() + this.#options.limits.lingerMs;
    this.#socket.removeListener('data', this.#onData);
    this.#socket.on('data', this.#onData);
    this.#socket.end();
    this.#socket.resume();
  }

  #answerRaw(reason: Rejection): void {
    if (this.#closing) return;
    this.#closing = true;
    this.#gate.shut();
    // Whatever came first is shown as the method; a log line is not the place for all of it.
    const [method = '', target = ''] = this.#gate.line.slice(0, 1024).trimEnd().split(' ');
    const requestId = randomUUID();
    this.#socket.write(problemAnswer(reason, requestId, httpDate(this.clock.nowMs())));
    this.#socket.destroySoon();
    this.#rejected(reason, { requestId, method, target, authority: '' }, '1.1');
  }

  #rejected(
    reason: Rejection,
    of: Pick<RejectedAt, 'requestId' | 'method' | 'target' | 'authority'>,
    version: string,
  ): void {
    const { peerAddress, remoteAddress, listenerPort, tls } = this.connection;
    const protocol = version === '1.0' ? 'HTTP/1.0' : 'HTTP/1.1';
    const at = {
      protocol,
      peerAddress,
      remoteAddress,
      listenerPort,
      serverName: tls?.serverName,
      startedAtMs: this.clock.nowMs(),
    } as const;
    this.#options.handling.rejected(rejectedRequest(reason, { ...of, ...at }));
  }

  #lost(): void {
    this.#closing = true;
    this.#gate.shut();
    const current = this.#current;
    this.#current = undefined;
    current?.lost();
  }
}
