import type { Diagnostic } from '../diagnostics/index.ts';
import type { Backends } from './backends/index.ts';
import type { CompileOptions } from './compilation.ts';
import type { RuleSet } from './delegation.ts';
import type { Entry } from './entry.ts';
import {
  coveredRules,
  destinations,
  failedRoutes,
  SUBJECT_RULES,
  type Surroundings,
  unattachedVirtualService,
} from './rules/index.ts';
import { sameElements } from './slot.ts';
import type { Translation } from './translation.ts';

/** One VirtualService, and all that findings about it depend on. */
export interface About {
  readonly entry: Entry;
  readonly ruleSet: RuleSet;
  /** The routes that it has at different servers. */
  readonly translations: readonly Translation[];
  readonly surroundings: Surroundings;
  readonly backends: Backends;
  /** No listener takes it. */
  readonly isIdle: boolean;
}

export const NO_FINDINGS: readonly Diagnostic[] = Object.freeze([]);

/** What the rules found about one VirtualService; each kind is looked for again when what it depends on is another. */
export class EntryFindings {
  #last: About | undefined;
  #ofRules = NO_FINDINGS;
  #ofRoutes = NO_FINDINGS;
  #ofDestinations = NO_FINDINGS;

  find(now: About, options: CompileOptions): readonly Diagnostic[] {
    const last = this.#last;
    const { ruleSet, translations, surroundings, backends } = now;
    const { attachable } = now.entry;
    const subject = { attachable, ruleSet, surroundings };
    const sameRules = last?.ruleSet === ruleSet;
    const ofRules =
      sameRules && last.surroundings === surroundings
        ? this.#ofRules
        : found(SUBJECT_RULES.flatMap((rule) => rule(subject)));
    const ofRoutes =
      last !== undefined && sameElements(last.translations, translations)
        ? this.#ofRoutes
        : found(routeFindings(translations, options));
    // What a delegate leads to is told with its roots, whose view of the services counts.
    const ofDestinations =
      (sameRules && last.backends === backends) || attachable.hosts.length === 0
        ? this.#ofDestinations
        : found(destinations(attachable, ruleSet, backends, options));
    const ofIdleness = now.isIdle ? unattachedVirtualService(subject, options) : NO_FINDINGS;
    // Not before nothing can fail any more: what was found must be of what it says it is of.
    this.#last = now;
    this.#ofRules = ofRules;
    this.#ofRoutes = ofRoutes;
    this.#ofDestinations = ofDestinations;
    return found([...ofRules, ...ofRoutes, ...ofDestinations, ...ofIdleness]);
  }
}

/** Most find nothing, and all of those share that. */
const found = (list: readonly Diagnostic[]): readonly Diagnostic[] => (list.length === 0 ? NO_FINDINGS : list);

const routeFindings = (translations: readonly Translation[], options: CompileOptions): readonly Diagnostic[] => [
  ...coveredRules(translations, options.mesh.pathNormalization),
  ...translations.flatMap((translation) => failedRoutes(translation)),
];
