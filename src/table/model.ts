import type { StringMatch } from '../kernel/string-match.ts';

/**
 * The route table: everything the data plane needs to answer, as plain data. It can be written as JSON, compared,
 * sent to a worker and shown to a person. Endpoints (`EndpointTable`) and key material (`CredentialTable`) change on
 * their own time and are published apart.
 *
 * Parts that did not change keep their identity from one table to the next: binding, diffing and hand-over rely on it.
 */
export interface RouteTable {
  /** Content hash; equal inputs give equal revisions on every replica. */
  readonly revision: string;
  readonly settings: TableSettings;
  /** By port, then bind address. */
  readonly listeners: readonly Listener[];
  readonly routeConfigs: readonly RouteConfig[];
  readonly clusters: readonly Cluster[];
  /** Settings of filters that act on every request whatever its route, by filter name. Parsed by the filter's pure half. */
  readonly filters: FilterSettings;
}

/** What the network team sets for the whole gateway (Istio's MeshConfig). */
export interface TableSettings {
  readonly pathNormalization: PathNormalization;
  /** How many proxies in front of us are trusted to have written X-Forwarded-For (istio-semantics §7.2). */
  readonly numTrustedProxies: number;
  readonly forwardClientCert: 'sanitize-set' | 'append-forward' | 'forward-only' | 'always-forward-only' | 'sanitize';
}

/** istio-semantics §7.1. Our default is `decode-and-merge-slashes`. */
export type PathNormalization = 'none' | 'base' | 'merge-slashes' | 'decode-and-merge-slashes';

/** filter name → settings of that filter; absent: the filter does nothing here. */
export type FilterSettings = Readonly<Record<string, unknown>>;

/** One port to listen on. What a connection meets depends on its first bytes: TLS goes by SNI to a chain, anything else to `plaintext`. */
export interface Listener {
  /** The Gateway's own number; the settings' port offset is added when binding the socket, nowhere else. */
  readonly port: number;
  /** An IP address, or undefined for the settings' listen address. */
  readonly bind: string | undefined;
  readonly plaintext: PlaintextServer | undefined;
  /** Every connection begins with a header of the PROXY protocol, of version 1 or 2 (MeshConfig's `gatewayTopology.proxyProtocol`). */
  readonly proxyProtocol?: true;
  /** Chosen by SNI: exact, else longest wildcard, else a chain for `*`; no fit: the connection is closed (§0.1). */
  readonly tls: readonly TlsServer[];
}

export type PlaintextServer =
  | { readonly kind: 'http'; readonly routeConfig: string }
  | { readonly kind: 'tcp'; readonly route: TcpRoute | undefined };

export interface TlsServer {
  /** `namespace/gateway/portName`: shown to people, and the identity of the chain across tables. */
  readonly id: string;
  /** Lower case; `*`, `*.x.com` or exact. */
  readonly serverNames: readonly string[];
  readonly handling:
    | { readonly kind: 'http'; readonly termination: TlsTermination; readonly routeConfig: string }
    | { readonly kind: 'tcp'; readonly termination: TlsTermination; readonly route: TcpRoute | undefined }
    | { readonly kind: 'passthrough'; readonly route: TcpRoute | undefined };
}

export interface TlsTermination {
  /** simple: no client certificate is asked for. mutual: none, or a bad one, fails the handshake. optional-mutual: none is fine. */
  readonly clientCertificate: 'none' | 'required' | 'optional';
  /** Names in the CredentialTable, at most two (RSA and ECDSA). A name that is missing there fails every handshake of this server alone. */
  readonly credentials: readonly string[];
  /** Name in the CredentialTable of the CA that client certificates must chain to. */
  readonly clientCa: string | undefined;
  /** Any of these must be in the client's certificate, exactly; empty: any name. */
  readonly subjectAltNames: readonly string[];
  /** Base64 SHA-256 of the public key, hex SHA-256 of the certificate: any one fits; empty: not asked. */
  readonly spkiPins: readonly string[];
  readonly certificateHashes: readonly string[];
  readonly minVersion: 'TLSv1' | 'TLSv1.1' | 'TLSv1.2' | 'TLSv1.3';
  readonly maxVersion: 'TLSv1' | 'TLSv1.1' | 'TLSv1.2' | 'TLSv1.3';
  /** OpenSSL names; empty: the runtime's own choice. */
  readonly cipherSuites: readonly string[];
  /** For the key exchange, in the order of preference; undefined: the runtime's own choice. */
  readonly ecdhCurves?: readonly string[];
}

