import type { HeaderList } from '../contract/headers.ts';
import type { RetryPolicy } from '../table/model.ts';
import { isGrpcType } from './grpc-type.ts';
import type { UpstreamFailure } from './stream.ts';

/** gRPC statuses by the names that `retryOn` has for them. Looked for in the answer's head alone, never in trailers (istio-semantics §2.10). */
const GRPC_CONDITIONS: Readonly<Record<string, string>> = {
  cancelled: '1',
  'deadline-exceeded': '4',
  internal: '13',
  'resource-exhausted': '8',
  unavailable: '14',
};

const STEERING = [
  'x-envoy-retry-on',
  'x-envoy-retry-grpc-on',
  'x-envoy-max-retries',
  'x-envoy-retriable-status-codes',
  'x-envoy-retriable-header-names',
];
/** As far as a policy of headers alone goes. */
const NO_POLICY: RetryPolicy = {
  attempts: 1,
  retryOn: [],
  retriableStatusCodes: [],
  perTryTimeoutMs: undefined,
  backoffMs: 25,
  avoidPreviousHosts: false,
  avoidPreviousPriorities: false,
};

/**
 * What a route's own header operations say about retries comes on top of its policy, as in Envoy; a client's such headers
 * were removed before (istio-semantics §7.2). The headers do not go upstream.
 */
export function takeRetryHeaders(headers: HeaderList, policy: RetryPolicy | undefined): RetryPolicy | undefined {
  if (!STEERING.some((name) => headers.has(name))) return policy;
  const [on, grpcOn, most, codes] = STEERING.map((name) => headers.get(name)?.trim());
  headers.removeWhere((name) => STEERING.includes(name));
  if (policy === undefined && on === undefined && grpcOn === undefined) return undefined;
  const base = policy ?? NO_POLICY;
  return {
    ...base,
    attempts: most !== undefined && /^\d+$/.test(most) ? Number(most) : base.attempts,
    retryOn: [...base.retryOn, ...listOf(on), ...listOf(grpcOn)],
    retriableStatusCodes: [...base.retriableStatusCodes, ...listOf(codes).map(Number)],
  };
}

const listOf = (value: string | undefined): readonly string[] => (value ?? '').split(',').filter((part) => part !== '');

/** 425: the service does not want to act on what may have been replayed (RFC 8470 §5.2). */
const TOO_EARLY = 425;

/** Does the policy ask for another try after this answer to `request`? */
export function retriesAnswer(policy: RetryPolicy, status: number, headers: HeaderList, request: HeaderList): boolean {
  // Who was told to slow down by a rate limit is not asked again at once, whatever else the policy lists (Envoy's envoy-ratelimited).
  if (headers.has('x-envoy-ratelimited')) return policy.retryOn.includes('envoy-ratelimited');
  const grpcStatus = headers.get('grpc-status');
  return policy.retryOn.some((condition) => {
    switch (condition) {
      case '5xx':
        return status >= 500 && status < 600;
      case 'gateway-error':
        return status === 502 || status === 503 || status === 504;
      case 'retriable-4xx':
        return status === 409;
      case 'retriable-status-codes':
        return policy.retriableStatusCodes.includes(status) && !isForClient(status, request);
      default:
        return grpcStatus !== undefined && GRPC_CONDITIONS[condition] === grpcStatus;
    }
  });
}

/** Whose own hop had early data sends it again itself (RFC 8470 §5.1): we could but ask with the same mark once more. */
const isForClient = (status: number, request: HeaderList): boolean =>
  status === TOO_EARLY && (request.get('early-data') ?? '') !== '';

/** Any answer that never came counts for these (a try's own deadline too). */
const ON_ANY_RESET: ReadonlySet<string> = new Set(['5xx', 'gateway-error', 'reset']);

/** Does the policy ask for another try after a failure without an answer? Overflow is never tried again. */
export function retriesFailure(policy: RetryPolicy, failure: UpstreamFailure): boolean {
  if (failure.reason === 'overflow' || failure.reason === 'local-reset') return false;
  const connecting =
    failure.reason === 'connect-failure' || failure.reason === 'connect-timeout' || failure.reason === 'tls-failure';
  return policy.retryOn.some(
    (condition) =>
      ON_ANY_RESET.has(condition) ||
      (condition === 'connect-failure' && connecting) ||
      (condition === 'refused-stream' && failure.reason === 'remote-refused-stream') ||
      (condition === 'reset-before-request' && failure.nothingSent),
  );
}

/** A try's own deadline: only the conditions that any reset fulfils ask for another (§2.10, perTryTimeout). */
export const retriesPerTryTimeout = (policy: RetryPolicy): boolean =>
  policy.retryOn.some((condition) => ON_ANY_RESET.has(condition));

/**
 * Full jitter below a ceiling that doubles, up to ten times the base, as in Envoy's code; its documentation has other numbers.
 * `n`: 1 for the first retry. `random` in [0, 1).
 */
export const backoffMs = (policy: RetryPolicy, n: number, random: number): number =>
  Math.floor(random * policy.backoffMs * Math.min(2 ** (n - 1), 10));

const IDEMPOTENT: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE']);
/**
 * A connection that had been idle for less is no victim of its keep-alive time, which is counted in seconds: the service closed it on
 * purpose. Its clock began before ours, which began when we read the end of its answer: half a second is for that.
 */
const KEEP_ALIVE_RACE_MS = 500;

/**
 * The keep-alive race: the service closed an idle connection at the moment it was used again. Not a try of the
 * policy's: the request was never looked at, so it goes out on another connection (RFC 9110 §9.2.2, edge-security R-14).
 */
export const isKeepAliveRace = (method: string, failure: UpstreamFailure): boolean =>
  failure.reusedConnection &&
  failure.reason === 'connection-termination' &&
  (failure.nothingSent || (IDEMPOTENT.has(method) && failure.idleMs >= KEEP_ALIVE_RACE_MS));

/** gRPC's statuses as those of HTTP, as Envoy has them; any other is 500. */
const HTTP_OF_GRPC: ReadonlyMap<string, number> = new Map([
  ['0', 200],
  ['1', 499],
  ['3', 400],
  ['4', 504],
  ['5', 404],
  ['6', 409],
  ['7', 403],
  ['8', 429],
  ['9', 400],
  ['10', 409],
  ['11', 400],
  ['12', 501],
  ['14', 503],
  ['16', 401],
]);

/** What outlier detection makes of an answer: that of gRPC's status in its head, if gRPC was asked (§3.5; Envoy's `grpc_request_`). */
export function statusForOutliers(status: number, answer: HeaderList, request: HeaderList): number {
  const grpc = answer.get('grpc-status');
  return grpc === undefined || !isGrpcType(request.get('content-type')) ? status : (HTTP_OF_GRPC.get(grpc) ?? 500);
}
