import { Gauge, Histogram, type Registry } from 'prom-client';
import { Propagation } from '../control/propagation.ts';
import type { Clock } from '../kernel/clock.ts';

const BUCKETS_SECONDS: readonly number[] = [0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 0.75, 1, 2, 5, 10, 30, 60];

/** How changes come to be live, worker by worker; the only one is number 0. */
export function measurePropagation(registry: Registry, clock: Clock): Propagation {
  const seconds = new Histogram({
    name: 'banyan_config_propagation_seconds',
    help: 'From the moment a change was seen, in a file or by a watch, until the worker served it.',
    labelNames: ['worker'],
    buckets: [...BUCKETS_SECONDS],
    registers: [registry],
  });
  const propagation = new Propagation({ clock, observe: (worker, value) => seconds.observe({ worker }, value) });
  new Gauge({
    name: 'banyan_worker_config_info',
    help: 'Always 1; the label is the revision of the route table that the worker serves.',
    labelNames: ['worker', 'revision'],
    registers: [registry],
    collect() {
      this.reset();
      for (const [worker, revision] of propagation.live()) this.set({ worker, revision }, 1);
    },
  });
  return propagation;
}
