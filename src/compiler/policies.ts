import type { FilterSpec, PolicyObject } from '../contract/plugin.ts';
import type { Diagnostic } from '../diagnostics/index.ts';
import { by, byEach, compareNumbers, compareStrings } from '../kernel/compare.ts';
import { memoizeByIdentity } from '../kernel/memo.ts';
import type { Resource, ResourceKind, ResourceSet } from '../resources/index.ts';
import { KINDS } from '../resources/index.ts';
import { type ClusterId, type FilterSettings, isCatchAll, type Route } from '../table/index.ts';
import type { Backends } from './backends/index.ts';
import type { CompileOptions } from './compilation.ts';
import { type FilterInputs, type FilterOutcome, FilterRun, policyKey } from './filter-run.ts';
import type { RouteDraft } from './from-virtual-service.ts';
import type { PathKey } from './rules/overlap-regions.ts';
import { keepSame, Slot, sameElements } from './slot.ts';
import type { Translation } from './translation.ts';

/** Runs the pure halves of the filters. What comes out equal is the same object as before. */
export interface PolicyRunner {
  prepare(resources: ResourceSet): FilterInputs;
  workload(inputs: FilterInputs, backends: Backends): FilterOutcome<FilterSettings>;
  /** Completes the routes of one VirtualService for one host. */
  complete(translation: Translation, domain: string, inputs: FilterInputs, backends: Backends): Completion;
}

/** Routes of one VirtualService for one host, whole. */
export interface Completion {
  readonly routes: readonly Route[];
  readonly diagnostics: readonly Diagnostic[];
  /** Clusters that the routes lead to or their filters ask. */
  readonly clusters: readonly ClusterId[];
  readonly inputs: FilterInputs;
  readonly outcome: FilterOutcome<readonly Route[]>;
  /** Content hash, made when first asked for. */
  readonly fingerprint: Slot<string>;
  /** For the search of overlaps, made when first asked for. */
  readonly pathKeys: Slot<readonly PathKey[]>;
  /** The last route takes everything: nothing of one VirtualService comes after its first that does (istio-semantics §2.1). */
  readonly endsInCatchAll: boolean;
}

export function createPolicyRunner(options: CompileOptions): PolicyRunner {
  const { filters } = options;
  const forRoutes = filters.flatMap((spec, i) => (spec.compileRoute === undefined ? [] : [{ spec, i }]));
  let inputs: FilterInputs | undefined;
  let workload: { readonly inputs: FilterInputs; readonly outcome: FilterOutcome<FilterSettings> } | undefined;

  const completeRoute = (draft: RouteDraft, domain: string, run: FilterRun): Route => {
    const { route, rule } = draft;
    const fields = rule.http as Readonly<Record<string, unknown>>;
    let settings: Record<string, unknown> | undefined;
    for (const { spec, i } of forRoutes) {
      const input = { id: route.id, owner: route.owner, domain, rule: fields, kind: route.action.kind };
      const own = asking(spec, () => spec.compileRoute?.(input, run.contextOf(i)));
      if (own !== undefined) settings = { ...settings, [spec.name]: own };
    }
    return settings === undefined ? route : { ...route, filters: settings };
  };

  return {
    prepare(resources) {
      const lists = filters.map((spec) => policiesOf(spec, resources));
      if (inputs === undefined || !sameElements(lists, inputs.policies)) {
        inputs = { policies: lists, sources: sourcesOf(filters, resources) };
      }
      return inputs;
    },
    workload(given, backends) {
      if (workload?.inputs === given && workload.outcome.stillHolds(backends)) return workload.outcome;
      const run = new FilterRun(given, backends, options);
      const entries = filters.flatMap((spec, i) => {
        const settings = asking(spec, () => spec.compileWorkload?.(run.contextOf(i)));
        return settings === undefined ? [] : [[spec.name, settings] as const];
      });
      const settings = keepEqual(Object.fromEntries(entries), workload?.outcome.value);
      workload = { inputs: given, outcome: run.outcome(settings) };
      return workload.outcome;
    },
    complete(translation, domain, given, backends) {
      // Without filters that look at routes, all hosts share them.
      const key = forRoutes.length === 0 ? '' : domain;
      const known = translation.completion(key);
      if (known?.inputs === given && known.outcome.stillHolds(backends)) return known;
      const run = new FilterRun(given, backends, options);
      const routes = translation.drafts.map((draft) => completeRoute(draft, domain, run));
      const completion = completionOf(run.outcome(keepRoutes(routes, known?.routes)), given, known);
      translation.keep(key, completion);
      return completion;
    },
  };
}

