import { Counter, type Registry } from 'prom-client';
import type { ConnectionRecord, Filter } from '../../src/contract/index.ts';
import type { GatewayWorkload } from './istio-labels.ts';
import { createIstioTcpMetrics, type TcpSeries } from './istio-tcp.ts';
import { countWord, registerPerRoute } from './per-route.ts';
import { MAX_ROUTES } from './series.ts';

/** What is counted of the raw connections of one route. */
interface TcpRouteSeries {
  readonly namespace: string;
  readonly route: string;
  readonly outcomes: Map<string, number>;
  sent: number;
  received: number;
}

/** Where a connection is counted, and how much of what passed on it is counted already. */
interface Counted {
  readonly route: TcpRouteSeries;
  readonly istio: TcpSeries | undefined;
  sent: number;
  received: number;
}

/** Outcomes are words of the code, but for those that plugins of the network team's own make up (edge-security G-03). */
const MAX_OUTCOMES = 50;
const OTHER = 'other';

/** Counts raw connections by owner and route. They may last for days: what has passed so far is counted whenever somebody looks. */
export function createTcpMetrics(
  registry: Registry,
  workload: GatewayWorkload | undefined,
): Required<Pick<Filter, 'connectionOpened' | 'logConnection'>> {
  const routes = new Map<string, TcpRouteSeries>();
  const open = new Map<ConnectionRecord, Counted>();
  const settleAll = (): void => {
    for (const [record, counted] of open) settle(record, counted);
  };
  const istio = workload && createIstioTcpMetrics(registry, workload, settleAll);
  registerCounters(registry, routes, settleAll);
  const begin = (record: ConnectionRecord): Counted => {
    const series = istio?.(record);
    if (series !== undefined) series.opened += 1;
    return { route: routeOf(routes, record), istio: series, sent: 0, received: 0 };
  };
  return {
    connectionOpened(record) {
      open.set(record, begin(record));
    },
    logConnection(record) {
      const counted = open.get(record) ?? begin(record);
      open.delete(record);
      settle(record, counted);
      countWord(counted.route.outcomes, record.cause ?? 'served', MAX_OUTCOMES);
      if (counted.istio !== undefined) counted.istio.closed += 1;
    },
  };
}

function settle({ bytesSent, bytesReceived }: ConnectionRecord, counted: Counted): void {
  for (const series of [counted.route, counted.istio]) {
    if (series === undefined) continue;
    series.sent += bytesSent - counted.sent;
    series.received += bytesReceived - counted.received;
  }
  counted.sent = bytesSent;
  counted.received = bytesReceived;
}

function routeOf(routes: Map<string, TcpRouteSeries>, { owner, routeId }: ConnectionRecord): TcpRouteSeries {
  const [namespace, route] = owner === undefined || routeId === undefined ? ['', ''] : [owner.namespace, routeId];
  const known = routes.get(route);
  if (known !== undefined) return known;
  const full = routes.size >= MAX_ROUTES;
  const fresh = {
    namespace: full ? OTHER : namespace,
    route: full ? OTHER : route,
    outcomes: new Map(),
    sent: 0,
    received: 0,
  };
  const series = routes.get(fresh.route) ?? fresh;
  routes.set(series.route, series);
  return series;
}

function registerCounters(
  registry: Registry,
  routes: ReadonlyMap<string, TcpRouteSeries>,
  settleAll: () => void,
): void {
  new Counter({
    name: 'banyan_tcp_connections_total',
    help: 'Raw connections that have ended, by namespace of the route owner, route and outcome: served, or why not or not longer.',
    labelNames: ['namespace', 'route', 'outcome'],
    registers: [registry],
    collect() {
      this.reset();
      for (const { namespace, route, outcomes } of routes.values())
        for (const [outcome, count] of outcomes) this.inc({ namespace, route, outcome }, count);
    },
  });
  const settled = (): Iterable<TcpRouteSeries> => {
    settleAll();
    return routes.values();
  };
  const bytes = (name: string, help: string, read: (series: TcpRouteSeries) => number): void =>
    registerPerRoute(registry, { name, help }, settled, read);
  bytes('banyan_tcp_received_bytes_total', 'Bytes received from clients of raw connections.', (one) => one.received);
  bytes('banyan_tcp_sent_bytes_total', 'Bytes sent to clients of raw connections.', (one) => one.sent);
}
