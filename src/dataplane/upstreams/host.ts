import type { Socket } from 'node:net';
import { hostPort } from '../../kernel/host-port.ts';
import type { Cluster } from '../../table/model.ts';
import { fleeting } from '../fleeting.ts';
import type { ClientEnds, Tunnel, UpstreamExchange, UpstreamReceiver, UpstreamRequestHead } from '../stream.ts';
import { Attempt } from './attempt.ts';
import type { BalancedHost } from './balancer/index.ts';
import type { CircuitBreaker } from './breaker.ts';
import { type DialOptions, type DialTarget, dial } from './dial.ts';
import type { DialGuard } from './dial-guard.ts';
import { Http1Connection } from './http1-client.ts';
import { ASSUMED_STREAMS, Http2Connection } from './http2-client.ts';
import { type Connect, ConnectionPool } from './pool.ts';
import type { HostOutcome, RawOutcome, UpstreamHost } from './port.ts';
import type { SpareConnections } from './spare-connections.ts';
import { type TlsDial, tlsDial, tlsIdentity, type UpstreamCredentials } from './tls.ts';
import { localAddressOf, tunnelOver, type Wire } from './wire.ts';

/** What all hosts of a cluster share. */
export interface HostEnvironment {
  readonly cluster: Cluster;
  readonly breaker: CircuitBreaker;
  readonly credentials: UpstreamCredentials;
  readonly mayDial: DialGuard;
  /** Every pool that has something in it, so that closing finds it, whatever became of its cluster. */
  readonly pools: Set<ConnectionPool>;
  /** Raw connections, for the same reason. */
  readonly sockets: Set<Socket>;
  /** Idle connections that speak for one client each, of the whole process. */
  readonly spare: SpareConnections;
  readonly report: (host: Host, outcome: HostOutcome) => void;
}

/** What the endpoint table says of a host; may change while the host stays. */
export interface HostFacts {
  readonly weight: number;
  readonly priority: number;
  readonly locality: string;
  readonly healthy: boolean;
}

/** `[::1]:80`, `10.0.0.1:80`, or the path of a socket. */
export function hostKey(address: string, port: number): string {
  if (address.startsWith('unix:')) return address;
  return hostPort(address, port);
}

type Protocol = 'h1' | 'h2';

/** One address of a cluster: its pools and its counters. */
export class Host implements UpstreamHost, BalancedHost {
  readonly key: string;
  readonly address: string;
  readonly port: number;
  /** Tries under way, those that wait for a connection included. */
  activeRequests = 0;
  usableSinceMs: number;
  usable: boolean;
  facts: HostFacts;
  readonly #environment: HostEnvironment;
  readonly #pools = new Map<string, ConnectionPool>();
  #fingerprint = '';
  #drained = false;

  constructor(target: DialTarget, facts: HostFacts, environment: HostEnvironment, nowMs: number) {
    this.key = hostKey(target.address, target.port);
    this.address = target.address;
    this.port = target.port;
    this.facts = facts;
    this.usable = facts.healthy;
    this.usableSinceMs = nowMs;
    this.#environment = environment;
  }

  get weight(): number {
    return Math.max(1, this.facts.weight);
  }

  get priority(): number {
    return this.facts.priority;
  }

  get locality(): string {
    return this.facts.locality;
  }

  report(outcome: HostOutcome): void {
    this.#environment.report(this, outcome);
  }

  start(head: UpstreamRequestHead, receiver: UpstreamReceiver, protocol: Protocol): UpstreamExchange {
    this.activeRequests++;
    const attempt = new Attempt(head, receiver, () => {
      this.activeRequests--;
    });
    const pool = this.#pool(protocol, head.authority, this.#environment.cluster.proxyProtocol && head.client);
    attempt.onWithdrawn = fleeting(() => pool.withdraw(attempt));
    pool.submit(attempt);
    return attempt;
  }

