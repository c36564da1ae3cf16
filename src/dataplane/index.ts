import type { Filter, GatewayPlugin, PluginHost } from '../contract/plugin.ts';
import type { RequestRecord } from '../contract/record.ts';
import type { Clock } from '../kernel/clock.ts';
import type { Handle } from '../table/handle.ts';
import { type BoundTable, bindTable } from '../table/index.ts';
import type { CredentialTable, EndpointTable, RouteTable } from '../table/model.ts';
import { AnnouncedSettings } from './announced-settings.ts';
import { ConnectionFilters } from './connection-filters.ts';
import { createDownstream, type Downstream, type DownstreamLimits, type ListenerReport } from './downstream/index.ts';
import { DEFAULT_LIMITS } from './downstream/limits.ts';
import type { PinnedTable } from './exchange.ts';
import { FilterChains } from './filter-chain.ts';
import { createRequestHandling } from './handle-request.ts';
import { KeptBytes } from './kept-bytes.ts';
import { createMirrorSender } from './mirror.ts';
import { Overload, type OverloadLimits, watchLoad } from './overload.ts';
import { callCluster } from './own-requests.ts';
import { type PluginLine, pluginLog } from './plugin-log.ts';
import { createTcpPassages } from './tcp-passage.ts';
import { createUpstreams } from './upstreams/index.ts';
import type { ClusterSnapshot, Upstreams } from './upstreams/port.ts';
import type { WebSocketSide } from './websocket.ts';

export type { DownstreamLimits, ListenerReport } from './downstream/index.ts';
export type { OverloadLimits } from './overload.ts';

export interface GatewayOptions {
  readonly tables: Handle<RouteTable>;
  readonly endpoints: Handle<EndpointTable>;
  readonly credentials: Handle<CredentialTable>;
  /** In the order their filters run. */
  readonly plugins: readonly GatewayPlugin[];
  readonly listenAddress: string;
  /** Added to every Gateway port when a socket is bound, and nowhere else. */
  readonly portOffset: number;
  /** Networks of the load balancers whose PROXY header is believed, where a listener has the protocol; undefined: of all. */
  readonly proxyProtocolFrom?: readonly string[] | undefined;
  readonly clock: Clock;
  /** In [0, 1); default Math.random. */
  readonly random?: () => number;
  /** May the gateway dial this address? Asked at each connect, after names were resolved (edge-security M-06). */
  readonly mayDial: (address: string, port: number) => boolean;
  /** An error of ours; the request it happened to was answered 500. */
  readonly onError: (error: unknown, record: RequestRecord | undefined) => void;
  /** What plugins say by `app.log`; default: nobody hears it. */
  readonly onPluginLine?: PluginLine;
  /** Several processes listen on the same port. */
  readonly reusePort?: boolean;
  /** Ordinary requests of HTTP/1.1 go past Fastify and node's HTTP objects. Default true. */
  readonly fastLane?: boolean;
  /** Interim answers of services (102, 103, 104) go to clients of HTTP/1.1 too. Default true. */
  readonly interimOverHttp1?: boolean;
  /** What clients may take, where it differs from the defaults. */
  readonly limits?: Partial<DownstreamLimits>;
  readonly overload?: OverloadLimits;
}

/** How much of a request body is kept for another try (istio-semantics §2.10: Envoy's connection buffer). Bytes. */
const RETRY_BUFFER_BYTES = 1024 * 1024;
/** WebSockets know no end of a request: while it drains the gateway closes them itself, after this long or half of the grace. */
const WEBSOCKET_GRACE_MS = 5_000;
const MIRROR_LIMITS = { maxConcurrent: 1024, maxBehindBytes: 1024 * 1024, timeoutMs: 30_000 };

/** The data plane: what is published in the handles is served. It knows tables, and nothing of where they come from. */
export interface Gateway {
  /** Resolves when the first table's listeners are bound, or could not be; and again after each later table. */
  applied(): Promise<readonly ListenerReport[]>;
  listeners(): readonly ListenerReport[];
  clusters(): readonly ClusterSnapshot[];
  connections(): {
    readonly open: number;
    readonly activeRequests: number;
    /** Closed before anything was served on them, by reason, since the start. */
    readonly refused: Readonly<Record<'too-many' | 'no-server' | 'tls-handshake' | 'proxy-header', number>>;
  };
  /** Takes no further connection. Several processes that drain together all do this first: a client that is told to go would else come to one that is about to. */
  stopAccepting(): Promise<void>;
  /** Stops accepting, tells clients to go elsewhere, lets requests under way finish within `graceMs`. */
  drain(graceMs: number): Promise<void>;
  close(): Promise<void>;
}

