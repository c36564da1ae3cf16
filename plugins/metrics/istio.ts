import type { Registry } from 'prom-client';
import { type Exchange, Note, type RequestRecord } from '../../src/contract/index.ts';
import {
  commonLabels,
  type Destination,
  destinationLabels,
  destinationOf,
  flagsLabel,
  type GatewayWorkload,
  MAX_LABEL_SETS,
  OTHER,
} from './istio-labels.ts';
import { className, classOf } from './series.ts';
import { emptyHistogram, histogramValues, observe, registerStored, type StoredHistogram } from './stored.ts';

export interface IstioMetrics {
  prepare(exchange: Exchange): void;
  count(record: RequestRecord): void;
}

/** Envoy's default bounds of histograms, for milliseconds and bytes alike. */
const BOUNDS: readonly number[] = [
  0.5, 1, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000, 60_000, 300_000, 600_000, 1_800_000,
  3_600_000,
];

interface IstioSeries {
  readonly labels: Readonly<Record<string, string>>;
  requests: number;
  readonly durations: StoredHistogram;
  readonly requestBytes: StoredHistogram;
  readonly responseBytes: StoredHistogram;
}

/**
 * Istio's standard metrics of requests with their labels, as an ingress gateway reports them (istio-semantics §8): for
 * dashboards and alerts that were written for it. Sizes are those of bodies. Each label set is 67 lines of a scrape with two
 * dozen labels.
 */
export function createIstioMetrics(registry: Registry, workload: GatewayWorkload): IstioMetrics {
  const series = new Map<string, IstioSeries>();
  const common = commonLabels(workload);
  /** Requests whose content type says gRPC; the record does not. */
  const grpc = new Note<true>();
  registerAll(registry, series, Object.keys({ ...common, ...ofRequest(EXAMPLE) }));

  const seriesOf = (facts: RequestFacts): IstioSeries => {
    const key = `${facts.cluster}\n${facts.namespace}\n${facts.protocol}\n${facts.code}\n${facts.grpcStatus}\n${facts.flags}`;
    let found = series.get(key);
    if (found === undefined) {
      if (series.size >= MAX_LABEL_SETS && facts.flags !== OTHER) return seriesOf(remainder(facts));
      found = {
        labels: { ...common, ...ofRequest(facts) },
        requests: 0,
        durations: emptyHistogram(BOUNDS),
        requestBytes: emptyHistogram(BOUNDS),
        responseBytes: emptyHistogram(BOUNDS),
      };
      series.set(key, found);
    }
    return found;
  };

  return {
    prepare({ isGrpc, record }) {
      if (isGrpc) grpc.set(record, true);
    },
    count(record) {
      const one = seriesOf(factsOf(record, grpc.get(record) === true));
      one.requests += 1;
      observe(one.durations, BOUNDS, record.durationMs);
      observe(one.requestBytes, BOUNDS, record.bytesReceived);
      observe(one.responseBytes, BOUNDS, record.bytesSent);
    },
  };
}

/** What tells one label set from another. */
interface RequestFacts extends Destination {
  readonly protocol: 'http' | 'grpc';
  readonly code: string;
  readonly grpcStatus: string;
  readonly flags: string;
}

const factsOf = (record: RequestRecord, isGrpc: boolean): RequestFacts => {
  const { status, grpcStatus, flags } = record;
  const { cluster, namespace } = destinationOf(record);
  return {
    cluster,
    namespace,
    protocol: isGrpc ? 'grpc' : 'http',
    code: String(status),
    grpcStatus: isGrpc && grpcStatus !== undefined ? String(grpcStatus) : '',
    flags: flagsLabel(flags),
  };
};

/** At most six of them. A class such as `5xx` still fits expressions such as `response_code=~"5.*"`. */
const remainder = ({ code }: RequestFacts): RequestFacts => ({
  cluster: OTHER,
  namespace: OTHER,
  protocol: 'http',
  code: className(classOf(Number(code))),
  grpcStatus: '',
  flags: OTHER,
});

const EXAMPLE: RequestFacts = { cluster: '', namespace: '', protocol: 'http', code: '200', grpcStatus: '', flags: '-' };

const ofRequest = (facts: RequestFacts): Record<string, string> => ({
  ...destinationLabels(facts),
  request_protocol: facts.protocol,
  response_code: facts.code,
  grpc_response_status: facts.grpcStatus,
  response_flags: facts.flags,
});

function registerAll(
  registry: Registry,
  series: ReadonlyMap<string, IstioSeries>,
  labelNames: readonly string[],
): void {
  registerStored(registry, {
    name: 'istio_requests_total',
    help: 'Requests that have ended, with Istio’s standard labels.',
    type: 'counter',
    labelNames,
    read: (metricName) =>
      Array.from(series.values(), ({ labels, requests }) => ({
        metricName,
        labels: {},
        sharedLabels: labels,
        value: requests,
      })),
  });
  const histogram = (name: string, help: string, of: (one: IstioSeries) => StoredHistogram): void =>
    registerStored(registry, {
      name,
      help,
      type: 'histogram',
      labelNames,
      read: (metricName) =>
        Array.from(series.values()).flatMap((one) => histogramValues(metricName, one.labels, BOUNDS, of(one))),
    });
  histogram('istio_request_duration_milliseconds', 'From the first byte to the end.', (one) => one.durations);
  histogram('istio_request_bytes', 'Bytes of request bodies.', (one) => one.requestBytes);
  histogram('istio_response_bytes', 'Bytes of answers’ bodies.', (one) => one.responseBytes);
}
