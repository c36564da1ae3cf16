import type { Socket } from 'node:net';
import type { Clock } from '../../kernel/clock.ts';
import type { ConnectionLife, DownstreamConnection } from './connection.ts';
import { readFastHead } from './fast-head.ts';
import { type FastOwner, FastRequest } from './fast-request.ts';
import type { Http1Options } from './http1-connection.ts';
import { LendingSocket } from './lending-socket.ts';

/** A head that takes longer is not ordinary. */
const SLOW_HEAD_MS = 1_000;
const NOTHING = Buffer.alloc(0);

/** Takes the connection over, with bytes that nobody has acted upon. */
export type HandOver = (connection: DownstreamConnection, side: Socket, bytes: Buffer) => void;

/**
 * One HTTP/1.1 connection as long as nothing but ordinary requests come on it, one after the other: they are read, answered
 * and forwarded without node's HTTP objects and Fastify's, which cost more than all the rest (docs/performance.md). With
 * the first thing that is not ordinary the connection goes to the Fastify lane for good, bytes included. Nothing is refused here.
 */
export class FastConnection implements ConnectionLife, FastOwner {
  readonly connection: DownstreamConnection;
  readonly socket: Socket;
  readonly clock: Clock;
  readonly #options: Http1Options;
  readonly #handOver: HandOver;
  #current: FastRequest | undefined;
  /** The beginning of a head. */
  #partial: Buffer | undefined;
  /** What came behind the request under way; nothing is read meanwhile, so pipelining costs one read of memory. */
  #held: Buffer | undefined;
  #running = false;
  /** The bytes at hand are lent. */
  #lent = false;
  #served = 0;
  #idleSinceMs: number;
  /** The answer under way is the last one. */
  #last = false;
  /** Nothing that comes is taken any more. */
  #closing = false;
  #lingerUntilMs: number | undefined;
  #lingered = 0;
  /** What the client had taken of the answers at the last look, and since when it takes nothing; monotonic. */
  #takenBytes = 0;
  #stalledSinceMs: number | undefined;

