import type { ResetReason } from '../stream.ts';
import type { Attempt } from './attempt.ts';
import type { CircuitBreaker } from './breaker.ts';
import type { ClientConnection, ConnectionEvents } from './connection.ts';
import { Line } from './line.ts';
import { Pooled, type PoolSettings } from './pooled.ts';
import type { SpareConnections } from './spare-connections.ts';

/** How a pool makes a connection: reports one of the two, later, unless the returned function is called first. */
export type Connect = (
  /** How many requests the host takes on one connection, as far as is known. */
  expectedStreams: number,
  events: ConnectionEvents,
  onConnected: (connection: ClientConnection) => void,
  onFailed: (reason: ResetReason, detail: string) => void,
) => () => void;

export interface PoolOptions {
  readonly settings: PoolSettings;
  readonly breaker: CircuitBreaker;
  readonly connect: Connect;
  /** What a connection that is being made will take, before the host has said it. */
  readonly expectedStreams: number;
  /** Where its idle connections count, when they are of use to one client only. */
  readonly spare?: SpareConnections | undefined;
  /** Nothing is left in it. */
  readonly onEmpty: () => void;
}

/**
 * Connections to one host that are alike: by protocol, and by what their TLS handshake was made for. Requests wait here
 * for a connection, as in Envoy: for each that waits one is made, unless those being made will do or the limits say no
 * (istio-semantics §3.4).
 */
export class ConnectionPool {
  readonly #options: PoolOptions;
  /** With room for another request; the last one is taken first, so that the others may grow idle. */
  readonly #ready: Pooled[] = [];
  readonly #all = new Set<Pooled>();
  readonly #waiting = new Line<Attempt>();
  /** Just released: a server that closes after its answer shall be heard first. Those of this turn of the loop, and of the one before. */
  #releasedNow: Pooled[] = [];
  #releasedBefore: Pooled[] = [];
  /** What those will take, in the same turn: no waiting that counts. */
  readonly #promised = new Line<Attempt>();
  #settling = false;
  #connecting = 0;
  #draining = false;
  #expectedStreams: number;

  constructor(options: PoolOptions) {
    this.#options = options;
    this.#expectedStreams = options.expectedStreams;
  }

  get isEmpty(): boolean {
    return this.#all.size === 0 && this.#waiting.size === 0 && this.#promised.size === 0;
  }

