import {
  compileRule,
  type Leaning,
  type NamedRule,
  ruleName,
  scopeOf,
} from '../../src/contract/authz-predicate/index.ts';
import type { FilterContext, FilterSpec, PolicyObject } from '../../src/contract/index.ts';
import type { AuthorizationPolicyBody } from '../../src/resources/kinds.ts';

/** What may pass: nothing that a `deny` rule fits, and, where there is a list of them, only what an `allow` rule fits. */
export interface PolicyLayer {
  readonly deny: readonly NamedRule[];
  /** undefined: no policy allows, so that everything else passes (istio-semantics §6.2). Empty: nothing passes. */
  readonly allow: readonly NamedRule[] | undefined;
}

export interface AuthorizationSettings {
  /** Of the network team, for every request. */
  readonly gateway: PolicyLayer;
  /** Of teams, by `namespace/name` of the VirtualService whose routes they guard: on top of the gateway's, never instead. */
  readonly virtualServices: Readonly<Record<string, PolicyLayer>>;
}

/** ALLOW and DENY. CUSTOM is external-authorization's; AUDIT and dry runs change no answer. */
export const authorizationSpec: FilterSpec<AuthorizationSettings> = {
  name: 'authorization',
  kinds: ['AuthorizationPolicy'],
  compileWorkload(context) {
    const gateway: PolicyObject[] = [];
    const guarded = new Map<string, PolicyObject[]>();
    for (const policy of context.policies.filter(isOurs)) {
      const scope = scopeOf(policy, context);
      if (scope.kind === 'gateway') gateway.push(policy);
      if (scope.kind !== 'virtual-services') continue;
      for (const name of scope.names) {
        const key = `${policy.ref.namespace}/${name}`;
        guarded.set(key, [...(guarded.get(key) ?? []), policy]);
      }
    }
    const layer = layerOf(gateway, context);
    if (layer.allow === undefined && layer.deny.length === 0 && guarded.size === 0) return undefined;
    const teams = [...guarded].map(([key, policies]) => [key, layerOf(policies, context)] as const);
    return { gateway: layer, virtualServices: Object.fromEntries(teams) };
  },
};

const bodyOf = (policy: PolicyObject): AuthorizationPolicyBody['spec'] => (policy.body as AuthorizationPolicyBody).spec;

const isOurs = (policy: PolicyObject): boolean => {
  const { action = 'ALLOW' } = bodyOf(policy);
  return action !== 'CUSTOM' && action !== 'AUDIT' && !isDryRun(policy);
};

/** What Go's strconv.ParseBool takes for true; anything but a boolean is refused long before. */
const TRUE: readonly string[] = ['1', 't', 'T', 'TRUE', 'true', 'True'];
const isDryRun = ({ annotations }: PolicyObject): boolean => TRUE.includes(annotations['istio.io/dry-run'] ?? '');

function layerOf(policies: readonly PolicyObject[], context: FilterContext): PolicyLayer {
  const denying = policies.filter((policy) => bodyOf(policy).action === 'DENY');
  const allowing = policies.filter((policy) => bodyOf(policy).action !== 'DENY');
  return {
    // The rule that is named in the details is the first by name, as Envoy keeps them sorted.
    deny: denying.flatMap((policy) => rulesOf(policy, 'wide', context)).sort((a, b) => (a.name < b.name ? -1 : 1)),
    allow: allowing.length === 0 ? undefined : allowing.flatMap((policy) => rulesOf(policy, 'narrow', context)),
  };
}

function rulesOf(policy: PolicyObject, leaning: Leaning, context: FilterContext): NamedRule[] {
  const { namespace, name } = policy.ref;
  return (bodyOf(policy).rules ?? []).flatMap((written, index) => {
    const rule = compileRule(written, namespace, leaning);
    if (rule !== undefined) return [{ name: ruleName(namespace, name, index), rule }];
    context.report({
      object: policy.ref,
      code: 'ineffective-rule',
      field: ['spec', 'rules', index],
      message: `rule ${index} of '${name}' has a condition that no request can meet`,
    });
    return [];
  });
}
