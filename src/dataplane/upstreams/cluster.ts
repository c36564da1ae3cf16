import { isIP } from 'node:net';
import type { Clock } from '../../kernel/clock.ts';
import type { Cluster, Endpoint } from '../../table/model.ts';
import type { ClientEnds, Tunnel, UpstreamExchange, UpstreamReceiver, UpstreamRequestHead } from '../stream.ts';
import { Balancer } from './balancer/index.ts';
import { CircuitBreaker } from './breaker.ts';
import type { NameResolver, NameWatch } from './dns.ts';
import { Host, type HostEnvironment, hostKey } from './host.ts';
import { OutlierDetector } from './outlier.ts';
import type { ClusterSnapshot, HostOutcome, PickContext, RawOutcome, UpstreamCluster, UpstreamHost } from './port.ts';
import { speaksHttp2 } from './traits.ts';

export interface ClusterEnvironment
  extends Pick<HostEnvironment, 'credentials' | 'mayDial' | 'pools' | 'sockets' | 'spare'> {
  readonly clock: Clock;
  readonly random: () => number;
  readonly resolver: NameResolver;
}

/** A cluster with its live state: hosts and their connections, limits, ejections. */
export class LiveCluster implements UpstreamCluster {
  readonly cluster: Cluster;
  readonly #environment: ClusterEnvironment;
  readonly #breaker: CircuitBreaker;
  readonly #balancer: Balancer<Host>;
  readonly #detector: OutlierDetector<Host> | undefined;
  readonly #hostEnvironment: HostEnvironment;
  readonly #sweep: NodeJS.Timeout | undefined;
  #hosts = new Map<string, Host>();
  #endpoints: readonly Endpoint[] = [];
  #names = new Map<string, NameWatch>();
  #retired = false;

  constructor(cluster: Cluster, environment: ClusterEnvironment) {
    this.cluster = cluster;
    this.#environment = environment;
    this.#breaker = new CircuitBreaker(cluster.connections);
    const { outlierDetection } = cluster;
    this.#balancer = new Balancer<Host>(cluster, environment);
    if (outlierDetection !== undefined) {
      const detector = new OutlierDetector<Host>(outlierDetection, environment.clock, () => this.#refresh());
      this.#detector = detector;
      this.#sweep = setInterval(() => detector.sweep(), Math.max(1, outlierDetection.intervalMs)).unref();
    }
    this.#hostEnvironment = {
      ...environment,
      cluster,
      breaker: this.#breaker,
      report: (host: Host, outcome: HostOutcome) => this.#detector?.report(host, outcome),
    };
  }

  /* ---- requests */

  pick(context: PickContext): UpstreamHost | undefined {
    return this.#balancer.pick(context);
  }

  /** What limits requests is counted where they get their connections (port.ts). */
  acquire(): boolean {
    return true;
  }

  release(): void {
    // Nothing was taken.
  }

  acquireRetry(): boolean {
    return this.#breaker.acquireRetry();
  }

  releaseRetry(): void {
    this.#breaker.releaseRetry();
  }

  start(
    host: UpstreamHost,
    head: UpstreamRequestHead,
    receiver: UpstreamReceiver,
    clientProtocol: 'HTTP/1.1' | 'HTTP/2',
  ): UpstreamExchange {
    return (host as Host).start(head, receiver, speaksHttp2(this.cluster, clientProtocol) ? 'h2' : 'h1');
  }

  connectRaw(
    host: UpstreamHost,
    tell?: (outcome: RawOutcome) => void,
    client?: ClientEnds,
  ): Promise<Tunnel | undefined> {
    return (host as Host).connectRaw(tell, client);
  }

  /* ---- its addresses */

