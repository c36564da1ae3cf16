import type { Exchange, ResponseHead } from '../contract/exchange.ts';
import type { LocalReply } from '../contract/fault.ts';
import type { Filter } from '../contract/plugin.ts';
import type { RequestRecord } from '../contract/record.ts';
import type { FilterSettings, Route, RouteTable } from '../table/model.ts';

/** A filter with the settings it has for one route. */
export interface ChainLink {
  readonly filter: Filter;
  readonly settings: unknown;
}

/**
 * The filters of one published table, bound to its routes: each route's chain is made once, when it is first met, and
 * holds just the filters that have something to do there. No look-up by name on the request path.
 */
export class FilterChains {
  readonly #filters: readonly Filter[];
  readonly #workload: FilterSettings;
  readonly #withoutRoute: readonly ChainLink[];
  readonly #byRoute = new WeakMap<Route, readonly ChainLink[]>();
  readonly #preparing: readonly ChainLink[];

  constructor(filters: readonly Filter[], workload: FilterSettings) {
    this.#filters = filters;
    this.#workload = workload;
    this.#withoutRoute = this.#bind({});
    this.#preparing = this.#withoutRoute.filter((link) => link.filter.prepare !== undefined);
  }

  forRoute(route: Route | undefined): readonly ChainLink[] {
    if (route === undefined) return this.#withoutRoute;
    let chain = this.#byRoute.get(route);
    if (chain === undefined) {
      chain = Object.keys(route.filters).length === 0 ? this.#withoutRoute : this.#bind(route.filters);
      this.#byRoute.set(route, chain);
    }
    return chain;
  }

  /** Before any route is chosen. */
  prepare(exchange: Exchange): void {
    for (const { filter, settings } of this.#preparing) filter.prepare?.(exchange, settings);
  }

  #bind(own: FilterSettings): readonly ChainLink[] {
    return this.#filters.flatMap((filter): ChainLink[] => {
      const settings = Object.hasOwn(own, filter.name) ? own[filter.name] : this.#workload[filter.name];
      return settings === undefined && filter.always !== true ? [] : [{ filter, settings }];
    });
  }
}

/**
 * Runs the requests' half in order until one answers. `done` gets the reply, and how far the chain came: an answer is
 * seen by those filters alone that have seen the request. A filter that throws fails closed: the request is refused.
 */
export function runRequestFilters(
  chain: readonly ChainLink[],
  exchange: Exchange,
  done: (reply: LocalReply | undefined, reached: number) => void,
  failed: (error: unknown, reached: number) => void,
  from = 0,
): void {
  for (let i = from; i < chain.length; i++) {
    const { filter, settings } = chain[i] as ChainLink;
    if (filter.request === undefined) continue;
    let verdict: ReturnType<NonNullable<Filter['request']>>;
    try {
      verdict = filter.request(exchange, settings);
    } catch (error) {
      failed(error, i + 1);
      return;
    }
    if (verdict === undefined) continue;
    if (verdict instanceof Promise) {
      verdict.then(
        (reply) => (reply === undefined ? runRequestFilters(chain, exchange, done, failed, i + 1) : done(reply, i + 1)),
        (error: unknown) => failed(error, i + 1),
      );
      return;
    }
    done(verdict, i + 1);
    return;
  }
  done(undefined, chain.length);
}

/** The answers' half, from the last filter that saw the request back to the first. */
export function runResponseFilters(
  chain: readonly ChainLink[],
  reached: number,
  exchange: Exchange,
  head: ResponseHead,
): void {
  for (let i = reached - 1; i >= 0; i--) {
    const { filter, settings } = chain[i] as ChainLink;
    filter.response?.(exchange, head, settings);
  }
}

/** Tells each filter the settings of a newly published table before any request sees it. */
export function announceSettings(filters: readonly Filter[], table: RouteTable): void {
  for (const filter of filters) {
    if (filter.published === undefined) continue;
    const settings = new Set<unknown>();
    const workload = table.filters[filter.name];
    if (workload !== undefined) settings.add(workload);
    for (const config of table.routeConfigs) {
      for (const host of config.virtualHosts) {
        for (const route of host.routes) {
          const own = route.filters[filter.name];
          if (own !== undefined) settings.add(own);
        }
      }
    }
    filter.published([...settings]);
  }
}

export function logRecord(filters: readonly Filter[], record: RequestRecord): void {
  for (const filter of filters) filter.log?.(record);
}
