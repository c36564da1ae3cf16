import type { FilterContext, FilterSpec, PolicyObject } from '../../src/contract/index.ts';
import { parseDurationMs } from '../../src/kernel/duration.ts';
import type { RateLimitBody, RateLimitKey, RateLimitMatch, RateLimitWindow } from '../../src/resources/kinds.ts';
import { foreseeLimits } from './foresee.ts';
import { isByClaim, needsClaim, type RateLimitServiceSettings, serviceOf } from './service-config.ts';

/** All limits of the network team, in their order: each is asked for each request, and the first that is exhausted answers 429. */
export interface RateLimitSettings {
  readonly rules: readonly RateLimitRuleSettings[];
  /** Limits that services keep, asked after all of these; absent: none. */
  readonly services?: readonly RateLimitServiceSettings[];
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
export const rateLimitSpec: FilterSpec<RateLimitSettings> = specFor('rate-limit', false);

/** Limits by a claim: asked once the token is verified. */
export const identityRateLimitSpec: FilterSpec<RateLimitSettings> = specFor('rate-limit-identity', true);

/** `identity`: of the rules those that count by a claim, or else the others. */
function specFor(name: string, identity: boolean): FilterSpec<RateLimitSettings> {
  return {
    name,
    kinds: ['RateLimit'],
    compileWorkload(context) {
      const policies = context.policies.filter((policy) => actsHere(policy, context));
      const rules = policies
        .filter((policy) => !asksService(policy))
        .flatMap((policy) => rulesOf(policy, context))
        .filter(({ per }) => needsClaim(per) === identity);
      const services = policies.filter(asksService).flatMap((policy) => serviceOf(policy, context, identity) ?? []);
      if (services.length > 0) return { rules, services };
      return rules.length === 0 ? undefined : { rules };
    },
    foresee: foreseeLimits,
    actsOn: (policy) => (hasRules(policy, identity) ? 'gateway' : undefined),
  };
}

const hasRules = ({ body }: Pick<PolicyObject, 'body'>, identity: boolean): boolean =>
  (body as RateLimitBody).spec.rules.some((rule) => (needsClaim(rule.per) || isByClaim(rule)) === identity);

const asksService = ({ body }: PolicyObject): boolean => (body as RateLimitBody).spec.scope === 'service';

/** The network team's namespaces only: what is counted for everybody is no team's to decide. */
function actsHere(policy: PolicyObject, context: FilterContext): boolean {
  const { namespace } = policy.ref;
  const networks = [...new Set([context.rootNamespace, context.gatewayNamespace])];
  if (!networks.includes(namespace)) {
    context.report({
      object: policy.ref,
      code: 'policy-without-effect',
      field: ['metadata', 'namespace'],
      message: `a RateLimit acts at the gateway only in the namespaces of the network team: ${networks.join(', ')}`,
    });
    return false;
  }
  const wanted = (policy.body as RateLimitBody).spec.selector?.matchLabels ?? {};
  if (Object.entries(wanted).every(([key, value]) => context.gatewayLabels[key] === value)) return true;
  context.report({
    object: policy.ref,
    code: 'policy-without-effect',
    field: ['spec', 'selector'],
    message: 'its selector does not fit the labels of this gateway',
  });
  return false;
}

function rulesOf(policy: PolicyObject, context: FilterContext): RateLimitRuleSettings[] {
  const { spec } = policy.body as RateLimitBody;
  return spec.rules.map((rule, i) => ({
    id: `${policy.ref.namespace}/${policy.ref.name}/${rule.name}`,
    name: rule.name,
    match: rule.match ?? {},
    // Validation has seen to it that both are there.
    per: rule.per ?? 'gateway',
    windows: (rule.limits ?? []).flatMap((limit, j) => windowOf(limit, policy, context, i, j)),
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