  update(endpoints: readonly Endpoint[]): void {
    if (this.#retired || sameEndpoints(endpoints, this.#endpoints)) return;
    this.#endpoints = endpoints;
    this.#watchNames();
    this.#resolved();
  }

  /** Resolves when every name has had its first answer. */
  async settled(): Promise<void> {
    await Promise.all([...this.#names.values()].map((watch) => watch.settled));
  }

  /** No table names it any more: what is under way finishes. */
  retire(): void {
    this.#retired = true;
    clearInterval(this.#sweep);
    for (const watch of this.#names.values()) watch.close();
    this.#names.clear();
    for (const host of this.#hosts.values()) host.drain();
  }

  #watchNames(): void {
    const wanted = new Set(
      this.cluster.discovery.kind === 'dns' ? this.#endpoints.map((endpoint) => endpoint.address).filter(isName) : [],
    );
    for (const [name, watch] of this.#names) {
      if (wanted.has(name)) continue;
      watch.close();
      this.#names.delete(name);
    }
    for (const name of wanted) {
      if (!this.#names.has(name))
        this.#names.set(
          name,
          this.#environment.resolver.watch(name, () => this.#resolved()),
        );
    }
  }

  /** Endpoints with their names replaced by what they resolve to now. */
  #addresses(): Endpoint[] {
    const { discovery } = this.cluster;
    if (discovery.kind === 'endpoints') return [...this.#endpoints];
    return this.#endpoints.flatMap((endpoint) => {
      const watch = this.#names.get(endpoint.address);
      if (watch === undefined) return [endpoint];
      const addresses = watch.addresses() ?? [];
      // All of them in an order of their own, since answers rotate; or the one that the answer puts first.
      const used = discovery.all ? addresses.toSorted() : addresses.slice(0, 1);
      return used.map((address) => ({ ...endpoint, address }));
    });
  }

  #resolved(): void {
    if (this.#retired) return;
    const before = this.#hosts;
    const now = this.#environment.clock.monotonicMs();
    const hosts = new Map<string, Host>();
    for (const endpoint of this.#addresses()) {
      const key = hostKey(endpoint.address, endpoint.port);
      // The same address twice is one host, as the first says.
      if (hosts.has(key)) continue;
      const host = before.get(key) ?? new Host(endpoint, endpoint, this.#hostEnvironment, now);
      host.facts = endpoint;
      hosts.set(key, host);
    }
    this.#hosts = hosts;
    this.#detector?.update(this.#counted());
    this.#refresh();
    for (const [key, host] of before) if (!hosts.has(key)) host.drain();
  }

  /**
   * Who is not ready is not there at all: Istio does not send such an endpoint, so that no share is taken of it, neither for
   * ejections nor for priorities and localities, and no panic brings it back (istio-semantics §3.3, §3.5, `minHealthPercent`).
   * Of services that wish their callers near it does, to know when a place can take no more.
   */
  #counted(): Host[] {
    const hosts = [...this.#hosts.values()];
    return this.cluster.countsUnready === true ? hosts : hosts.filter((host) => host.facts.healthy);
  }

  /** Who may be chosen now. */
  #refresh(): void {
    for (const host of this.#hosts.values()) {
      const usable = host.facts.healthy && this.#detector?.isEjected(host) !== true;
      if (usable && !host.usable) host.usableSinceMs = this.#environment.clock.monotonicMs();
      host.usable = usable;
    }
    this.#balancer.refresh(this.#counted());
  }

  snapshot(): ClusterSnapshot {
    const hosts = [...this.#hosts.values()];
    return {
      id: this.cluster.id,
      activeRequests: this.#breaker.requests,
      activeConnections: this.#breaker.connections,
      pendingRequests: this.#breaker.pending,
      hosts: hosts.map((host) => ({
        address: host.key,
        healthy: host.facts.healthy,
        ejected: this.#detector?.isEjected(host) === true,
        activeRequests: host.activeRequests,
      })),
      ejections: this.#detector?.ejections ?? 0,
      overflows: this.#breaker.overflows,
      panics: this.#balancer.panics,
    };
  }
}

/** Tables are made anew more often than endpoints change; balancing must not start anew with each. */
const sameEndpoints = (a: readonly Endpoint[], b: readonly Endpoint[]): boolean =>
  a === b || (a.length === b.length && a.every((endpoint, i) => sameEndpoint(endpoint, b[i] as Endpoint)));

const sameEndpoint = (a: Endpoint, b: Endpoint): boolean =>
  a === b ||
  (a.address === b.address &&
    a.port === b.port &&
    a.weight === b.weight &&
    a.healthy === b.healthy &&
    a.locality === b.locality &&
    a.priority === b.priority);

const isName = (address: string): boolean => isIP(address) === 0 && !address.startsWith('unix:');
