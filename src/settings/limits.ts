/** What clients and namespaces may take: the network team's to set, with defaults that suit an edge of the Internet (docs/limits.md). */
export interface LimitSettings {
  /** Open connections of the whole gateway; workers share it evenly. */
  readonly maxConnections: number;
  /** Streams of one HTTP/2 connection at once. */
  readonly maxStreams: number;
  readonly maxHeaderKib: number;
  readonly maxHeaders: number;
  readonly maxConnectionRequests: number;
  readonly firstBytesSeconds: number;
  readonly headersSeconds: number;
  readonly tlsHandshakeSeconds: number;
  readonly bodyIdleSeconds: number;
  readonly bodySeconds: number;
  readonly stalledSeconds: number;
  readonly keepAliveSeconds: number;
  readonly http2IdleSeconds: number;
  readonly tunnelIdleSeconds: number;
  /** Requests under way for one namespace's routes, in the whole gateway; workers share it evenly. */
  readonly maxNamespaceRequests: number;
  readonly overloadBusyPercent: number;
  readonly overloadDelayMs: number;
  readonly overloadHeapPercent: number;
  /** Of one process; 0: a share of the memory that there is. */
  readonly maxBufferMib: number;
}

interface LimitSetting {
  readonly key: keyof LimitSettings;
  readonly fallback: number;
  readonly from: number;
  readonly to: number;
  readonly about: string;
}

const setting = (
  key: keyof LimitSettings,
  fallback: number,
  [from, to]: readonly [number, number],
  about: string,
): LimitSetting => ({ key, fallback, from, to, about });

const A_DAY = 86_400;

export const LIMIT_SETTINGS: readonly LimitSetting[] = [
  setting('maxConnections', 10_000, [1, 1_000_000], 'open connections; one more is closed at once'),
  setting('maxStreams', 100, [1, 10_000], 'streams of one HTTP/2 connection at once'),
  setting('maxHeaderKib', 60, [4, 1_024], 'size of a request line and its headers; else 431'),
  setting('maxHeaders', 100, [16, 2_000], 'header lines of a request; else 431'),
  setting(
    'maxConnectionRequests',
    10_000,
    [1, 1_000_000_000],
    'requests of one HTTP/1.1 connection; then it is closed',
  ),
  setting('firstBytesSeconds', 10, [1, A_DAY], 'how long a new connection may be silent'),
  setting('headersSeconds', 10, [1, A_DAY], 'how long the head of a request may take'),
  setting('tlsHandshakeSeconds', 15, [1, A_DAY], 'how long a TLS handshake may take'),
  setting('bodyIdleSeconds', 30, [1, A_DAY], 'how long a request body may stand still; else 408'),
  setting('bodySeconds', 3_600, [1, A_DAY], 'how long a request body may take in all; else 408'),
  setting(
    'stalledSeconds',
    60,
    [1, A_DAY],
    'how long an answer, or a body on its way to a service, may be left unread',
  ),
  setting('keepAliveSeconds', 75, [1, A_DAY], 'how long an HTTP/1.1 connection may be idle'),
  setting('http2IdleSeconds', 300, [1, A_DAY], 'how long an HTTP/2 connection may be without a stream'),
  setting('tunnelIdleSeconds', 3_600, [1, A_DAY], 'how long a WebSocket or TCP connection may carry nothing'),
  setting('maxNamespaceRequests', 5_000, [1, 1_000_000], "requests under way for one namespace's routes; else 503"),
  setting('overloadBusyPercent', 90, [1, 100], 'a busier event loop that is late as well refuses requests; 100: never'),
  setting('overloadDelayMs', 100, [1, 60_000], 'how late that is'),
  setting('overloadHeapPercent', 90, [1, 100], 'a fuller heap refuses requests; 100: never'),
  setting(
    'maxBufferMib',
    0,
    [0, 65_536],
    'bodies and answers under way in one worker; else 503; 0: by the memory limit',
  ),
];
