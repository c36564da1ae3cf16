import type { Diagnostic } from '../diagnostics/index.ts';
import { invariant } from '../kernel/assert.ts';
import { changedStretch, NOWHERE, replaceStretch, type Stretch } from '../kernel/stretch.ts';
import type { Resource } from '../resources/index.ts';
import type { Backends } from './backends/index.ts';
import type { CompileOptions } from './compilation.ts';
import { NO_FINDINGS } from './entry-findings.ts';
import type { Routing } from './routing.ts';
import type { Surroundings } from './rules/index.ts';

/** What findings about VirtualServices depend on. */
export interface EntriesExamination {
  readonly routing: Routing;
  readonly surroundings: Surroundings;
  readonly lookups: Backends;
  /** Objects that no listener takes. */
  readonly idle: ReadonlySet<Resource>;
}

/** Asks the rules about those VirtualServices alone for which something is another than last time. */
export class EntryExaminer {
  readonly #options: CompileOptions;
  #last: EntriesExamination | undefined;
  /** One for each entry. */
  #lists: readonly (readonly Diagnostic[])[] = [];

  constructor(options: CompileOptions) {
    this.#options = options;
  }

  /** Those lists that are not empty, in the order of the entries. */
  examine(now: EntriesExamination): readonly (readonly Diagnostic[])[] {
    const stretch = this.#stretch(now);
    const fresh: (readonly Diagnostic[])[] = [];
    for (let i = stretch.from; i < stretch.toNow; i++) fresh.push(this.#find(now, i));
    const lists = replaceStretch(this.#lists, stretch, fresh);
    this.#last = now;
    this.#lists = lists;
    return lists.filter((list) => list !== NO_FINDINGS);
  }

  /** Outside of it nothing has changed for any entry. */
  #stretch({ routing, surroundings, lookups, idle }: EntriesExamination): Stretch {
    const last = this.#last;
    const all = { from: 0, toBefore: this.#lists.length, toNow: routing.entries.length };
    if (last?.surroundings !== surroundings || last.lookups !== lookups || last.idle !== idle) return all;
    const { entries, ruleSets, served } = last.routing;
    return joined(
      [
        changedStretch(entries, routing.entries),
        changedStretch(ruleSets, routing.ruleSets),
        changedStretch(served, routing.served),
      ],
      all,
    );
  }

  #find({ routing, surroundings, lookups, idle }: EntriesExamination, i: number): readonly Diagnostic[] {
    const { entries, ruleSets, served } = routing;
    const [entry, ruleSet] = [entries[i], ruleSets[i]];
    invariant(entry !== undefined && ruleSet !== undefined, 'an entry has no rules');
    const translations = served[i] ?? [];
    const isIdle = idle.has(entry.object);
    const about = { entry, ruleSet, translations, surroundings, backends: lookups, isIdle };
    return entry.findings.find(about, this.#options);
  }
}

/** The smallest one in which all of them lie; `all`: the lists as a whole. */
function joined(stretches: readonly (Stretch | undefined)[], all: Stretch): Stretch {
  const some = stretches.filter((stretch) => stretch !== undefined);
  if (some.length === 0) return NOWHERE;
  const after = Math.min(...some.map(({ toNow }) => all.toNow - toNow));
  return {
    from: Math.min(...some.map(({ from }) => from)),
    toBefore: all.toBefore - after,
    toNow: all.toNow - after,
  };
}
