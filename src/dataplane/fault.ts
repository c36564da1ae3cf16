import type { FaultSide, LocalReply } from '../contract/fault.ts';
import type { ResetReason } from './stream.ts';

/**
 * Everything that can go wrong with one request, and what the caller gets for it: the only place that decides our own
 * error answers (istio-semantics §5, §7.4). Causes are stable words; `docs/errors.md` lists them.
 */
export type GatewayFault =
  | { readonly kind: 'bad-request'; readonly details: string; readonly message: string }
  | { readonly kind: 'invalid-path'; readonly details: string }
  | { readonly kind: 'method-not-allowed'; readonly method: string }
  | { readonly kind: 'underscore-in-header'; readonly name: string }
  | { readonly kind: 'misdirected-scheme' }
  | { readonly kind: 'not-ready' }
  | { readonly kind: 'no-route' }
  | { readonly kind: 'upgrade-refused' }
  | { readonly kind: 'route-failed'; readonly cause: string; readonly message: string }
  | { readonly kind: 'unknown-destination' }
  | { readonly kind: 'no-healthy-upstream' }
  | { readonly kind: 'overloaded' }
  | { readonly kind: 'gateway-overloaded' }
  | { readonly kind: 'namespace-overloaded' }
  | {
      readonly kind: 'upstream-reset';
      readonly reason: ResetReason;
      readonly retried: boolean;
      /** The client has had an interim answer already. */
      readonly answerBegun?: boolean;
    }
  | { readonly kind: 'upstream-timeout'; readonly perTry: boolean }
  | { readonly kind: 'rewritten-path-invalid' }
  | { readonly kind: 'payload-too-large' }
  | { readonly kind: 'request-timeout' }
  | { readonly kind: 'request-malformed' }
  | { readonly kind: 'internal-error' };

interface Row {
  readonly status: number;
  readonly side: FaultSide;
  readonly message: string;
  readonly details: string;
  readonly flag?: string;
  readonly headers?: readonly (readonly [string, string])[];
  /** Envoy's answer has no body here, so gRPC callers get no message (recorded: grpc/local-replies). */
  readonly silent?: true;
}

/** What the caller is told of a reset, by reason: status, Envoy's flag. Everything is 503 but an answer that broke HTTP. */
const RESETS: Readonly<
  Record<ResetReason, { readonly status: number; readonly flag: string; readonly message: string }>
> = {
  'connect-failure': { status: 503, flag: 'UF', message: 'The service could not be reached.' },
  'connect-timeout': { status: 503, flag: 'UF', message: 'The service did not accept a connection in time.' },
  'tls-failure': { status: 503, flag: 'UF', message: 'No secure connection to the service could be made.' },
  'connection-termination': {
    status: 503,
    flag: 'UC',
    message: 'The service closed the connection before it answered.',
  },
  'remote-reset': { status: 503, flag: 'UR', message: 'The service reset the request.' },
  'remote-refused-stream': { status: 503, flag: 'UR', message: 'The service refused the request.' },
  'protocol-error': { status: 502, flag: 'UPE', message: 'The service gave an answer that is not valid HTTP.' },
  overflow: { status: 503, flag: 'UO', message: 'Too many requests are waiting for the service.' },
  'local-reset': { status: 503, flag: 'LR', message: 'The request was given up.' },
};

