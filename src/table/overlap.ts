import { examining } from './automaton.ts';
import { bindVirtualHost } from './bind.ts';
import { lowerAscii, toBytes } from './bytes.ts';
import { covers } from './covers.ts';
import { headerSource } from './facts.ts';
import { intersect, type Setting, sampleHost } from './intersect.ts';
import { selectRoute } from './match.ts';
import type { PathNormalization, Route, RouteOwner, VirtualHost } from './model.ts';
import { bindRegex } from './regex.ts';
import { buildTrie, type TrieNode } from './trie.ts';
import { type Witness, witnessFacts } from './witness.ts';

/** Two routes of different owners that one request fits. */
export interface Overlap {
  /** The earlier one: it answers the witness. */
  readonly winner: Route;
  readonly loser: Route;
  /**
   * shadows: the loser gets nothing that the winner leaves, for the winner takes all it could have.
   * refines: the loser takes all that the winner does and more; a specific route before a general one, as meant.
   * crosses: each also takes what the other does not.
   */
  readonly relation: 'shadows' | 'refines' | 'crosses';
  readonly witness: Witness;
}

export interface OverlapOptions {
  readonly pathNormalization: PathNormalization;
  readonly scheme: 'http' | 'https';
  /** The other domains of the route config, which a witness for a wildcard has to avoid. */
  readonly otherDomains: readonly string[];
  /** Whether `refines` is told as well. */
  readonly includeRefinements: boolean;
  readonly maxReported: number;
  /** Pairs looked at closely; one with a pattern counts as `PATTERN_COST`. */
  readonly maxExamined: number;
}

export const OVERLAP_DEFAULTS: OverlapOptions = {
  pathNormalization: 'decode-and-merge-slashes',
  scheme: 'http',
  otherDomains: [],
  includeRefinements: false,
  maxReported: 100,
  maxExamined: 20_000,
};

const PATTERN_COST = 25;

export interface OverlapReport {
  /** By the place of the loser, then of the winner. */
  readonly overlaps: readonly Overlap[];
  /** false: a limit was reached, and there may be more. */
  readonly complete: boolean;
}

/** Whether two routes were written in the same object: the same VirtualService, or the same delegate. */
export const sameOwner = (a: RouteOwner, b: RouteOwner): boolean =>
  a.kind === b.kind && a.namespace === b.namespace && a.name === b.name && a.delegate === b.delegate;

/**
 * Routes of one host that take requests from routes of others further down. A request that needs two lines of one
 * header to fit both is not counted. Time grows with the routes whose paths meet, not with all pairs.
 */
export const findOverlaps = (virtualHost: VirtualHost, options: Partial<OverlapOptions> = {}): OverlapReport =>
  examining(() => overlapsOf(virtualHost, options));

function overlapsOf(virtualHost: VirtualHost, options: Partial<OverlapOptions>): OverlapReport {
  const limits = { ...OVERLAP_DEFAULTS, ...options };
  const setting: Setting = {
    domain: virtualHost.domain,
    host: sampleHost(virtualHost.domain, limits.otherDomains),
    scheme: virtualHost.requireTls ? 'https' : limits.scheme,
    pathNormalization: limits.pathNormalization,
  };
  const bound = bindVirtualHost(virtualHost);
  const overlaps: (Overlap & { readonly order: readonly [number, number] })[] = [];
  let examined = 0;
  let complete = true;
  for (const [winner, loser] of meetingPairs(virtualHost.routes)) {
    examined += isPattern(winner) || isPattern(loser) ? PATTERN_COST : 1;
    if (overlaps.length >= limits.maxReported || examined > limits.maxExamined) {
      complete = false;
      break;
    }
    const overlap = judge(winner.route, loser.route, setting);
    if (overlap === undefined || (overlap.relation === 'refines' && !limits.includeRefinements)) continue;
    // Where a third route answers the witness, that route's own pairs tell the story.
    if (selectRoute(bound, witnessFacts(overlap.witness)).index !== winner.index) continue;
    overlaps.push({ ...overlap, order: [loser.index, winner.index] });
  }
  overlaps.sort((a, b) => a.order[0] - b.order[0] || a.order[1] - b.order[1]);
  return { overlaps: overlaps.map(({ order, ...overlap }) => overlap), complete };
}

function judge(winner: Route, loser: Route, setting: Setting): Overlap | undefined {
  const common = intersect(winner.match, loser.match, setting);
  if (common.kind !== 'overlap' || common.witness.repeatsHeader) return undefined;
  const relation = covers(winner.match, loser.match, setting.pathNormalization)
    ? 'shadows'
    : covers(loser.match, winner.match, setting.pathNormalization)
      ? 'refines'
      : 'crosses';
  return { winner, loser, relation, witness: common.witness };
}

