import type { Diagnostic } from '../diagnostics/index.ts';
import type { ResourceSet } from '../resources/index.ts';
import type { Attachable } from './attach.ts';
import type { Backends } from './backends/index.ts';
import type { CompileOptions } from './compilation.ts';
import { namedDelegates, type RuleSet, readRules } from './delegation.ts';
import type { RouteContext } from './from-virtual-service.ts';
import type { VirtualService } from './http-rule.ts';
import { Slot } from './slot.ts';
import { Translation } from './translation.ts';

/** One VirtualService with everything that is remembered about it; lives as long as the object stays the same. */
export class Entry {
  readonly object: VirtualService;
  readonly attachable: Attachable;
  readonly findings = {
    rules: new Slot<readonly Diagnostic[]>(),
    routes: new Slot<readonly Diagnostic[]>(),
    destinations: new Slot<readonly Diagnostic[]>(),
    idle: new Slot<readonly Diagnostic[]>(),
    all: new Slot<readonly Diagnostic[]>(),
  };
  readonly #options: CompileOptions;
  readonly #rules = new Slot<RuleSet>();
  readonly #translations = new Map<RouteContext, Translation>();

  constructor(attachable: Attachable, options: CompileOptions) {
    this.object = attachable.object;
    this.attachable = attachable;
    this.#options = options;
  }

  /** The same as long as every delegate that it names is the same object. */
  ruleSet(resources: ResourceSet): RuleSet {
    const lookup = (namespace: string, name: string) => resources.get('VirtualService', namespace, name);
    const delegates = namedDelegates(this.object, lookup);
    return this.#rules.get(delegates, () => readRules(this.object, lookup, this.#options));
  }

  /** The same as long as the rules are the same and what was read of the backends still holds. */
  translate(ruleSet: RuleSet, context: RouteContext, backends: Backends): Translation {
    const known = this.#translations.get(context);
    if (known?.stillHolds(ruleSet, backends) === true) return known;
    const translation = new Translation(ruleSet, context, backends, this.#options);
    this.#translations.set(context, translation);
    return translation;
  }
}
