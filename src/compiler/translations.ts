import { type RecordedReads, recordReads } from './backend-reads.ts';
import type { Backends } from './backends/index.ts';
import type { CompileOptions } from './compilation.ts';
import type { RuleSet } from './delegation.ts';
import { type RouteContext, type RouteDraft, translateRules } from './from-virtual-service.ts';

/** The routes of one VirtualService at one server; the same list as long as nothing that it was made of has changed. */
export type RouteDrafts = readonly RouteDraft[];

export type Translator = (ruleSet: RuleSet, context: RouteContext, backends: Backends) => RouteDrafts;

interface Remembered {
  readonly drafts: RouteDrafts;
  readonly reads: RecordedReads;
  /** With which the reads were last found to hold. */
  checkedWith: Backends;
}

/** Remembers by the rules and the context, and by what was read of the backends rather than by the backends as a whole. */
export function createTranslator(options: CompileOptions): Translator {
  const known = new WeakMap<RuleSet, WeakMap<RouteContext, Remembered>>();
  return (ruleSet, context, backends) => {
    let byContext = known.get(ruleSet);
    if (byContext === undefined) {
      byContext = new WeakMap();
      known.set(ruleSet, byContext);
    }
    const before = byContext.get(context);
    if (before !== undefined && (before.checkedWith === backends || before.reads.stillHold(backends))) {
      before.checkedWith = backends;
      return before.drafts;
    }
    const reads = recordReads(backends);
    const drafts = translateRules(ruleSet, context, reads.reader, options);
    byContext.set(context, { drafts, reads, checkedWith: backends });
    return drafts;
  };
}