export interface TcpRoute {
  /** `namespace/virtualService/tcp/rule` or `…/tls/rule.match`: shown in logs and metrics. */
  readonly id: string;
  readonly owner: RouteOwner;
  readonly destinations: readonly TcpDestination[];
  /** Where a destination balances by hash, it is that of the client's address. */
  readonly hashSource: boolean;
  /** A connection that carries nothing for so long is closed; 0: never; undefined: as the gateway has it for all. */
  readonly idleTimeoutMs: number | undefined;
  /** How long a connection may last in all. */
  readonly maxDurationMs: number | undefined;
}

export interface TcpDestination {
  readonly cluster: ClusterId;
  readonly weight: number;
}

/** The virtual hosts that one server, or the plaintext servers of one port together, offer. */
export interface RouteConfig {
  /** `http.80` or `https.443.<portName>.<gateway>.<namespace>` (istio-semantics §1.1). */
  readonly name: string;
  readonly port: number;
  /** The server's protocol is GRPC-WEB: requests of browsers are translated to gRPC (istio-semantics §1.1). */
  readonly grpcWeb: boolean;
  readonly virtualHosts: readonly VirtualHost[];
}

/** Exactly one domain each. The choice of a virtual host is final: none of its routes fits, then 404 (§2.2). */
export interface VirtualHost {
  /** Lower case: exact, `*.suffix`, `prefix.*` or `*`. */
  readonly domain: string;
  /** httpsRedirect: whatever does not come by TLS is sent there (§1.4). */
  readonly requireTls: boolean;
  /** In order of precedence; the first that fits answers. */
  readonly routes: readonly Route[];
}

export interface Route {
  /** `namespace/virtualService/rule[.match]`, unique in its route config per domain: shown in logs and metrics. */
  readonly id: string;
  /** Istio's `<http.name>[.<match.name>]`; '' when unnamed. */
  readonly name: string;
  readonly owner: RouteOwner;
  readonly match: RouteMatch;
  readonly action: RouteAction;
  /** Route-level operations; those of a destination stand at the destination. */
  readonly requestHeaders: HeaderOperations;
  readonly responseHeaders: HeaderOperations;
  /** Settings of filters for this route alone (cors, fault, rate limits of its own). */
  readonly filters: FilterSettings;
}

/** Whose route it is, so that anybody who meets it knows whom to ask. */
export interface RouteOwner {
  readonly namespace: string;
  readonly kind: 'VirtualService' | 'Gateway';
  readonly name: string;
  /** The delegate that wrote the rule, as `namespace/name`. */
  readonly delegate: string | undefined;
  readonly file: string;
  readonly line: number;
}

/** Every part must hold (istio-semantics §2.3). */
export interface RouteMatch {
  readonly path: PathMatch;
  readonly headers: readonly HeaderCondition[];
  readonly queryParams: readonly QueryCondition[];
  readonly claims: readonly ClaimCondition[];
}

export type PathMatch =
  | { readonly kind: 'any' }
  | { readonly kind: 'exact'; readonly value: string; readonly ignoreCase: boolean }
  | { readonly kind: 'prefix'; readonly value: string; readonly ignoreCase: boolean }
  | { readonly kind: 'regex'; readonly value: string };

/** `name` in lower case; `:method`, `:authority`, `:scheme`, `:path` are the request line's parts. */
export interface HeaderCondition {
  readonly name: string;
  /** `present`: any value, also an empty one. Of repeated lines any one may fit, each taken alone. */
  readonly match: StringMatch | { readonly kind: 'present' };
  /** withoutHeaders: the opposite; a missing header then counts as '' unless `present` is asked. */
  readonly invert: boolean;
}

/** The first parameter of that name, raw: nothing is decoded. */
export interface QueryCondition {
  readonly name: string;
  readonly match: StringMatch | { readonly kind: 'present' };
}

/** A claim of a verified token (§6.4); never true without one, always true when inverted without one. */
export interface ClaimCondition {
  readonly path: readonly string[];
  readonly match: StringMatch | { readonly kind: 'present' };
  readonly invert: boolean;
}

export type RouteAction = ForwardAction | RedirectAction | DirectResponseAction | FailedAction;

