import type { Diagnostic, ObjectRef } from '../../diagnostics/diagnostic.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { Resource, ResourceKind } from '../../resources/kinds.ts';
import type { FrozenFile } from '../source.ts';
import { digestOfStatus, gatewayOf } from './conditions.ts';
import { decodePruned, type PrunedObject, prune } from './decode-object.ts';
import { Departures } from './departures.ts';
import { Dismissed } from './dismissed.ts';
import { isOlder, type RawObject, versionOf } from './raw.ts';
import type { Listing, ReflectorSink } from './reflector.ts';

/** What somebody who writes statuses must know of an object beyond what it says. */
export interface ObjectFacts {
  readonly apiVersion: string;
  readonly version: string;
  readonly generation: number;
  /** Of our conditions as they were last seen; undefined: there are none, or they are of no interest. */
  readonly statusDigest: string | undefined;
  /** Who wrote them. */
  readonly gateway: string | undefined;
}

/** An object with what is in service of it. */
export interface KnownObject extends ObjectFacts {
  readonly resource: Resource | undefined;
  readonly diagnostics: readonly Diagnostic[];
}

interface Entry {
  readonly digest: string;
  readonly facts: ObjectFacts;
  /** What is in service: the object as it is, or, where that is refused, as it last was. */
  readonly resource: Resource | undefined;
  readonly diagnostics: readonly Diagnostic[];
  /** Since when what is in service is not what the object says. */
  readonly frozenSinceMs: number | undefined;
}

export interface KindStoreOptions {
  readonly kind: ResourceKind;
  /** May objects of this namespace count at all? */
  readonly accepts: (namespace: string) => boolean;
  readonly clock: Clock;
  readonly guarded: boolean;
  /** Whether it will be asked what status an object has. */
  readonly keepStatus: boolean;
  readonly onChange: () => void;
}

/** After so many objects of a list the event loop gets its turn: requests are being answered meanwhile. */
const SLICE = 50;

/** All objects of one kind: each as it was when it was last sound. */
export class KindStore implements ReflectorSink {
  readonly kind: ResourceKind;
  readonly departures: Departures;
  readonly #options: KindStoreOptions;
  readonly #entries = new Map<string, Entry>();
  readonly #dismissed = new Dismissed();
  #apiVersion = '';
  /** Whoever wrote the last status that was seen. */
  #gateway: string | undefined;
  /** Those of which there is something to say. */
  readonly #noted = new Map<string, Entry>();
  /** In service; undefined: to be gathered from the entries, as long as nobody has asked. */
  #live: Resource[] | undefined;
  #resources: readonly Resource[] | undefined;
  /** Entries with something in service. */
  #served = 0;

  constructor(options: KindStoreOptions) {
    this.kind = options.kind;
    this.#options = options;
    this.departures = new Departures(options.guarded, () => options.clock.monotonicMs());
  }

  set apiVersion(version: string) {
    this.#apiVersion = version;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** In service; the same list until something changes. */
  resources(): readonly Resource[] {
    this.#live ??= [...this.#entries.values()].flatMap(({ resource }) => resource ?? []);
    this.#resources ??= this.#live.concat(this.departures.held());
    return this.#resources;
  }

  diagnostics(): readonly Diagnostic[] {
    return [...this.#noted.values()].flatMap(({ diagnostics }) => diagnostics);
  }

  frozen(): readonly FrozenFile[] {
    return [...this.#noted].flatMap(([key, { resource, frozenSinceMs, diagnostics }]) =>
      frozenSinceMs === undefined || resource === undefined
        ? []
        : {
            file: fileOf(this.kind, key),
            object: resource.ref,
            namespace: resource.meta.namespace,
            sinceMs: frozenSinceMs,
            reason: diagnostics.find((finding) => finding.refused)?.message ?? 'the object is refused',
          },
    );
  }

  known(namespace: string, name: string): KnownObject | undefined {
    const key = `${namespace}/${name}`;
    const entry = this.#entries.get(key);
    if (entry !== undefined) return { ...entry.facts, resource: entry.resource, diagnostics: entry.diagnostics };
    const facts = this.#dismissed.facts(key);
    return facts && { ...facts, resource: undefined, diagnostics: [] };
  }

  /** Objects that do not count and have a status that this gateway wrote. */
  dismissed(gateway: string): readonly ObjectRef[] {
    return this.#dismissed.keysOf(gateway).map((key) => {
      const slash = key.indexOf('/');
      return { kind: this.kind, namespace: key.slice(0, slash), name: key.slice(slash + 1) };
    });
  }

  /** What was saved is the past that the first list is held against. */
  restore(objects: readonly Readonly<Record<string, unknown>>[]): void {
    for (const value of objects) {
      this.#apiVersion = String(value['apiVersion']);
      this.#put(value as RawObject, 'listed');
    }
  }

