import { Counter, Gauge, type Registry } from 'prom-client';
import type { ClusterSnapshot } from '../dataplane/upstreams/port.ts';

/** What happened to the services' hosts; the label is bounded by the clusters that there are, and only troubled ones show. */
export function registerUpstreamMetrics(registry: Registry, clusters: () => readonly ClusterSnapshot[]): void {
  const counter = (name: string, help: string, read: (cluster: ClusterSnapshot) => number): void => {
    new Counter({
      name,
      help,
      labelNames: ['cluster'],
      registers: [registry],
      collect() {
        this.reset();
        for (const cluster of clusters()) if (read(cluster) > 0) this.inc({ cluster: cluster.id }, read(cluster));
      },
    });
  };
  counter(
    'banyan_upstream_ejections_total',
    'Hosts taken out of service by outlier detection.',
    (one) => one.ejections,
  );
  counter('banyan_upstream_overflows_total', 'Requests refused by limits of connection pools.', (one) => one.overflows);
  counter(
    'banyan_upstream_panics_total',
    'Times a host was chosen among all of a service, the sick ones too, since too few were well (minHealthPercent).',
    (one) => one.panics,
  );
  new Gauge({
    name: 'banyan_upstream_hosts',
    help: 'Hosts of services as the balancer sees them. Of several workers the largest number counts.',
    labelNames: ['state'],
    registers: [registry],
    aggregator: 'max',
    collect() {
      const hosts = clusters().flatMap((cluster) => cluster.hosts);
      const ejected = hosts.filter((host) => host.ejected).length;
      this.set({ state: 'ejected' }, ejected);
      this.set({ state: 'available' }, hosts.filter((host) => host.healthy && !host.ejected).length);
      this.set({ state: 'total' }, hosts.length);
    },
  });
}
