import { type Exchange, headerLines, type OwnRequest } from '../../src/contract/index.ts';
import { type HttpProvider, namesMatch } from './provider.ts';

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
      headers.set(name, headerLines(exchange.headers, name).join(','));
  }
  if (body !== undefined) headers.set('x-envoy-auth-partial-body', String(!body.complete));
  for (const [name, format] of provider.additionalHeaders) headers.set(name, fill(format, exchange));
  return {
    method: exchange.method,
    path: provider.pathPrefix + exchange.path + exchange.query,
    authority: exchange.authority,
    headers: [...headers],
    body: body?.bytes,
    timeoutMs: provider.timeoutMs,
    maxAnswerBytes: MAX_ANSWER_BYTES,
    onAbandon: (abandon) => exchange.onClientGone(abandon),
  };
}

const FORMAT = /%%|%REQ\(([^)?]+)\)%/g;

/** `%REQ(name)%` is the request's header, or one of its pseudo-headers; `%%` is a percent sign. */
const fill = (format: string, exchange: Exchange): string =>
  format.replace(FORMAT, (_, name: string | undefined) =>
    name === undefined ? '%' : (requestPart(name.toLowerCase(), exchange) ?? ''),
  );

function requestPart(name: string, exchange: Exchange): string | undefined {
  switch (name) {
    case ':authority':
    case 'host':
      return exchange.authority;
    case ':method':
      return exchange.method;
    case ':path':
      return exchange.path + exchange.query;
    case ':scheme':
      return exchange.scheme;
    default:
      return exchange.headers.get(name);
  }
}
