import { afterCatchAll } from './after-catch-all.ts';
import { claimsWithoutAuthentication } from './claims-without-authentication.ts';
import { corsOrigins } from './cors-origins.ts';
import { delegates } from './delegates.ts';
import { hostNotInGateway } from './host-not-in-gateway.ts';
import { matchPaths } from './match-paths.ts';
import type { SubjectRule } from './rule.ts';
import { unknownGateway } from './unknown-gateway.ts';

/** What is looked for in every VirtualService, one finding a file. */
export const SUBJECT_RULES: readonly SubjectRule[] = Object.freeze([
  unknownGateway,
  hostNotInGateway,
  delegates,
  afterCatchAll,
  claimsWithoutAuthentication,
  corsOrigins,
  matchPaths,
]);

export { claimLimits } from './claim-limits.ts';
export { coveredRules } from './covered-rules.ts';
export { destinations } from './destinations.ts';
export { failedRoutes } from './failed-routes.ts';
export { meshModes } from './mesh-modes.ts';
export { createMeshRules } from './mesh-rules.ts';
export { type AccessPolicy, actsAtGateway, policiesWithoutEffect } from './policies-without-effect.ts';
export { limitPaths, policyPaths } from './policy-paths.ts';
export { attachedTo, liftedBy, missingTargets, namedBy } from './policy-targets.ts';
export { portsOfService } from './ports-of-service.ts';
export type { Surroundings } from './rule.ts';
export { sharedCertificates } from './shared-certificates.ts';
export { unattachedVirtualService, unselectedGateways } from './unattached.ts';
export { unservedHosts } from './unserved-hosts.ts';
