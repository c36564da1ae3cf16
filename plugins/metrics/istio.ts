import type { Registry } from 'prom-client';
import type { Exchange, RequestRecord } from '../../src/contract/index.ts';
import { className, classOf } from './series.ts';
import { emptyHistogram, histogramValues, observe, registerStored, type StoredHistogram } from './stored.ts';

/** The gateway as a workload of the mesh: what Istio's metrics call the source. */
export interface GatewayWorkload {
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
}

export interface IstioMetrics {
  prepare(exchange: Exchange): void;
  count(record: RequestRecord): void;
}

/** Envoy's default bounds of histograms, for milliseconds and bytes alike. */
const BOUNDS: readonly number[] = [
  0.5, 1, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000, 60_000, 300_000, 600_000, 1_800_000,
  3_600_000,
];

/**
 * More label sets than this are counted together, by class of status alone (edge-security G-03). Each is 67 lines of a
 * scrape with two dozen labels.
 */
const MAX_LABEL_SETS = 500;
const UNKNOWN = 'unknown';
const OTHER = 'other';

interface IstioSeries {
  readonly labels: Readonly<Record<string, string>>;
  requests: number;
  readonly durations: StoredHistogram;
  readonly requestBytes: StoredHistogram;
  readonly responseBytes: StoredHistogram;
}

/**
 * Istio's standard metrics with their labels, as an ingress gateway reports them (istio-semantics §8): for dashboards and
 * alerts that were written for it. Sizes are those of bodies.
 */
export function createIstioMetrics(registry: Registry, workload: GatewayWorkload): IstioMetrics {
  const series = new Map<string, IstioSeries>();
  const common = { ...sourceLabels(workload), ...UNKNOWN_PEER };
  /** Requests whose content type says gRPC; the record does not. */
  const grpc = new WeakSet<RequestRecord>();
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
      if (isGrpc) grpc.add(record);
    },
    count(record) {
      const one = seriesOf(factsOf(record, grpc.has(record)));
      one.requests += 1;
      observe(one.durations, BOUNDS, record.durationMs);
      observe(one.requestBytes, BOUNDS, record.bytesReceived);
      observe(one.responseBytes, BOUNDS, record.bytesSent);
    },
  };
}

/** What tells one label set from another. */
interface RequestFacts {
  /** '' where none was chosen, or the one that was chosen does not exist. */
  readonly cluster: string;
  readonly namespace: string;
  readonly protocol: 'http' | 'grpc';
  readonly code: string;
  readonly grpcStatus: string;
  readonly flags: string;
}

const factsOf = (record: RequestRecord, isGrpc: boolean): RequestFacts => {
  const { cluster, clusterNamespace, status, grpcStatus, flags } = record;
  const known = cluster !== undefined && clusterNamespace !== undefined;
  return {
    cluster: known ? cluster : '',
    namespace: known ? clusterNamespace : '',
    protocol: isGrpc ? 'grpc' : 'http',
    code: String(status),
    grpcStatus: isGrpc && grpcStatus !== undefined ? String(grpcStatus) : '',
    flags: flags.length === 0 ? '-' : flags.join(','),
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

function ofRequest({ cluster, namespace, protocol, code, grpcStatus, flags }: RequestFacts): Record<string, string> {
  // `outbound|80|v1|cart.shop.svc.cluster.local`
  const host = cluster.slice(cluster.lastIndexOf('|') + 1);
  return {
    destination_service: host === '' ? UNKNOWN : host,
    destination_service_name: host === '' ? UNKNOWN : shortName(host, namespace),
    destination_service_namespace: namespace === '' ? UNKNOWN : namespace,
    request_protocol: protocol,
    response_code: code,
    grpc_response_status: grpcStatus,
    response_flags: flags,
  };
}

/** Of a Service its name, of a ServiceEntry the host. */
function shortName(host: string, namespace: string): string {
  const at = host.indexOf(`.${namespace}.svc.`);
  return at > 0 ? host.slice(0, at) : host;
}

/** By Istio's labels for canonical services, else by those that are usual in Kubernetes. */
function sourceLabels({ namespace, labels }: GatewayWorkload): Record<string, string> {
  const name =
    labels['service.istio.io/canonical-name'] ?? labels['app.kubernetes.io/name'] ?? labels['app'] ?? UNKNOWN;
  const version = labels['app.kubernetes.io/version'] ?? labels['version'];
  return {
    reporter: 'source',
    source_workload: name,
    source_workload_namespace: namespace,
    source_canonical_service: name,
    source_canonical_revision: labels['service.istio.io/canonical-revision'] ?? version ?? 'latest',
    source_app: labels['app'] ?? UNKNOWN,
    source_version: version ?? UNKNOWN,
    source_cluster: UNKNOWN,
    source_principal: UNKNOWN,
  };
}

/** Services tell a gateway without sidecars nothing of themselves, and the source never knows how the connection is secured. */
const UNKNOWN_PEER: Readonly<Record<string, string>> = {
  destination_workload: UNKNOWN,
  destination_workload_namespace: UNKNOWN,
  destination_canonical_service: UNKNOWN,
  destination_canonical_revision: 'latest',
  destination_app: UNKNOWN,
  destination_version: UNKNOWN,
  destination_cluster: UNKNOWN,
  destination_principal: UNKNOWN,
  connection_security_policy: UNKNOWN,
};

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