  constructor(connection: DownstreamConnection, socket: Socket, options: Http1Options, handOver: HandOver) {
    this.connection = connection;
    this.socket = socket;
    this.clock = options.clock;
    this.#options = options;
    this.#handOver = handOver;
    this.#idleSinceMs = options.clock.monotonicMs();
    socket.on('end', this.#onEnd);
    socket.on('close', this.#onClose);
    socket.on('drain', this.#onDrain);
    if (socket instanceof LendingSocket) {
      socket.onLent = this.#onLent;
      process.nextTick(takeUnread, socket);
    } else socket.on('data', this.#onData);
  }

  /* ---------------------------------------------------------------- reading */

  /** Whoever keeps bytes beyond the call keeps a copy. */
  readonly #onLent = (bytes: Buffer): void => {
    this.#lent = true;
    this.#onData(bytes);
    this.#lent = false;
  };

  readonly #onData = (bytes: Buffer): void => {
    const current = this.#current;
    if (this.#closing) this.#discard(bytes);
    else if (current !== undefined) this.#feed(current, bytes);
    else {
      const partial = this.#partial;
      this.#partial = undefined;
      this.#run(partial === undefined ? bytes : Buffer.concat([partial, bytes]));
    }
  };

  #kept(bytes: Buffer): Buffer {
    return this.#lent ? Buffer.from(bytes) : bytes;
  }

  /** To the body what is the body's. What is behind it is held first: the body's end may bring the answer, and that asks for what is held. */
  #feed(request: FastRequest, bytes: Buffer): void {
    const length = Math.min(request.body.missing, bytes.length);
    if (length < bytes.length) {
      const rest = this.#kept(length === 0 ? bytes : bytes.subarray(length));
      this.#held = this.#held === undefined ? rest : Buffer.concat([this.#held, rest]);
      this.socket.pause();
    }
    if (length > 0) request.body.push(this.#kept(length === bytes.length ? bytes : bytes.subarray(0, length)));
  }

  #discard(bytes: Buffer): void {
    this.#lingered += bytes.length;
    if (this.#lingered > this.#options.limits.lingerBytes) this.cut();
  }

  /** One request after the other out of what has come, for as long as each is answered at once. */
  #run(bytes: Buffer): void {
    this.#running = true;
    for (let rest: Buffer | undefined = bytes; rest !== undefined; rest = this.#next()) this.#start(rest);
    this.#running = false;
  }

  #start(bytes: Buffer): void {
    const head = readFastHead(bytes, this.#options.limits.maxHeaders);
    if (head === 'incomplete') {
      this.#partial = this.#kept(bytes);
      this.#idleSinceMs = this.clock.monotonicMs();
    } else if (head === 'odd') this.#leave(bytes);
    else {
      const request = new FastRequest(this, head);
      this.#current = request;
      this.#served += 1;
      if (head.end < bytes.length) this.#feed(request, bytes.subarray(head.end));
      this.#options.handling.handle(request);
    }
  }

  /** What is to be read as a request now: something that was held, if its turn has come. */
  #next(): Buffer | undefined {
    const { socket } = this;
    if (this.#current !== undefined || this.#partial !== undefined || this.#closing) return undefined;
    if (socket.writableNeedDrain) {
      // The client does not take its answers: it gets no more of them before it does.
      socket.pause();
      return undefined;
    }
    const held = this.#held;
    this.#held = undefined;
    if (socket.isPaused()) socket.resume();
    return held;
  }

  #goOn(): void {
    if (this.#running) return;
    const next = this.#next();
    if (next !== undefined) this.#run(next);
  }

  pause(): void {
    this.socket.pause();
  }

  resume(): void {
    if (this.#held === undefined) this.socket.resume();
  }

  readonly #onDrain = (): void => {
    if (this.#current === undefined) this.#goOn();
    else this.#current.writer.drained();
  };

  /** To the Fastify lane. */
  #leave(bytes: Buffer): void {
    const { socket } = this;
    this.#closing = true;
    socket.removeListener('end', this.#onEnd);
    socket.removeListener('close', this.#onClose);
    socket.removeListener('drain', this.#onDrain);
    socket.removeListener('data', this.#onData);
    if (socket instanceof LendingSocket) socket.onLent = undefined;
    this.#handOver(this.connection, socket, this.#kept(bytes));
  }

  /* ---------------------------------------------------------------- answers */

  lastAnswer(request: FastRequest, wanted: boolean): boolean {
    this.#last ||=
      wanted ||
      this.#closing ||
      this.connection.draining ||
      !request.body.arrived ||
      this.#served >= this.#options.limits.maxRequestsPerConnection;
    return this.#last;
  }

  answered(): void {
    const current = this.#current;
    if (current === undefined) return;
    this.#current = undefined;
    current.body.leave();
    this.#idleSinceMs = this.clock.monotonicMs();
    if (this.#last) this.#closeSoon(current.body.arrived);
    else this.#goOn();
  }

  /** Closed at once with bytes unread, the connection would be reset, and the client might never see its answer. */
  #closeSoon(arrived: boolean): void {
    const { socket } = this;
    const nothingUnread = arrived && this.#held === undefined && socket.readableLength === 0;
    this.#closing = true;
    this.#held = undefined;
    if (nothingUnread) {
      socket.destroySoon();
      return;
    }
    this.#lingerUntilMs = this.clock.monotonicMs() + this.#options.limits.lingerMs;
    socket.end();
    socket.resume();
  }

  /* ---------------------------------------------------------------- ends */

  cut(): void {
    this.socket.destroy();
  }

  /** Who has no more to say, and waits for an answer, is taken for gone, as by Envoy and by node. */
  readonly #onEnd = (): void => {
    if (this.#current !== undefined || this.#lingerUntilMs !== undefined) this.cut();
    else this.socket.end();
  };

  readonly #onClose = (): void => {
    this.#closing = true;
    this.#held = undefined;
    const current = this.#current;
    this.#current = undefined;
    current?.lost();
  };

  drain(): void {
    this.#idleSinceMs = this.clock.monotonicMs();
  }

  sweep(nowMs: number): void {
    const { limits } = this.#options;
    if (nowMs >= (this.#lingerUntilMs ?? Infinity) || this.#stalled(nowMs)) this.cut();
    else if (this.#current !== undefined) {
      if (nowMs - (this.#current.body.waitingSinceMs ?? nowMs) >= limits.bodyIdleTimeoutMs) this.#bodyTimedOut();
    } else if (!this.#closing) this.#sweepIdle(nowMs - this.#idleSinceMs);
  }

  #stalled(nowMs: number): boolean {
    const { writableLength, bytesWritten } = this.socket;
    const taken = bytesWritten - writableLength;
    if (writableLength === 0) this.#stalledSinceMs = undefined;
    else if (this.#stalledSinceMs === undefined || taken !== this.#takenBytes) this.#stalledSinceMs = nowMs;
    this.#takenBytes = taken;
    return nowMs - (this.#stalledSinceMs ?? nowMs) >= this.#options.limits.stalledWriteTimeoutMs;
  }

  #sweepIdle(idleMs: number): void {
    const { keepAliveTimeoutMs, drainIdleMs, headersTimeoutMs } = this.#options.limits;
    const unfinished = this.#partial;
    // node's server has a clock for heads that do not come.
    if (unfinished !== undefined || this.#served === 0) {
      if (idleMs >= Math.min(SLOW_HEAD_MS, headersTimeoutMs / 2)) this.#leave(unfinished ?? NOTHING);
    } else if (idleMs >= (this.connection.draining ? drainIdleMs : keepAliveTimeoutMs)) {
      this.#closing = true;
      this.socket.destroySoon();
    }
  }

  #bodyTimedOut(): void {
    const current = this.#current;
    this.#current = undefined;
    this.#closing = true;
    current?.timedOut(this.socket);
  }
}

/** What was read to tell what is spoken. */
function takeUnread(socket: LendingSocket): void {
  const bytes = socket.read() as Buffer | null;
  if (bytes !== null) socket.onLent?.(bytes);
}
