import { changedStretch, replaceStretch } from '../kernel/stretch.ts';
import type { Binding } from './bindings.ts';
import type { Entry } from './entry.ts';
import { sameElements } from './slot.ts';
import type { Translation } from './translation.ts';
import type { BuiltRouteConfig } from './virtual-hosts.ts';

/** For each entry the routes that it has at different servers; none: no virtual host has any. */
export type ServedEntries = readonly (readonly Translation[])[];

export const NOT_SERVED: readonly Translation[] = Object.freeze([]);

/** Beyond so many, all are looked at in one go. */
const FEW = 8;

/** Keeps what it said last, and the lists of those entries that are served as before. */
export class ServedMemory {
  #entries: readonly Entry[] = [];
  #lists: readonly (readonly Binding[])[] = [];
  #served: ServedEntries = [];

  of(entries: readonly Entry[], routeConfigs: readonly BuiltRouteConfig[]): ServedEntries {
    const lists = routeConfigs.flatMap(({ bindings }) => [...bindings.values()].map(({ list }) => list));
    const affected = this.#affected(lists);
    const stretch = changedStretch(this.#entries, entries);
    const come = stretch === undefined ? [] : entries.slice(stretch.from, stretch.toNow);
    if (affected === undefined || affected.size + come.length > FEW) this.#served = this.#all(entries, lists);
    else {
      const served =
        stretch === undefined
          ? [...this.#served]
          : replaceStretch(
              this.#served,
              stretch,
              come.map(() => NOT_SERVED),
            );
      for (const entry of new Set([...affected, ...come])) {
        const place = entries.indexOf(entry);
        if (place !== -1) served[place] = kept(translationsOf(entry, lists), served[place]);
      }
      this.#served = served;
    }
    this.#entries = entries;
    this.#lists = lists;
    return this.#served;
  }

  /** undefined: too much is another than last time. */
  #affected(lists: readonly (readonly Binding[])[]): ReadonlySet<Entry> | undefined {
    if (lists.length !== this.#lists.length) return undefined;
    const affected = new Set<Entry>();
    for (const [i, now] of lists.entries()) {
      const before = this.#lists[i] ?? [];
      const stretch = changedStretch(before, now);
      if (stretch === undefined) continue;
      if (stretch.toBefore - stretch.from + stretch.toNow - stretch.from > 2 * FEW) return undefined;
      for (const { entry } of before.slice(stretch.from, stretch.toBefore)) affected.add(entry);
      for (const { entry } of now.slice(stretch.from, stretch.toNow)) affected.add(entry);
    }
    return affected;
  }

  #all(entries: readonly Entry[], lists: readonly (readonly Binding[])[]): ServedEntries {
    const before = new Map(this.#entries.map((entry, i) => [entry, this.#served[i]]));
    const found = new Map<Entry, Translation[]>();
    for (const { entry, translation } of lists.flat()) {
      if (translation === undefined) continue;
      const known = found.get(entry);
      if (known === undefined) found.set(entry, [translation]);
      else if (!known.includes(translation)) known.push(translation);
    }
    return entries.map((entry) => kept(found.get(entry) ?? NOT_SERVED, before.get(entry)));
  }
}

const kept = (now: readonly Translation[], before: readonly Translation[] | undefined): readonly Translation[] =>
  before !== undefined && sameElements(now, before) ? before : now;

function translationsOf(entry: Entry, lists: readonly (readonly Binding[])[]): readonly Translation[] {
  const found = new Set<Translation>();
  for (const list of lists) {
    const translation = list.find((binding) => binding.entry === entry)?.translation;
    if (translation !== undefined) found.add(translation);
  }
  return found.size === 0 ? NOT_SERVED : [...found];
}
