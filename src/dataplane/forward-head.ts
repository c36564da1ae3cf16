import type { HeaderList } from '../contract/headers.ts';
import { keepsOneValue } from '../table/index.ts';
import type { Destination, ForwardAction, HeaderOperations, Route } from '../table/model.ts';
import type { GatewayExchange } from './exchange.ts';
import { formatFacts, type SentRequest } from './format-facts.ts';
import type { FormatFacts } from './header-format.ts';
import { applyHeaderOperations, operates } from './header-operations.ts';
import { rewritePath } from './rewrite.ts';
import type { UpstreamRequestHead } from './stream.ts';

export interface ForwardHead {
  readonly head: UpstreamRequestHead;
  /** A copy of it, where operations on the answer may look at what was sent. */
  readonly sent: SentRequest | undefined;
}

/**
 * The request as it goes upstream: operations first, so that they see the original path, then rewrites (istio-semantics §2.9,
 * §2.11). undefined: the rewritten path is none.
 */
export function forwardHead(
  exchange: GatewayExchange,
  route: Route,
  action: ForwardAction,
  destination: Destination,
): ForwardHead | undefined {
  const { headers, raw } = exchange;
  const path = rewritePath(exchange.path, action.pathRewrite, exchange.tableSettings.pathNormalization);
  if (path === undefined) return undefined;
  const target = `${path}${exchange.query}`;
  const authority = action.hostRewrite ?? destination.hostRewrite ?? exchange.authority;
  if (action.pathRewrite !== undefined) headers.set('x-envoy-original-path', `${exchange.path}${exchange.query}`);
  if (authority !== exchange.authority) headers.set('x-envoy-original-host', exchange.authority);
  const upgrade = raw.upgrade === undefined ? undefined : headers.get('upgrade');
  const sent =
    operates(destination.responseHeaders) || operates(route.responseHeaders)
      ? { headers: headers.clone(), target, authority }
      : undefined;
  headers.removeWhere(
    (name) => name === 'content-length' || name === 'connection' || name === 'upgrade' || name === 'expect',
  );
  const { body } = exchange;
  const head: UpstreamRequestHead = {
    method: exchange.method,
    target,
    scheme: exchange.scheme,
    authority,
    headers,
    bodyLength: body.empty ? 0 : body.length,
    hasBody: !body.empty,
    upgrade,
    expectContinue: raw.expectContinue,
    client: raw,
  };
  return { head, sent };
}

/** How long the service has, as it is told; operations may look at it, and change it. */
export function announce(headers: HeaderList, isGrpc: boolean, timeoutMs: number | undefined): void {
  if (timeoutMs === undefined) return;
  headers.set('x-envoy-expected-rq-timeout-ms', String(timeoutMs));
  if (isGrpc) headers.set('grpc-timeout', grpcTimeout(timeoutMs));
}

const MOST_GRPC_DIGITS = 99_999_999;

/** In the finest unit in which it has eight digits, cut off (gRPC over HTTP/2, `Timeout`). */
function grpcTimeout(timeoutMs: number): string {
  if (timeoutMs <= MOST_GRPC_DIGITS) return `${Math.round(timeoutMs)}m`;
  let value = Math.trunc(timeoutMs / 1000);
  if (value <= MOST_GRPC_DIGITS) return `${value}S`;
  value = Math.trunc(value / 60);
  return value <= MOST_GRPC_DIGITS ? `${value}M` : `${Math.min(MOST_GRPC_DIGITS, Math.trunc(value / 60))}H`;
}

/** Of the destination first, then of the route (§2.9). */
export function applyRequestOperations(exchange: GatewayExchange, route: Route, destination: Destination): void {
  if (!operates(destination.requestHeaders) && !operates(route.requestHeaders)) return;
  // Every try has its own; operations see that of the first.
  exchange.headers.set('x-envoy-attempt-count', '1');
  const facts = formatFacts(exchange, undefined, undefined);
  applyHeaderOperations(exchange.headers, destination.requestHeaders, facts, keepsOneValue);
  applyHeaderOperations(
    exchange.headers,
    route.requestHeaders,
    withHost(facts, destination.hostRewrite),
    keepsOneValue,
  );
}

/** The Host that one of several destinations is given is there when the route's operations look (§2.11). */
function withHost(facts: FormatFacts, host: string | undefined): FormatFacts {
  if (host === undefined) return facts;
  return { ...facts, requestHeader: (name) => (/^(?::authority|host)$/.test(name) ? host : facts.requestHeader(name)) };
}

/** May the operations have written headers that say something to the gateway itself? */
export const mayWriteHeaders = (route: Route, destination: Destination): boolean =>
  writes(destination.requestHeaders) || writes(route.requestHeaders);

const writes = ({ set, add }: HeaderOperations): boolean => set.length > 0 || add.length > 0;

/** How long the answer may take. gRPC callers bring a deadline of their own, capped by the route's (§2.10). */
export function timeoutOf(exchange: GatewayExchange, { timeoutMs }: ForwardAction): number | undefined {
  const own = exchange.forwardsGrpc ? grpcTimeoutMs(exchange.headers.get('grpc-timeout')) : undefined;
  if (own === undefined) return timeoutMs;
  return timeoutMs === undefined ? own : Math.min(own, timeoutMs);
}

/** How long one try may take; as long as the whole is no limit of its own (§2.10). */
export function perTryOf({ retry }: ForwardAction, wholeMs: number | undefined): number | undefined {
  const perTry = retry?.perTryTimeoutMs;
  return perTry === undefined || (wholeMs !== undefined && perTry >= wholeMs) ? undefined : perTry;
}

const GRPC_UNITS_MS: Readonly<Record<string, number>> = { H: 3_600_000, M: 60_000, S: 1_000, m: 1, u: 1e-3, n: 1e-6 };

/** Rounded up; 0 is no deadline at all, as in Envoy. */
function grpcTimeoutMs(value: string | undefined): number | undefined {
  const match = value === undefined ? null : /^(\d{1,8})([HMSmun])$/.exec(value);
  if (match === null) return undefined;
  return Math.ceil(Number(match[1]) * (GRPC_UNITS_MS[match[2] ?? ''] ?? 1)) || undefined;
}
