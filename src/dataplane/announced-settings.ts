import type { Filter } from '../contract/plugin.ts';
import { changedStretch } from '../kernel/stretch.ts';
import type { RouteTable, VirtualHost } from '../table/model.ts';

interface Counted {
  readonly virtualHosts: readonly VirtualHost[];
  /** For each filter, how many routes have a setting. */
  readonly counts: ReadonlyMap<Filter, Map<unknown, number>>;
}

/** The settings that filters have in a table; of ten thousand hosts of which one is another, one is looked at. */
export class AnnouncedSettings {
  readonly #filters: readonly Filter[];
  #counted: ReadonlyMap<string, Counted> = new Map();

  constructor(filters: readonly Filter[]) {
    this.#filters = filters.filter((filter) => filter.published !== undefined);
  }

  /** Tells each filter its settings, before any request sees them. */
  announce(table: RouteTable): void {
    if (this.#filters.length === 0) return;
    const counted = new Map<string, Counted>();
    for (const { name, virtualHosts } of table.routeConfigs) {
      const before = this.#counted.get(name);
      const counts = before?.counts ?? new Map(this.#filters.map((filter) => [filter, new Map<unknown, number>()]));
      recount(counts, before?.virtualHosts ?? [], virtualHosts);
      counted.set(name, { virtualHosts, counts });
    }
    this.#counted = counted;
    for (const filter of this.#filters) {
      const settings = new Set<unknown>();
      const workload = table.filters[filter.name];
      if (workload !== undefined) settings.add(workload);
      for (const { counts } of counted.values()) for (const own of counts.get(filter)?.keys() ?? []) settings.add(own);
      filter.published?.([...settings]);
    }
  }
}

function recount(counts: Counted['counts'], before: readonly VirtualHost[], now: readonly VirtualHost[]): void {
  const stretch = changedStretch(before, now);
  if (stretch === undefined) return;
  add(counts, now.slice(stretch.from, stretch.toNow), 1);
  add(counts, before.slice(stretch.from, stretch.toBefore), -1);
}

function add(counts: Counted['counts'], hosts: readonly VirtualHost[], times: 1 | -1): void {
  for (const { routes } of hosts) {
    for (const { filters } of routes) {
      for (const [filter, known] of counts) {
        const own = filters[filter.name];
        if (own === undefined) continue;
        const count = (known.get(own) ?? 0) + times;
        if (count > 0) known.set(own, count);
        else known.delete(own);
      }
    }
  }
}
