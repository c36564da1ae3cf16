import type { FilterSpec, PolicyObject } from '../contract/plugin.ts';
import { by, byEach, compareNumbers, compareStrings } from '../kernel/compare.ts';
import { memoizeByIdentity } from '../kernel/memo.ts';
import type { Resource, ResourceKind, ResourceSet } from '../resources/index.ts';
import { KINDS } from '../resources/index.ts';
import type { FilterSettings, Route } from '../table/index.ts';
import type { Backends } from './backends/index.ts';
import type { CompileOptions } from './compilation.ts';
import { type FilterInputs, type FilterOutcome, FilterRun, policyKey } from './filter-run.ts';
import type { RouteDraft } from './from-virtual-service.ts';
import type { RouteDrafts } from './translations.ts';

/** Runs the pure halves of the filters. What comes out equal is the same object as before. */
export interface PolicyRunner {
  prepare(resources: ResourceSet): FilterInputs;
  workload(inputs: FilterInputs, backends: Backends): FilterOutcome<FilterSettings>;
  /** Completes the routes of one VirtualService for one host. */
  routes(
    drafts: RouteDrafts,
    domain: string,
    inputs: FilterInputs,
    backends: Backends,
  ): FilterOutcome<readonly Route[]>;
}

const NO_SETTINGS: FilterSettings = {};

interface Remembered<T> {
  readonly inputs: FilterInputs;
  readonly outcome: FilterOutcome<T>;
}

const isCurrent = <T>(known: Remembered<T>, inputs: FilterInputs, backends: Backends): boolean =>
  known.inputs === inputs && known.outcome.stillHolds(backends);

export function createPolicyRunner(options: CompileOptions): PolicyRunner {
  const { filters } = options;
  const forRoutes = filters.flatMap((spec, i) => (spec.compileRoute === undefined ? [] : [{ spec, i }]));
  let inputs: FilterInputs | undefined;
  let workload: Remembered<FilterSettings> | undefined;
  const routes = new WeakMap<RouteDrafts, Map<string, Remembered<readonly Route[]>>>();

  const completeRoute = (draft: RouteDraft, domain: string, run: FilterRun): Route => {
    const { route, rule } = draft;
    let settings: Record<string, unknown> | undefined;
    for (const { spec, i } of forRoutes) {
      const fields = rule.http as Readonly<Record<string, unknown>>;
      const input = { id: route.id, owner: route.owner, domain, rule: fields, kind: route.action.kind };
      const own = spec.compileRoute?.(input, run.contextOf(i));
      if (own !== undefined) settings = { ...settings, [spec.name]: own };
    }
    return { ...route, filters: settings ?? NO_SETTINGS };
  };

  return {
    prepare(resources) {
      const lists = filters.map((spec) => policiesOf(spec, resources));
      if (inputs === undefined || lists.some((list, i) => list !== inputs?.policies[i])) {
        inputs = { policies: lists, sources: sourcesOf(filters, resources) };
      }
      return inputs;
    },
    workload(given, backends) {
      if (workload !== undefined && isCurrent(workload, given, backends)) return workload.outcome;
      const run = new FilterRun(given, backends, options);
      const entries = filters.flatMap((spec, i) => {
        const settings = spec.compileWorkload?.(run.contextOf(i));
        return settings === undefined ? [] : [[spec.name, settings] as const];
      });
      const settings = keepEqual(Object.fromEntries(entries), workload?.outcome.value);
      workload = { inputs: given, outcome: run.outcome(settings) };
      return workload.outcome;
    },
    routes(drafts, domain, given, backends) {
      const byDomain = routes.get(drafts) ?? new Map<string, Remembered<readonly Route[]>>();
      routes.set(drafts, byDomain);
      // Without filters that look at routes, all hosts share them.
      const key = forRoutes.length === 0 ? '' : domain;
      const known = byDomain.get(key);
      if (known !== undefined && isCurrent(known, given, backends)) return known.outcome;
      const run = new FilterRun(given, backends, options);
      const completed = drafts.map((draft) => completeRoute(draft, domain, run));
      const outcome = run.outcome(keepRoutes(completed, known?.outcome.value));
      byDomain.set(key, { inputs: given, outcome });
      return outcome;
    },
  };
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
  return kept.every((route, i) => route === before[i]) ? before : kept;
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
