import { isDeepStrictEqual } from 'node:util';
import { changedStretch, NOWHERE, replaceStretch } from '../kernel/stretch.ts';
import type { CredentialTable, EndpointTable, RouteConfig, RouteTable, VirtualHost } from '../table/model.ts';

/** What a data plane serves. */
export interface ServedState {
  readonly table: RouteTable;
  readonly endpoints: EndpointTable;
  readonly credentials: CredentialTable;
}

/** Entries of a record that are new or different, and those that are gone. */
interface RecordChange {
  readonly set: readonly (readonly [key: string, value: unknown])[];
  readonly removed: readonly string[];
}

/** A route config that the receiver has, or how to put one together. */
type RouteConfigShape =
  | { readonly kind: 'known'; readonly part: number }
  | {
      readonly kind: 'new';
      readonly part: number;
      /** All of it but its virtual hosts. */
      readonly rest: Omit<RouteConfig, 'virtualHosts'>;
      readonly virtualHosts: readonly number[];
    }
  /** As an older one but for the virtual hosts from one place to another: of ten thousand, few are spoken of. */
  | {
      readonly kind: 'edited';
      readonly part: number;
      readonly of: number;
      readonly rest: Omit<RouteConfig, 'virtualHosts'>;
      readonly from: number;
      readonly toBefore: number;
      readonly virtualHosts: readonly number[];
    };

interface TableShape {
  readonly revision: string;
  readonly settings: number;
  readonly filters: readonly (readonly [name: string, part: number])[];
  readonly listeners: readonly number[];
  readonly routeConfigs: readonly RouteConfigShape[];
  readonly clusters: readonly number[];
}

/**
 * The way from one state to the next, as plain data. A table is a list of parts (virtual hosts, clusters, listeners) by
 * number; a part travels once, so that an edit of one host costs that host and a list of numbers.
 */
export interface Handover {
  /** Parts that the receiver does not have yet. */
  readonly parts: readonly (readonly [part: number, value: unknown])[];
  /** Parts that nothing speaks of any more. */
  readonly dropped: readonly number[];
  readonly table: TableShape | undefined;
  readonly endpoints: ({ readonly revision: string } & RecordChange) | undefined;
  readonly credentials: ({ readonly revision: string } & RecordChange) | undefined;
}

/** One receiver's knowledge, as its sender keeps it. Parts are told apart by identity, as the compiler keeps what did not change. */
export class HandoverSender {
  readonly #numbers = new Map<unknown, number>();
  #next = 1;
  #last: ServedState | undefined;

  /** undefined: the receiver has this state already. */
  next(state: ServedState): Handover | undefined {
    const last = this.#last;
    this.#last = state;
    const { table, endpoints, credentials } = state;
    const parts: [number, unknown][] = [];
    const shape = last?.table.revision === table.revision ? undefined : this.#shapeOf(table, last?.table, parts);
    const dropped = shape === undefined || last === undefined ? [] : this.#forget(last.table, table);
    const endpointChange = recordChange(last?.endpoints, endpoints, ({ clusters }) => clusters);
    const credentialChange = recordChange(last?.credentials, credentials, (known) => known.credentials);
    if (shape === undefined && endpointChange === undefined && credentialChange === undefined) return undefined;
    return { parts, dropped, table: shape, endpoints: endpointChange, credentials: credentialChange };
  }

  #shapeOf(table: RouteTable, before: RouteTable | undefined, parts: [number, unknown][]): TableShape {
    const number = (value: unknown): number => {
      const known = this.#numbers.get(value);
      if (known !== undefined) return known;
      const part = this.#number(value);
      parts.push([part, value]);
      return part;
    };
    return {
      revision: table.revision,
      settings: number(table.settings),
      filters: Object.entries(table.filters).map(([name, settings]) => [name, number(settings)]),
      listeners: table.listeners.map(number),
      routeConfigs: table.routeConfigs.map((config) =>
        this.#routeConfigShape(
          config,
          before?.routeConfigs.find(({ name }) => name === config.name),
          number,
        ),
      ),
      clusters: table.clusters.map(number),
    };
  }

  #routeConfigShape(
    config: RouteConfig,
    before: RouteConfig | undefined,
    number: (value: unknown) => number,
  ): RouteConfigShape {
    const known = this.#numbers.get(config);
    if (known !== undefined) return { kind: 'known', part: known };
    const { virtualHosts, ...rest } = config;
    const of = before && this.#numbers.get(before);
    const part = this.#number(config);
    if (before === undefined || of === undefined)
      return { kind: 'new', part, rest, virtualHosts: virtualHosts.map(number) };
    const { from, toBefore, toNow } = changedStretch(before.virtualHosts, virtualHosts) ?? NOWHERE;
    return {
      kind: 'edited',
      part,
      of,
      rest,
      from,
      toBefore,
      virtualHosts: virtualHosts.slice(from, toNow).map(number),
    };
  }

  #number(value: unknown): number {
    const part = this.#next++;
    this.#numbers.set(value, part);
    return part;
  }

  /** What the table before had, and this one has not. */
  #forget(before: RouteTable, now: RouteTable): readonly number[] {
    const dropped: number[] = [];
    for (const value of goneFrom(before, now)) {
      const part = this.#numbers.get(value);
      if (part === undefined) continue;
      this.#numbers.delete(value);
      dropped.push(part);
    }
    return dropped;
  }
}

