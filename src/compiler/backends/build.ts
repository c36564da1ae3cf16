import type { Diagnostic } from '../../diagnostics/diagnostic.ts';
import { compareStrings } from '../../kernel/compare.ts';
import type { ResourceSet } from '../../resources/set.ts';
import type { Cluster, ClusterId, Endpoint, EndpointTable } from '../../table/model.ts';
import type { CompileOptions } from '../compilation.ts';
import { type ClusterPlan, planCluster } from './cluster.ts';
import { NO_RULE } from './destination-rule.ts';
import { endpointsOf, endpointTable, hasMembers } from './endpoints.ts';
import { type ClusterAddress, parseClusterId } from './names.ts';
import type { Registry } from './registry.ts';
import type { RuleIndex } from './rule-index.ts';
import { sameElements } from './same.ts';
import { type BackendService, isResolvedByName, portNumbered } from './service.ts';
import { emptySubset, serviceFindings } from './service-findings.ts';
import { type Scope, scopeOf, type World, worldOf } from './world.ts';

export interface BuildInput {
  readonly registry: Registry;
  readonly rules: RuleIndex;
  readonly resources: ResourceSet;
  readonly options: CompileOptions;
}

export interface Built {
  /** Those of the referenced clusters that exist, in order of their ids. */
  readonly clusters: readonly Cluster[];
  readonly endpoints: EndpointTable;
  readonly diagnostics: readonly Diagnostic[];
}

/** One build, kept for the next: what comes out equal is handed out again, and what it comes from is not asked twice. */
interface State {
  readonly referenced: ReadonlySet<ClusterId>;
  readonly addresses: readonly Address[];
  readonly registry: Registry;
  readonly rules: RuleIndex;
  readonly world: World;
  readonly slots: ReadonlyMap<ClusterId, Slot>;
  readonly built: Built;
}

interface Address extends ClusterAddress {
  readonly id: ClusterId;
}

/** What became of one referenced id that some service answers to. */
interface Slot {
  readonly target: Target;
  readonly scope: Scope;
  readonly cluster: Cluster;
  readonly endpoints: readonly Endpoint[];
  readonly finding: Diagnostic | undefined;
}

interface Target {
  readonly plan: ClusterPlan;
  /**
   * Who lists endpoints: every object of the service's host and namespace, as Istio keeps them in one place. A host's
   * second provider may add a port, but its listed endpoints are not looked for; names of its own are.
   */
  readonly providers: readonly BackendService[];
  readonly rule: typeof NO_RULE;
}

const states = new WeakMap<CompileOptions, State>();

export function buildBackends(referenced: ReadonlySet<ClusterId>, input: BuildInput): Built {
  const { options, resources, registry, rules } = input;
  const before = states.get(options);
  const world = worldOf(resources, before?.world);
  const addresses = before && sameSet(before.referenced, referenced) ? before.addresses : addressesOf(referenced);
  const sameTargets = before?.registry === registry && before.rules === rules;
  const slots = new Map<ClusterId, Slot>();
  for (const address of addresses) {
    const last = before?.slots.get(address.id);
    const target = sameTargets && last !== undefined ? last.target : findTarget(address, input, last?.target);
    if (target !== undefined)
      slots.set(address.id, fillSlot(target, scopeOf(world, target.plan.service.namespace), last));
  }
  const built = assemble(slots, before?.built);
  states.set(options, { referenced, addresses, registry, rules, world, slots, built });
  return built;
}

const sameSet = (a: ReadonlySet<string>, b: ReadonlySet<string>): boolean =>
  a === b || (a.size === b.size && a.isSubsetOf(b));

const addressesOf = (referenced: ReadonlySet<ClusterId>): readonly Address[] =>
  [...referenced].sort(compareStrings).flatMap((id) => {
    const address = parseClusterId(id);
    return address === undefined ? [] : [{ id, ...address }];
  });

/** The cluster of that address, whether or not anybody refers to it yet; undefined: there is none. */
export const planAt = (address: ClusterAddress, input: BuildInput): ClusterPlan | undefined =>
  findTarget(address, input, undefined)?.plan;

/** undefined: no such cluster. `last`: kept where service, rule and providers are the same. */
function findTarget(
  { host, port, subset }: ClusterAddress,
  { registry, rules, options }: BuildInput,
  last: Target | undefined,
): Target | undefined {
  const candidates = registry.visible.get(host);
  const service = candidates?.find((candidate) => portNumbered(candidate, port) !== undefined);
  if (candidates === undefined || service === undefined) return undefined;
  const rule = rules.select(service) ?? NO_RULE;
  const providers = providersOf(service, candidates[0] === service, registry);
  const isLast = last?.plan.service === service && last.rule === rule && sameElements(last.providers, providers);
  if (isLast) return last;
  const plan = planCluster(service, port, subset, rule, options);
  return plan && { plan, rule, providers };
}

function providersOf(service: BackendService, isFirst: boolean, registry: Registry): readonly BackendService[] {
  if (!isFirst && !isResolvedByName(service)) return [];
  const all = registry.all.get(service.host) ?? [];
  return all.length === 1 ? all : all.filter(({ namespace }) => namespace === service.namespace);
}

function fillSlot(target: Target, scope: Scope, last: Slot | undefined): Slot {
  if (last?.target === target && last.scope === scope) return last;
  const { plan, providers, rule } = target;
  const endpoints = endpointsOf(plan, providers, scope, last?.endpoints);
  const empty = endpoints.length === 0 && plan.cluster.subset !== undefined && !plan.unreachable;
  const finding = empty && hasMembers(plan, providers, scope) ? emptySubset(plan, rule) : undefined;
  const known = last?.target.plan === plan ? last.cluster : keepEqual(last?.cluster, plan.cluster);
  return { target, scope, cluster: known, endpoints, finding };
}

/** A service or rule that was edited without consequence for a cluster leaves the cluster, and its connections, alone. */
const keepEqual = (before: Cluster | undefined, now: Cluster): Cluster =>
  before !== undefined && JSON.stringify(before) === JSON.stringify(now) ? before : now;

function assemble(slots: ReadonlyMap<ClusterId, Slot>, before: Built | undefined): Built {
  const clusters: Cluster[] = [];
  const lists: (readonly [ClusterId, readonly Endpoint[]])[] = [];
  const general = new Set<Diagnostic>();
  const ofSubsets: Diagnostic[] = [];
  for (const [id, { target, cluster, endpoints, finding }] of slots) {
    const { service } = target.plan;
    for (const found of serviceFindings(service)) general.add(found);
    if (finding !== undefined) ofSubsets.push(finding);
    // What is resolved by name and has no name to resolve is never made: 503 NC (istio-semantics §4).
    if (endpoints.length === 0 && isResolvedByName(service)) continue;
    clusters.push(cluster);
    lists.push([id, endpoints]);
  }
  return {
    clusters: before !== undefined && sameElements(before.clusters, clusters) ? before.clusters : clusters,
    endpoints: keepTable(before?.endpoints, lists),
    diagnostics: [...general, ...ofSubsets],
  };
}

function keepTable(
  before: EndpointTable | undefined,
  lists: readonly (readonly [ClusterId, readonly Endpoint[]])[],
): EndpointTable {
  const same =
    before !== undefined &&
    Object.keys(before.clusters).length === lists.length &&
    lists.every(([id, endpoints]) => before.clusters[id] === endpoints);
  return same ? before : endpointTable(lists);
}
