import type { IncomingMessage, ServerResponse } from 'node:http';
import { HeaderList } from '../../contract/headers.ts';
import type { Tunnel } from '../stream.ts';
import { Http1Body } from './http1-body.ts';
import { Http1Writer, type WriterContext } from './http1-writer.ts';
import { LaneRequest, type RequestOwner } from './lane-request.ts';
import type { UpgradeRequest } from './port.ts';

/** The target as it was sent: Fastify has been shown another one. */
export const originalTarget = (message: IncomingMessage): string =>
  (message as IncomingMessage & { readonly originalUrl?: string }).originalUrl ?? message.url ?? '';

/** One request of an HTTP/1.1 connection, on node's message and response objects. */
export class Http1Request extends LaneRequest implements WriterContext {
  readonly #owner: RequestOwner<Http1Request>;
  readonly method: string;
  readonly target: string;
  readonly headers: HeaderList;
  readonly body: Http1Body;
  readonly writer: Http1Writer;
  readonly expectContinue: boolean;
  readonly upgrade: UpgradeRequest | undefined;

  constructor(
    owner: RequestOwner<Http1Request>,
    message: IncomingMessage,
    response: ServerResponse,
    accept: ((headers: HeaderList) => Tunnel) | undefined,
  ) {
    super(owner.connection, owner.clock);
    this.#owner = owner;
    this.method = message.method ?? '';
    this.target = originalTarget(message);
    this.headers = HeaderList.fromRaw(message.rawHeaders);
    this.expectContinue = message.headers.expect !== undefined;
    this.body = new Http1Body(message, owner.clock);
    this.writer = new Http1Writer(response, this);
    this.upgrade = upgradeOf(message, accept);
  }

  lastAnswer(wanted: boolean): boolean {
    return this.#owner.lastAnswer(this, wanted);
  }

  cut(): void {
    this.#owner.cut();
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