export async function buildGateway(options: GatewayOptions): Promise<Gateway> {
  const random = options.random ?? Math.random;
  const limits: DownstreamLimits = { ...DEFAULT_LIMITS, ...options.limits };
  const upstreams = createUpstreams({ clock: options.clock, random, mayDial: options.mayDial });
  const filters: Filter[] = [];
  let pinned: PinnedTable | undefined;
  let bound: BoundTable | undefined;
  let activeRequests = 0;
  const webSockets = new Set<WebSocketSide>();
  const overload = new Overload(options.overload);
  const endWatch = watchLoad(overload);
  const keptBytes = new KeptBytes(overload.bufferBytes / 4);
  const handling = createRequestHandling({
    pinned: () => pinned,
    filters: () => filters,
    overload,
    keptBytes,
    clock: options.clock,
    random,
    onError: options.onError,
    onActive: (change) => {
      activeRequests += change;
    },
    forwarding: {
      upstreams,
      clock: options.clock,
      random,
      interimOverHttp1: options.interimOverHttp1 ?? true,
      retryBufferBytes: RETRY_BUFFER_BYTES,
      bodyMs: limits.bodyTimeoutMs,
      stalledBodyMs: limits.stalledWriteTimeoutMs,
      webSockets,
      mirrors: createMirrorSender({ upstreams, random, ...MIRROR_LIMITS }),
    },
  });
  const downstream = createDownstream({
    handling,
    clock: options.clock,
    listenAddress: options.listenAddress,
    portOffset: options.portOffset,
    proxyProtocolFrom: options.proxyProtocolFrom,
    reusePort: options.reusePort ?? false,
    fastLane: options.fastLane ?? true,
    openTcp: createTcpPassages({
      pinned: () => pinned,
      filters: () => filters,
      upstreams,
      clock: options.clock,
      random,
      onError: (error) => options.onError(error, undefined),
    }),
    limits,
  });
  await registerPlugins(downstream, options, upstreams, filters);

  const announced = new AnnouncedSettings(filters);
  let applying: Promise<readonly ListenerReport[]> = Promise.resolve([]);
  const publish = (): void => {
    const table = options.tables.current();
    if (table === undefined) return;
    if (pinned === undefined || bound === undefined || pinned.revision !== table.revision) {
      bound = bindTable(table, bound);
      announced.announce(table);
      pinned = {
        bound,
        settings: table.settings,
        revision: table.revision,
        chains: new FilterChains(filters, table.filters),
        connections: new ConnectionFilters(filters, table.filters),
      };
    }
    const credentials = options.credentials.current() ?? { revision: '', credentials: {} };
    upstreams.update({
      clusters: table.clusters,
      endpoints: options.endpoints.current() ?? { revision: '', clusters: {} },
      credentials,
    });
    applying = applying.then(() => downstream.apply(table.listeners, credentials));
  };
  const subscriptions = [
    options.tables.subscribe(publish),
    options.endpoints.subscribe(publish),
    options.credentials.subscribe(publish),
  ];
  publish();

  return {
    applied: () => applying,
    listeners: () => downstream.listeners(),
    clusters: () => upstreams.snapshot(),
    connections() {
      const { refused, noChain, failedHandshakes, badProxyHeaders } = downstream.connections();
      return {
        open: downstream.openConnections(),
        activeRequests,
        refused: {
          'too-many': refused,
          'no-server': noChain,
          'tls-handshake': failedHandshakes,
          'proxy-header': badProxyHeaders,
        },
      };
    },
    stopAccepting: () => downstream.stopAccepting(),
    async drain(graceMs) {
      const farewell = setTimeout(
        () => {
          for (const webSocket of webSockets) webSocket.goAway();
        },
        Math.min(WEBSOCKET_GRACE_MS, graceMs / 2),
      );
      await downstream.drain(graceMs);
      clearTimeout(farewell);
    },
    async close() {
      for (const end of subscriptions) end();
      endWatch();
      await downstream.close();
      await upstreams.close(0);
    },
  };
}

/** Each plugin is a Fastify plugin; the order of their filters is the order of the list, whenever they contribute. */
async function registerPlugins(
  downstream: Downstream,
  options: GatewayOptions,
  upstreams: Upstreams,
  filters: Filter[],
): Promise<void> {
  const contributed = new Map<string, Filter>();
  const host: PluginHost = {
    contribute(filter) {
      if (contributed.has(filter.name)) throw new Error(`the filter '${filter.name}' was contributed twice`);
      contributed.set(filter.name, filter as Filter);
    },
    clock: options.clock,
    mayDial: options.mayDial,
    callCluster: (cluster, request) => callCluster(upstreams, cluster, request),
  };
  const { fastify } = downstream;
  fastify.decorate('banyan', host);
  // Given to Fastify as an option, a logger would bring pino along, and be asked for a child with every request.
  if (options.onPluginLine !== undefined) Object.assign(fastify, { log: pluginLog(options.onPluginLine) });
  for (const { plugin } of options.plugins) await fastify.register(plugin);
  await fastify.ready();
  for (const { spec } of options.plugins) {
    const filter = contributed.get(spec.name);
    if (filter !== undefined) filters.push(filter);
  }
}
