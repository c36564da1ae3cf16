import type { Diagnostic } from '../diagnostics/index.ts';
import { memoizeByIdentity } from '../kernel/memo.ts';
import type { ResourceOf, ResourceSet } from '../resources/index.ts';
import type { CompileOptions } from './compilation.ts';
import {
  type AccessPolicy,
  attachedTo,
  claimLimits,
  liftedBy,
  limitPaths,
  missingTargets,
  namedBy,
  policiesWithoutEffect,
  policyPaths,
  type Surroundings,
  unservedHosts,
} from './rules/index.ts';
import type { BuiltRouteConfig } from './virtual-hosts.ts';

/** What policies say that cannot come to anything, whatever requests come. */
export function createPolicyExaminer(
  options: CompileOptions,
): (
  resources: ResourceSet,
  surroundings: Surroundings,
  routeConfigs: readonly BuiltRouteConfig[],
) => readonly (readonly Diagnostic[])[] {
  const effects = memoizeByIdentity((policies: readonly AccessPolicy[]) => policiesWithoutEffect(policies, options));
  const paths = memoizeByIdentity((policies: readonly ResourceOf<'AuthorizationPolicy'>[]) =>
    policyPaths(policies, options),
  );
  const limited = memoizeByIdentity((limits: readonly ResourceOf<'RateLimit'>[]) => limitPaths(limits, options));
  const claims = memoizeByIdentity((limits: readonly ResourceOf<'RateLimit'>[], { hasAuthentication }: Surroundings) =>
    claimLimits(limits, hasAuthentication),
  );
  const attached = memoizeByIdentity(attachedTo);
  const named = memoizeByIdentity(namedBy);
  const lifted = memoizeByIdentity(liftedBy);
  const unserved = memoizeByIdentity(
    (limits: readonly ResourceOf<'RateLimit'>[], routeConfigs: readonly BuiltRouteConfig[]) =>
      unservedHosts(limits, routeConfigs, options),
  );
  return (resources, surroundings, routeConfigs) => {
    const authorizations = resources.ofKind('AuthorizationPolicy');
    const limits = resources.ofKind('RateLimit');
    const exemptions = resources.ofKind('PolicyExemption');
    const targets = [
      attached(authorizations),
      attached(resources.ofKind('EdgePolicy')),
      named(limits),
      named(exemptions),
      lifted(exemptions),
    ];
    return [
      effects(resources.ofKind('RequestAuthentication')),
      effects(authorizations),
      paths(authorizations),
      limited(limits),
      claims(limits, surroundings),
      unserved(limits, routeConfigs),
      ...targets.map((list) => missingTargets(list, resources)),
    ];
  };
}
