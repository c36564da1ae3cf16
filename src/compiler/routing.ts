import type { ResourceSet } from '../resources/index.ts';
import { type Attachable, type AttachmentIndex, createAttachableReader, indexByGateway } from './attach.ts';
import type { Backends } from './backends/index.ts';
import type { CompileOptions } from './compilation.ts';
import { createRuleReader, type RuleSet } from './delegation.ts';
import type { FilterInputs } from './filter-run.ts';
import type { GatewayPlan, ServerPlan } from './from-gateway.ts';
import type { RouteContext } from './from-virtual-service.ts';
import type { PolicyRunner } from './policies.ts';
import { createTranslator, type RouteDrafts } from './translations.ts';
import { type BuiltRouteConfig, buildRouteConfig } from './virtual-hosts.ts';

/** What became of the VirtualServices. */
export interface Routing {
  /** By name, which is also their order. */
  readonly routeConfigs: readonly BuiltRouteConfig[];
  /** All of them, oldest first, and the rules of each. */
  readonly attachables: readonly Attachable[];
  readonly ruleSets: ReadonlyMap<Attachable, RuleSet>;
  readonly attached: AttachmentIndex;
  /** Those that some virtual host has routes of, with the routes they have at different servers. */
  readonly served: ReadonlyMap<Attachable, readonly RouteDrafts[]>;
}

export interface RoutingInput {
  readonly resources: ResourceSet;
  readonly plan: GatewayPlan;
  readonly backends: Backends;
  readonly inputs: FilterInputs;
}

/** Builds the route configs of all servers; keeps what it built last, to hand out again what did not change. */
export function createRouting(options: CompileOptions, policies: PolicyRunner): (input: RoutingInput) => Routing {
  const readAttachable = createAttachableReader(options);
  const readRules = createRuleReader(options);
  const translate = createTranslator(options);
  const contexts = new Contexts();
  let before: ReadonlyMap<string, BuiltRouteConfig> = new Map();

  return ({ resources, plan, backends, inputs }) => {
    const attachables = resources.ofKind('VirtualService').map((object) => readAttachable(object));
    const ruleSets = new Map(attachables.map((one) => [one, readRules(one.object, resources)]));
    const attached = indexByGateway(attachables);
    const served = new Map<Attachable, RouteDrafts[]>();
    contexts.startOver();
    const building = {
      attached,
      serve(attachable: Attachable, drafts: RouteDrafts) {
        const known = served.get(attachable);
        if (known === undefined) served.set(attachable, [drafts]);
        else if (!known.includes(drafts)) known.push(drafts);
      },
      contextOf: (server: ServerPlan) => contexts.of(server),
      translate(attachable: Attachable, context: RouteContext) {
        const ruleSet = ruleSets.get(attachable);
        return ruleSet === undefined ? [] : translate(ruleSet, context, backends);
      },
      complete: (drafts: RouteDrafts, domain: string) => policies.routes(drafts, domain, inputs, backends),
    };
    const built = new Map<string, BuiltRouteConfig>();
    for (const [name, servers] of byRouteConfig(plan.servers)) {
      built.set(name, buildRouteConfig(name, servers, building, before.get(name)));
    }
    before = built;
    return { routeConfigs: [...built.values()], attachables, ruleSets, attached, served };
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
  return [...groups].sort(([a], [b]) => (a < b ? -1 : 1));
}

/** Equal contexts are the same object from one compilation to the next, since translations are remembered by them. */
class Contexts {
  #current = new Map<string, RouteContext>();
  #before: ReadonlyMap<string, RouteContext> = new Map();

  startOver(): void {
    this.#before = this.#current;
    this.#current = new Map();
  }

  of({ gateway, port, hasTls }: ServerPlan): RouteContext {
    const key = `${gateway} ${port} ${hasTls}`;
    let context = this.#current.get(key);
    if (context === undefined) {
      context = this.#before.get(key) ?? { gateway, port, secure: hasTls };
      this.#current.set(key, context);
    }
    return context;
  }
}
