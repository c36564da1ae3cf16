/**
 * Remembers a pure function by the identity of *all* its arguments, which must be objects: equal inputs give the very
 * same output, so that what did not change keeps its identity through a whole compilation. Entries go with their
 * arguments (weak references), so there is nothing to invalidate and nothing to bound.
 */
export function memoizeByIdentity<A extends readonly object[], R extends object>(
  compute: (...args: A) => R,
): (...args: A) => R {
  type Node = WeakMap<object, unknown>;
  const root: Node = new WeakMap();
  return (...args) => {
    let node = root;
    for (let i = 0; i < args.length - 1; i++) {
      const key = args[i] as object;
      let next = node.get(key) as Node | undefined;
      if (next === undefined) {
        next = new WeakMap();
        node.set(key, next);
      }
      node = next;
    }
    const last = args[args.length - 1] as object;
    let value = node.get(last) as R | undefined;
    if (value === undefined) {
      value = compute(...args);
      node.set(last, value);
    }
    return value;
  };
}
