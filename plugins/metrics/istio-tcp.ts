import type { Registry } from 'prom-client';
import type { ConnectionRecord } from '../../src/contract/index.ts';
import {
  commonLabels,
  destinationLabels,
  destinationOf,
  flagsLabel,
  type GatewayWorkload,
  MAX_LABEL_SETS,
  OTHER,
} from './istio-labels.ts';
import { registerStored } from './stored.ts';

/** Counts of one label set. */
export interface TcpSeries {
  readonly labels: Readonly<Record<string, string>>;
  opened: number;
  closed: number;
  sent: number;
  received: number;
}

/**
 * Istio's standard metrics of raw connections, as an ingress gateway reports them. A connection stays in the label set that
 * it was opened in, so that what is open is the difference of opened and closed; flags are those that it had by then.
 * `settle`: called before they are read.
 */
export function createIstioTcpMetrics(
  registry: Registry,
  workload: GatewayWorkload,
  settle: () => void,
): (record: ConnectionRecord) => TcpSeries {
  const series = new Map<string, TcpSeries>();
  const common = commonLabels(workload);
  const labelsOf = (cluster: string, namespace: string, flags: string): Record<string, string> => ({
    ...common,
    ...destinationLabels({ cluster, namespace }),
    request_protocol: 'tcp',
    response_flags: flags,
  });
  const find = (cluster: string, namespace: string, flags: string): TcpSeries => {
    const key = `${cluster}\n${namespace}\n${flags}`;
    let found = series.get(key);
    if (found === undefined) {
      if (series.size >= MAX_LABEL_SETS && flags !== OTHER) return find(OTHER, OTHER, OTHER);
      found = { labels: labelsOf(cluster, namespace, flags), opened: 0, closed: 0, sent: 0, received: 0 };
      series.set(key, found);
    }
    return found;
  };
  const counter = (name: string, help: string, value: (one: TcpSeries) => number): void =>
    registerStored(registry, {
      name,
      help,
      type: 'counter',
      labelNames: Object.keys(labelsOf('', '', '-')),
      read(metricName) {
        settle();
        return Array.from(series.values(), (one) => ({
          metricName,
          labels: {},
          sharedLabels: one.labels,
          value: value(one),
        }));
      },
    });
  counter('istio_tcp_connections_opened_total', 'Raw connections, with Istio’s standard labels.', (one) => one.opened);
  counter('istio_tcp_connections_closed_total', 'Raw connections that have ended.', (one) => one.closed);
  counter('istio_tcp_sent_bytes_total', 'Bytes sent to clients of raw connections.', (one) => one.sent);
  counter('istio_tcp_received_bytes_total', 'Bytes received from clients of raw connections.', (one) => one.received);
  return (record) => {
    const { cluster, namespace } = destinationOf(record);
    return find(cluster, namespace, flagsLabel(record.flags));
  };
}
