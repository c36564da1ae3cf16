import { BackendReader } from './backend-reads.ts';
import type { Backends } from './backends/index.ts';
import type { CompileOptions } from './compilation.ts';
import type { RuleSet } from './delegation.ts';
import { type RouteContext, type RouteDraft, translateRules } from './from-virtual-service.ts';
import type { Completion } from './policies.ts';

/** The routes of one VirtualService at one server, and what they were made from. */
export class Translation {
  readonly drafts: readonly RouteDraft[];
  readonly #ruleSet: RuleSet;
  readonly #reader: BackendReader;
  /** What filters made of the routes, by domain: see `PolicyRunner`. */
  readonly completions = new Map<string, Completion>();

  constructor(ruleSet: RuleSet, context: RouteContext, backends: Backends, options: CompileOptions) {
    this.#ruleSet = ruleSet;
    this.#reader = new BackendReader(backends);
    this.drafts = translateRules(ruleSet, context, this.#reader, options);
  }

  stillHolds(ruleSet: RuleSet, backends: Backends): boolean {
    return ruleSet === this.#ruleSet && this.#reader.stillHolds(backends);
  }
}
