import type { RouteOwner } from '../table/model.ts';
import type { PolicyMark } from './record.ts';

/**
 * What is known of one raw connection (`tcp` and `tls` routes): the source of its line in the access log and of its metrics.
 * Written by the data plane as it goes, and by filters that refuse it or mark it; read by `connectionOpened` and
 * `logConnection` of the filters. Durations in milliseconds.
 */
export interface ConnectionRecord {
  /** Random; tells connections apart, since nothing that passes has a name here. */
  readonly connectionId: string;
  /** Wall clock when it was known where the connection belongs, in milliseconds since 1970: after a handshake that ends here. */
  readonly startedAtMs: number;
  /** The other end of the connection, even where it speaks for a client by the PROXY protocol. */
  readonly peerAddress: string;
  /** The caller, by the PROXY protocol where it is spoken. */
  readonly clientAddress: string;
  readonly clientPort: number;
  /** Where the caller came to. */
  readonly localAddress: string;
  readonly localPort: number;
  /** The Gateway's own port number. */
  readonly listenerPort: number;
  readonly serverName: string | undefined;
  /** undefined: no route. */
  readonly routeId: string | undefined;
  readonly owner: RouteOwner | undefined;
  /** Revision of the table by which it was judged and connected. */
  readonly tableRevision: string;
  cluster: string | undefined;
  /** Of the service or ServiceEntry behind it; undefined: there is no such cluster. */
  clusterNamespace: string | undefined;
  /** The host that was chosen, whether or not it could be reached. */
  upstreamAddress: string | undefined;
  upstreamLocalAddress: string | undefined;
  upstreamAttempts: number;
  /** Text of the connect failure or of TLS. */
  upstreamFailure: string | undefined;
  /** Envoy's short flags, in the order they came: `NR`, `UH`, `UF` and `URX`, `DT` (istio-semantics §8). */
  readonly flags: string[];
  /** Envoy's response code details; '' as mostly for connections. */
  details: string;
  /** Envoy's connection termination details, which say of a refusal whose it was. */
  terminationDetails: string | undefined;
  /** Our stable word for why it ended; undefined: one of the two ends was done. */
  cause: string | undefined;
  /** Of the client's, decrypted where TLS ends here; it grows while the connection lasts, as does the next. */
  bytesReceived: number;
  bytesSent: number;
  durationMs: number;
  /** What policies that change nothing had to say; undefined: nothing, as mostly. */
  policyMarks?: PolicyMark[];
}
