import type { HTTPMatchRequest, HTTPRoute } from '../resources/index.ts';
import type { RouteOwner } from '../table/index.ts';
import type { CompileOptions } from './compilation.ts';
import type { HttpRule, Place, RuleFailure, RuleMatch, VirtualService } from './http-rule.ts';
import { resolveRule } from './resolve-names.ts';

/*
 * There are tens of thousands of rules, and of most nobody ever asks where they stand: places, and copies with resolved
 * names, are made when somebody does.
 */

/** A rule whose matches have no ids yet. */
export interface RuleDraft extends Omit<HttpRule, 'matches'> {
  /** Where it is written. */
  readonly at: { readonly object: VirtualService; readonly rule: number };
  withMatches(matches: readonly RuleMatch[]): HttpRule;
}

const NO_MATCHES: readonly RuleMatch[] = [];

/** As it stands in its VirtualService. */
export class WrittenRule implements RuleDraft, HttpRule {
  readonly owner: RouteOwner;
  readonly root: VirtualService;
  readonly failure: RuleFailure | undefined;
  readonly matches: readonly RuleMatch[];
  readonly index: number;
  readonly #options: CompileOptions;

  constructor(
    root: VirtualService,
    index: number,
    owner: RouteOwner,
    options: CompileOptions,
    failure?: RuleFailure,
    matches = NO_MATCHES,
  ) {
    this.root = root;
    this.index = index;
    this.owner = owner;
    this.#options = options;
    this.failure = failure;
    this.matches = matches;
  }

  get http(): HTTPRoute {
    const written = this.root.body.spec.http?.[this.index] ?? {};
    return resolveRule(written, this.root.meta.namespace, this.#options.mesh.clusterDomain);
  }

  get at() {
    return { object: this.root, rule: this.index };
  }

  get place(): Place {
    return { object: this.root, path: ['spec', 'http', this.index] };
  }

  placeOf(field: keyof HTTPRoute): Place {
    return { object: this.root, path: ['spec', 'http', this.index, field] };
  }

  failing(failure: RuleFailure | undefined): WrittenRule {
    return new WrittenRule(this.root, this.index, this.owner, this.#options, failure);
  }

  withMatches(matches: readonly RuleMatch[]): WrittenRule {
    return new WrittenRule(this.root, this.index, this.owner, this.#options, this.failure, matches);
  }
}

export interface MergedParts {
  readonly owner: RouteOwner;
  readonly http: HTTPRoute;
  /** Fields that are the root's. */
  readonly inherited: readonly string[];
}

/** A delegate's, merged with that of the root that names it (istio-semantics §2.8). */
export class MergedRule implements RuleDraft, HttpRule {
  readonly owner: RouteOwner;
  readonly http: HTTPRoute;
  readonly failure = undefined;
  readonly matches: readonly RuleMatch[];
  readonly #rule: WrittenRule;
  readonly #own: WrittenRule;
  readonly #parts: MergedParts;

  constructor(rule: WrittenRule, own: WrittenRule, parts: MergedParts, matches = NO_MATCHES) {
    this.owner = parts.owner;
    this.http = parts.http;
    this.matches = matches;
    this.#rule = rule;
    this.#own = own;
    this.#parts = parts;
  }

  get root(): VirtualService {
    return this.#rule.root;
  }

  get at() {
    return this.#own.at;
  }

  get place(): Place {
    return this.#own.place;
  }

  placeOf(field: keyof HTTPRoute): Place {
    return this.#parts.inherited.includes(field) ? this.#rule.placeOf(field) : this.#own.placeOf(field);
  }

  withMatches(matches: readonly RuleMatch[]): MergedRule {
    return new MergedRule(this.#rule, this.#own, this.#parts, matches);
  }
}

/** A match of a rule, or a rule that has none. */
export class WrittenMatch implements RuleMatch {
  readonly id: string;
  readonly match: HTTPMatchRequest;
  readonly #object: VirtualService;
  readonly #rule: number;
  readonly #index: number | undefined;

  constructor(
    id: string,
    match: HTTPMatchRequest,
    { object, rule, index }: { readonly object: VirtualService; readonly rule: number; readonly index?: number },
  ) {
    this.id = id;
    this.match = match;
    this.#object = object;
    this.#rule = rule;
    this.#index = index;
  }

  get place(): Place {
    const path = ['spec', 'http', this.#rule];
    return { object: this.#object, path: this.#index === undefined ? path : [...path, 'match', this.#index] };
  }
}
