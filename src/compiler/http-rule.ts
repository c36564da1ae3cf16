import type { FieldPath } from '../diagnostics/index.ts';
import type { HTTPMatchRequest, HTTPRoute, ResourceOf } from '../resources/index.ts';
import type { RouteOwner } from '../table/index.ts';

export type VirtualService = ResourceOf<'VirtualService'>;

/** Where something is written, for whoever has to mend it: a delegate's part of a rule stands in the delegate. */
export interface Place {
  readonly object: VirtualService;
  readonly path: FieldPath;
}

/** One `http` rule with its delegate merged into it and all names resolved. */
export interface HttpRule {
  readonly owner: RouteOwner;
  /** The VirtualService with the hosts; of a rule without delegate the one that it is written in. */
  readonly root: VirtualService;
  readonly http: HTTPRoute;
  /** Where the rule as a whole stands. */
  readonly place: Place;
  /** Where one of its fields stands: a field that the delegate left out is the root's. */
  placeOf(field: keyof HTTPRoute): Place;
  /** In order; never empty: a rule without `match` has one that matches everything. */
  readonly matches: readonly RuleMatch[];
  /** Why the rule cannot be honoured; it then answers 503 for its own match (product.md, "Fail in place"). */
  readonly failure: RuleFailure | undefined;
}

export interface RuleMatch {
  /** Of the route that it becomes: `namespace/name/rule[.match]`, unique in its VirtualService. */
  readonly id: string;
  readonly match: HTTPMatchRequest;
  readonly place: Place;
}

export interface RuleFailure {
  readonly code: 'delegate-missing';
  readonly message: string;
  readonly place: Place;
}
