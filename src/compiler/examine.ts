import type { Diagnostic } from '../diagnostics/index.ts';
import { memoizeByIdentity } from '../kernel/memo.ts';
import type { Resource, ResourceOf, ResourceSet } from '../resources/index.ts';
import type { Backends } from './backends/index.ts';
import type { CompileOptions } from './compilation.ts';
import { EntryExaminer } from './examine-entries.ts';
import { HostExaminer } from './examine-hosts.ts';
import { createPolicyExaminer } from './examine-policies.ts';
import type { Gateway, GatewayPlan } from './from-gateway.ts';
import { IdleMemory } from './idle.ts';
import type { BuiltListeners } from './listeners.ts';
import type { Routing } from './routing.ts';
import {
  actsAtGateway,
  createMeshRules,
  meshModes,
  portsOfService,
  type Surroundings,
  sharedCertificates,
  unselectedGateways,
} from './rules/index.ts';

/** What the rules look at: one compilation before its findings. */
export interface Examination {
  readonly resources: ResourceSet;
  readonly plan: GatewayPlan;
  readonly routing: Routing;
  readonly listening: BuiltListeners;
  readonly lookups: Backends;
}

export interface Examined {
  /** Lists that are the same objects where nothing changed. */
  readonly diagnostics: readonly (readonly Diagnostic[])[];
  /** Objects that no listener takes. */
  readonly idle: ReadonlySet<Resource>;
}

/** Runs the rules; what a rule looked at before is not looked at again while it is the same object. */
export function createExaminer(options: CompileOptions): (examination: Examination) => Examined {
  const surroundingsOf = createSurroundings(options);
  const ofPolicies = createPolicyExaminer(options);
  const ofGateways = memoizeByIdentity((gateways: readonly Gateway[], plan: GatewayPlan) => [
    ...unselectedGateways(gateways, plan),
    ...sharedCertificates(plan),
    ...meshModes(plan),
  ]);
  const ofServices = memoizeByIdentity((services: readonly ResourceOf<'Service'>[], plan: GatewayPlan) =>
    portsOfService(services, plan, options),
  );
  const ofMesh = createMeshRules(options);
  const entries = new EntryExaminer(options);
  const hosts = new HostExaminer(options);
  const idle = new IdleMemory();
  return ({ resources, plan, routing, listening, lookups }) => {
    const surroundings = surroundingsOf(resources, plan);
    const idleNow = idle.of(routing, listening);
    const lists: readonly (readonly Diagnostic[])[] = [
      ofGateways(resources.ofKind('Gateway'), plan),
      ofServices(resources.ofKind('Service'), plan),
      ofMesh(resources.ofKind('VirtualService')),
      ...ofPolicies(resources, surroundings, routing.routeConfigs),
    ];
    return {
      diagnostics: [
        ...lists.filter((list) => list.length > 0),
        ...entries.examine({ routing, surroundings, lookups, idle: idleNow }),
        ...hosts.examine(routing.routeConfigs),
      ],
      idle: idleNow,
    };
  };
}

function createSurroundings(options: CompileOptions): (resources: ResourceSet, plan: GatewayPlan) => Surroundings {
  const { pathNormalization } = options.mesh;
  let known: Surroundings | undefined;
  return (resources, plan) => {
    const hasAuthentication = resources
      .ofKind('RequestAuthentication')
      .some((policy) => actsAtGateway(policy, options));
    if (known?.plan !== plan || known.hasAuthentication !== hasAuthentication)
      known = { plan, hasAuthentication, pathNormalization };
    return known;
  };
}
