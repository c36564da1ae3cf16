import { byEach, compareNumbers, compareStrings } from '../kernel/compare.ts';
import type { Resource, ResourceKind } from './kinds.ts';

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

const keyOf = (namespace: string, name: string): string => `${namespace}/${name}`;

class IndexedResourceSet implements ResourceSet {
  readonly lists: ReadonlyMap<ResourceKind, readonly Resource[]>;
  readonly #keys = new Map<ResourceKind, ReadonlyMap<string, Resource>>();
  readonly size: number;

  constructor(lists: ReadonlyMap<ResourceKind, readonly Resource[]>) {
    this.lists = lists;
    this.size = [...lists.values()].reduce((sum, list) => sum + list.length, 0);
  }

  ofKind<K extends ResourceKind>(kind: K): readonly OfKind<K>[] {
    return (this.lists.get(kind) ?? EMPTY) as readonly OfKind<K>[];
  }

  get<K extends ResourceKind>(kind: K, namespace: string, name: string): OfKind<K> | undefined {
    let keys = this.#keys.get(kind);
    if (keys === undefined) {
      keys = new Map(
        this.ofKind(kind).map((object) => [keyOf(object.meta.namespace, object.meta.name), object as Resource]),
      );
      this.#keys.set(kind, keys);
    }
    return keys.get(keyOf(namespace, name)) as OfKind<K> | undefined;
  }
}

const EMPTY: readonly Resource[] = Object.freeze([]);

/** `previous`: the set before, whose lists are kept where they hold the very same objects. Names are unique per kind and namespace by now. */
export function resourceSet(objects: Iterable<Resource>, previous?: ResourceSet): ResourceSet {
  const lists = new Map<ResourceKind, Resource[]>();
  for (const object of objects) {
    const list = lists.get(object.kind);
    if (list === undefined) lists.set(object.kind, [object]);
    else list.push(object);
  }
  const kept = new Map<ResourceKind, readonly Resource[]>();
  for (const [kind, list] of lists) {
    list.sort(byAge);
    const before = previous instanceof IndexedResourceSet ? previous.lists.get(kind) : undefined;
    kept.set(kind, before !== undefined && sameElements(before, list) ? before : list);
  }
  return new IndexedResourceSet(kept);
}

const sameElements = (a: readonly Resource[], b: readonly Resource[]): boolean =>
  a.length === b.length && a.every((object, i) => object === b[i]);
