import type { ConnectionFacts } from '../contract/exchange.ts';
import type { Filter } from '../contract/plugin.ts';
import type { FilterSettings } from '../table/model.ts';

type Judge = (connection: ConnectionFacts) => boolean | Promise<boolean>;

/** The filters that have a say in connections whose bytes are passed on as they are, with the workload's settings. */
export class ConnectionFilters {
  readonly #judges: readonly Judge[];

  constructor(filters: readonly Filter[], workload: FilterSettings) {
    this.#judges = filters.flatMap((filter): Judge[] => {
      const settings = workload[filter.name];
      if (filter.connection === undefined || settings === undefined) return [];
      return [(connection) => filter.connection?.(connection, settings) ?? true];
    });
  }

  /** All must admit it. Rejects when a filter fails: nobody could say then that it may pass. */
  async admit(connection: ConnectionFacts): Promise<boolean> {
    for (const judge of this.#judges) if (!(await judge(connection))) return false;
    return true;
  }
}
