/**
 * A compressed trie over byte strings. Asked about a text it finds what belongs to exactly that text and to each of its
 * beginnings, in a time that depends on the text alone.
 */
export interface TrieNode<T> {
  /** What the way here adds to the way to the parent. */
  readonly label: string;
  /** By the first character of their labels. */
  readonly children: ReadonlyMap<number, TrieNode<T>>;
  /** For the text that ends here. */
  readonly exact: T | undefined;
  /** For every text that comes by here. */
  readonly prefix: T | undefined;
  /** The lowest rank of anything here or below: whoever has a better one already need not look. */
  readonly first: number;
}

export interface TrieEntry<I> {
  readonly key: string;
  /** false: for all texts that begin with the key. */
  readonly exact: boolean;
  readonly item: I;
}

interface Draft<I> {
  label: string;
  readonly children: Map<number, Draft<I>>;
  readonly exact: I[];
  readonly prefix: I[];
}

/** `gather` makes one value of the items of one place, in the order of the entries; `rank` tells its lowest rank. */
export function buildTrie<I, T>(
  entries: readonly TrieEntry<I>[],
  gather: (items: readonly I[]) => T,
  rank: (value: T) => number,
): TrieNode<T> {
  const root = draft<I>('');
  for (const { key, exact, item } of entries) {
    const node = descend(root, key);
    (exact ? node.exact : node.prefix).push(item);
  }
  return freeze(root, gather, rank);
}

const draft = <I>(label: string): Draft<I> => ({ label, children: new Map(), exact: [], prefix: [] });

/** The node of a key, made where it is missing. */
function descend<I>(root: Draft<I>, key: string): Draft<I> {
  let node = root;
  let at = 0;
  while (at < key.length) {
    const child = node.children.get(key.charCodeAt(at));
    if (child === undefined) {
      const leaf = draft<I>(key.slice(at));
      node.children.set(key.charCodeAt(at), leaf);
      return leaf;
    }
    const common = commonLength(child.label, key, at);
    node = common < child.label.length ? split(node, child, common) : child;
    at += common;
  }
  return node;
}

function commonLength(label: string, key: string, at: number): number {
  const limit = Math.min(label.length, key.length - at);
  let common = 1;
  while (common < limit && label.charCodeAt(common) === key.charCodeAt(at + common)) common += 1;
  return common;
}

function split<I>(parent: Draft<I>, child: Draft<I>, at: number): Draft<I> {
  const middle = draft<I>(child.label.slice(0, at));
  child.label = child.label.slice(at);
  middle.children.set(child.label.charCodeAt(0), child);
  parent.children.set(middle.label.charCodeAt(0), middle);
  return middle;
}

function freeze<I, T>(node: Draft<I>, gather: (items: readonly I[]) => T, rank: (value: T) => number): TrieNode<T> {
  // Copies, since a list that grew has room for many more; and most nodes are leaves, where a map of their own would take as
  // much memory as all the rest.
  const exact = node.exact.length > 0 ? gather([...node.exact]) : undefined;
  const prefix = node.prefix.length > 0 ? gather([...node.prefix]) : undefined;
  const below = [...node.children].map(([code, child]) => [code, freeze(child, gather, rank)] as const);
  const children = below.length === 0 ? NO_CHILDREN : new Map(below);
  const first = Math.min(rankOr(exact, rank), rankOr(prefix, rank), ...below.map(([, child]) => child.first));
  return { label: node.label, children, exact, prefix, first };
}

const NO_CHILDREN: ReadonlyMap<number, never> = new Map<number, never>();

const rankOr = <T>(value: T | undefined, rank: (value: T) => number): number =>
  value === undefined ? Number.POSITIVE_INFINITY : rank(value);