  listing(): Listing {
    const named = new Set<string>();
    const dismissed = new Set<string>();
    return {
      add: async (items) => {
        for (const [index, item] of items.entries()) {
          // Entered at once: a list that breaks off has told the truth so far.
          const key = this.#put(item, 'listed');
          if (key !== undefined) named.add(key);
          else dismissed.add(keyOf(item) ?? '');
          if (index % SLICE === SLICE - 1) await new Promise((resume) => setImmediate(resume));
        }
      },
      commit: () => {
        const gone = [...this.#entries.keys()].filter((key) => !named.has(key));
        const before = this.#served;
        for (const key of gone) this.#remove(key);
        this.#dismissed.keepOnly(dismissed);
        this.departures.listed(before, this.#served);
        if (gone.length > 0) this.#changed();
      },
    };
  }

  apply(type: 'ADDED' | 'MODIFIED' | 'DELETED', object: RawObject): void {
    if (type === 'DELETED') {
      const key = keyOf(object);
      this.#dismissed.forget(key ?? '');
      if (key === undefined || !this.#remove(key)) return;
      this.departures.deleted(this.#served);
      this.#changed();
    } else this.#put(object, 'heard');
  }

  /** Lets go of namespaces that do not count any more. That is no loss that somebody has to confirm. */
  purge(): void {
    for (const [key, { facts }] of this.#entries) {
      if (this.#accepts(key)) continue;
      this.#enter(key, undefined);
      this.#dismissed.add(key, facts);
    }
    this.#changed();
  }

  confirmDepartures(): void {
    this.departures.confirm();
    this.#changed();
  }

  #enter(key: string, entry: Entry | undefined): void {
    const before = this.#entries.get(key);
    if (before?.resource !== undefined) this.#served--;
    if (entry?.resource !== undefined) this.#served++;
    if (entry === undefined) this.#entries.delete(key);
    else this.#entries.set(key, entry);
    if (entry !== undefined && entry.diagnostics.length > 0) this.#noted.set(key, entry);
    else this.#noted.delete(key);
    if (this.#live !== undefined) replaceIn(this.#live, before?.resource, entry?.resource);
  }

  #accepts(key: string): boolean {
    const namespace = key.slice(0, key.indexOf('/'));
    return namespace === '' || this.#options.accepts(namespace);
  }

  /** A list is the truth, be it older than what is known: that is how a cluster looks whose etcd was restored from a backup. */
  #put(raw: RawObject, how: 'listed' | 'heard'): string | undefined {
    const key = keyOf(raw);
    if (key === undefined) return undefined;
    if (!this.#accepts(key)) {
      this.#dismissed.add(key, this.#factsOf(raw));
      return undefined;
    }
    this.#dismissed.forget(key);
    const before = this.#entries.get(key);
    if (how === 'heard' && before !== undefined && isOlder(versionOf(raw), before.facts.version)) return key;
    const pruned = prune(raw, this.kind, this.#apiVersion);
    const facts = this.#factsOf(raw);
    // That only a status was written, ours for one, is no news to anybody who serves.
    if (before?.digest === pruned.digest) this.#enter(key, { ...before, facts });
    else {
      this.#enter(key, this.#decode(key, pruned, facts, before));
      this.departures.returned(key);
      this.#changed();
    }
    return key;
  }

  #decode(key: string, pruned: PrunedObject, facts: ObjectFacts, before: Entry | undefined): Entry {
    const { resource, diagnostics } = decodePruned(pruned, fileOf(this.kind, key));
    const { digest } = pruned;
    if (resource !== undefined) return { digest, facts, resource, diagnostics, frozenSinceMs: undefined };
    const last = before?.resource ?? this.departures.get(key);
    const frozenSinceMs = last === undefined ? undefined : (before?.frozenSinceMs ?? this.#options.clock.nowMs());
    return { digest, facts, resource: last, diagnostics, frozenSinceMs };
  }

  #factsOf(raw: RawObject): ObjectFacts {
    const generation = raw.metadata?.generation;
    const { keepStatus } = this.#options;
    return {
      apiVersion: this.#apiVersion,
      version: versionOf(raw),
      generation: typeof generation === 'number' ? generation : 0,
      statusDigest: keepStatus ? digestOfStatus(raw.status) : undefined,
      gateway: keepStatus ? this.#sameString(gatewayOf(raw.status)) : undefined,
    };
  }

  /** The very same text for all objects, instead of one for each. */
  #sameString(text: string | undefined): string | undefined {
    if (text === undefined) return undefined;
    if (text !== this.#gateway) this.#gateway = text;
    return this.#gateway;
  }

  #remove(key: string): boolean {
    const entry = this.#entries.get(key);
    if (entry === undefined) return false;
    this.#enter(key, undefined);
    if (entry.resource !== undefined) this.departures.left(key, entry.resource);
    return true;
  }

  #changed(): void {
    this.#resources = undefined;
    this.#options.onChange();
  }
}

/** One object of thousands: no list is made anew for it. */
function replaceIn(list: Resource[], old: Resource | undefined, now: Resource | undefined): void {
  if (old === now) return;
  const place = old === undefined ? list.length : list.indexOf(old);
  if (now === undefined) list.splice(place, 1);
  else list[place] = now;
}

function keyOf({ metadata }: RawObject): string | undefined {
  const { name, namespace } = metadata ?? {};
  if (typeof name !== 'string' || name === '') return undefined;
  return `${typeof namespace === 'string' ? namespace : ''}/${name}`;
}

const fileOf = (kind: ResourceKind, key: string): string => (key.startsWith('/') ? `${kind}${key}` : `${kind}/${key}`);
