import { compareStrings } from '../kernel/compare.ts';
import { type ResourceSet, resourceSet } from '../resources/index.ts';
import { domainsAt, readAttachable } from './attach.ts';
import { type AttachmentIndex, createAttachmentIndex } from './attach-index.ts';
import type { Backends } from './backends/index.ts';
import { bindServer } from './bindings.ts';
import type { CompileOptions } from './compilation.ts';
import type { RuleSet } from './delegation.ts';
import { Entry } from './entry.ts';
import type { FilterInputs } from './filter-run.ts';
import type { GatewayPlan, ServerPlan } from './from-gateway.ts';
import type { RouteContext } from './from-virtual-service.ts';
import type { VirtualService } from './http-rule.ts';
import type { PolicyRunner } from './policies.ts';
import { type ServedEntries, ServedMemory } from './served.ts';
import { keepingMap, keepSame } from './slot.ts';
import { type BuiltRouteConfig, buildRouteConfig, type HostBuilding } from './virtual-hosts.ts';

/** What became of the VirtualServices. */
export interface Routing {
  /** By name, which is also their order. */
  readonly routeConfigs: readonly BuiltRouteConfig[];
  /** All of them, oldest first. */
  readonly entries: readonly Entry[];
  /** One for each entry. */
  readonly ruleSets: readonly RuleSet[];
  readonly served: ServedEntries;
  readonly attached: AttachmentIndex;
}

export interface RoutingInput {
  readonly resources: ResourceSet;
  readonly plan: GatewayPlan;
  readonly backends: Backends;
  readonly inputs: FilterInputs;
}

/** Builds the route configs of all servers; keeps what it built last, to hand out again what did not change. */
export function createRouting(options: CompileOptions, policies: PolicyRunner): (input: RoutingInput) => Routing {
  const entriesOf = keepingMap((object: VirtualService) => new Entry(readAttachable(object, options), options));
  const ruleSetsOf = createRuleSets();
  const attachedOf = createAttachmentIndex();
  const served = new ServedMemory();
  const contexts = new Contexts();
  let before: ReadonlyMap<string, BuiltRouteConfig> = new Map();
  let lastInput: RoutingInput | undefined;

  return (input) => {
    const { resources, plan, backends, inputs } = input;
    const entries = entriesOf(resources.ofKind('VirtualService'));
    const { ruleSets, anyDelegates } = ruleSetsOf(entries, resources);
    const attached = attachedOf(entries);
    contexts.startOver();
    const settled = anyDelegates ? 'delegating' : 'none';
    const built = new Map<string, BuiltRouteConfig>();
    for (const [name, servers] of byRouteConfig(plan.servers)) {
      const building: HostBuilding = {
        severalServers: servers.length > 1,
        completeAnew: lastInput?.inputs !== inputs || lastInput.backends !== backends,
        bind(server, old, sameServers) {
          const contextOf = contexts.chooser(server, servers);
          const request = {
            server,
            entries: attached.get(server.gateway) ?? NO_ENTRIES,
            translate: (entry: Entry) => entry.translate(entry.ruleSet(resources), contextOf(entry), backends),
            unsettled: sameServers && lastInput?.backends === backends ? settled : 'all',
          } as const;
          return bindServer(request, old);
        },
        complete: (translation, domain) => policies.complete(translation, domain, inputs, backends),
      };
      built.set(name, buildRouteConfig(name, servers, building, before.get(name)));
    }
    before = built;
    lastInput = input;
    const routeConfigs = [...built.values()];
    return { routeConfigs, entries, ruleSets, attached, served: served.of(entries, routeConfigs) };
  };
}

const NO_ENTRIES: readonly Entry[] = [];

/** Rules without delegates depend on their own object alone: they are asked for once. */
function createRuleSets() {
  const ownOf = keepingMap((entry: Entry) => (entry.delegates ? undefined : entry.ruleSet(NO_RESOURCES)));
  let before: readonly RuleSet[] = [];
  return (entries: readonly Entry[], resources: ResourceSet) => {
    const own = ownOf(entries);
    const anyDelegates = own.includes(undefined);
    before = anyDelegates
      ? keepSame(
          own.map((ruleSet, i) => ruleSet ?? (entries[i] as Entry).ruleSet(resources)),
          before,
        )
      : (own as readonly RuleSet[]);
    return { ruleSets: before, anyDelegates };
  };
}

const NO_RESOURCES = resourceSet([]);

function byRouteConfig(servers: readonly ServerPlan[]): readonly (readonly [string, readonly ServerPlan[]])[] {
  const groups = new Map<string, ServerPlan[]>();
  for (const server of servers) {
    const { handling } = server;
    if (handling.kind !== 'http' && handling.kind !== 'https') continue;
    const group = groups.get(handling.routeConfig);
    if (group === undefined) groups.set(handling.routeConfig, [server]);
    else group.push(server);
  }
  return [...groups].sort(([a], [b]) => compareStrings(a, b));
}

/** Equal contexts are the same object from one compilation to the next, since translations are remembered by them. */
class Contexts {
  #current = new Map<string, RouteContext>();
  #before: ReadonlyMap<string, RouteContext> = new Map();

  startOver(): void {
    this.#before = this.#current;
    this.#current = new Map();
  }

  /**
   * Which context a VirtualService is translated in at a server of a route config: routes are built once for each Gateway,
   * by the first of its servers there that the VirtualService has a domain at (istio-semantics §2.1).
   */
  chooser(server: ServerPlan, all: readonly ServerPlan[]): (entry: Entry) => RouteContext {
    const own = this.#of(server);
    const siblings = all.filter(({ gateway }) => gateway === server.gateway);
    if (siblings.every((sibling) => this.#of(sibling) === own)) return () => own;
    return ({ attachable }) => {
      const first = siblings.find((sibling) => domainsAt(sibling, attachable).length > 0);
      return first === undefined ? own : this.#of(first);
    };
  }

  #of({ gateway, port, hasTls }: ServerPlan): RouteContext {
    const key = `${gateway} ${port} ${hasTls}`;
    let context = this.#current.get(key);
    if (context === undefined) {
      context = this.#before.get(key) ?? { gateway, port, secure: hasTls };
      this.#current.set(key, context);
    }
    return context;
  }
}
