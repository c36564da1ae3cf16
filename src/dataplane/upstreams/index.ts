import type { Socket } from 'node:net';
import { isDeepStrictEqual } from 'node:util';
import { type Clock, systemClock } from '../../kernel/clock.ts';
import type { ClusterId } from '../../table/model.ts';
import { type ClusterEnvironment, LiveCluster } from './cluster.ts';
import { createDialGuard, type DialGuard } from './dial-guard.ts';
import { type DnsOptions, NameResolver } from './dns.ts';
import type { ConnectionPool } from './pool.ts';
import type { Upstreams } from './port.ts';
import { SpareConnections } from './spare-connections.ts';
import { UpstreamCredentials } from './tls.ts';

export { type Hash64, xxHash64 } from './balancer/index.ts';
export { VisitedPriorities } from './visited-priorities.ts';

export interface UpstreamsOptions {
  /** Asked at each connect, after DNS; default: the guard of dial-guard.ts, without loopback. */
  readonly mayDial?: DialGuard | undefined;
  readonly dns?: DnsOptions | undefined;
  readonly clock?: Clock | undefined;
  /** 0 ≤ n < 1; for balancing. */
  readonly random?: (() => number) | undefined;
}

/** All clusters with their live state; see port.ts for what each call promises. */
export function createUpstreams(options: UpstreamsOptions = {}): ResolvingUpstreams {
  return new LiveUpstreams(options);
}

export interface ResolvingUpstreams extends Upstreams {
  /** Every name of every cluster has had its first answer, or its first failure. */
  settled(): Promise<void>;
}

/** Of connections with a PROXY header; each costs a descriptor here and a place at its service. */
const MAX_SPARE_CONNECTIONS = 1_000;

class LiveUpstreams implements ResolvingUpstreams {
  readonly #clusters = new Map<ClusterId, LiveCluster>();
  readonly #environment: ClusterEnvironment;
  readonly #pools = new Set<ConnectionPool>();
  readonly #sockets = new Set<Socket>();
  readonly #credentials = new UpstreamCredentials();
  readonly #resolver: NameResolver;

  constructor(options: UpstreamsOptions) {
    this.#resolver = new NameResolver(options.dns);
    this.#environment = {
      clock: options.clock ?? systemClock,
      random: options.random ?? Math.random,
      mayDial: options.mayDial ?? createDialGuard({ allowLoopback: false }),
      resolver: this.#resolver,
      credentials: this.#credentials,
      pools: this.#pools,
      sockets: this.#sockets,
      spare: new SpareConnections(MAX_SPARE_CONNECTIONS),
    };
  }

  get(id: ClusterId): LiveCluster | undefined {
    return this.#clusters.get(id);
  }

  update({ clusters, endpoints, credentials }: Parameters<Upstreams['update']>[0]): void {
    this.#credentials.update(credentials);
    const gone = new Map(this.#clusters);
    for (const cluster of clusters) {
      const current = this.#clusters.get(cluster.id);
      const stays =
        current !== undefined && (current.cluster === cluster || isDeepStrictEqual(current.cluster, cluster));
      const live = stays ? current : new LiveCluster(cluster, this.#environment);
      live.update(Object.hasOwn(endpoints.clusters, cluster.id) ? (endpoints.clusters[cluster.id] ?? []) : []);
      if (stays) gone.delete(cluster.id);
      this.#clusters.set(cluster.id, live);
    }
    for (const [id, cluster] of gone) {
      if (this.#clusters.get(id) === cluster) this.#clusters.delete(id);
      cluster.retire();
    }
  }

  async settled(): Promise<void> {
    await Promise.all([...this.#clusters.values()].map((cluster) => cluster.settled()));
  }

  async close(graceMs: number): Promise<void> {
    this.#resolver.close();
    for (const cluster of this.#clusters.values()) cluster.retire();
    const idle = (): boolean => this.#pools.size === 0 && this.#sockets.size === 0;
    const end = performance.now() + graceMs;
    while (!idle() && performance.now() < end) await pause(Math.min(20, Math.max(1, end - performance.now())));
    for (const pool of [...this.#pools]) pool.destroy();
    for (const socket of [...this.#sockets]) socket.destroy();
  }

  snapshot(): ReturnType<Upstreams['snapshot']> {
    return [...this.#clusters.values()].map((cluster) => cluster.snapshot());
  }
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
