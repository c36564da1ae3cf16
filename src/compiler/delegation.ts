import { formatObjectRef } from '../diagnostics/index.ts';
import type { HTTPMatchRequest, HTTPRoute } from '../resources/index.ts';
import type { RouteOwner } from '../table/index.ts';
import type { CompileOptions } from './compilation.ts';
import type { HttpRule, Place, RuleFailure, RuleMatch, VirtualService } from './http-rule.ts';
import { matchesConflict, mergeMatches } from './match-merging.ts';
import { resolveMatch } from './resolve-names.ts';
import { isExportedTo } from './visibility.ts';
import { MergedRule, type RuleDraft, WrittenMatch, WrittenRule } from './written-rule.ts';

/** The `http` rules of one VirtualService, delegates merged (istio-semantics §2.8), and what could not be merged. */
export interface RuleSet {
  readonly object: VirtualService;
  readonly rules: readonly HttpRule[];
  readonly conflicts: readonly DelegateConflict[];
  /** The delegates that gave it rules. */
  readonly delegates: readonly VirtualService[];
}

interface DelegateConflict {
  readonly root: Place;
  readonly delegate: Place;
  /** The delegate's whole rule is left out, as this match of it fits none of the root's. */
  readonly wholeRule: boolean;
}

export type DelegateLookup = (namespace: string, name: string) => VirtualService | undefined;

const delegateKey = (object: VirtualService, rule: HTTPRoute) => ({
  namespace: rule.delegate?.namespace || object.meta.namespace,
  name: rule.delegate?.name ?? '',
});

/** The delegates that are named, `undefined` for those that are not there. */
export function namedDelegates(object: VirtualService, lookup: DelegateLookup): readonly unknown[] {
  const found: unknown[] = [];
  for (const rule of object.body.spec.http ?? []) {
    if (rule.delegate === undefined) continue;
    const { namespace, name } = delegateKey(object, rule);
    found.push(lookup(namespace, name));
  }
  return found;
}

interface Draft<R extends RuleDraft = RuleDraft> {
  readonly part: string;
  readonly rule: R;
  readonly matches: readonly MatchDraft[];
}

interface MatchDraft {
  readonly part: string;
  readonly match: HTTPMatchRequest;
  readonly object: VirtualService;
  /** Places in its list of rules, and in that rule's list of matches. */
  readonly rule: number;
  readonly index: number;
}

const placeOf = ({ object, rule, index }: MatchDraft): Place => ({
  object,
  path: ['spec', 'http', rule, 'match', index],
});

export function readRules(object: VirtualService, lookup: DelegateLookup, options: CompileOptions): RuleSet {
  const conflicts: DelegateConflict[] = [];
  const delegates = new Set<VirtualService>();
  const written = object.body.spec.http ?? [];
  const parts = ruleParts(written);
  const owners = new Map<number, RouteOwner>();
  const drafts = written.flatMap((rule, index): readonly Draft[] => {
    const root = readRule({ object, index, part: parts[index] ?? '', owners }, options);
    if (rule.delegate === undefined) return [root];
    const { namespace, name } = delegateKey(object, rule);
    const delegate = lookup(namespace, name);
    const failure = whyUnusable(delegate, root, `${namespace}/${name}`, options);
    if (delegate === undefined || failure !== undefined) return [{ ...root, rule: root.rule.failing(failure) }];
    delegates.add(delegate);
    return mergeDelegate(root, delegate, conflicts, options);
  });
  return { object, rules: withIds(object, drafts), conflicts, delegates: [...delegates] };
}

/**
 * Istio lets such a rule vanish, so that a broader one takes its traffic. Here it answers 503 for its own match
 * (product.md, "invalid rule").
 */
function whyUnusable(
  delegate: VirtualService | undefined,
  root: Draft,
  name: string,
  options: CompileOptions,
): RuleFailure | undefined {
  const place: Place = { object: root.rule.place.object, path: [...root.rule.place.path, 'delegate'] };
  const fail = (message: string): RuleFailure => ({ code: 'delegate-missing', message, place });
  if (delegate === undefined) return fail(`there is no VirtualService ${name} to delegate to`);
  if ((delegate.body.spec.hosts ?? []).length > 0) {
    return fail(`${formatObjectRef(delegate.ref)} has hosts of its own, and only one without can be delegated to`);
  }
  const viewer = root.rule.owner.namespace;
  const { exportTo } = delegate.body.spec;
  if (!isExportedTo(exportTo, delegate.meta.namespace, viewer, options.mesh.defaultVirtualServiceExportTo)) {
    return fail(`${formatObjectRef(delegate.ref)} is not exported to namespace ${viewer}`);
  }
  return undefined;
}

interface RuleInput {
  readonly object: VirtualService;
  readonly index: number;
  readonly part: string;
  /** By line: rules on one line, as all of a cluster's are, have one owner. */
  readonly owners: Map<number, RouteOwner>;
}

