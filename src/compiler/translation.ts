import { BackendReader } from './backend-reads.ts';
import type { Backends } from './backends/index.ts';
import type { CompileOptions } from './compilation.ts';
import type { RuleSet } from './delegation.ts';
import { type RouteContext, type RouteDraft, translateRules } from './from-virtual-service.ts';
import type { Completion } from './policies.ts';

/** The routes of one VirtualService at one server, and what they were made from. */
export class Translation {
  readonly context: RouteContext;
  readonly drafts: readonly RouteDraft[];
  readonly #ruleSet: RuleSet;
  readonly #reader: BackendReader;
  /** What filters made of the routes, one for each domain; of few more than one. */
  #domain: string | undefined;
  #completion: Completion | undefined;
  #others: Map<string, Completion> | undefined;

  constructor(ruleSet: RuleSet, context: RouteContext, backends: Backends, options: CompileOptions) {
    this.context = context;
    this.#ruleSet = ruleSet;
    this.#reader = new BackendReader(backends);
    this.drafts = translateRules(ruleSet, context, this.#reader, options);
    this.#reader.end();
  }

  stillHolds(ruleSet: RuleSet, backends: Backends): boolean {
    return ruleSet === this.#ruleSet && this.#reader.stillHolds(backends);
  }

  completion(domain: string): Completion | undefined {
    return domain === this.#domain ? this.#completion : this.#others?.get(domain);
  }

  keep(domain: string, completion: Completion): void {
    this.#domain ??= domain;
    if (domain === this.#domain) this.#completion = completion;
    else {
      this.#others ??= new Map();
      this.#others.set(domain, completion);
    }
  }
}
