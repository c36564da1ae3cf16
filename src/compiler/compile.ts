import { memoizeByIdentity } from '../kernel/memo.ts';
import type { ResourceKind, ResourceOf, ResourceSet } from '../resources/index.ts';
import type { Cluster, ClusterId, Listener, RouteTable, TableSettings } from '../table/index.ts';
import { type Backends, type BuiltBackends, collectCredentials, createBackends } from './backends/index.ts';
import type { Compilation, CompileOptions } from './compilation.ts';
import { createExaminer } from './examine.ts';
import { collectFindings } from './findings.ts';
import { revisionOf } from './fingerprint.ts';
import { planGateways } from './from-gateway.ts';
import { buildListeners } from './listeners.ts';
import { createPolicyRunner } from './policies.ts';
import { ReferencedClusters } from './referenced.ts';
import { createRouting, type Routing } from './routing.ts';
import { keepSame, Slot } from './slot.ts';
import { StatusMemory } from './statuses.ts';
import { createConnectionRoutes } from './tcp-routes.ts';

export interface Compiler {
  /**
   * Everything that one state of the resources comes to. Pure: equal resources give equal results in whatever order they
   * came. What did not change since the last call is not done again, and is handed out as the same objects.
   */
  compile(resources: ResourceSet): Compilation;
}

/** `options` hold for the life of the compiler. */
export function createCompiler(options: CompileOptions): Compiler {
  const planOf = memoizeByIdentity((gateways: readonly ResourceOf<'Gateway'>[]) => planGateways(gateways, options));
  const policies = createPolicyRunner(options);
  const route = createRouting(options, policies);
  const backendsOf = createBackendSource(options);
  const examine = createExaminer(options);
  const keep = createKeeper(options);
  const statuses = new StatusMemory();

  return {
    compile(resources) {
      const plan = planOf(resources.ofKind('Gateway'));
      const { lookups, backends } = backendsOf(resources);
      const inputs = policies.prepare(resources);
      const workload = policies.workload(inputs, lookups);
      const routing = route({ resources, plan, backends: lookups, inputs });
      const connections = createConnectionRoutes(routing.attached, lookups, options);
      const listening = buildListeners(plan.servers, connections, options.mesh.proxyProtocol);
      const referenced = keep.referenced(routing, listening.listeners, workload.clusters);
      const built = keep.backends([referenced, ...listsOf(resources, BACKEND_KINDS)], () => backends.build(referenced));
      const { listeners } = listening;
      const table = keep.table({ listeners, clusters: built.clusters, filters: workload.value }, routing);
      const credentials = keep.credentials(
        [table.listeners, built.clusters, ...listsOf(resources, CREDENTIAL_KINDS)],
        () => collectCredentials(resources, credentialNames(table.listeners, built.clusters), options),
      );
      const examined = examine({ resources, plan, routing, listening, lookups });
      const diagnostics = keep.findings([
        plan.diagnostics,
        listening.diagnostics,
        workload.diagnostics,
        built.diagnostics,
        credentials.diagnostics,
        ...examined.diagnostics,
      ]);
      return {
        table,
        endpoints: built.endpoints,
        credentials: credentials.credentials,
        diagnostics,
        statuses: statuses.of(resources, diagnostics, examined.idle),
      };
    },
  };
}

/** One state without a past, for whoever compiles once. */
export const compile = (resources: ResourceSet, options: CompileOptions): Compilation =>
  createCompiler(options).compile(resources);

/** Kinds that decide about destinations, and about key material and where it is wanted. */
const BACKEND_KINDS = ['Service', 'ServiceEntry', 'DestinationRule', 'EndpointSlice', 'Pod', 'WorkloadEntry'] as const;
const CREDENTIAL_KINDS = ['Secret', 'Gateway', 'DestinationRule'] as const;

const listsOf = (resources: ResourceSet, kinds: readonly ResourceKind[]): readonly unknown[] =>
  kinds.map((kind) => resources.ofKind(kind));

/* ------------------------------------------------------------- backends */

interface BackendPair {
  /** For questions about names: the same object as long as services, entries and rules are the same. */
  readonly lookups: Backends;
  /** For clusters and endpoints, which also depend on what changes all the time. */
  readonly backends: Backends;
}

function createBackendSource(options: CompileOptions): (resources: ResourceSet) => BackendPair {
  let known: { readonly lists: readonly unknown[]; readonly lookups: Backends } | undefined;
  return (resources) => {
    const backends = createBackends({ resources, options });
    const lists = (['Service', 'ServiceEntry', 'DestinationRule'] as const).map((kind) => resources.ofKind(kind));
    if (known === undefined || lists.some((list, i) => list !== known?.lists[i])) known = { lists, lookups: backends };
    return { lookups: known.lookups, backends };
  };
}

/* -------------------------------- what is kept from one state to the next */

type Parts = Pick<RouteTable, 'listeners' | 'clusters' | 'filters'>;

function createKeeper(options: CompileOptions) {
  const settings: TableSettings = {
    pathNormalization: options.mesh.pathNormalization,
    numTrustedProxies: options.mesh.numTrustedProxies,
    forwardClientCert: options.mesh.forwardClientCert,
  };
  let table: RouteTable | undefined;
  const clusters = new ReferencedClusters();
  let lists: readonly (readonly Compilation['diagnostics'][number][])[] = [];
  let findings: Compilation['diagnostics'] = [];
  const backends = new Slot<BuiltBackends>();
  const credentials = new Slot<ReturnType<typeof collectCredentials>>();
  return {
    backends: (parts: readonly unknown[], build: () => BuiltBackends) => backends.get(parts, build),
    credentials: (parts: readonly unknown[], collect: () => ReturnType<typeof collectCredentials>) =>
      credentials.get(parts, collect),
    /** Parts that are equal stay the same objects, and with them the whole table. */
    table(parts: Parts, routing: Routing): RouteTable {
      const listeners = keepEqualListeners(parts.listeners, table?.listeners ?? []);
      const configs = routing.routeConfigs.map(({ config }) => config);
      const next = { settings, ...parts, listeners, routeConfigs: keepSame(configs, table?.routeConfigs) };
      const revision = revisionOf(next, routing.routeConfigs);
      if (table?.revision !== revision) table = { revision, ...next };
      return table;
    },
    referenced: (routing: Routing, listeners: readonly Listener[], more: readonly ClusterId[]) =>
      clusters.of(routing.routeConfigs, listeners, more),
    findings(now: readonly (readonly Compilation['diagnostics'][number][])[]): Compilation['diagnostics'] {
      const found = now.filter((list) => list.length > 0);
      if (keepSame(found, lists) !== lists) {
        lists = found;
        findings = collectFindings(found);
      }
      return findings;
    },
  };
}

function keepEqualListeners(now: readonly Listener[], before: readonly Listener[]): readonly Listener[] {
  const texts = new Map(before.map((listener) => [JSON.stringify(listener), listener]));
  return keepSame(
    now.map((listener) => texts.get(JSON.stringify(listener)) ?? listener),
    before,
  );
}

/** Everything that key material is wanted for. */
function credentialNames(listeners: readonly Listener[], clusters: readonly Cluster[]): ReadonlySet<string> {
  const names = new Set<string>();
  const add = (name: string | undefined): void => void (name !== undefined && names.add(name));
  for (const { handling } of listeners.flatMap(({ tls }) => tls)) {
    if (handling.kind === 'passthrough') continue;
    for (const name of handling.termination.credentials) add(name);
    add(handling.termination.clientCa);
  }
  for (const { tls } of clusters) {
    add(tls?.ca);
    add(tls?.clientCredential);
  }
  return names;
}