export interface ForwardAction {
  readonly kind: 'forward';
  /** At least one; entries of weight 0 are gone already. One alone always has its whole weight. */
  readonly destinations: readonly Destination[];
  readonly totalWeight: number;
  readonly pathRewrite: PathRewrite | undefined;
  /** Host sent upstream, already chosen by precedence of `rewrite.authority` and Host operations; destinations may have their own. */
  readonly hostRewrite: string | undefined;
  /** From the end of the request to the end of the answer's head, over all tries; undefined: none. Milliseconds. */
  readonly timeoutMs: number | undefined;
  /** undefined: no retries. */
  readonly retry: RetryPolicy | undefined;
  readonly mirrors: readonly Mirror[];
  /** In order; the first that yields a hash for this request decides (terminal), all are combined as Envoy does. */
  readonly hashPolicies: readonly HashPolicy[];
}

export interface Destination {
  readonly cluster: ClusterId;
  readonly weight: number;
  readonly hostRewrite: string | undefined;
  readonly requestHeaders: HeaderOperations;
  readonly responseHeaders: HeaderOperations;
}

/** `outbound|<port>|<subset>|<host>`, as Istio names it. It may name a cluster that does not exist: 503 NC (§2.4). */
export type ClusterId = string;

/** One level of `headers`: removes, then values formatted, then sets, then adds (§2.11). Names in lower case, in byte order. */
export interface HeaderOperations {
  readonly remove: readonly string[];
  readonly set: readonly (readonly [name: string, format: string])[];
  readonly add: readonly (readonly [name: string, format: string])[];
}

export type PathRewrite =
  /** The matched prefix is replaced as text; after an exact or regex match the whole path (§2.9). */
  | { readonly kind: 'prefix'; readonly matched: string; readonly replacement: string }
  | { readonly kind: 'whole'; readonly replacement: string }
  | { readonly kind: 'regex'; readonly pattern: string; readonly substitution: string };

export interface RetryPolicy {
  /** Tries after the first one. */
  readonly attempts: number;
  /** Envoy's condition names. */
  readonly retryOn: readonly string[];
  readonly retriableStatusCodes: readonly number[];
  readonly perTryTimeoutMs: number | undefined;
  /** Base of the exponential back-off with full jitter, capped at ten times. */
  readonly backoffMs: number;
  /** Pick again, up to 5 times, when the balancer offers a host that was tried already. */
  readonly avoidPreviousHosts: boolean;
  /** After every second try, keep away from the priorities that had one. */
  readonly avoidPreviousPriorities: boolean;
}

export interface Mirror {
  readonly cluster: ClusterId;
  /** Parts of a million. */
  readonly perMillion: number;
}

export type HashPolicy =
  | { readonly kind: 'header'; readonly name: string }
  | {
      readonly kind: 'cookie';
      readonly name: string;
      readonly path: string;
      /** undefined: no cookie is ever set. 0: a session cookie. Seconds. */
      readonly ttlSeconds: number | undefined;
      readonly attributes: readonly (readonly [name: string, value: string])[];
    }
  | { readonly kind: 'source-ip' }
  | { readonly kind: 'query'; readonly name: string };

export interface RedirectAction {
  readonly kind: 'redirect';
  readonly status: 301 | 302 | 303 | 307 | 308;
  /** Replaces the whole path; the query is kept unless this has one of its own (§2.6). */
  readonly path: string | undefined;
  readonly authority: string | undefined;
  readonly scheme: 'http' | 'https' | undefined;
  /** undefined: as the Host header has it. */
  readonly port: number | undefined;
}

export interface DirectResponseAction {
  readonly kind: 'direct-response';
  readonly status: number;
  /** Base64, since bytes may be anything; undefined: no body. */
  readonly bodyBase64: string | undefined;
}

/** A rule that cannot be honoured answers for its own match (product.md: fail closed and in place). */
export interface FailedAction {
  readonly kind: 'failed';
  readonly status: 503;
  /** Diagnostic code that says why. */
  readonly cause: string;
  readonly message: string;
}

/* ---------------------------------------------------------------- clusters */

/** One destination host and port, or one subset of it, with everything about how to reach it (istio-semantics §3, §4). */
export interface Cluster {
  readonly id: ClusterId;
  readonly host: string;
  readonly port: number;
  readonly subset: string | undefined;
  /** Namespace of the service or ServiceEntry. */
  readonly namespace: string;
  readonly protocol: 'http1' | 'http2' | 'client';
  /** How its addresses come: `endpoints`: from the EndpointTable. `dns`: names resolved by the data plane; all addresses, or one at a time. */
  readonly discovery: { readonly kind: 'endpoints' } | { readonly kind: 'dns'; readonly all: boolean };
  readonly loadBalancer: LoadBalancer;
  /** A locality is chosen first, by the weights of its endpoints together, and then an endpoint of it (istio-semantics §3.3). */
  readonly byLocality?: boolean;
  /** Endpoints that are not ready have their part in shares and priorities: a place where too few are left sends on what they cannot take. */
  readonly countsUnready?: boolean;
  readonly connections: ConnectionSettings;
  readonly outlierDetection: OutlierDetection | undefined;
  readonly tls: UpstreamTls | undefined;
  /** Each connection begins with a header of the PROXY protocol, of that version (istio-semantics §3.2). */
  readonly proxyProtocol?: 1 | 2;
}

