import { isUtf8 } from 'node:buffer';
import { type Exchange, headerLines, type OwnRequest, toBytes } from '../../src/contract/index.ts';
import { type BodyInCheck, type HttpProvider, namesMatch } from './provider.ts';
import { wellFormed } from './well-formed.ts';

/** Says whether the body that is sent along is cut; never the client's. */
export const PARTIAL_BODY = 'x-envoy-auth-partial-body';

/** Room for a page that says why not; an answer beyond is no answer. */
export const MAX_ANSWER_BYTES = 2 ** 20;

export interface CheckBody {
  readonly bytes: Uint8Array;
  readonly complete: boolean;
}

/** Made anew for the check, never taken over from the client. */
const OWN_NAMES: ReadonlySet<string> = new Set([
  'connection',
  'content-length',
  'expect',
  'host',
  'transfer-encoding',
  'upgrade',
  PARTIAL_BODY,
]);

/**
 * What the authorizer is told: method, Host, path and query of the request as it will be forwarded, `authorization`, and
 * of the other headers those that are listed (istio-semantics §6.2).
 */
export function checkRequest(exchange: Exchange, provider: HttpProvider, body: CheckBody | undefined): OwnRequest {
  const headers = new Map<string, string>();
  for (const [name] of exchange.headers) {
    if (OWN_NAMES.has(name) || headers.has(name)) continue;
    if (name === 'authorization' || namesMatch(provider.headersInCheck, name))
      headers.set(name, wellFormed(headerLines(exchange.headers, name).join(',')));
  }
  if (body !== undefined) headers.set(PARTIAL_BODY, String(!body.complete));
  for (const [name, format] of provider.additionalHeaders) {
    const value = exchange.format(format);
    // As a route's header operations have it: what comes out empty does nothing, not even to the client's own line.
    if (value !== '') headers.set(name, value);
  }
  return {
    method: exchange.method,
    path: toBytes(provider.pathPrefix) + wellFormed(exchange.path + exchange.query),
    authority: exchange.authority,
    headers: [...headers],
    body: body && bodyBytes(body, provider.body),
    timeoutMs: provider.timeoutMs,
    maxAnswerBytes: MAX_ANSWER_BYTES,
    onAbandon: (abandon) => exchange.onClientGone(abandon),
  };
}

/** What of a body an authorizer is told: UTF-8, or with `packAsBytes` whatever it is. */
export function bodyBytes({ bytes }: CheckBody, wanted: BodyInCheck | undefined): Uint8Array {
  if (wanted?.packAsBytes === true || isUtf8(bytes)) return bytes;
  return Buffer.from(wellFormed(Buffer.from(bytes).toString('latin1')), 'latin1');
}
