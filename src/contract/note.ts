import type { RequestRecord } from './record.ts';

/**
 * What a filter remembers of a request from one of its hooks to the next; it goes with the request. A WeakMap would do the
 * same for twenty times the cost: it is the collector that has to find out which requests are gone (docs/performance.md).
 */
export class Note<T extends {}> {
  get({ notes }: RequestRecord): T | undefined {
    return notes?.get(this) as T | undefined;
  }

  set(record: RequestRecord, value: T): void {
    record.notes ??= new Map();
    record.notes.set(this, value);
  }
}
