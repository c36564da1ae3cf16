import type { Diagnostic } from '../../diagnostics/diagnostic.ts';
import { compareStrings } from '../../kernel/compare.ts';
import type { Cluster, ClusterId, Endpoint, EndpointTable } from '../../table/model.ts';
import type { CompileOptions } from '../compilation.ts';
import { type ClusterPlan, planCluster } from './cluster.ts';
import { NO_RULE } from './destination-rule.ts';
import { endpointsOf, endpointTable, hasMembers } from './endpoints.ts';
import { parseClusterId } from './names.ts';
import type { Registry } from './registry.ts';
import type { RuleIndex } from './rule-index.ts';
import { type BackendService, isResolvedByName, portNumbered } from './service.ts';
import { emptySubset, serviceFindings } from './service-findings.ts';
import type { World } from './world.ts';

export interface BuildInput {
  readonly registry: Registry;
  readonly rules: RuleIndex;
  readonly world: World;
  readonly options: CompileOptions;
}

export interface Built {
  readonly clusters: readonly Cluster[];
  readonly endpoints: EndpointTable;
  readonly diagnostics: readonly Diagnostic[];
}

/** The build before, whose parts are handed out again where they are equal. */
const previous = new WeakMap<CompileOptions, Built & { readonly byId: ReadonlyMap<ClusterId, Cluster> }>();

export function buildBackends(referenced: ReadonlySet<ClusterId>, input: BuildInput): Built {
  const before = previous.get(input.options);
  const byId = new Map<ClusterId, Cluster>();
  const lists: (readonly [ClusterId, readonly Endpoint[]])[] = [];
  const services = new Set<BackendService>();
  const findings: Diagnostic[] = [];
  for (const id of [...referenced].sort(compareStrings)) {
    const found = resolve(id, input);
    if (found === undefined) continue;
    services.add(found.plan.service);
    if (found.finding !== undefined) findings.push(found.finding);
    if (!found.exists) continue;
    byId.set(id, keepEqual(before?.byId.get(id), found.plan.cluster));
    lists.push([id, found.endpoints]);
  }
  const clusters = [...byId.values()];
  const built = {
    byId,
    clusters: before !== undefined && sameElements(before.clusters, clusters) ? before.clusters : clusters,
    endpoints: keepTable(before?.endpoints, lists),
    diagnostics: [...[...services].flatMap((service) => serviceFindings(service)), ...findings],
  };
  previous.set(input.options, built);
  return built;
}

interface Resolved {
  readonly plan: ClusterPlan;
  readonly endpoints: readonly Endpoint[];
  /** A cluster that is resolved by name and has no name to resolve is never made: 503 NC (istio-semantics §4). */
  readonly exists: boolean;
  readonly finding: Diagnostic | undefined;
}

/** undefined: no such cluster. */
function resolve(id: ClusterId, { registry, rules, world, options }: BuildInput): Resolved | undefined {
  const address = parseClusterId(id);
  const candidates = address && registry.visible.get(address.host);
  const service = candidates?.find((candidate) => portNumbered(candidate, address?.port ?? 0) !== undefined);
  if (address === undefined || candidates === undefined || service === undefined) return undefined;
  const rule = rules.select(service) ?? NO_RULE;
  const plan = planCluster(service, address.port, address.subset, rule, options);
  if (plan === undefined) return undefined;
  const providers = providersOf(service, candidates[0] === service, registry);
  const endpoints = endpointsOf(plan, providers, world);
  const exists = endpoints.length > 0 || !isResolvedByName(service);
  const empty = endpoints.length === 0 && address.subset !== undefined && !plan.unreachable;
  const finding = empty && hasMembers(plan, providers, world) ? emptySubset(plan, rule) : undefined;
  return { plan, endpoints, exists, finding };
}

/**
 * Who lists endpoints: every object of the service's host and namespace, as Istio keeps them in one place. A host's
 * second provider may add a port, but its listed endpoints are not looked for; names of its own are.
 */
function providersOf(service: BackendService, isFirst: boolean, registry: Registry): readonly BackendService[] {
  if (!isFirst && !isResolvedByName(service)) return [];
  const all = registry.all.get(service.host) ?? [];
  return all.length === 1 ? all : all.filter(({ namespace }) => namespace === service.namespace);
}

const equals = new WeakMap<Cluster, Cluster>();

/** A service or rule that was edited without consequence for a cluster leaves the cluster, and its connections, alone. */
function keepEqual(before: Cluster | undefined, now: Cluster): Cluster {
  if (before === undefined || before === now || equals.get(now) === before) return before ?? now;
  if (JSON.stringify(before) !== JSON.stringify(now)) return now;
  equals.set(now, before);
  return before;
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

const sameElements = (a: readonly unknown[], b: readonly unknown[]): boolean =>
  a.length === b.length && a.every((value, i) => value === b[i]);
