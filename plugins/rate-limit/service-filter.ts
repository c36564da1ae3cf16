import type { Exchange, Filter, FilterVerdict } from '../../src/contract/index.ts';
import type { RateLimitSettings } from './config.ts';
import type { ServiceLimiter, ServiceLimiterOptions } from './service-limiter.ts';

/** Puts limits that services keep behind our own: whom those refuse need not trouble a service. */
export class ServiceFilters {
  readonly #options: ServiceLimiterOptions;
  #loading: Promise<ServiceLimiter> | undefined;
  #limiter: ServiceLimiter | undefined;

  constructor(options: ServiceLimiterOptions) {
    this.#options = options;
  }

  behind(filter: Filter<RateLimitSettings>): Filter<RateLimitSettings> {
    return {
      ...filter,
      published: (all) => {
        filter.published?.(all);
        // A request that comes before it is there waits for it, and is told what went wrong.
        if (all.some(({ services }) => services !== undefined)) this.#load().catch(() => {});
      },
      request: (exchange, settings) => {
        const own = filter.request?.(exchange, settings);
        if (settings.services === undefined) return own;
        if (own instanceof Promise) return own.then((reply) => reply ?? this.#ask(exchange, settings));
        return own ?? this.#ask(exchange, settings);
      },
      response: (exchange, head, settings) => {
        filter.response?.(exchange, head, settings);
        this.#limiter?.answered(exchange, head);
      },
    };
  }

  #ask(exchange: Exchange, { services = [] }: RateLimitSettings): FilterVerdict {
    return this.#limiter === undefined
      ? this.#load().then((limiter) => limiter.ask(exchange, services))
      : this.#limiter.ask(exchange, services);
  }

  /** Loaded only where it is used: most gateways count for themselves. */
  #load(): Promise<ServiceLimiter> {
    this.#loading ??= import('./service-limiter.ts').then((module) => {
      this.#limiter = new module.ServiceLimiter(this.#options);
      return this.#limiter;
    });
    return this.#loading;
  }
}