const isPattern = ({ route }: Placed): boolean => route.match.path.kind === 'regex';

/* ------------------------------------------ which pairs are worth a look */

interface Placed {
  readonly route: Route;
  readonly index: number;
  /** What its path must begin with, in lower case. */
  readonly key: string;
  readonly exact: boolean;
}

function placed(route: Route, index: number): Placed {
  const { path } = route.match;
  if (path.kind === 'any') return { route, index, key: '', exact: false };
  if (path.kind !== 'regex')
    return { route, index, key: lowerAscii(toBytes(path.value)), exact: path.kind === 'exact' };
  const { prefix, shape } = bindRegex(path.value);
  const text = shape?.kind === 'exact' ? shape.text : prefix.text;
  return { route, index, key: lowerAscii(text), exact: shape?.kind === 'exact' };
}

/** Pairs of different owners, the earlier one first, of which one's path begins as the other's does. */
function* meetingPairs(routes: readonly Route[]): Generator<readonly [Placed, Placed]> {
  const all = routes.map(placed);
  const trie = buildTrie(
    all.map((item) => ({ key: item.key, exact: item.exact, item })),
    group,
    () => 0,
  );
  for (const one of all) {
    for (const other of meeting(trie, one)) {
      if (sameOwner(one.route.owner, other.route.owner)) continue;
      yield one.index < other.index ? [one, other] : [other, one];
    }
  }
}

/** Those whose key the key of this one begins with; of equal ones only the earlier, so that no pair comes twice. */
function* meeting(trie: TrieNode<Group>, one: Placed): Generator<Placed> {
  let node: TrieNode<Group> | undefined = trie;
  for (let at = 0; node !== undefined; ) {
    const isOwn = at === one.key.length;
    if (node.prefix !== undefined) yield* members(node.prefix, one, isOwn && !one.exact);
    if (isOwn) {
      if (one.exact && node.exact !== undefined) yield* members(node.exact, one, true);
      return;
    }
    const child: TrieNode<Group> | undefined = node.children.get(one.key.charCodeAt(at));
    node = child !== undefined && one.key.startsWith(child.label, at) ? child : undefined;
    at += child?.label.length ?? 0;
  }
}

function* members({ all, field, byValue, open }: Group, one: Placed, earlierOnly: boolean): Generator<Placed> {
  const value = field === undefined ? undefined : exactValue(one.route, field);
  const lists = value === undefined ? [all] : [byValue.get(value) ?? [], open];
  for (const list of lists) {
    for (const other of list) {
      if (earlierOnly && other.index >= one.index) break;
      if (other !== one) yield other;
    }
  }
}

/** Routes on one path; many of them are kept apart by the one exact condition that most of them have. */
interface Group {
  readonly all: readonly Placed[];
  readonly field: string | undefined;
  readonly byValue: ReadonlyMap<string, readonly Placed[]>;
  /** Without that condition. */
  readonly open: readonly Placed[];
}

const FEW = 16;

function group(all: readonly Placed[]): Group {
  const undivided: Group = { all, field: undefined, byValue: new Map(), open: [] };
  if (all.length <= FEW) return undivided;
  const values = new Map<string, Set<string>>();
  for (const { route } of all) {
    for (const [field, value] of exactConditions(route)) {
      const known = values.get(field) ?? new Set();
      values.set(field, known.add(value));
    }
  }
  const [field] = [...values].sort(([a, one], [b, other]) => other.size - one.size || (a < b ? -1 : 1))[0] ?? [];
  if (field === undefined) return undivided;
  const parts = Map.groupBy(all, ({ route }) => exactValue(route, field));
  const open = parts.get(undefined) ?? [];
  const byValue = new Map([...parts].filter((entry): entry is [string, Placed[]] => entry[0] !== undefined));
  return { all, field, byValue, open };
}

function exactConditions(route: Route): readonly (readonly [field: string, value: string])[] {
  const found: [string, string][] = [];
  for (const { name, match, invert } of route.match.headers) {
    if (!invert && match.kind === 'exact' && headerSource(name) !== 'nowhere')
      found.push([`header ${name}`, match.value]);
  }
  for (const { name, match } of route.match.queryParams) {
    if (match.kind === 'exact') found.push([`query ${name}`, match.value]);
  }
  return found;
}

const exactValue = (route: Route, field: string): string | undefined =>
  exactConditions(route).find(([name]) => name === field)?.[1];
