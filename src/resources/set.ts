import { invariant } from '../kernel/assert.ts';
import { byEach, compareNumbers, compareStrings } from '../kernel/compare.ts';
import { changedStretch } from '../kernel/stretch.ts';
import type { Resource, ResourceKind } from './kinds.ts';
import type { ObjectMeta } from './object.ts';

type OfKind<K extends ResourceKind> = Extract<Resource, { kind: K }>;

/**
 * All objects at one moment, immutable, indexed by kind and by kind, namespace and name. The list of a kind keeps its
 * identity in the next set as long as no object of that kind changed: what is memoised by identity stays memoised.
 */
export interface ResourceSet {
  /** In the total order of istio-semantics §1.3: age, then name, then namespace. */
  ofKind<K extends ResourceKind>(kind: K): readonly OfKind<K>[];
  get<K extends ResourceKind>(kind: K, namespace: string, name: string): OfKind<K> | undefined;
  readonly size: number;
}

const byAge = byEach<Resource>(
  (a, b) => compareNumbers(a.meta.creationTimestampMs, b.meta.creationTimestampMs),
  (a, b) => compareStrings(a.meta.name, b.meta.name),
  (a, b) => compareStrings(a.meta.namespace, b.meta.namespace),
);

const keyOf = ({ namespace, name }: Pick<ObjectMeta, 'namespace' | 'name'>): string => `${namespace}/${name}`;

class IndexedResourceSet implements ResourceSet {
  /** As they were given: what the next set is compared with. */
  readonly given: readonly Resource[];
  readonly lists: ReadonlyMap<ResourceKind, readonly Resource[]>;
  readonly size: number;
  /** Of kinds that somebody asked for by name. */
  readonly #names: Map<ResourceKind, Names>;

  constructor(
    given: readonly Resource[],
    lists: ReadonlyMap<ResourceKind, readonly Resource[]>,
    names: Map<ResourceKind, Names>,
  ) {
    this.given = given;
    this.lists = lists;
    this.size = given.length;
    this.#names = names;
  }

  ofKind<K extends ResourceKind>(kind: K): readonly OfKind<K>[] {
    return (this.lists.get(kind) ?? EMPTY) as readonly OfKind<K>[];
  }

  get<K extends ResourceKind>(kind: K, namespace: string, name: string): OfKind<K> | undefined {
    let names = this.#names.get(kind);
    if (names === undefined) {
      names = new Names(new Map(this.ofKind(kind).map((object) => [keyOf(object.meta), object as Resource])));
      this.#names.set(kind, names);
    }
    return names.get(keyOf({ namespace, name })) as OfKind<K> | undefined;
  }

  /** The set in which some objects have gone and others have come. */
  with(given: readonly Resource[], gone: readonly Resource[], come: readonly Resource[]): IndexedResourceSet {
    const lists = new Map(this.lists);
    const names = new Map(this.#names);
    for (const kind of new Set([...gone, ...come].map((object) => object.kind))) {
      const [left, joined] = [gone.filter(isOf(kind)), come.filter(isOf(kind))];
      const list = [...this.ofKind(kind)];
      for (const object of left) list.splice(list.indexOf(object as never), 1);
      for (const object of joined) list.splice(placeOf(object, list), 0, object as never);
      lists.set(kind, list);
      const known = names.get(kind)?.with(left, joined);
      if (known === undefined) names.delete(kind);
      else names.set(kind, known);
    }
    return new IndexedResourceSet(given, lists, names);
  }
}

const EMPTY: readonly Resource[] = Object.freeze([]);

const isOf =
  (kind: ResourceKind) =>
  (object: Resource): boolean =>
    object.kind === kind;

/** Where in an ordered list the object belongs. */
function placeOf(object: Resource, list: readonly Resource[]): number {
  let [low, high] = [0, list.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (byAge(list[middle] as Resource, object) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** More changes than these, and the names of all are gathered anew when somebody asks. */
const MOST_CHANGES = 200;

/** Objects of one kind by name: those of an earlier set, and what has changed since. */
class Names {
  readonly #all: ReadonlyMap<string, Resource>;
  readonly #changed: ReadonlyMap<string, Resource | undefined>;

  constructor(all: ReadonlyMap<string, Resource>, changed: ReadonlyMap<string, Resource | undefined> = new Map()) {
    this.#all = all;
    this.#changed = changed;
  }

  get(key: string): Resource | undefined {
    return this.#changed.size > 0 && this.#changed.has(key) ? this.#changed.get(key) : this.#all.get(key);
  }

  with(gone: readonly Resource[], come: readonly Resource[]): Names | undefined {
    const changed = new Map(this.#changed);
    for (const { meta } of gone) changed.set(keyOf(meta), undefined);
    for (const object of come) changed.set(keyOf(object.meta), object);
    return changed.size > MOST_CHANGES ? undefined : new Names(this.#all, changed);
  }
}

/** Beyond so many changes all objects are put in order anew. */
const FEW = 64;

/** `previous`: the set before, whose lists are kept where they hold the very same objects. Names are unique per kind and namespace by now. */
export function resourceSet(objects: Iterable<Resource>, previous?: ResourceSet): ResourceSet {
  // A copy: whoever gave the list may change it, and the next set is compared with it.
  const given = [...objects];
  const before = previous instanceof IndexedResourceSet ? previous : undefined;
  return (before === undefined ? undefined : changedSet(given, before)) ?? orderedSet(given, before);
}

/** The set in which the object takes the place of the one of its name, or comes besides. */
export function withObject(before: ResourceSet, object: Resource): ResourceSet {
  invariant(before instanceof IndexedResourceSet, 'a set of resources is of unknown making');
  const { kind, meta } = object;
  const old: Resource | undefined = before.get(kind, meta.namespace, meta.name);
  const given = old === undefined ? [...before.given, object] : before.given.with(before.given.indexOf(old), object);
  return before.with(given, old === undefined ? [] : [old], [object]);
}

/** undefined: too much has changed. */
function changedSet(given: readonly Resource[], before: IndexedResourceSet): ResourceSet | undefined {
  const stretch = changedStretch(before.given, given);
  if (stretch === undefined) return before;
  const { from, toBefore, toNow } = stretch;
  if (toBefore - from > FEW || toNow - from > FEW) return undefined;
  const [old, now] = [before.given.slice(from, toBefore), given.slice(from, toNow)];
  const gone = old.filter((object) => !now.includes(object));
  const come = now.filter((object) => !old.includes(object));
  return before.with(given, gone, come);
}

function orderedSet(given: readonly Resource[], before: IndexedResourceSet | undefined): ResourceSet {
  const lists = new Map<ResourceKind, readonly Resource[]>();
  for (const [kind, list] of Map.groupBy(given, (object) => object.kind)) {
    list.sort(byAge);
    const old = before?.ofKind(kind);
    lists.set(kind, old !== undefined && changedStretch(old, list) === undefined ? old : list);
  }
  return new IndexedResourceSet(given, lists, new Map());
}