export type LoadBalancer =
  | { readonly kind: 'least-request'; readonly warmup: Warmup | undefined }
  | { readonly kind: 'round-robin'; readonly warmup: Warmup | undefined }
  | { readonly kind: 'random' }
  | { readonly kind: 'ring-hash'; readonly minimumRingSize: number }
  | { readonly kind: 'maglev'; readonly tableSize: number };

export interface Warmup {
  readonly durationMs: number;
  readonly minimumPercent: number;
  readonly aggression: number;
}

/** Limits are per gateway process and cluster; `undefined` is unlimited (§3.4). */
export interface ConnectionSettings {
  readonly connectTimeoutMs: number;
  readonly maxConnections: number | undefined;
  readonly maxPendingRequests: number | undefined;
  readonly maxRequests: number | undefined;
  readonly maxRetries: number | undefined;
  readonly retryBudget: { readonly percent: number; readonly minConcurrency: number } | undefined;
  readonly maxRequestsPerConnection: number | undefined;
  readonly maxConcurrentStreams: number | undefined;
  /** undefined: never closed for being idle. */
  readonly idleTimeoutMs: number | undefined;
  readonly maxConnectionDurationMs: number | undefined;
  readonly tcpKeepaliveMs: number | undefined;
  readonly http2KeepAlive: { readonly intervalMs: number; readonly timeoutMs: number } | undefined;
}

/** Envoy's algorithm (§3.5). 0 in a count: that detector is off. */
export interface OutlierDetection {
  readonly consecutive5xx: number;
  readonly consecutiveGatewayErrors: number;
  readonly splitLocalOrigin: boolean;
  readonly consecutiveLocalOriginFailures: number;
  readonly intervalMs: number;
  readonly baseEjectionTimeMs: number;
  readonly maxEjectionPercent: number;
  /** Below this share of healthy hosts all hosts are used again; 0: never. */
  readonly minHealthPercent: number;
  /** Statuses of answers that are errors, in place of all 5xx; empty: all 5xx. */
  readonly errorStatuses: readonly number[];
}

export interface UpstreamTls {
  /** undefined: the Host header sent upstream, lower case, without port. */
  readonly sni: string | undefined;
  /** Any of these must be in the server's certificate; empty: see `verifyHost`. */
  readonly subjectAltNames: readonly string[];
  /** The Host sent must be in the certificate (besides `subjectAltNames`). */
  readonly verifyHost: boolean;
  /** false only with insecureSkipVerify. */
  readonly verify: boolean;
  /** Name in the CredentialTable; undefined: the system's CAs. */
  readonly ca: string | undefined;
  readonly clientCredential: string | undefined;
  /** OpenSSL names; undefined: the runtime's own choice. */
  readonly cipherSuites?: readonly string[];
  readonly ecdhCurves?: readonly string[];
}

/* --------------------------------------------------------------- endpoints */

/** The addresses behind the clusters; published far more often than the table, and never a reason to bind it anew. */
export interface EndpointTable {
  readonly revision: string;
  readonly clusters: Readonly<Record<ClusterId, readonly Endpoint[]>>;
}

export interface Endpoint {
  /** An IP address, `unix:///path`, or a DNS name where the cluster's discovery says so. */
  readonly address: string;
  readonly port: number;
  /** At least 1. */
  readonly weight: number;
  /** Not ready: kept for status, never chosen, and no part of any share but where the cluster `countsUnready`. */
  readonly healthy: boolean;
  readonly locality: string;
  /** 0 is preferred; others only while all lower ones have no healthy host. */
  readonly priority: number;
}

/* ------------------------------------------------------------- credentials */

/** Key material by name; never shown by the admin listener, never logged. */
export interface CredentialTable {
  readonly revision: string;
  readonly credentials: Readonly<Record<string, Credential>>;
}

export type Credential =
  | { readonly kind: 'pair'; readonly certificatePem: string; readonly keyPem: string }
  | { readonly kind: 'ca'; readonly certificatesPem: string; readonly crlPem: string | undefined };
