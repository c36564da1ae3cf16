import type { Diagnostic } from '../diagnostics/index.ts';
import { invariant } from '../kernel/assert.ts';
import { changedStretch } from '../kernel/stretch.ts';
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
    const last = this.#last;
    const keeps = last !== undefined && last.surroundings === now.surroundings && last.lookups === now.lookups;
    const known = keeps ? this.#lastLists(last, now) : [];
    const lists = now.routing.entries.map((_, i) => known[i] ?? this.#find(now, i));
    this.#last = now;
    this.#lists = lists;
    return lists.filter((list) => list !== NO_FINDINGS);
  }

  /** What was found last time, for those entries that nothing has changed for. */
  #lastLists(last: EntriesExamination, now: EntriesExamination): readonly (readonly Diagnostic[] | undefined)[] {
    const { entries, ruleSets, served } = now.routing;
    const before = last.routing;
    const { from, toBefore, toNow } = changedStretch(before.entries, entries) ?? NOWHERE;
    return entries.map((entry, i) => {
      if (i >= from && i < toNow) return undefined;
      const k = i < from ? i : i - toNow + toBefore;
      const same = ruleSets[i] === before.ruleSets[k] && served[i] === before.served[k];
      if (!same || (last.idle !== now.idle && last.idle.has(entry.object) !== now.idle.has(entry.object)))
        return undefined;
      return this.#lists[k];
    });
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

const NOWHERE = { from: 0, toBefore: 0, toNow: 0 };