function readRule({ object, index, part, owners }: RuleInput, options: CompileOptions): Draft<WrittenRule> {
  const { line } = object.origin.locate(['spec', 'http', index]);
  const { namespace, name } = object.meta;
  const owner = owners.get(line) ?? {
    namespace,
    kind: 'VirtualService',
    name,
    delegate: undefined,
    file: object.origin.file,
    line,
  };
  owners.set(line, owner);
  return {
    part,
    rule: new WrittenRule(object, index, owner, options),
    matches: (object.body.spec.http?.[index]?.match ?? []).map((one, i) => ({
      part: matchPart(one.name, i),
      match: resolveMatch(one, namespace),
      object,
      rule: index,
      index: i,
    })),
  };
}

/** Fields of the root that a delegate's rule takes over where it has none of its own, whole and never merged (§2.8). */
const INHERITED = [
  'rewrite',
  'directResponse',
  'timeout',
  'retries',
  'fault',
  'mirror',
  'mirrors',
  'mirrorPercent',
  'mirrorPercentage',
  'corsPolicy',
  'headers',
] as const satisfies readonly (keyof HTTPRoute)[];

function mergeDelegate(
  root: Draft<WrittenRule>,
  delegate: VirtualService,
  conflicts: DelegateConflict[],
  options: CompileOptions,
): readonly Draft[] {
  const written = delegate.body.spec.http ?? [];
  const parts = ruleParts(written);
  const owners = new Map<number, RouteOwner>();
  const { http: ofRoot } = root.rule;
  return written.flatMap((_, index): readonly Draft[] => {
    const own = readRule({ object: delegate, index, part: parts[index] ?? '', owners }, options);
    const matches = mergeMatchLists(root, own, conflicts);
    if (matches === undefined) return [];
    const { http: ofOwn } = own.rule;
    const names = [ofRoot.name, ofOwn.name].filter((name) => name !== undefined && name !== '');
    const inherited = INHERITED.filter((field) => ofOwn[field] === undefined);
    const http: HTTPRoute = {
      ...ofOwn,
      ...Object.fromEntries(inherited.map((field) => [field, ofRoot[field]])),
      name: names.join('-'),
    };
    const owner: RouteOwner = {
      ...root.rule.owner,
      delegate: `${delegate.meta.namespace}/${delegate.meta.name}`,
      file: own.rule.owner.file,
      line: own.rule.owner.line,
    };
    const rule = new MergedRule(root.rule, own.rule, { owner, http, inherited });
    return [{ part: `${root.part}-${own.part}`, rule, matches }];
  });
}

/** Every match of the delegate with every one of the root that it narrows; undefined: one of them narrows none. */
function mergeMatchLists(root: Draft, own: Draft, conflicts: DelegateConflict[]): readonly MatchDraft[] | undefined {
  if (root.matches.length === 0) return own.matches;
  if (own.matches.length === 0) return root.matches;
  const merged: MatchDraft[] = [];
  for (const mine of own.matches) {
    const fitting = root.matches.filter((theirs) => !matchesConflict(theirs.match, mine.match));
    const wholeRule = fitting.length === 0;
    for (const theirs of root.matches) {
      if (!fitting.includes(theirs)) conflicts.push({ root: placeOf(theirs), delegate: placeOf(mine), wholeRule });
    }
    if (wholeRule) return undefined;
    for (const theirs of fitting) {
      const part = root.matches.length > 1 ? `${theirs.part}-${mine.part}` : mine.part;
      merged.push({ ...mine, part, match: mergeMatches(theirs.match, mine.match) });
    }
  }
  return merged;
}

/* ------------------------------------------------------------------ ids */

/** A rule's name where it tells it apart, else its place in the list. */
function ruleParts(rules: readonly HTTPRoute[]): readonly string[] {
  const count = new Map<string, number>();
  for (const { name = '' } of rules) count.set(name, (count.get(name) ?? 0) + 1);
  return rules.map(({ name = '' }, index) => (count.get(name) === 1 ? matchPart(name, index) : String(index)));
}

const matchPart = (name: string | undefined, index: number): string =>
  name === undefined || name === '' || /^\d+$/.test(name) ? String(index) : name;

const EVERYTHING: HTTPMatchRequest = {};

/** Ids are shown in logs and metrics, so they are words of the team; where those are not enough, a number follows. */
function withIds(object: VirtualService, drafts: readonly Draft[]): readonly HttpRule[] {
  const taken = new Set<string>();
  const unique = (id: string): string => {
    let candidate = id;
    for (let n = 2; taken.has(candidate); n++) candidate = `${id}~${n}`;
    taken.add(candidate);
    return candidate;
  };
  return drafts.map(({ part, rule, matches }) => {
    const id = `${object.meta.namespace}/${object.meta.name}/${part}`;
    const named: readonly RuleMatch[] =
      matches.length === 0
        ? [new WrittenMatch(unique(id), EVERYTHING, rule.at)]
        : matches.map((one) => new WrittenMatch(unique(matches.length > 1 ? `${id}.${one.part}` : id), one.match, one));
    return rule.withMatches(named);
  });
}
