import type { Exchange, ResponseHead } from '../contract/exchange.ts';
import type { LocalReply } from '../contract/fault.ts';
import type { BodyTransform, Filter } from '../contract/plugin.ts';
import type { RequestRecord } from '../contract/record.ts';
import type { FilterSettings, Route } from '../table/model.ts';

/** A filter with the settings it has for one route. */
export interface ChainLink {
  /** Place in the order of all filters. */
  readonly order: number;
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
    return this.#filters.flatMap((filter, order): ChainLink[] => {
      const settings = Object.hasOwn(own, filter.name) ? own[filter.name] : this.#workload[filter.name];
      return settings === undefined && filter.always !== true ? [] : [{ order, filter, settings }];
    });
  }
}

/** How a run of the requests' half went. `reached`: the filters before this place in the order have seen the request. */
export interface FilterOutcome {
  readonly reply: LocalReply | undefined;
  readonly error?: unknown;
  readonly reached: number;
}

/**
 * Runs the requests' half in order until one answers. A filter may have the route chosen anew (a verified claim does);
 * those behind it then act by the new route's settings. One that throws, or whose promise fails, ends the run with the
 * error: the request is refused.
 */
export function runRequestFilters(
  exchange: Exchange,
  chains: FilterChains,
  done: (outcome: FilterOutcome) => void,
  from = 0,
): void {
  let { route } = exchange;
  let chain = chains.forRoute(route);
  for (let i = 0; i < chain.length; i++) {
    const { filter, settings, order } = chain[i] as ChainLink;
    if (order < from || filter.request === undefined) continue;
    const reached = order + 1;
    let verdict: ReturnType<NonNullable<Filter['request']>>;
    try {
      verdict = filter.request(exchange, settings);
    } catch (error) {
      done({ reply: undefined, error, reached: order });
      return;
    }
    if (verdict instanceof Promise) {
      verdict.then(
        (reply) =>
          reply === undefined ? runRequestFilters(exchange, chains, done, reached) : done({ reply, reached }),
        (error: unknown) => done({ reply: undefined, error, reached: order }),
      );
      return;
    }
    if (verdict !== undefined) {
      done({ reply: verdict, reached });
      return;
    }
    if (exchange.route !== route) {
      from = reached;
      route = exchange.route;
      chain = chains.forRoute(route);
      i = -1;
    }
  }
  done({ reply: undefined, reached: Number.POSITIVE_INFINITY });
}

/** The answers' half, from the last filter that saw the request back to the first. */
export function runResponseFilters(
  chain: readonly ChainLink[],
  reached: number,
  exchange: Exchange,
  head: ResponseHead,
): void {
  for (let i = chain.length - 1; i >= 0; i--) {
    const { filter, settings, order } = chain[i] as ChainLink;
    if (order < reached) filter.response?.(exchange, head, settings);
  }
}

/** What the body of a service's answer passes through, if some filter that saw the request wants it to. */
export function bodyTransformOf(
  chain: readonly ChainLink[],
  reached: number,
  exchange: Exchange,
  head: ResponseHead,
): BodyTransform | undefined {
  for (let i = chain.length - 1; i >= 0; i--) {
    const { filter, settings, order } = chain[i] as ChainLink;
    const transform = order < reached ? filter.transformBody?.(exchange, head, settings) : undefined;
    if (transform !== undefined) return transform;
  }
  return undefined;
}

export function logRecord(filters: readonly Filter[], record: RequestRecord): void {
  for (const filter of filters) filter.log?.(record);
}
