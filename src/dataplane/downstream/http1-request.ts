import type { IncomingMessage, ServerResponse } from 'node:http';
import type { TlsFacts } from '../../contract/exchange.ts';
import { HeaderList } from '../../contract/headers.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { Tunnel } from '../stream.ts';
import type { DownstreamConnection } from './connection.ts';
import { Http1Body } from './http1-body.ts';
import { Http1Writer, type WriterContext } from './http1-writer.ts';
import type { RawRequest, UpgradeRequest } from './port.ts';

/** What a request may ask of its connection. */
export interface RequestOwner {
  readonly connection: DownstreamConnection;
  readonly clock: Clock;
  /** Must this be the connection's last answer? It must, when `wanted`. */
  lastAnswer(request: Http1Request, wanted: boolean): boolean;
  cut(): void;
}

/** The target as it was sent: Fastify has been shown another one. */
export const originalTarget = (message: IncomingMessage): string =>
  (message as IncomingMessage & { readonly originalUrl?: string }).originalUrl ?? message.url ?? '';

/** One request of an HTTP/1.1 connection, on node's message and response objects. */
export class Http1Request implements RawRequest, WriterContext {
  readonly #owner: RequestOwner;
  #onGone: (() => void) | undefined;
  #gone = false;
  readonly protocol = 'HTTP/1.1';
  readonly method: string;
  readonly target: string;
  readonly scheme = undefined;
  readonly authority = undefined;
  readonly headers: HeaderList;
  readonly body: Http1Body;
  readonly writer: Http1Writer;
  readonly startedAtMs: number;
  readonly startedMonotonicMs: number;
  readonly expectContinue: boolean;
  readonly upgrade: UpgradeRequest | undefined;

  constructor(
    owner: RequestOwner,
    message: IncomingMessage,
    response: ServerResponse,
    accept: ((headers: HeaderList) => Tunnel) | undefined,
  ) {
    this.#owner = owner;
    const { clock } = owner;
    this.method = message.method ?? '';
    this.target = originalTarget(message);
    this.headers = HeaderList.fromRaw(message.rawHeaders);
    this.startedAtMs = clock.nowMs();
    this.startedMonotonicMs = clock.monotonicMs();
    this.expectContinue = message.headers.expect !== undefined;
    this.body = new Http1Body(message, clock);
    this.writer = new Http1Writer(response, this);
    this.upgrade = upgradeOf(message, accept);
  }

  get peerAddress(): string {
    return this.#owner.connection.peerAddress;
  }

  get peerPort(): number {
    return this.#owner.connection.peerPort;
  }

  get localAddress(): string {
    return this.#owner.connection.localAddress;
  }

  get localPort(): number {
    return this.#owner.connection.localPort;
  }

  get listenerPort(): number {
    return this.#owner.connection.listenerPort;
  }

  get routeConfig(): string {
    return this.#owner.connection.routeConfig;
  }

  get tls(): TlsFacts | undefined {
    return this.#owner.connection.tls;
  }

  nowMs(): number {
    return this.#owner.clock.nowMs();
  }

  monotonicMs(): number {
    return this.#owner.clock.monotonicMs();
  }

  lastAnswer(wanted: boolean): boolean {
    return this.#owner.lastAnswer(this, wanted);
  }

  cut(): void {
    this.#owner.cut();
  }

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
}

/** `h2c` is not offered; such a request goes on as if it had not asked (istio-semantics §2.13). */
function upgradeOf(
  message: IncomingMessage,
  accept: ((headers: HeaderList) => Tunnel) | undefined,
): UpgradeRequest | undefined {
  const value = message.headers.upgrade;
  if (value === undefined || value.toLowerCase() === 'h2c' || !asksForUpgrade(message)) return undefined;
  return {
    value,
    accept:
      accept ??
      (() => {
        throw new Error(`an upgrade to '${value}' cannot be accepted`);
      }),
  };
}

export const asksForUpgrade = (message: IncomingMessage): boolean =>
  (message.headers.connection ?? '').split(',').some((token) => token.trim().toLowerCase() === 'upgrade');
