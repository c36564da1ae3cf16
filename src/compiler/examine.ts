import type { Diagnostic } from '../diagnostics/index.ts';
import { memoizeByIdentity } from '../kernel/memo.ts';
import type { Resource, ResourceOf, ResourceSet } from '../resources/index.ts';
import { nameSubsetOf } from '../table/index.ts';
import type { Backends } from './backends/index.ts';
import type { CompileOptions } from './compilation.ts';
import type { RuleSet } from './delegation.ts';
import type { Entry } from './entry.ts';
import type { Gateway, GatewayPlan } from './from-gateway.ts';
import type { VirtualService } from './http-rule.ts';
import type { BuiltListeners } from './listeners.ts';
import type { Routing } from './routing.ts';
import {
  type AccessPolicy,
  actsAtGateway,
  coveredRules,
  destinations,
  failedRoutes,
  meshModes,
  meshRules,
  policiesWithoutEffect,
  portsOfService,
  SUBJECT_RULES,
  type Surroundings,
  sharedCertificates,
  unattachedVirtualService,
  unselectedGateways,
} from './rules/index.ts';
import type { Translation } from './translation.ts';
import type { BuiltRouteConfig } from './virtual-hosts.ts';

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
  const ofPolicies = memoizeByIdentity((policies: readonly AccessPolicy[]) => policiesWithoutEffect(policies, options));
  const ofGateways = memoizeByIdentity((gateways: readonly Gateway[], plan: GatewayPlan) => [
    ...unselectedGateways(gateways, plan),
    ...sharedCertificates(plan),
    ...meshModes(plan),
  ]);
  const ofServices = memoizeByIdentity((services: readonly ResourceOf<'Service'>[], plan: GatewayPlan) =>
    portsOfService(services, plan, options),
  );
  const ofMesh = memoizeByIdentity((all: readonly VirtualService[]) => meshRules(all, options));
  return ({ resources, plan, routing, listening, lookups }) => {
    const surroundings = surroundingsOf(resources, plan);
    const idle = idleObjects(routing, listening);
    const lists: (readonly Diagnostic[])[] = [
      ofGateways(resources.ofKind('Gateway'), plan),
      ofServices(resources.ofKind('Service'), plan),
      ofMesh(resources.ofKind('VirtualService')),
      ofPolicies(resources.ofKind('RequestAuthentication')),
      ofPolicies(resources.ofKind('AuthorizationPolicy')),
    ];
    for (const [entry, ruleSet] of routing.ruleSets) {
      const translations = routing.served.get(entry) ?? NO_TRANSLATIONS;
      const about: About = {
        entry,
        ruleSet,
        translations,
        surroundings,
        backends: lookups,
        isIdle: idle.has(entry.object),
      };
      lists.push(examineEntry(about, options));
    }
    for (const built of routing.routeConfigs) lists.push(...examineHosts(built, options));
    return { diagnostics: lists.filter((list) => list.length > 0), idle };
  };
}

const NO_TRANSLATIONS: readonly Translation[] = [];

/** VirtualServices that neither a virtual host nor a connection route comes from, nor a root that is served delegates to. */
function idleObjects({ entries, ruleSets, served }: Routing, { attached }: BuiltListeners): ReadonlySet<Resource> {
  const delegates = new Set<Resource>();
  for (const entry of served.keys()) {
    for (const delegate of ruleSets.get(entry)?.delegates ?? []) delegates.add(delegate);
  }
  const idle = entries.filter(
    (entry) => !served.has(entry) && !attached.has(entry.object) && !delegates.has(entry.object),
  );
  return new Set(idle.map(({ object }) => object));
}

function createSurroundings(options: CompileOptions): (resources: ResourceSet, plan: GatewayPlan) => Surroundings {
  let known: Surroundings | undefined;
  return (resources, plan) => {
    const hasAuthentication = resources
      .ofKind('RequestAuthentication')
      .some((policy) => actsAtGateway(policy, options));
    if (known?.plan !== plan || known.hasAuthentication !== hasAuthentication) known = { plan, hasAuthentication };
    return known;
  };
}

interface About {
  readonly entry: Entry;
  readonly ruleSet: RuleSet;
  readonly translations: readonly Translation[];
  readonly surroundings: Surroundings;
  readonly backends: Backends;
  readonly isIdle: boolean;
}

function examineEntry(about: About, options: CompileOptions): readonly Diagnostic[] {
  const { entry, ruleSet, translations, surroundings, backends, isIdle } = about;
  const { attachable, findings } = entry;
  return findings.all.get([ruleSet, surroundings, backends, isIdle, ...translations], () => {
    const subject = { attachable, ruleSet, surroundings };
    const found = [
      findings.rules.get([ruleSet, surroundings], () => SUBJECT_RULES.flatMap((rule) => rule(subject))),
      findings.routes.get(translations, () => ofRoutes(translations, options)),
    ];
    // What a delegate leads to is told with its roots, whose view of the services counts.
    if (attachable.hosts.length > 0) {
      const look = () => destinations(attachable, ruleSet, backends, options);
      found.push(findings.destinations.get([ruleSet, backends], look));
    }
    if (isIdle) {
      const look = () => unattachedVirtualService(subject, options);
      found.push(findings.idle.get([ruleSet, surroundings], look));
    }
    return found.every((list) => list.length === 0) ? NOTHING : found.flat();
  });
}

const NOTHING: readonly Diagnostic[] = [];

const ofRoutes = (translations: readonly Translation[], options: CompileOptions): readonly Diagnostic[] => [
  ...coveredRules(translations, options.mesh.pathNormalization),
  ...translations.flatMap((translation) => failedRoutes(translation)),
];

function examineHosts(
  { config, hosts }: BuiltRouteConfig,
  options: CompileOptions,
): readonly (readonly Diagnostic[])[] {
  const scheme = config.name.startsWith('https.') ? 'https' : 'http';
  return [...hosts.values()].flatMap((built) => {
    const { domain } = built.host;
    const narrower = domain.startsWith('*')
      ? [...hosts.keys()].filter((other) => other !== domain && nameSubsetOf(other, domain))
      : [];
    return [built.diagnostics, built.overlaps.find(built, { narrower, scheme, options })];
  });
}
