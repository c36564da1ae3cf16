import { randomUUID } from 'node:crypto';
import type { Socket } from 'node:net';
import type { TlsFacts } from '../../contract/exchange.ts';
import type { HeaderList } from '../../contract/headers.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { DownstreamConnection } from './connection.ts';
import { httpDate } from './http-date.ts';
import type { LaneBody } from './lane-body.ts';
import type { RawRequest, UpgradeRequest } from './port.ts';
import { problemAnswer, REQUEST_TIMEOUT } from './problem.ts';

/** What a request may ask of its connection. */
export interface RequestOwner<Request> {
  readonly connection: DownstreamConnection;
  readonly clock: Clock;
  /** Must this be the connection's last answer? It must, when `wanted`. */
  lastAnswer(request: Request, wanted: boolean): boolean;
  cut(): void;
}

/** The answer's side of a request, as far as its end is concerned. */
interface LaneWriter {
  /** No further call has an effect. */
  readonly over: boolean;
  /** The connection is gone. */
  leave(): void;
}

/** One request of an HTTP/1.1 connection, whoever read it: what it knows by its connection, and how it is lost. */
export abstract class LaneRequest implements Omit<RawRequest, 'writer'> {
  protected readonly connection: DownstreamConnection;
  protected readonly clock: Clock;
  #onGone: (() => void) | undefined;
  #gone = false;
  readonly protocol = 'HTTP/1.1';
  readonly scheme = undefined;
  readonly authority = undefined;
  readonly startedAtMs: number;
  readonly startedMonotonicMs: number;
  abstract readonly method: string;
  abstract readonly target: string;
  abstract readonly headers: HeaderList;
  abstract readonly body: LaneBody;
  abstract readonly writer: RawRequest['writer'] & LaneWriter;
  abstract readonly expectContinue: boolean;
  abstract readonly upgrade: UpgradeRequest | undefined;

  constructor(connection: DownstreamConnection, clock: Clock) {
    this.connection = connection;
    this.clock = clock;
    this.startedAtMs = clock.nowMs();
    this.startedMonotonicMs = clock.monotonicMs();
  }

  get peerAddress(): string {
    return this.connection.peerAddress;
  }

  get peerPort(): number {
    return this.connection.peerPort;
  }

  get remoteAddress(): string {
    return this.connection.remoteAddress;
  }

  get remotePort(): number {
    return this.connection.remotePort;
  }

  get localAddress(): string {
    return this.connection.localAddress;
  }

  get localPort(): number {
    return this.connection.localPort;
  }

  get listenerPort(): number {
    return this.connection.listenerPort;
  }

  get destinationPort(): number {
    return this.connection.destinationPort;
  }

  get routeConfig(): string {
    return this.connection.routeConfig;
  }

  get tls(): TlsFacts | undefined {
    return this.connection.tls;
  }

  nowMs(): number {
    return this.clock.nowMs();
  }

  monotonicMs(): number {
    return this.clock.monotonicMs();
  }

  /** An answer that leaves before the request has come whole is the connection's last, which then takes little more (edge-security F-25). */
  turnAway(): void {}

  onGone(callback: () => void): void {
    this.#onGone = callback;
    if (this.#gone) process.nextTick(callback);
  }

  /** The connection is gone. */
  lost(): void {
    if (this.#gone) return;
    const unanswered = !this.writer.over;
    this.writer.leave();
    this.body.break('client-gone');
    if (!unanswered) return;
    this.#gone = true;
    this.#onGone?.();
  }

  /**
   * Its body stands still. For those behind the lane such a client is as good as gone; it still gets to know why, if it
   * listens. The connection ends with it.
   */
  timedOut(socket: Socket): void {
    const unanswered = !this.writer.headSent && !this.writer.over;
    this.lost();
    if (unanswered) socket.write(problemAnswer(REQUEST_TIMEOUT, randomUUID(), httpDate(this.clock.nowMs())));
    socket.destroySoon();
  }
}
