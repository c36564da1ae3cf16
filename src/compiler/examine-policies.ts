import type { Diagnostic } from '../diagnostics/index.ts';
import { memoizeByIdentity } from '../kernel/memo.ts';
import type { ResourceOf, ResourceSet } from '../resources/index.ts';
import type { CompileOptions } from './compilation.ts';
import {
  type AccessPolicy,
  attachedTo,
  claimLimits,
  limitPaths,
  missingTargets,
  namedBy,
  policiesWithoutEffect,
  policyPaths,
  type Surroundings,
} from './rules/index.ts';

/** What policies say that cannot come to anything, whatever requests come. */
export function createPolicyExaminer(
  options: CompileOptions,
): (resources: ResourceSet, surroundings: Surroundings) => readonly (readonly Diagnostic[])[] {
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
  return (resources, surroundings) => {
    const authorizations = resources.ofKind('AuthorizationPolicy');
    const limits = resources.ofKind('RateLimit');
    const targets = [
      attached(authorizations),
      attached(resources.ofKind('EdgePolicy')),
      named(limits),
      named(resources.ofKind('PolicyExemption')),
    ];
    return [
      effects(resources.ofKind('RequestAuthentication')),
      effects(authorizations),
      paths(authorizations),
      limited(limits),
      claims(limits, surroundings),
      ...targets.map((list) => missingTargets(list, resources)),
    ];
  };
}
