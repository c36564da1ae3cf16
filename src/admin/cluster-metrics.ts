import { Counter, Gauge, type Registry } from 'prom-client';
import type { Clock } from '../kernel/clock.ts';
import type { KubernetesHealth, StatusWriter } from '../sources/kubernetes.ts';

export interface ClusterMetricsOptions {
  readonly health: () => KubernetesHealth;
  /** The source's own. */
  readonly clock: Clock;
  /** undefined: none writes statuses here. */
  readonly writer: Pick<StatusWriter, 'leads' | 'counts'> | undefined;
}

/** How well a cluster is followed. Alert on the age: a watch that is well is heard at least once a minute. */
export function registerClusterMetrics(registry: Registry, { health, clock, writer }: ClusterMetricsOptions): void {
  const registers = [registry];
  new Gauge({
    name: 'banyan_kubernetes_synced',
    help: '1 when the API server has been read whole since the start; 0: what is served comes from disk.',
    registers,
    collect() {
      this.set(health().synced ? 1 : 0);
    },
  });
  new Gauge({
    name: 'banyan_kubernetes_contact_age_seconds',
    help: 'Since when the API server has not been heard about a kind.',
    labelNames: ['kind'],
    registers,
    collect() {
      this.reset();
      for (const { kind, contactMs } of health().kinds)
        if (contactMs !== undefined) this.set({ kind }, (clock.monotonicMs() - contactMs) / 1_000);
    },
  });
  new Gauge({
    name: 'banyan_kubernetes_kind_state',
    help: 'Always 1; the label says how it stands with a kind: waiting, live, failing, denied or missing.',
    labelNames: ['kind', 'state'],
    registers,
    collect() {
      this.reset();
      for (const { kind, state } of health().kinds) this.set({ kind, state }, 1);
    },
  });
  new Gauge({
    name: 'banyan_kubernetes_held_deletions',
    help: '1 for kinds of which a sudden loss of most objects waits to be confirmed.',
    labelNames: ['kind'],
    registers,
    collect() {
      this.reset();
      for (const { kind, heldSinceMs } of health().kinds) this.set({ kind }, heldSinceMs === undefined ? 0 : 1);
    },
  });
  if (writer !== undefined) registerStatusMetrics(registry, writer);
}

function registerStatusMetrics(registry: Registry, writer: NonNullable<ClusterMetricsOptions['writer']>): void {
  new Gauge({
    name: 'banyan_status_leader',
    help: '1 on the replica that writes statuses.',
    registers: [registry],
    collect() {
      this.set(writer.leads ? 1 : 0);
    },
  });
  new Counter({
    name: 'banyan_status_writes_total',
    help: 'Statuses written to objects of the cluster.',
    labelNames: ['outcome'],
    registers: [registry],
    collect() {
      this.reset();
      this.inc({ outcome: 'ok' }, writer.counts.written);
      this.inc({ outcome: 'failed' }, writer.counts.failed);
    },
  });
}
