import fp from 'fastify-plugin';
import { Counter, Gauge, type Registry } from 'prom-client';
import { type FilterSpec, type GatewayPlugin, type Tell, tellBy } from '../../src/contract/index.ts';
import type { Clock } from '../../src/kernel/clock.ts';
import { identityRateLimitSpec, type RateLimitSettings, rateLimitSpec } from './config.ts';
import { Limiter } from './limiter.ts';
import type { Peers } from './peers.ts';
import { ServiceFilters } from './service-filter.ts';
import type { SharedStore } from './store.ts';

export interface RateLimitOptions {
  /** Where rules of scope `shared` are counted; undefined: each process counts them for itself. */
  readonly redisUrl: string | undefined;
  readonly registry?: Registry;
  /** The other workers of this gateway. */
  readonly peers?: Peers | undefined;
}

export type { PeerCharge, Peers } from './peers.ts';

/** Two filters over one set of buckets: limits by what any request shows, and, once the token is verified, by claims. */
export function rateLimits({ redisUrl, registry, peers }: RateLimitOptions): {
  readonly rateLimit: GatewayPlugin<RateLimitSettings>;
  readonly identityRateLimit: GatewayPlugin<RateLimitSettings>;
} {
  let limiter: Limiter | undefined;
  let store: SharedStore | undefined;
  let services: ServiceFilters | undefined;
  const onOutcome = registry === undefined ? () => {} : registerServices(registry);
  const shared = async (clock: Clock, tell: Tell): Promise<Limiter> => {
    if (redisUrl !== undefined && store === undefined) {
      // Loaded only where it is used: most gateways count for themselves.
      const { createRedisStore } = await import('./redis-store.ts');
      store = createRedisStore(redisUrl, undefined, tell);
      if (registry !== undefined) registerStore(registry, store);
    }
    limiter ??= new Limiter({ clock, store, peers });
    return limiter;
  };
  const pluginFor = (spec: FilterSpec<RateLimitSettings>): GatewayPlugin<RateLimitSettings> => ({
    spec,
    plugin: fp(
      async (app) => {
        const { clock, callCluster: call } = app.banyan;
        const tell = tellBy(app.log);
        const own = await shared(clock, tell);
        services ??= new ServiceFilters({ call, clock, limiter: own, onOutcome, tell });
        app.banyan.contribute(services.behind(own.filter(spec.name)));
        app.addHook('onClose', () => store?.close());
      },
      { name: `banyan-${spec.name}` },
    ),
  });
  return { rateLimit: pluginFor(rateLimitSpec), identityRateLimit: pluginFor(identityRateLimitSpec) };
}

function registerStore(registry: Registry, store: SharedStore): void {
  new Gauge({
    name: 'banyan_rate_limit_store_up',
    help: 'Can the store of shared rate limits be asked: 1 or 0.',
    registers: [registry],
    // Of several workers the worst counts.
    aggregator: 'min',
    collect() {
      this.set(store.up ? 1 : 0);
    },
  });
  new Counter({
    name: 'banyan_rate_limit_store_failures_total',
    help: 'Requests whose shared limits could not be asked for; onStoreFailure says what became of them.',
    registers: [registry],
    collect() {
      this.reset();
      this.inc(store.failures);
    },
  });
}

/** By service, as `host:port`: as many as the network team names. */
function registerServices(registry: Registry): (service: string, answered: boolean) => void {
  const up = new Gauge({
    name: 'banyan_rate_limit_service_up',
    help: 'Did the rate-limit service answer when it was last asked: 1 or 0.',
    labelNames: ['service'],
    registers: [registry],
    // Of several workers the worst counts.
    aggregator: 'min',
  });
  const failures = new Counter({
    name: 'banyan_rate_limit_service_failures_total',
    help: 'Requests that the rate-limit service could not be asked about; onStoreFailure says what became of them.',
    labelNames: ['service'],
    registers: [registry],
  });
  return (service, answered) => {
    up.set({ service }, answered ? 1 : 0);
    failures.inc({ service }, answered ? 0 : 1);
  };
}