function goneFrom(before: RouteTable, now: RouteTable): ReadonlySet<unknown> {
  const gone = new Set<unknown>([...smallParts(before), ...goneHosts(before, now)]);
  for (const part of smallParts(now)) gone.delete(part);
  return gone;
}

const smallParts = ({ settings, filters, listeners, routeConfigs, clusters }: RouteTable): readonly unknown[] => [
  settings,
  ...Object.values(filters),
  ...listeners,
  ...routeConfigs,
  ...clusters,
];

/** A host that stands in two route configs is gone when it is in neither. */
function goneHosts(before: RouteTable, now: RouteTable): ReadonlySet<unknown> {
  const gone = new Set<unknown>();
  for (const { name, virtualHosts } of before.routeConfigs) {
    const after = now.routeConfigs.find((config) => config.name === name)?.virtualHosts ?? [];
    const { from, toBefore } = changedStretch(virtualHosts, after) ?? NOWHERE;
    for (const host of virtualHosts.slice(from, toBefore)) gone.add(host);
  }
  if (gone.size > 0)
    for (const { virtualHosts } of now.routeConfigs) for (const host of virtualHosts) gone.delete(host);
  return gone;
}

function recordChange<T extends { readonly revision: string }>(
  before: T | undefined,
  after: T,
  entriesOf: (table: T) => Readonly<Record<string, unknown>>,
): ({ readonly revision: string } & RecordChange) | undefined {
  if (before?.revision === after.revision) return undefined;
  const old: Readonly<Record<string, unknown>> = before === undefined ? {} : entriesOf(before);
  const now = entriesOf(after);
  return {
    revision: after.revision,
    set: Object.entries(now).filter(
      ([key, value]) => !Object.hasOwn(old, key) || (old[key] !== value && !isDeepStrictEqual(old[key], value)),
    ),
    removed: Object.keys(old).filter((key) => !Object.hasOwn(now, key)),
  };
}

/** The other end: puts states together from what it is handed. Parts keep their identity, so that binding finds them again. */
export class HandoverReceiver {
  readonly #parts = new Map<number, unknown>();
  #table: RouteTable | undefined;
  #endpoints: EndpointTable = { revision: '', clusters: {} };
  #credentials: CredentialTable = { revision: '', credentials: {} };

  receive({ parts, dropped, table, endpoints, credentials }: Handover): ServedState {
    for (const [part, value] of parts) this.#parts.set(part, value);
    if (table !== undefined) this.#table = this.#assemble(table);
    for (const part of dropped) this.#parts.delete(part);
    if (endpoints !== undefined)
      this.#endpoints = { revision: endpoints.revision, clusters: applied(this.#endpoints.clusters, endpoints) };
    if (credentials !== undefined)
      this.#credentials = {
        revision: credentials.revision,
        credentials: applied(this.#credentials.credentials, credentials),
      };
    if (this.#table === undefined) throw new Error('a hand-over began without a table');
    return { table: this.#table, endpoints: this.#endpoints, credentials: this.#credentials };
  }

  #assemble(shape: TableShape): RouteTable {
    return {
      revision: shape.revision,
      settings: this.#part(shape.settings),
      filters: Object.fromEntries(shape.filters.map(([name, part]) => [name, this.#part(part)])),
      listeners: shape.listeners.map((part) => this.#part(part)),
      routeConfigs: shape.routeConfigs.map((config) => this.#routeConfig(config)),
      clusters: shape.clusters.map((part) => this.#part(part)),
    };
  }

  #routeConfig(shape: RouteConfigShape): RouteConfig {
    if (shape.kind === 'known') return this.#part(shape.part);
    const { part, rest } = shape;
    const come = shape.virtualHosts.map((host) => this.#part<VirtualHost>(host));
    const virtualHosts =
      shape.kind === 'new' ? come : replaceStretch(this.#part<RouteConfig>(shape.of).virtualHosts, shape, come);
    const config: RouteConfig = { ...rest, virtualHosts };
    this.#parts.set(part, config);
    return config;
  }

  #part<T>(part: number): T {
    if (!this.#parts.has(part)) throw new Error(`a hand-over speaks of part ${part}, which never came`);
    return this.#parts.get(part) as T;
  }
}

function applied<T>(before: Readonly<Record<string, T>>, { set, removed }: RecordChange): Readonly<Record<string, T>> {
  const next = new Map(Object.entries(before));
  for (const key of removed) next.delete(key);
  for (const [key, value] of set) next.set(key, value as T);
  return Object.fromEntries(next);
}
