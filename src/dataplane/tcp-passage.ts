import { randomUUID } from 'node:crypto';
import type { ConnectionRecord } from '../contract/connection-record.ts';
import type { Filter } from '../contract/plugin.ts';
import type { Clock } from '../kernel/clock.ts';
import type { TcpRoute } from '../table/model.ts';
import type { OpenTcp, TcpClient, TcpEnding, TcpPassage } from './downstream/tcp.ts';
import type { PinnedTable } from './exchange.ts';
import { faultReply, type GatewayFault } from './fault.ts';
import type { Tunnel } from './stream.ts';
import { xxHash64 } from './upstreams/index.ts';
import type { RawOutcome, Upstreams } from './upstreams/port.ts';
import { pickByWeight } from './weighted.ts';

export interface PassageOptions {
  readonly pinned: () => PinnedTable | undefined;
  readonly filters: () => readonly Filter[];
  readonly upstreams: Upstreams;
  readonly clock: Clock;
  /** In [0, 1). */
  readonly random: () => number;
  readonly onError: (error: unknown) => void;
}

/** Raw connections: whether they may pass, a destination by weight, a healthy host, and one record of each. */
export const createTcpPassages =
  (options: PassageOptions): OpenTcp =>
  (route, client) =>
    new Passage(options, route, client);

class Passage implements TcpPassage {
  readonly record: ConnectionRecord;
  readonly #options: PassageOptions;
  readonly #route: TcpRoute | undefined;
  readonly #client: TcpClient;
  readonly #startedMonotonicMs: number;
  /** The record is told, and is nobody's to write any more. */
  #told = false;

  constructor(options: PassageOptions, route: TcpRoute | undefined, client: TcpClient) {
    this.#options = options;
    this.#route = route;
    this.#client = client;
    this.#startedMonotonicMs = options.clock.monotonicMs();
    this.record = newRecord(route, client, options.pinned()?.revision ?? '', options.clock.nowMs());
  }

  async connect(): Promise<Tunnel | undefined> {
    try {
      return await this.#connect();
    } catch (error) {
      // A filter that fails lets nothing through: nobody could say that the connection may pass.
      this.#options.onError(error);
      return this.#fail({ kind: 'internal-error' });
    }
  }

  async #connect(): Promise<Tunnel | undefined> {
    const { record } = this;
    const { upstreams, random } = this.#options;
    const route = this.#route;
    if (route === undefined) return this.#fail({ kind: 'no-route' }, 'filter_chain_not_found');
    const { cluster: id = '' } = pickByWeight(route.destinations, random) ?? {};
    if (id !== '') record.cluster = id;
    record.clusterNamespace = upstreams.get(id)?.cluster.namespace;
    if (!(await this.#isAdmitted(route))) return undefined;
    const cluster = upstreams.get(id);
    if (cluster === undefined) return this.#fail({ kind: 'unknown-destination' });
    const hash = route.hashSource ? xxHash64(this.#client.remoteAddress) : undefined;
    const host = cluster.pick({ hash, avoid: new Set() });
    if (host === undefined) return this.#fail({ kind: 'no-healthy-upstream' });
    return cluster.connectRaw(host, (outcome) => this.#dialled(host.key, outcome), this.#client);
  }

  /** All that have a say must admit it, and the client must have waited for them. */
  async #isAdmitted({ owner }: TcpRoute): Promise<boolean> {
    const { record } = this;
    const connections = this.#options.pinned()?.connections;
    if (connections === undefined) {
      this.#fail({ kind: 'not-ready' });
      return false;
    }
    const { peerAddress, remoteAddress, localAddress, destinationPort, tls } = this.#client;
    const ends = { peerAddress, clientAddress: remoteAddress, localAddress, listenerPort: destinationPort };
    const admitted = await connections.admit({ ...ends, tls, owner, record });
    // Who left while somebody was asked needs no service.
    if (this.#told) return false;
    if (!admitted) record.cause ??= 'refused';
    return admitted;
  }

  #dialled(host: string, outcome: RawOutcome): void {
    const { record } = this;
    if (this.#told) return;
    const overflow = outcome.kind === 'failed' && outcome.reason === 'overflow';
    if (!overflow) {
      record.upstreamAddress = host;
      record.upstreamAttempts = 1;
    }
    if (outcome.kind === 'connected') {
      record.upstreamLocalAddress = outcome.localAddress;
      return;
    }
    record.upstreamFailure = outcome.detail;
    this.#fail({ kind: 'upstream-reset', reason: outcome.reason, retried: false });
    // Envoy tries once, and says of that try that it was the last (`max_connect_attempts`).
    if (!overflow) record.flags.push('URX');
  }

  /** The same words and flags as for requests, though nobody gets an answer. */
  #fail(fault: GatewayFault, details = ''): undefined {
    if (this.#told) return;
    const { cause, flag } = faultReply(fault);
    this.record.cause = cause;
    this.record.details = details;
    if (flag !== undefined) this.record.flags.push(flag);
  }

  opened(): void {
    this.#tell((filter) => filter.connectionOpened?.(this.record));
  }

  ended(why: TcpEnding): void {
    const { record } = this;
    if (this.#told) return;
    if (why !== 'finished' && record.cause === undefined) {
      record.cause = why;
      if (why === 'max-duration') record.flags.push('DT');
    }
    record.durationMs = this.#options.clock.monotonicMs() - this.#startedMonotonicMs;
    this.#told = true;
    this.#tell((filter) => filter.logConnection?.(record));
  }

  /** One that fails keeps nothing from the others. */
  #tell(hook: (filter: Filter) => void): void {
    for (const filter of this.#options.filters()) {
      try {
        hook(filter);
      } catch (error) {
        this.#options.onError(error);
      }
    }
  }
}

function newRecord(
  route: TcpRoute | undefined,
  client: TcpClient,
  tableRevision: string,
  nowMs: number,
): ConnectionRecord {
  return {
    connectionId: randomUUID(),
    startedAtMs: nowMs,
    peerAddress: client.peerAddress,
    clientAddress: client.remoteAddress,
    clientPort: client.remotePort,
    localAddress: client.localAddress,
    localPort: client.localPort,
    listenerPort: client.listenerPort,
    serverName: client.tls?.serverName,
    routeId: route?.id,
    owner: route?.owner,
    tableRevision,
    cluster: undefined,
    clusterNamespace: undefined,
    upstreamAddress: undefined,
    upstreamLocalAddress: undefined,
    upstreamAttempts: 0,
    upstreamFailure: undefined,
    flags: [],
    details: '',
    terminationDetails: undefined,
    cause: undefined,
    bytesReceived: 0,
    bytesSent: 0,
    durationMs: 0,
  };
}