/** A filter may be a plugin of the network team's own: whoever reads of its failure must know whose it is. */
function asking<T>({ name }: FilterSpec, ask: () => T): T {
  try {
    return ask();
  } catch (error) {
    const cause = error instanceof Error ? error : new Error(String(error));
    const named = new Error(`the filter '${name}' fails on the routes: ${cause.message}`, { cause });
    named.stack = `${named.message}\n${cause.stack}`;
    throw named;
  }
}

function completionOf(
  outcome: FilterOutcome<readonly Route[]>,
  inputs: FilterInputs,
  before: Completion | undefined,
): Completion {
  const { value: routes, diagnostics } = outcome;
  const clusters = [...new Set([...routes.flatMap(clustersOf), ...outcome.clusters])];
  if (before?.routes === routes) return { ...before, diagnostics, clusters, inputs, outcome };
  const last = routes.at(-1);
  const endsInCatchAll = last !== undefined && isCatchAll(last.match);
  const made = { fingerprint: new Slot<string>(), pathKeys: new Slot<readonly PathKey[]>(), endsInCatchAll };
  return { routes, diagnostics, clusters, inputs, outcome, ...made };
}

function clustersOf({ action }: Route): readonly ClusterId[] {
  if (action.kind !== 'forward') return [];
  return [...action.destinations, ...action.mirrors].map(({ cluster }) => cluster);
}

const keepEqual = <T>(value: T, before: T | undefined): T =>
  before !== undefined && JSON.stringify(value) === JSON.stringify(before) ? before : value;

/** Both lists come from the same drafts, so that routes differ in their filters alone. */
function keepRoutes(routes: readonly Route[], before: readonly Route[] | undefined): readonly Route[] {
  if (before === undefined) return routes;
  const kept = routes.map((route, i) => {
    const old = before[i];
    return old !== undefined && keepEqual(route.filters, old.filters) === old.filters ? old : route;
  });
  return keepSame(kept, before);
}

/* ------------------------------------------------------------ policies */

const isKind = (kind: string): kind is ResourceKind => Object.hasOwn(KINDS, kind);

const listsOf = (spec: FilterSpec, resources: ResourceSet): readonly (readonly Resource[])[] =>
  spec.kinds.filter(isKind).map((kind) => resources.ofKind(kind));

/** The same list as long as the lists of its kinds are the same. */
function policiesOf(spec: FilterSpec, resources: ResourceSet): readonly PolicyObject[] {
  const [first = NO_POLICIES, ...more] = listsOf(spec, resources).map((list) => policiesIn(list));
  return more.reduce((all, list) => merge(all, list), first);
}

const NO_POLICIES: readonly PolicyObject[] = [];

const policiesIn = memoizeByIdentity((list: readonly Resource[]): readonly PolicyObject[] =>
  list.map((resource) => policyOf(resource)),
);

const merge = memoizeByIdentity((a: readonly PolicyObject[], b: readonly PolicyObject[]): readonly PolicyObject[] =>
  [...a, ...b].sort(
    byEach(
      by((policy) => policy.creationTimestampMs, compareNumbers),
      by((policy) => policy.ref.name, compareStrings),
      by((policy) => policy.ref.namespace, compareStrings),
      by((policy) => policy.kind, compareStrings),
    ),
  ),
);

const policyOf = memoizeByIdentity(
  (resource: Resource): PolicyObject => ({
    kind: resource.kind,
    ref: resource.ref,
    labels: resource.meta.labels,
    annotations: resource.meta.annotations,
    creationTimestampMs: resource.meta.creationTimestampMs,
    body: resource.body,
  }),
);

function sourcesOf(filters: readonly FilterSpec[], resources: ResourceSet): ReadonlyMap<string, Resource> {
  const all = filters.flatMap((spec) => listsOf(spec, resources)).flat();
  return new Map(all.map((resource) => [policyKey(resource.ref), resource]));
}
