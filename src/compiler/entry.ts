import type { ResourceSet } from '../resources/index.ts';
import type { Attachable } from './attach.ts';
import type { Backends } from './backends/index.ts';
import type { CompileOptions } from './compilation.ts';
import { namedDelegates, type RuleSet, readRules } from './delegation.ts';
import { EntryFindings } from './entry-findings.ts';
import type { RouteContext } from './from-virtual-service.ts';
import type { VirtualService } from './http-rule.ts';
import { sameElements } from './slot.ts';
import { Translation } from './translation.ts';

/** One VirtualService with everything that is remembered about it; lives as long as the object stays the same. */
export class Entry {
  readonly object: VirtualService;
  readonly attachable: Attachable;
  /** Its rules depend on other objects. */
  readonly delegates: boolean;
  readonly findings = new EntryFindings();
  readonly #options: CompileOptions;
  #rules: RuleSet | undefined;
  #readFrom: readonly unknown[] = NO_DELEGATES;
  /** At one server each; a server that is gone leaves its translation behind until the next one comes. */
  #translations: readonly Translation[] = NO_TRANSLATIONS;

  constructor(attachable: Attachable, options: CompileOptions) {
    this.object = attachable.object;
    this.attachable = attachable;
    this.delegates = (attachable.object.body.spec.http ?? []).some(({ delegate }) => delegate !== undefined);
    this.#options = options;
  }

  /** The same as long as every delegate that it names is the same object. */
  ruleSet(resources: ResourceSet): RuleSet {
    if (this.#rules !== undefined && !this.delegates) return this.#rules;
    const lookup = (namespace: string, name: string) => resources.get('VirtualService', namespace, name);
    const delegates = namedDelegates(this.object, lookup);
    if (this.#rules === undefined || !sameElements(delegates, this.#readFrom)) {
      this.#rules = readRules(this.object, lookup, this.#options);
      this.#readFrom = delegates;
    }
    return this.#rules;
  }

  /** The same as long as the rules are the same and what was read of the backends still holds. */
  translate(ruleSet: RuleSet, context: RouteContext, backends: Backends): Translation {
    const known = this.#translations.find((translation) => translation.context === context);
    if (known?.stillHolds(ruleSet, backends) === true) return known;
    const translation = new Translation(ruleSet, context, backends, this.#options);
    this.#translations = this.#translations.filter((one) => one !== known).concat(translation);
    return translation;
  }
}

const NO_DELEGATES: readonly unknown[] = [];
const NO_TRANSLATIONS: readonly Translation[] = [];