function row(fault: GatewayFault): Row {
  switch (fault.kind) {
    case 'bad-request':
      return { status: 400, side: 'client', message: fault.message, details: fault.details };
    case 'invalid-path':
      return { status: 400, side: 'client', message: 'The path of the request is not valid.', details: fault.details };
    case 'method-not-allowed':
      return {
        status: 405,
        side: 'client',
        message: `The method ${fault.method} is not allowed here.`,
        details: 'method_not_allowed',
      };
    case 'underscore-in-header':
      return {
        status: 400,
        side: 'client',
        message: `The header name '${fault.name}' has an underscore, which is refused here.`,
        details: 'http1.unexpected_underscore',
      };
    case 'misdirected-scheme':
      return {
        status: 403,
        side: 'client',
        message: 'An https address was asked for over a connection without TLS.',
        details: 'http1.scheme_rejected',
        flag: 'DPE',
      };
    case 'not-ready':
      return {
        status: 503,
        side: 'gateway',
        message: 'The gateway has no routes yet.',
        details: 'not_ready',
        headers: [['retry-after', '1']],
      };
    case 'no-route':
      return {
        status: 404,
        side: 'client',
        message: 'No route fits this request.',
        details: 'route_not_found',
        silent: true,
        flag: 'NR',
      };
    case 'upgrade-refused':
      return {
        status: 403,
        side: 'client',
        message: 'Only upgrades to websocket are allowed.',
        details: 'upgrade_failed',
      };
    case 'route-failed':
      return {
        status: 503,
        side: 'route-owner',
        message: `The route that fits this request cannot be honoured: ${fault.message}`,
        details: `route_failed{${fault.cause}}`,
      };
    case 'unknown-destination':
      return {
        status: 503,
        side: 'route-owner',
        message: 'The route names a destination that does not exist.',
        details: 'cluster_not_found',
        silent: true,
        flag: 'NC',
      };
    case 'no-healthy-upstream':
      return {
        status: 503,
        side: 'upstream',
        message: 'The service has no healthy endpoint.',
        details: 'no_healthy_upstream',
        flag: 'UH',
      };
    case 'overloaded':
      return {
        status: 503,
        side: 'upstream',
        message: 'The service has as many requests as it may have.',
        details: 'overload',
        flag: 'UO',
        headers: [['x-envoy-overloaded', 'true']],
      };
    case 'gateway-overloaded':
      return {
        status: 503,
        side: 'gateway',
        message: 'The gateway has more to do than it can; try again shortly.',
        details: 'overload_manager',
        flag: 'OM',
        headers: [['retry-after', '1']],
      };
    case 'namespace-overloaded':
      return {
        status: 503,
        side: 'route-owner',
        message: 'Too many requests for the routes of this namespace are under way.',
        details: 'namespace_overload',
        flag: 'OM',
        headers: [['retry-after', '1']],
      };
    case 'upstream-reset': {
      const { status, flag, message } = RESETS[fault.reason];
      const headers = fault.reason === 'overflow' ? { headers: [['x-envoy-overloaded', 'true']] as const } : {};
      return {
        status,
        side: 'upstream',
        message,
        flag,
        details: resetDetails(fault.reason, fault.answerBegun === true),
        ...headers,
      };
    }
    case 'upstream-timeout':
      return {
        status: 504,
        side: 'upstream',
        message: 'The service did not answer in time.',
        details: fault.perTry ? 'upstream_per_try_timeout' : 'response_timeout',
        flag: 'UT',
      };
    case 'rewritten-path-invalid':
      return {
        status: 400,
        side: 'route-owner',
        message: 'The path that the route makes of this request is not valid.',
        details: 'rewritten_path_invalid',
      };
    case 'payload-too-large':
      return {
        status: 413,
        side: 'client',
        message: 'The body of the request is too large.',
        details: 'request_payload_too_large',
      };
    case 'request-timeout':
      return {
        status: 408,
        side: 'client',
        message: 'The request did not arrive in time.',
        details: 'request_overall_timeout',
      };
    case 'request-malformed':
      return {
        status: 400,
        side: 'client',
        message: 'The body of the request is not framed as HTTP demands.',
        details: 'http1.codec_error',
        flag: 'DPE',
      };
    case 'internal-error':
      return {
        status: 500,
        side: 'gateway',
        message: 'The gateway failed; the request id tells the operators which request it was.',
        details: 'internal_error',
      };
  }
}

/** What gRPC clients are told: Envoy's own words, which some of them look for (istio-semantics §5, §7.4). */
function grpcMessageOf(fault: GatewayFault, silent: true | undefined): { readonly grpcMessage?: string | false } {
  if (silent === true) return { grpcMessage: false };
  if (fault.kind !== 'upstream-reset') return {};
  const reset = `${fault.retried ? 'retried and the latest ' : ''}reset reason: ${RESET_WORDS[fault.reason]}`;
  return { grpcMessage: `upstream connect error or disconnect/reset before headers. ${reset}` };
}

const RESET_WORDS: Readonly<Record<ResetReason, string>> = {
  'connect-failure': 'remote connection failure',
  'connect-timeout': 'connection timeout',
  'tls-failure': 'remote connection failure',
  'connection-termination': 'connection termination',
  'remote-reset': 'remote reset',
  'remote-refused-stream': 'remote refused stream reset',
  'protocol-error': 'protocol error',
  overflow: 'overflow',
  'local-reset': 'local reset',
};

/** Envoy's response code details of a reset (its router's `onUpstreamReset`): interim answers begin an answer as well. */
export const resetDetails = (reason: ResetReason, answerBegun: boolean): string =>
  `upstream_reset_${answerBegun ? 'after' : 'before'}_response_started{${RESET_WORDS[reason].replaceAll(' ', '_')}}`;

/** The answer to a fault. */
export function faultReply(fault: GatewayFault): LocalReply {
  const { status, side, message, details, flag, headers, silent } = row(fault);
  const cause = causeOf(fault);
  return {
    status,
    cause,
    side,
    message,
    details,
    ...(flag === undefined ? {} : { flag }),
    ...(headers === undefined ? {} : { headers }),
    ...grpcMessageOf(fault, silent),
  };
}

const causeOf = (fault: GatewayFault): string =>
  fault.kind === 'upstream-reset'
    ? `upstream-${fault.reason}`
    : fault.kind === 'route-failed'
      ? fault.cause
      : fault.kind;
