import { Gauge, type Registry } from 'prom-client';
import type { TimelyFindings } from '../compiler/index.ts';

/** `read`: as it is now; undefined: nothing is in service yet. */
export function registerExemptionMetrics(
  registry: Registry,
  read: () => TimelyFindings['exemptions'] | undefined,
): void {
  new Gauge({
    name: 'banyan_policy_exemptions',
    help: 'PolicyExemptions; expiring: within two weeks.',
    labelNames: ['state'],
    registers: [registry],
    collect() {
      this.reset();
      for (const [state, count] of Object.entries(read() ?? {})) this.set({ state }, count);
    },
  });
}
