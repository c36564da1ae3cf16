import type { RouteOwner } from '../table/model.ts';

/** Of an AuthorizationPolicy with the action AUDIT, or with `istio.io/dry-run`: what it would have done. */
export interface PolicyMark {
  readonly kind: 'audited' | 'dry-run-denied' | 'dry-run-allowed';
  /** `ns[NS]-policy[NAME]-rule[i]`, as in the details of a refusal; `none`: no rule that allows fits. */
  readonly rule: string;
}

/**
 * What is known of one request when it has ended, whichever way: the one source of access log, metrics and traces.
 * Written by the data plane as it goes; read by `log` of the filters. Durations in milliseconds.
 */
export interface RequestRecord {
  requestId: string;
  /** Wall clock at the first byte of the head, in milliseconds since 1970. */
  startedAtMs: number;
  method: string;
  /** As the client sent it, path and query. */
  originalTarget: string;
  /** Normalised; '' where normalising failed. */
  path: string;
  authority: string;
  scheme: 'http' | 'https';
  protocol: 'HTTP/1.0' | 'HTTP/1.1' | 'HTTP/2';
  userAgent: string | undefined;
  forwardedFor: string | undefined;
  peerAddress: string;
  clientAddress: string;
  listenerPort: number;
  /** Our end of the client's connection; undefined where its lane could not make a request of it. */
  localAddress?: string | undefined;
  localPort?: number | undefined;
  serverName: string | undefined;
  /** undefined: no route. */
  routeId: string | undefined;
  routeName: string;
  owner: RouteOwner | undefined;
  /** Revision of the table that the request was pinned to. */
  tableRevision: string;
  cluster: string | undefined;
  /** Of the service or ServiceEntry behind it; undefined: there is no such cluster. */
  clusterNamespace?: string | undefined;
  upstreamAddress: string | undefined;
  /** Our end of the connection to the service, with its port. */
  upstreamLocalAddress?: string | undefined;
  upstreamAttempts: number;
  /** 0 when the client left before an answer. */
  status: number;
  grpcStatus: number | undefined;
  /** Envoy's short flags, in the order they came: `NR`, `UF`, `URX` (istio-semantics §8). */
  flags: string[];
  /** Envoy's response code details, such as `route_not_found` or `via_upstream`. */
  details: string;
  /** Our stable word for what went wrong (`GatewayFault` kind); undefined when an upstream or a route answered. */
  cause: string | undefined;
  bytesReceived: number;
  bytesSent: number;
  durationMs: number;
  /** To the first byte of the upstream's answer; undefined: none came. */
  upstreamMs: number | undefined;
  /** Text of the upstream's TLS or connect failure. */
  upstreamFailure: string | undefined;
  /** Of distributed tracing, 32 hex digits; undefined: it is off. */
  traceId?: string;
  /** What policies that change no answer had to say; undefined: nothing, as mostly. */
  policyMarks?: PolicyMark[];
  /** Verified subject, `iss/sub`; undefined without a token. */
  principal: string | undefined;
  /** What filters remember of the request, each under its `Note`; undefined: nothing. */
  notes?: Map<object, unknown>;
}
