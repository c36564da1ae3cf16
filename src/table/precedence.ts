import { by, byEach, type Comparator, compareNumbers, compareStrings } from '../kernel/compare.ts';
import type { Route, RouteMatch } from './model.ts';

/** What the age of an object is told by. */
export interface Aged {
  /** Milliseconds since 1970; what an object without a creation time has is for those who decode it to say. */
  readonly createdAtMs: number;
  readonly name: string;
  readonly namespace: string;
}

/** Order of Gateways, DestinationRules and, within their class, VirtualServices: oldest, name, namespace (istio-semantics §1.3). */
export const compareByAge: Comparator<Aged> = byEach(
  by((object: Aged) => object.createdAtMs, compareNumbers),
  by((object: Aged) => object.name, compareStrings),
  by((object: Aged) => object.namespace, compareStrings),
);

/** How a VirtualService came to be seen by the gateway's namespace (istio-semantics §2.1). */
export type Visibility =
  /** Lives there and is exported nowhere else. */
  | 'private'
  /** Its exportTo names that namespace. */
  | 'explicit'
  /** Exported to all. */
  | 'public';

export interface Precedence extends Aged {
  readonly visibility: Visibility;
}

const VISIBILITY_RANK: Readonly<Record<Visibility, number>> = { private: 0, explicit: 1, public: 2 };

/**
 * Order in which the VirtualServices of a gateway add their routes to a host: private, then exported by name, then
 * public ones; in each class the oldest first, then by name, then by namespace (istio-semantics §2.1). Total.
 */
export const compareVirtualServices: Comparator<Precedence> = byEach(
  by((object: Precedence) => VISIBILITY_RANK[object.visibility], compareNumbers),
  compareByAge,
);

/**
 * Takes everything and says so: no path condition or the prefix `/` or the regex `.*`, and nothing else asked. The
 * prefix '' takes everything too, yet is not one of them (istio-semantics §2.1).
 */
export function isCatchAll(match: RouteMatch): boolean {
  if (match.headers.length > 0 || match.queryParams.length > 0 || match.claims.length > 0) return false;
  switch (match.path.kind) {
    case 'any':
      return true;
    case 'prefix':
      return match.path.value === '/';
    case 'regex':
      return match.path.value === '.*';
    case 'exact':
      return false;
  }
}

/** The routes of one host with all catch-alls at the end, else in the order they came (istio-semantics §2.1). */
export function sortCatchAllsLast<R extends Pick<Route, 'match'>>(routes: readonly R[]): readonly R[] {
  const catchAlls = routes.filter((route) => isCatchAll(route.match));
  if (catchAlls.length === 0) return routes;
  return [...routes.filter((route) => !isCatchAll(route.match)), ...catchAlls];
}
