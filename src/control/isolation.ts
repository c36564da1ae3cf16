import type { Compilation } from '../compiler/compilation.ts';
import { compareStrings } from '../kernel/compare.ts';
import type { Resource, ResourceKind } from '../resources/kinds.ts';
import { KINDS } from '../resources/registry.ts';
import { type ResourceSet, resourceSet } from '../resources/set.ts';

export type Compile = (resources: ResourceSet) => Compilation;

/** A namespace on which the compiler throws. That is our mistake, and must be nobody else's. */
export interface HeldBack {
  readonly namespace: string;
  readonly error: Error;
}

export interface IsolatedCompilation {
  readonly compilation: Compilation;
  /** What was compiled: the new state, with the last good one of the namespaces held back. */
  readonly resources: ResourceSet;
  readonly heldBack: readonly HeldBack[];
}

type Namespaces = ReadonlyMap<string, readonly Resource[]>;

/**
 * Compiles the new state; where the compiler throws, leaves those namespaces at their last good state that make it
 * throw, found by halving. Throws only when even the last good state, or no state at all, does not compile.
 */
export function compileIsolated(
  compile: Compile,
  next: ResourceSet,
  lastGood: ResourceSet | undefined,
): IsolatedCompilation {
  const whole = attempt(compile, next);
  if (whole.ok) return { compilation: whole.compilation, resources: next, heldBack: [] };
  const before = byNamespace(lastGood);
  const after = byNamespace(next);
  const base = lastGood ?? resourceSet([]);
  const search: Search = {
    compile,
    before,
    after,
    accepted: { namespaces: before, resources: base, compilation: compile(base) },
    heldBack: [],
  };
  admit(search, changedNamespaces(before, after));
  return { compilation: search.accepted.compilation, resources: search.accepted.resources, heldBack: search.heldBack };
}

interface Search {
  readonly compile: Compile;
  readonly before: Namespaces;
  readonly after: Namespaces;
  accepted: { readonly namespaces: Namespaces; readonly resources: ResourceSet; readonly compilation: Compilation };
  readonly heldBack: HeldBack[];
}

/** Takes in those of the candidates that compile together with what is accepted already. All at once they do not. */
function admit(search: Search, candidates: readonly string[]): void {
  const middle = Math.ceil(candidates.length / 2);
  for (const part of [candidates.slice(0, middle), candidates.slice(middle)]) {
    if (part.length === 0) continue;
    const namespaces = new Map(search.accepted.namespaces);
    for (const namespace of part) {
      const objects = search.after.get(namespace);
      if (objects === undefined) namespaces.delete(namespace);
      else namespaces.set(namespace, objects);
    }
    const resources = resourceSet([...namespaces.values()].flat(), search.accepted.resources);
    const tried = attempt(search.compile, resources);
    if (tried.ok) search.accepted = { namespaces, resources, compilation: tried.compilation };
    else if (part.length > 1) admit(search, part);
    else search.heldBack.push({ namespace: part[0] as string, error: tried.error });
  }
}

function changedNamespaces(before: Namespaces, after: Namespaces): readonly string[] {
  const all = new Set([...before.keys(), ...after.keys()]);
  const same = (namespace: string): boolean => {
    const [old, now] = [before.get(namespace), after.get(namespace)];
    return (
      old !== undefined && now !== undefined && old.length === now.length && old.every((object, i) => object === now[i])
    );
  };
  return [...all].filter((namespace) => !same(namespace)).sort(compareStrings);
}

function byNamespace(resources: ResourceSet | undefined): Namespaces {
  const namespaces = new Map<string, Resource[]>();
  for (const kind of Object.keys(KINDS) as ResourceKind[])
    for (const object of resources?.ofKind(kind) ?? []) {
      const list = namespaces.get(object.meta.namespace);
      if (list === undefined) namespaces.set(object.meta.namespace, [object]);
      else list.push(object);
    }
  return namespaces;
}

type Attempt = { readonly ok: true; readonly compilation: Compilation } | { readonly ok: false; readonly error: Error };

function attempt(compile: Compile, resources: ResourceSet): Attempt {
  try {
    return { ok: true, compilation: compile(resources) };
  } catch (error) {
    return { ok: false, error: error instanceof Error ? error : new Error(String(error)) };
  }
}
