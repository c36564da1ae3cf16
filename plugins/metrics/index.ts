import fp from 'fastify-plugin';
import { Counter, type Registry } from 'prom-client';
import type { Filter, GatewayPlugin, RequestRecord } from '../../src/contract/index.ts';
import { metricsSpec } from './config.ts';
import { createIstioMetrics } from './istio.ts';
import type { GatewayWorkload } from './istio-labels.ts';
import { countWord, registerPerRoute } from './per-route.ts';
import { className, classOf, DURATION_BUCKETS_SECONDS, type RouteSeries, SeriesStore } from './series.ts';
import { emptyHistogram, histogramValues, observe, registerStored, type StoredHistogram } from './stored.ts';
import { createTcpMetrics } from './tcp.ts';

export interface MetricsOptions {
  /** Istio's standard metrics too, as this workload reports them; undefined: not. */
  readonly istio?: GatewayWorkload | undefined;
}

/** Counts every request and every raw connection by owner and route; what a scrape shows is made when it is asked. */
export function createMetricsFilter(registry: Registry, options: MetricsOptions = {}): Filter {
  const store = new SeriesStore();
  const istio = options.istio === undefined ? undefined : createIstioMetrics(registry, options.istio);
  const causes = new Map<string, number>();
  registerCounters(registry, store, causes);
  registerDurations(registry, store);
  return {
    name: metricsSpec.name,
    always: true,
    ...(istio !== undefined && { prepare: istio.prepare }),
    ...createTcpMetrics(registry, options.istio),
    log(record) {
      istio?.count(record);
      const series = seriesOf(store, record);
      const kind = classOf(record.status);
      series.requests[kind] = (series.requests[kind] ?? 0) + 1;
      series.bytesReceived += record.bytesReceived;
      series.bytesSent += record.bytesSent;
      series.retries += Math.max(0, record.upstreamAttempts - 1);
      observe(series.durations, DURATION_BUCKETS_SECONDS, record.durationMs / 1000);
      if (record.cause !== undefined) countWord(causes, record.cause, MAX_CAUSES);
    },
  };
}

/** Causes are words of the code, but for those that plugins of the network team's own make up. */
const MAX_CAUSES = 200;

const seriesOf = (store: SeriesStore, { owner, routeId }: RequestRecord): RouteSeries =>
  owner === undefined || routeId === undefined ? store.forRoute('', '') : store.forRoute(owner.namespace, routeId);

function registerCounters(registry: Registry, store: SeriesStore, causes: ReadonlyMap<string, number>): void {
  const perRoute = (name: string, help: string, read: (series: RouteSeries) => number): void =>
    registerPerRoute(registry, { name, help }, () => store, read);
  new Counter({
    name: 'banyan_requests_total',
    help: 'Requests that have ended, by namespace of the route owner, route and class of status; code 0: the client left first.',
    labelNames: ['namespace', 'route', 'code'],
    registers: [registry],
    collect() {
      this.reset();
      for (const { namespace, route, requests } of store) {
        requests.forEach((count, kind) => {
          if (count > 0) this.inc({ namespace, route, code: className(kind) }, count);
        });
      }
    },
  });
  perRoute('banyan_request_bytes_total', 'Bytes of request bodies received.', (series) => series.bytesReceived);
  perRoute('banyan_response_bytes_total', 'Bytes of answers sent.', (series) => series.bytesSent);
  perRoute('banyan_upstream_retries_total', 'Tries after the first one.', (series) => series.retries);
  new Counter({
    name: 'banyan_gateway_answers_total',
    help: 'Answers that the gateway made itself, by cause.',
    labelNames: ['cause'],
    registers: [registry],
    collect() {
      this.reset();
      for (const [cause, count] of causes) this.inc({ cause }, count);
    },
  });
}

/** A histogram by namespace: routes would multiply its buckets beyond what a monitoring system should carry. */
function registerDurations(registry: Registry, store: SeriesStore): void {
  registerStored(registry, {
    name: 'banyan_request_duration_seconds',
    help: 'From the first byte of a request to its end, by namespace of the route owner.',
    type: 'histogram',
    labelNames: ['namespace'],
    read: (name) =>
      [...durationsByNamespace(store)].flatMap(([namespace, total]) =>
        histogramValues(name, { namespace }, DURATION_BUCKETS_SECONDS, total),
      ),
  });
}

function durationsByNamespace(store: SeriesStore): ReadonlyMap<string, StoredHistogram> {
  const byNamespace = new Map<string, StoredHistogram>();
  for (const { namespace, durations } of store) {
    const total = byNamespace.get(namespace) ?? emptyHistogram(DURATION_BUCKETS_SECONDS);
    durations.buckets.forEach((count, i) => {
      total.buckets[i] = (total.buckets[i] ?? 0) + count;
    });
    total.sum += durations.sum;
    byNamespace.set(namespace, total);
  }
  return byNamespace;
}

/** `registry`: the process' own, which the admin listener shows at /metrics. */
export const metrics = (registry: Registry, options: MetricsOptions = {}): GatewayPlugin => ({
  spec: metricsSpec,
  plugin: fp(async (app) => app.banyan.contribute(createMetricsFilter(registry, options)), { name: 'banyan-metrics' }),
});