  submit(attempt: Attempt): void {
    const ready = this.#ready.at(-1);
    if (ready !== undefined) this.#attach(ready, attempt);
    else if (this.#releasedNow.length + this.#releasedBefore.length > this.#waiting.size + this.#promised.size)
      this.#promised.add(attempt);
    else if (!this.#options.breaker.mayWait) this.#overflow(attempt);
    else {
      this.#options.breaker.pending++;
      this.#waiting.add(attempt);
      this.#grow();
    }
  }

  /** The request is not wanted any more; it gives its place up at once. */
  withdraw(attempt: Attempt): void {
    if (this.#waiting.delete(attempt)) this.#options.breaker.pending--;
    else if (!this.#promised.delete(attempt)) return;
    this.#checkEmpty();
  }

  /** No connection lives longer than its requests from now on. Requests that come all the same are still served. */
  drain(): void {
    this.#draining = true;
    for (const pooled of [...this.#all]) this.#retire(pooled);
  }

  /** Whatever is under way. */
  destroy(): void {
    this.#draining = true;
    this.#options.breaker.pending -= this.#waiting.size;
    const waiting = [...this.#waiting.dismiss(), ...this.#promised.dismiss()];
    for (const attempt of waiting) attempt.fail('local-reset', 'the gateway is shutting down');
    for (const pooled of [...this.#all]) pooled.abandon();
    this.#checkEmpty();
  }

  #overflow(attempt: Attempt): void {
    this.#options.breaker.overflows++;
    attempt.fail('overflow', undefined);
    // A pool may be one client's, who had nothing else in it.
    this.#checkEmpty();
  }

  #grow(): void {
    const { breaker } = this.#options;
    if (this.#waiting.size <= this.#connecting * this.#expectedStreams) return;
    // Other hosts may hold all the connections there may be: the first one to a host is always allowed, or what waits here would wait for ever.
    if (breaker.mayConnect || this.#all.size === 0) this.#connect();
  }

  #connect(): void {
    this.#options.breaker.connections++;
    this.#connecting++;
    const pooled = new Pooled(this.#options.settings);
    this.#all.add(pooled);
    const events: ConnectionEvents = {
      onClosed: () => this.#closed(pooled),
      onRetired: () => this.#retire(pooled),
      onLimit: () => this.#limited(pooled),
      onIdleHint: (seconds) => pooled.hintIdle(seconds),
    };
    pooled.cancelConnect = this.#options.connect(
      this.#expectedStreams,
      events,
      (connection) => this.#connected(pooled, connection),
      (reason, detail) => this.#connectFailed(pooled, reason, detail),
    );
    pooled.onGone = () => this.#closed(pooled);
  }

  #limited(pooled: Pooled): void {
    this.#expectedStreams = pooled.connection?.streamLimit ?? this.#expectedStreams;
    this.#rearrange(pooled);
  }

  #connected(pooled: Pooled, connection: ClientConnection): void {
    this.#connecting--;
    pooled.cancelConnect = undefined;
    pooled.connection = connection;
    pooled.startAging(
      () => this.#retire(pooled),
      () => pooled.close(),
    );
    this.#rearrange(pooled);
    if (this.#draining) this.#retire(pooled);
    else if (pooled.streams === 0) this.#becameIdle(pooled);
  }

  /** All that waits fails with it: each decides for itself whether to try again, and where (Envoy purges them as well). */
  #connectFailed(pooled: Pooled, reason: ResetReason, detail: string): void {
    pooled.cancelConnect = undefined;
    this.#connecting--;
    this.#remove(pooled);
    const waiting = this.#waiting.dismiss();
    this.#options.breaker.pending -= waiting.length;
    for (const attempt of waiting) attempt.fail(reason, detail);
    this.#checkEmpty();
  }

  #serve(): void {
    for (let attempt = this.#waiting.first; attempt !== undefined; attempt = this.#waiting.first) {
      const ready = this.#ready.at(-1);
      if (ready === undefined) return;
      this.#waiting.delete(attempt);
      this.#options.breaker.pending--;
      this.#attach(ready, attempt);
    }
  }

  #attach(pooled: Pooled, attempt: Attempt): void {
    const { breaker, settings } = this.#options;
    // Here, and not when it came: a request that waits is not active yet (istio-semantics §3.4).
    if (!breaker.mayStart) {
      this.#overflow(attempt);
      return;
    }
    this.#options.spare?.remove(pooled);
    breaker.requests++;
    pooled.streams++;
    pooled.started++;
    if (pooled.started >= (settings.maxRequestsPerConnection ?? Number.POSITIVE_INFINITY)) pooled.retired = true;
    this.#rearrange(pooled);
    attempt.attach(pooled.connection as ClientConnection, () => this.#streamClosed(pooled));
  }

  #streamClosed(pooled: Pooled): void {
    this.#options.breaker.requests--;
    pooled.streams--;
    if (!this.#all.has(pooled)) return;
    if (pooled.streams === 0 && (pooled.retired || this.#draining)) pooled.close();
    else if (pooled.connection?.streamLimit === 1) this.#release(pooled);
    else this.#hasRoom(pooled);
  }

  #hasRoom(pooled: Pooled): void {
    this.#rearrange(pooled);
    if (pooled.streams === 0) this.#becameIdle(pooled);
  }

  #becameIdle(pooled: Pooled): void {
    pooled.becameIdle();
    this.#options.spare?.add(pooled);
  }

  /**
   * Used again only after the loop has read from all sockets once more. Many a server closes after its answer without
   * having said so, and under load its end lies unread beside the answer.
   */
  #release(pooled: Pooled): void {
    pooled.settling = true;
    this.#releasedNow.push(pooled);
    if (this.#settling) return;
    this.#settling = true;
    setImmediate(() => this.#settle());
  }

  #settle(): void {
    const settled = this.#releasedBefore;
    this.#releasedBefore = this.#releasedNow;
    this.#releasedNow = [];
    this.#settling = this.#releasedBefore.length > 0;
    if (this.#settling) setImmediate(() => this.#settle());
    for (const pooled of settled) {
      pooled.settling = false;
      if (this.#all.has(pooled)) this.#hasRoom(pooled);
    }
    for (const attempt of this.#promised.dismiss()) this.submit(attempt);
  }

  /** Is it in the list of those with room if and only if it has room? */
  #rearrange(pooled: Pooled): void {
    const { hasRoom } = pooled;
    if (pooled.listed === hasRoom) return;
    pooled.listed = hasRoom;
    if (hasRoom) {
      this.#ready.push(pooled);
      this.#serve();
    } else this.#ready.splice(this.#ready.lastIndexOf(pooled), 1);
  }

  #retire(pooled: Pooled): void {
    pooled.retired = true;
    if (pooled.connection === undefined) return;
    this.#rearrange(pooled);
    if (pooled.streams === 0) pooled.close();
    // What waited for its room needs another.
    if (this.#waiting.size > 0) this.#grow();
  }

  #closed(pooled: Pooled): void {
    if (!this.#remove(pooled)) return;
    if (this.#waiting.size > 0) this.#grow();
    this.#checkEmpty();
  }

  #remove(pooled: Pooled): boolean {
    if (!this.#all.delete(pooled)) return false;
    this.#options.spare?.remove(pooled);
    if (pooled.cancelConnect !== undefined) this.#connecting--;
    pooled.stopAging();
    pooled.retired = true;
    this.#rearrange(pooled);
    this.#options.breaker.connections--;
    return true;
  }

  #checkEmpty(): void {
    if (this.isEmpty) this.#options.onEmpty();
  }
}
