import type { Diagnostic } from '../diagnostics/index.ts';
import { memoizeByIdentity } from '../kernel/memo.ts';
import type { Resource, ResourceSet } from '../resources/index.ts';
import { nameSubsetOf, type RouteConfig, type VirtualHost } from '../table/index.ts';
import type { Attachable } from './attach.ts';
import type { Backends } from './backends/index.ts';
import type { CompileOptions } from './compilation.ts';
import type { Gateway, GatewayPlan } from './from-gateway.ts';
import type { BuiltListeners } from './listeners.ts';
import { rememberLast } from './remember-last.ts';
import type { Routing } from './routing.ts';
import {
  type AccessPolicy,
  actsAtGateway,
  coveredRules,
  destinations,
  failedRoutes,
  findCovered,
  overlaps,
  policiesWithoutEffect,
  SUBJECT_RULES,
  type Subject,
  type Surroundings,
  unattachedVirtualService,
  unselectedGateways,
} from './rules/index.ts';
import type { RouteDrafts } from './translations.ts';
import type { BuiltHost } from './virtual-hosts.ts';

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
  const ofVirtualService = createSubjectExaminer(options);
  const ofHost = createHostExaminer(options);
  const ofPolicies = memoizeByIdentity((policies: readonly AccessPolicy[]) => policiesWithoutEffect(policies, options));
  const ofGateways = memoizeByIdentity((gateways: readonly Gateway[], plan: GatewayPlan) =>
    unselectedGateways(gateways, plan),
  );
  return ({ resources, plan, routing, listening, lookups }) => {
    const surroundings = surroundingsOf(resources, plan);
    const idle = idleObjects(routing, listening);
    const lists: (readonly Diagnostic[])[] = [
      ofGateways(resources.ofKind('Gateway'), plan),
      ofPolicies(resources.ofKind('RequestAuthentication')),
      ofPolicies(resources.ofKind('AuthorizationPolicy')),
    ];
    for (const [attachable, ruleSet] of routing.ruleSets) {
      const drafts = routing.served.get(attachable) ?? [];
      const subject = { attachable, ruleSet, surroundings };
      lists.push(...ofVirtualService(subject, drafts, idle.has(attachable.object), lookups));
    }
    for (const { config, hosts } of routing.routeConfigs) lists.push(...ofHost(config, hosts));
    return { diagnostics: lists.filter((list) => list.length > 0), idle };
  };
}

/** VirtualServices that neither a virtual host nor a connection route comes from, nor a root that is served delegates to. */
function idleObjects({ attachables, ruleSets, served }: Routing, { attached }: BuiltListeners): ReadonlySet<Resource> {
  const busy = new Set<Resource>(attached);
  for (const attachable of served.keys()) {
    busy.add(attachable.object);
    for (const delegate of ruleSets.get(attachable)?.delegates ?? []) busy.add(delegate);
  }
  return new Set(attachables.map(({ object }) => object).filter((object) => !busy.has(object)));
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

type SubjectExaminer = (
  subject: Subject,
  drafts: readonly RouteDrafts[],
  isIdle: boolean,
  backends: Backends,
) => readonly (readonly Diagnostic[])[];

function createSubjectExaminer(options: CompileOptions): SubjectExaminer {
  const rememberRules = rememberLast<Attachable, readonly Diagnostic[]>();
  const rememberIdle = rememberLast<Attachable, readonly Diagnostic[]>();
  const rememberDestinations = rememberLast<Attachable, readonly Diagnostic[]>();
  const rememberDrafts = rememberLast<Attachable, readonly Diagnostic[]>();
  return (subject, drafts, isIdle, backends) => {
    const { attachable, ruleSet, surroundings } = subject;
    const found = [
      rememberRules(attachable, [ruleSet, surroundings], () => SUBJECT_RULES.flatMap((rule) => rule(subject))),
      rememberDrafts(attachable, drafts, () => ofDrafts(drafts, options)),
    ];
    // What a delegate leads to is told with its roots, whose view of the services counts.
    if (attachable.hosts.length > 0) {
      found.push(
        rememberDestinations(attachable, [ruleSet, backends], () =>
          destinations(attachable, ruleSet, backends, options),
        ),
      );
    }
    if (isIdle) {
      found.push(rememberIdle(attachable, [ruleSet, surroundings], () => unattachedVirtualService(subject, options)));
    }
    return found;
  };
}

const ofDrafts = (all: readonly RouteDrafts[], options: CompileOptions): readonly Diagnostic[] => [
  ...coveredRules(all.map((drafts) => ({ drafts, covered: findCovered(drafts, options.mesh.pathNormalization) }))),
  ...all.flatMap((drafts) => failedRoutes(drafts)),
];

type HostExaminer = (config: RouteConfig, hosts: ReadonlyMap<string, BuiltHost>) => readonly (readonly Diagnostic[])[];

function createHostExaminer(options: CompileOptions): HostExaminer {
  const remember = rememberLast<VirtualHost, readonly Diagnostic[]>();
  return (config, hosts) => {
    const scheme = config.name.startsWith('https.') ? 'https' : 'http';
    return [...hosts.values()].flatMap((built) => {
      const { host } = built;
      // A witness for a wildcard must not be a request that a narrower host takes.
      const narrower = host.domain.startsWith('*')
        ? [...hosts.keys()].filter((domain) => domain !== host.domain && nameSubsetOf(domain, host.domain))
        : [];
      const found = remember(host, [scheme, narrower.join()], () => overlaps(built, { narrower, scheme, options }));
      return [built.diagnostics, found];
    });
  };
}
