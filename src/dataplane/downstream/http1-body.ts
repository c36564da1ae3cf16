import type { IncomingMessage } from 'node:http';
import type { Clock } from '../../kernel/clock.ts';
import { StreamBody } from './lane-body.ts';

/** Where the message says its body ends; the parser has settled already that it says one thing only. */
export function bodyLengthOf(message: IncomingMessage): 'chunked' | number | undefined {
  if (message.headers['transfer-encoding'] !== undefined) return 'chunked';
  const length = message.headers['content-length'];
  return length === undefined ? undefined : Number(length);
}

/** The body of an HTTP/1.1 request. */
export class Http1Body extends StreamBody {
  readonly #message: IncomingMessage;

  constructor(message: IncomingMessage, clock: Clock) {
    const length = bodyLengthOf(message);
    super(message, length === undefined || length === 0, typeof length === 'number' ? length : undefined, clock);
    this.#message = message;
  }

  /** Has all of it come in, whether or not somebody took it? */
  get arrived(): boolean {
    return this.empty || this.#message.complete;
  }

  leave(): void {
    this.close();
  }

  /** Trailers of HTTP/1.1 requests go nowhere, as at Envoy's default (istio-semantics §7, recorded in h2/trailers; edge-security F-21). */
  protected ended(): void {
    if (this.over || this.broken !== undefined) return;
    this.close();
    this.receiver?.onEnd(undefined);
  }
}
