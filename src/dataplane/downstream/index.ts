import type { Socket } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { addressBlocks } from '../../contract/address-blocks.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { CredentialTable, Listener } from '../../table/model.ts';
import { Acceptor } from './accept.ts';
import { atCalmTurn } from './calm.ts';
import { type ConnectionCounters, Connections, type DownstreamConnection } from './connection.ts';
import { FastConnection } from './fast-connection.ts';
import { createHttp1Lane } from './http1-lane.ts';
import { Http2Connection } from './http2-connection.ts';
import { DEFAULT_LIMITS, type DownstreamLimits } from './limits.ts';
import { type ListenerReport, Listeners } from './listeners.ts';
import type { RequestHandling } from './port.ts';
import type { OpenTcp } from './tcp.ts';
import { Terminators } from './tls-terminators.ts';

export type { ConnectionCounters } from './connection.ts';
export type { DownstreamLimits } from './limits.ts';
export type { ListenerReport } from './listeners.ts';
export type { OpenTcp, TcpClient } from './tcp.ts';
export type { UnusableServer } from './tls-terminators.ts';

const NOTHING_READ = Buffer.alloc(0);
/** A socket that was destroyed says so in the next turn. */
const CLOSED_WITHIN_MS = 500;

export interface DownstreamOptions {
  readonly handling: RequestHandling;
  readonly clock: Clock;
  /** For listeners that name no address of their own. */
  readonly listenAddress: string;
  /** Added to a Gateway's port number when its socket is bound, and nowhere else. */
  readonly portOffset: number;
  /** Where `tcp` and passthrough connections go. */
  readonly openTcp: OpenTcp;
  /** Networks of the load balancers whose PROXY header is believed, where a listener has the protocol; undefined: of all. */
  readonly proxyProtocolFrom?: readonly string[] | undefined;
  /** Several processes listen on the same ports. Default false. */
  readonly reusePort?: boolean;
  /** Ordinary requests of HTTP/1.1 go past Fastify and node's HTTP objects. Default true. */
  readonly fastLane?: boolean;
  /** What differs from `DEFAULT_LIMITS`. */
  readonly limits?: Partial<DownstreamLimits>;
}

/** Everything on the clients' side of the gateway: ports, TLS, and the lanes that make requests out of bytes. */
export interface Downstream {
  /** For plugins; ready before the first `apply` at the latest. */
  readonly fastify: FastifyInstance;
  /** Opens, changes and closes ports as the table says. A port that cannot be bound is reported, and tried again; the others live on. */
  apply(listeners: readonly Listener[], credentials: CredentialTable): Promise<readonly ListenerReport[]>;
  listeners(): readonly ListenerReport[];
  openConnections(): number;
  connections(): ConnectionCounters;
  /** Takes no further connection; resolves when no port listens any more. What has connected by then is served. */
  stopAccepting(): Promise<void>;
  /**
   * Stops accepting, tells every client to go elsewhere (`connection: close`, GOAWAY) and resolves when all have gone, or
   * after `graceMs`, when the rest is cut.
   */
  drain(graceMs: number): Promise<void>;
  /** At once. */
  close(): Promise<void>;
}

export function createDownstream(options: DownstreamOptions): Downstream {
  const { handling, clock, openTcp } = options;
  const limits: DownstreamLimits = { ...DEFAULT_LIMITS, ...options.limits };
  const connections = new Connections(limits.maxConnections);
  const terminators = new Terminators(limits.tlsHandshakeTimeoutMs);
  const http1 = createHttp1Lane({ handling, limits, clock });
  const acceptHttp1 = (connection: DownstreamConnection, side: Socket): void => {
    if (options.fastLane === false || http1.hooked) {
      http1.accept(connection, side, NOTHING_READ);
      return;
    }
    connection.kind = 'http1';
    connection.life = new FastConnection(connection, side, { handling, limits, clock }, http1.accept);
  };
  const acceptor = new Acceptor({
    connections,
    terminators,
    openTcp,
    isLoadBalancer: options.proxyProtocolFrom === undefined ? () => true : addressBlocks(options.proxyProtocolFrom),
    limits,
    clock,
    lanes: {
      http1: (connection, side) => acceptHttp1(connection, side),
      http2: (connection, side) => {
        connection.kind = 'http2';
        connection.life = new Http2Connection(connection, side, { handling, limits, clock });
      },
    },
  });
  const listeners = new Listeners({
    listenAddress: options.listenAddress,
    portOffset: options.portOffset,
    reusePort: options.reusePort ?? false,
    acceptor,
    connections,
    terminators,
    limits,
    clock,
  });
  // Behind the look at the sockets: what has come while this process stood still is no silence of its client.
  const sweeper = setInterval(() => setImmediate(() => connections.sweep(clock.monotonicMs())), limits.sweepIntervalMs);
  sweeper.unref();

  let stopped: Promise<void> | undefined;
  const stopAccepting = (): Promise<void> => {
    stopped ??= new Promise((resolve) =>
      atCalmTurn(
        () => connections.accepted + connections.refused,
        () => {
          listeners.stop();
          resolve();
        },
      ),
    );
    return stopped;
  };

  let applying: Promise<unknown> = Promise.resolve();
  return {
    fastify: http1.fastify,
    async apply(wanted, credentials) {
      // One after the other: a later table must not be overtaken by an earlier one that waits for its ports.
      const applied = applying.then(async () => {
        await http1.fastify.ready();
        return listeners.apply(wanted, credentials);
      });
      applying = applied.catch(() => {});
      return applied;
    },
    listeners: () => listeners.reports(),
    openConnections: () => connections.size,
    connections: () => connections.counters(),
    stopAccepting,
    async drain(graceMs) {
      await stopAccepting();
      connections.drain(clock.monotonicMs() + limits.drainIdleMs, () => true);
      await connections.emptied(graceMs);
      connections.destroyAll();
    },
    async close() {
      listeners.stop();
      connections.destroyAll();
      clearInterval(sweeper);
      // Plugins end with Fastify: until then they are to hear what became of the last ones.
      await connections.emptied(CLOSED_WITHIN_MS);
      await http1.close();
    },
  };
}
