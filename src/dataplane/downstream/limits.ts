/** What one client, and all of them together, may take. Sizes in bytes, times in milliseconds. */
export interface DownstreamLimits {
  /** Open connections over all listeners; one more is closed at once (edge-security X-04). */
  readonly maxConnections: number;
  /** Request line and headers together, decoded (istio-semantics §7.3: 60 KiB). */
  readonly maxHeaderBytes: number;
  /** Header lines of one request, Host included (istio-semantics §7.3). */
  readonly maxHeaders: number;
  /** From the first byte of a request to the end of its head (edge-security X-01). */
  readonly headersTimeoutMs: number;
  /** From accepting a connection to bytes that tell what it speaks. */
  readonly firstBytesTimeoutMs: number;
  readonly tlsHandshakeTimeoutMs: number;
  /** Between two pieces of a request body that somebody waits for (edge-security X-02); streaming calls of gRPC are exempt. */
  readonly bodyIdleTimeoutMs: number;
  /** All of a request body, however steadily it comes; calls of gRPC are exempt (edge-security X-02). */
  readonly bodyTimeoutMs: number;
  /** How long a client may leave an answer unread once the buffers are full (edge-security X-03, H-15). */
  readonly stalledWriteTimeoutMs: number;
  /** Between two requests of an HTTP/1.1 connection; above what load balancers in front keep theirs (edge-security §3). */
  readonly keepAliveTimeoutMs: number;
  /** An HTTP/2 connection without a stream. */
  readonly http2IdleTimeoutMs: number;
  /** A tunnel without a byte either way (istio-semantics §7.3: 1 h). */
  readonly tunnelIdleTimeoutMs: number;
  /** Requests of one HTTP/1.1 connection; then it is closed, so that clients spread anew (edge-security §3). */
  readonly maxRequestsPerConnection: number;
  readonly maxConcurrentStreams: number;
  /** How much of a body that nobody wants is read before the connection is cut (edge-security F-25), and for how long. */
  readonly lingerBytes: number;
  readonly lingerMs: number;
  /** While draining, an idle connection is closed once it was quiet for so long: the client is then hardly just about to use it. */
  readonly drainIdleMs: number;
  /** What a listener that left the table gives its connections to finish (istio-semantics §7.3). */
  readonly removedListenerGraceMs: number;
  /** How often timeouts are looked for, and a port that was taken is tried again. */
  readonly sweepIntervalMs: number;
  readonly bindRetryMs: number;
}

export const DEFAULT_LIMITS: DownstreamLimits = {
  maxConnections: 10_000,
  maxHeaderBytes: 60 * 1024,
  maxHeaders: 100,
  headersTimeoutMs: 10_000,
  firstBytesTimeoutMs: 10_000,
  tlsHandshakeTimeoutMs: 15_000,
  bodyIdleTimeoutMs: 30_000,
  bodyTimeoutMs: 3_600_000,
  stalledWriteTimeoutMs: 60_000,
  keepAliveTimeoutMs: 75_000,
  http2IdleTimeoutMs: 300_000,
  tunnelIdleTimeoutMs: 3_600_000,
  maxRequestsPerConnection: 10_000,
  maxConcurrentStreams: 100,
  lingerBytes: 1024 * 1024,
  lingerMs: 2_000,
  drainIdleMs: 1_000,
  removedListenerGraceMs: 45_000,
  sweepIntervalMs: 500,
  bindRetryMs: 2_000,
};
