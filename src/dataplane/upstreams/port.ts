import type { Cluster, ClusterId, CredentialTable, EndpointTable } from '../../table/model.ts';
import type {
  ClientEnds,
  ResetReason,
  Tunnel,
  UpstreamExchange,
  UpstreamReceiver,
  UpstreamRequestHead,
} from '../stream.ts';
import type { Hash64 } from './balancer/index.ts';
import type { VisitedPriorities } from './visited-priorities.ts';

/** All clusters with their live state: connections, counters, ejections. They outlive the tables that name them. */
export interface Upstreams {
  get(id: ClusterId): UpstreamCluster | undefined;
  /**
   * Takes over a new state. A cluster whose definition is unchanged keeps its connections, counters and ejections; an
   * endpoint that stays keeps its own. What is gone drains: no new requests, those under way finish.
   */
  update(state: {
    readonly clusters: readonly Cluster[];
    readonly endpoints: EndpointTable;
    readonly credentials: CredentialTable;
  }): void;
  /** Closes idle connections now and the others when their request has ended, all within `graceMs`. */
  close(graceMs: number): Promise<void>;
  /** For metrics and the admin page. */
  snapshot(): readonly ClusterSnapshot[];
}

export interface PickContext {
  /** From the route's hash policies; undefined: none asked, or none yielded a value. */
  readonly hash: Hash64 | undefined;
  /** Hosts tried already, avoided up to 5 more picks (istio-semantics §2.10). */
  readonly avoid: ReadonlySet<string>;
  /** Where tries have been that others keep away from; undefined: that does not count. */
  readonly visited?: VisitedPriorities | undefined;
}

export interface UpstreamCluster {
  readonly cluster: Cluster;
  /** undefined: no healthy host (503 UH). */
  pick(context: PickContext): UpstreamHost | undefined;
  /**
   * Lets one request in; false: overflow (503 UO). Ends with `release`. `maxRequests` is not held against it here but
   * when it gets its connection (onFailed 'overflow'), as in Envoy: a request that waits is not active (§3.4).
   */
  acquire(): boolean;
  release(): void;
  /** May a retry start now (maxRetries, retry budget)? Ends with `releaseRetry`. */
  acquireRetry(): boolean;
  releaseRetry(): void;
  /**
   * Starts one try. Queues for a connection within maxPendingRequests (else onFailed 'overflow'), connects when needed.
   * `clientProtocol`: what the client speaks, for clusters whose protocol is 'client'.
   */
  start(
    host: UpstreamHost,
    head: UpstreamRequestHead,
    receiver: UpstreamReceiver,
    clientProtocol: 'HTTP/1.1' | 'HTTP/2',
  ): UpstreamExchange;
  /** A raw TCP connection, for `tcp` and passthrough routes; resolves undefined when it cannot be made. `tell`: what came of it, before that. `client`: whose it is. */
  connectRaw(
    host: UpstreamHost,
    tell?: (outcome: RawOutcome) => void,
    client?: ClientEnds,
  ): Promise<Tunnel | undefined>;
}

/** What came of a raw connection, for whoever writes it down. */
export type RawOutcome =
  | { readonly kind: 'connected'; readonly localAddress: string }
  /** `overflow`: the cluster has as many connections as it may; nobody was dialled. */
  | { readonly kind: 'failed'; readonly reason: ResetReason; readonly detail: string | undefined };

/** One address of a cluster, with its own counters. */
export interface UpstreamHost {
  /** `address:port`, the identity of the host. */
  readonly key: string;
  readonly address: string;
  readonly port: number;
  /** 0: the first to be asked. */
  readonly priority: number;
  /** What became of one try; feeds outlier detection (§3.5). A status from the answer's head, gRPC's mapped, or a failure of our side of the wire. */
  report(outcome: HostOutcome): void;
}

export type HostOutcome =
  | { readonly kind: 'status'; readonly status: number }
  /** Connect failed, timed out, was reset: Envoy maps them to 503 and 504 unless split. */
  | { readonly kind: 'local-failure'; readonly timeout: boolean }
  | { readonly kind: 'connected' };

export interface ClusterSnapshot {
  readonly id: ClusterId;
  readonly activeRequests: number;
  readonly activeConnections: number;
  readonly pendingRequests: number;
  readonly hosts: readonly {
    readonly address: string;
    readonly healthy: boolean;
    readonly ejected: boolean;
    readonly activeRequests: number;
  }[];
  readonly ejections: number;
  readonly overflows: number;
  /** Choices among all hosts, since too few of them were usable. */
  readonly panics: number;
}
