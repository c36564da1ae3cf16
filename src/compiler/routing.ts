import { compareStrings } from '../kernel/compare.ts';
import type { ResourceSet } from '../resources/index.ts';
import { type AttachmentIndex, domainsAt, indexByGateway, readAttachable } from './attach.ts';
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
import { keepingMap } from './slot.ts';
import type { Translation } from './translation.ts';
import { type BuiltRouteConfig, buildRouteConfig, type HostBuilding } from './virtual-hosts.ts';

/** What became of the VirtualServices. */
export interface Routing {
  /** By name, which is also their order. */
  readonly routeConfigs: readonly BuiltRouteConfig[];
  /** All of them, oldest first. */
  readonly entries: readonly Entry[];
  readonly ruleSets: ReadonlyMap<Entry, RuleSet>;
  readonly attached: AttachmentIndex;
  /** Those that some virtual host has routes of, with the routes they have at different servers. */
  readonly served: ReadonlyMap<Entry, readonly Translation[]>;
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
  const contexts = new Contexts();
  let before: ReadonlyMap<string, BuiltRouteConfig> = new Map();
  let lastInput: RoutingInput | undefined;

  return (input) => {
    const { resources, plan, backends, inputs } = input;
    const entries = entriesOf(resources.ofKind('VirtualService'));
    const ruleSets = new Map(entries.map((entry) => [entry, entry.ruleSet(resources)]));
    const attached = indexByGateway(entries);
    contexts.startOver();
    const translate = (entry: Entry, context: RouteContext): Translation =>
      entry.translate(ruleSets.get(entry) ?? entry.ruleSet(resources), context, backends);
    const built = new Map<string, BuiltRouteConfig>();
    for (const [name, servers] of byRouteConfig(plan.servers)) {
      const building: HostBuilding = {
        severalServers: servers.length > 1,
        completeAnew: lastInput?.inputs !== inputs || lastInput.backends !== backends,
        bind(server, old) {
          const contextOf = contexts.chooser(server, servers);
          const named = attached.get(server.gateway) ?? [];
          return bindServer(server, named, (entry) => translate(entry, contextOf(entry)), old);
        },
        complete: (translation, domain) => policies.complete(translation, domain, inputs, backends),
      };
      built.set(name, buildRouteConfig(name, servers, building, before.get(name)));
    }
    before = built;
    lastInput = input;
    const routeConfigs = [...built.values()];
    return { routeConfigs, entries, ruleSets, attached, served: servedBy(routeConfigs) };
  };
}

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

function servedBy(routeConfigs: readonly BuiltRouteConfig[]): ReadonlyMap<Entry, readonly Translation[]> {
  const served = new Map<Entry, Translation[]>();
  for (const { bindings } of routeConfigs) {
    for (const list of bindings.values()) {
      for (const { entry, translation } of list) {
        if (translation === undefined) continue;
        const known = served.get(entry);
        if (known === undefined) served.set(entry, [translation]);
        else if (!known.includes(translation)) known.push(translation);
      }
    }
  }
  return served;
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
