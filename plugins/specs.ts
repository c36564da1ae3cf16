import type { FilterSpec } from '../src/contract/index.ts';
import { accessLogSpec } from './access-log/config.ts';
import { authJwtSpec } from './auth-jwt/config.ts';
import { authorizationSpec } from './authorization/config.ts';
import { corsSpec } from './cors/config.ts';
import { clientAddressesSpec, compressionSpec, requestLimitsSpec, securityHeadersSpec } from './edge-policy/config.ts';
import { externalAuthorizationSpec } from './external-authorization/config.ts';
import { faultInjectionSpec } from './fault-injection/config.ts';
import { metricsSpec } from './metrics/config.ts';
import { identityRateLimitSpec, rateLimitSpec } from './rate-limit/config.ts';
import { requestIdSpec } from './request-id/config.ts';
import { tracingSpec } from './tracing/config.ts';

/** Where the network team's own plugins run: callers are known, and what a service would get is settled. */
const OWN_BEFORE = faultInjectionSpec.name;

/** The chain with own ones in their place. */
export function withOwn<T>(chain: readonly T[], own: readonly T[], nameOf: (one: T) => string): readonly T[] {
  const at = chain.findIndex((one) => nameOf(one) === OWN_BEFORE);
  return own.length === 0 ? chain : [...chain.slice(0, at), ...own, ...chain.slice(at)];
}

/**
 * The pure halves, in the order in which the filters see a request (istio-semantics §0.1 step 5): what the compiler
 * needs, on a laptop as in the gateway, without loading what only the gateway needs.
 */
export const filterSpecs: readonly FilterSpec[] = Object.freeze([
  requestIdSpec,
  tracingSpec,
  accessLogSpec,
  metricsSpec,
  securityHeadersSpec,
  compressionSpec,
  clientAddressesSpec,
  requestLimitsSpec,
  rateLimitSpec,
  externalAuthorizationSpec,
  authJwtSpec,
  authorizationSpec,
  identityRateLimitSpec,
  faultInjectionSpec,
  corsSpec,
] as readonly FilterSpec[]);

/** With those of the network team's own plugins. */
export const filterSpecsWith = (own: readonly FilterSpec[]): readonly FilterSpec[] =>
  withOwn(filterSpecs, own, ({ name }) => name);