  /** Requests under way finish; connections end with them. */
  drain(): void {
    this.#drained = true;
    for (const pool of [...this.#pools.values()]) pool.drain();
    this.#pools.clear();
  }

  /** Other key material counts from now on: what was connected with the former is not used again. */
  renewConnections(): void {
    for (const pool of [...this.#pools.values()]) pool.drain();
    this.#pools.clear();
  }

  /** Resolves undefined when there is no room or no connection; outlier detection is told either way. */
  connectRaw(tell: (outcome: RawOutcome) => void = () => {}, client?: ClientEnds): Promise<Tunnel | undefined> {
    const { breaker, sockets } = this.#environment;
    if (!breaker.mayConnect) {
      breaker.overflows++;
      tell({ kind: 'failed', reason: 'overflow', detail: undefined });
      return Promise.resolve(undefined);
    }
    breaker.connections++;
    this.activeRequests++;
    const release = (): void => {
      breaker.connections--;
      this.activeRequests--;
    };
    return new Promise((resolve) => {
      this.#dial({ authority: undefined, client }, undefined, true, {
        onConnected: (socket, wire) => {
          sockets.add(socket);
          this.report({ kind: 'connected' });
          // Nobody looks into such a connection: that it was made is all the success there is (istio-semantics §3.5).
          this.report({ kind: 'status', status: 200 });
          const tunnel = tunnelOver(wire as Wire, () => {
            sockets.delete(socket);
            release();
          });
          tell({ kind: 'connected', localAddress: localAddressOf(socket) });
          resolve(tunnel);
        },
        onFailed: (reason, detail) => {
          release();
          tell({ kind: 'failed', reason, detail });
          this.report({ kind: 'local-failure', timeout: reason === 'connect-timeout' });
          resolve(undefined);
        },
      });
    });
  }

  /** `client`: where the connection is to say whose it is. */
  #pool(protocol: Protocol, authority: string, client: ClientEnds | undefined): ConnectionPool {
    const { cluster, credentials } = this.#environment;
    if (cluster.tls !== undefined) {
      const fingerprint = credentials.fingerprint(cluster.tls);
      if (fingerprint !== this.#fingerprint) this.renewConnections();
      this.#fingerprint = fingerprint;
    }
    const secured = cluster.tls === undefined ? protocol : `${protocol} ${tlsIdentity(cluster.tls, authority)}`;
    const key = client === undefined ? secured : `${secured} ${endsOf(client)}`;
    return this.#pools.get(key) ?? this.#createPool(key, protocol, { authority, client: client && kept(client) });
  }

  #createPool(key: string, protocol: Protocol, speech: Speech): ConnectionPool {
    const { cluster, breaker, pools, spare } = this.#environment;
    const pool = new ConnectionPool({
      settings: speech.client === undefined ? cluster.connections : ofOneClient(cluster.connections),
      breaker,
      connect: protocol === 'h1' ? this.#connectHttp1(speech) : this.#connectHttp2(speech),
      expectedStreams: protocol === 'h1' ? 1 : (cluster.connections.maxConcurrentStreams ?? ASSUMED_STREAMS),
      spare: speech.client === undefined ? undefined : spare,
      onEmpty: () => {
        pools.delete(pool);
        if (this.#pools.get(key) === pool) this.#pools.delete(key);
      },
    });
    pools.add(pool);
    this.#pools.set(key, pool);
    if (this.#drained) pool.drain();
    return pool;
  }

  #connectHttp1(speech: Speech): Connect {
    return (_expectedStreams, events, onConnected, onFailed) =>
      this.#dial(speech, 'http/1.1', true, {
        onConnected: (_socket, wire) => onConnected(new Http1Connection(wire as Wire, this.key, events)),
        onFailed,
      });
  }

  #connectHttp2(speech: Speech): Connect {
    return (expectedStreams, events, onConnected, onFailed) =>
      this.#dial(speech, 'h2', false, {
        onConnected: (socket) =>
          onConnected(
            new Http2Connection(socket, this.key, this.#environment.cluster.connections, expectedStreams, events),
          ),
        onFailed,
      });
  }

  #dial(
    { authority, client }: Speech,
    alpn: DialOptions['alpn'],
    wire: boolean,
    events: Parameters<typeof dial>[2],
  ): () => void {
    const { cluster, mayDial } = this.#environment;
    const { proxyProtocol } = cluster;
    const { connectTimeoutMs, tcpKeepaliveMs } = cluster.connections;
    const secured = this.#tls(authority);
    if (secured.kind === 'unusable') {
      const timer = setImmediate(() => events.onFailed('connect-failure', secured.reason));
      return () => clearImmediate(timer);
    }
    const proxy = proxyProtocol === undefined ? undefined : { version: proxyProtocol, client };
    const common = { mayDial, timeoutMs: connectTimeoutMs, keepaliveMs: tcpKeepaliveMs, alpn, wire };
    return dial(this, { ...common, tls: secured.tls, proxy }, events);
  }

  #tls(authority: string | undefined): { readonly kind: 'usable'; readonly tls: TlsDial | undefined } | Unusable {
    const { cluster, credentials } = this.#environment;
    if (cluster.tls === undefined) return { kind: 'usable', tls: undefined };
    const context = credentials.context(cluster.tls);
    if (!context.ok) return { kind: 'unusable', reason: context.error };
    return { kind: 'usable', tls: tlsDial(cluster.tls, context.value, authority) };
  }
}

/** For whom a connection is made. */
interface Speech {
  /** undefined: for raw bytes. */
  readonly authority: string | undefined;
  readonly client: ClientEnds | undefined;
}

/** A client that has gone comes back by another port, and nobody else may use what was made for it. */
const IDLE_OF_ONE_CLIENT_MS = 10_000;

const ofOneClient = (connections: Cluster['connections']): Cluster['connections'] => ({
  ...connections,
  idleTimeoutMs: Math.min(connections.idleTimeoutMs ?? Number.POSITIVE_INFINITY, IDLE_OF_ONE_CLIENT_MS),
});

/** The pool outlives the request, which shall not be kept with it. */
const kept = ({ remoteAddress, remotePort, localAddress, localPort }: ClientEnds): ClientEnds => ({
  remoteAddress,
  remotePort,
  localAddress,
  localPort,
});

const endsOf = ({ remoteAddress, remotePort, localAddress, localPort }: ClientEnds): string =>
  `${hostPort(remoteAddress, remotePort)} ${hostPort(localAddress, localPort)}`;

interface Unusable {
  readonly kind: 'unusable';
  readonly reason: string;
}
