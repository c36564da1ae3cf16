import type { FilterContext, FilterSpec, PolicyObject } from '../../src/contract/index.ts';
import { parseDurationMs } from '../../src/kernel/duration.ts';
import type { RateLimitBody, RateLimitKey, RateLimitMatch, RateLimitWindow } from '../../src/resources/kinds.ts';

/** All limits of the network team, in their order: each is asked for each request, and the first that is exhausted answers 429. */
export interface RateLimitSettings {
  readonly rules: readonly RateLimitRuleSettings[];
}

export interface RateLimitRuleSettings {
  /** `namespace/object/rule`: part of the bucket's key, so that equal names of two objects do not share. */
  readonly id: string;
  /** Shown to callers. */
  readonly name: string;
  readonly match: RateLimitMatch;
  readonly per: RateLimitKey;
  readonly windows: readonly Window[];
  readonly shared: boolean;
  readonly onStoreFailure: 'allow' | 'deny';
}

export interface Window {
  readonly requests: number;
  readonly windowMs: number;
  readonly burst: number;
}

/** Limits by what any request shows: asked before authentication, so that refused requests count too (edge-security L-05). */
export const rateLimitSpec: FilterSpec<RateLimitSettings> = specFor('rate-limit', (rule) => !needsIdentity(rule));

/** Limits by a claim: asked once the token is verified. */
export const identityRateLimitSpec: FilterSpec<RateLimitSettings> = specFor('rate-limit-identity', needsIdentity);

function needsIdentity({ per }: RateLimitRuleSettings): boolean {
  return typeof per === 'object' && 'claim' in per;
}

function specFor(name: string, takes: (rule: RateLimitRuleSettings) => boolean): FilterSpec<RateLimitSettings> {
  return {
    name,
    kinds: ['RateLimit'],
    compileWorkload(context) {
      const rules = context.policies
        .flatMap((policy) => (actsHere(policy, context) ? rulesOf(policy, context) : []))
        .filter(takes);
      return rules.length === 0 ? undefined : { rules };
    },
  };
}

/** The network team's namespaces only: what is counted for everybody is no team's to decide. */
function actsHere(policy: PolicyObject, context: FilterContext): boolean {
  const { namespace } = policy.ref;
  if (namespace !== context.rootNamespace && namespace !== context.gatewayNamespace) {
    context.report({
      object: policy.ref,
      code: 'policy-without-effect',
      field: ['metadata', 'namespace'],
      message: `a RateLimit acts at the gateway only in the namespaces of the network team, '${context.rootNamespace}' and '${context.gatewayNamespace}'`,
    });
    return false;
  }
  const wanted = (policy.body as RateLimitBody).spec.selector?.matchLabels ?? {};
  return Object.entries(wanted).every(([key, value]) => context.gatewayLabels[key] === value);
}

function rulesOf(policy: PolicyObject, context: FilterContext): RateLimitRuleSettings[] {
  const { spec } = policy.body as RateLimitBody;
  return spec.rules.map((rule, i) => ({
    id: `${policy.ref.namespace}/${policy.ref.name}/${rule.name}`,
    name: rule.name,
    match: rule.match ?? {},
    per: rule.per,
    windows: rule.limits.flatMap((limit, j) => windowOf(limit, policy, context, i, j)),
    shared: spec.scope === 'shared',
    onStoreFailure: spec.onStoreFailure ?? 'allow',
  }));
}

function windowOf(
  limit: RateLimitWindow,
  policy: PolicyObject,
  context: FilterContext,
  rule: number,
  index: number,
): Window[] {
  const duration = parseDurationMs(limit.window);
  if (duration.ok && duration.value > 0)
    return [{ requests: limit.requests, windowMs: duration.value, burst: limit.burst ?? limit.requests }];
  context.report({
    object: policy.ref,
    code: 'invalid-value',
    field: ['spec', 'rules', rule, 'limits', index, 'window'],
    message: duration.ok ? 'the window must be longer than nothing' : duration.error,
  });
  return [];
}
