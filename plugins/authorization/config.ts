import {
  compileRule,
  type Leaning,
  type NamedRule,
  ruleName,
  scopeOf,
} from '../../src/contract/authz-predicate/index.ts';
import type { FilterContext, FilterSpec, PolicyObject } from '../../src/contract/index.ts';
import type { AuthorizationPolicyBody } from '../../src/resources/kinds.ts';
import { actsInAuthorization, foreseeAuthorization } from './foresee.ts';

/** What may pass: nothing that a `deny` rule fits, and, where there is a list of them, only what an `allow` rule fits. */
export interface PolicyLayer {
  readonly deny: readonly NamedRule[];
  /** undefined: no policy allows, so that everything else passes (istio-semantics §6.2). Empty: nothing passes. */
  readonly allow: readonly NamedRule[] | undefined;
  /** What marks requests and changes no answer; undefined: nothing does. */
  readonly watch?: WatchLayer;
}

/** Of policies with the action AUDIT, and of those whose effect is only tried (`istio.io/dry-run`). */
export interface WatchLayer {
  readonly audit: readonly WatchedRule[];
  readonly deny: readonly WatchedRule[];
  /** undefined: none that allows is tried. */
  readonly allow: readonly WatchedRule[] | undefined;
}

export interface WatchedRule extends NamedRule {
  /** `namespace/name`. */
  readonly policy: string;
}

export interface AuthorizationSettings {
  /** Of the network team, for every request. */
  readonly gateway: PolicyLayer;
  /** Of teams, by `namespace/name` of the VirtualService whose routes they guard: on top of the gateway's, never instead. */
  readonly virtualServices: Readonly<Record<string, PolicyLayer>>;
}

/** ALLOW and DENY; AUDIT and dry runs, which leave a mark and change no answer. CUSTOM is external-authorization's. */
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
    const isEmpty = layer.allow === undefined && layer.deny.length === 0 && layer.watch === undefined;
    if (isEmpty && guarded.size === 0) return undefined;
    const teams = [...guarded].map(([key, policies]) => [key, layerOf(policies, context)] as const);
    return { gateway: layer, virtualServices: Object.fromEntries(teams) };
  },
  foresee: foreseeAuthorization,
  actsOn: actsInAuthorization,
};

const bodyOf = (policy: PolicyObject): AuthorizationPolicyBody['spec'] => (policy.body as AuthorizationPolicyBody).spec;

const isOurs = (policy: PolicyObject): boolean => bodyOf(policy).action !== 'CUSTOM';

/** What Go's strconv.ParseBool takes for true; anything but a boolean is refused long before. */
const TRUE: readonly string[] = ['1', 't', 'T', 'TRUE', 'true', 'True'];
const isDryRun = ({ annotations }: PolicyObject): boolean => TRUE.includes(annotations['istio.io/dry-run'] ?? '');

function layerOf(policies: readonly PolicyObject[], context: FilterContext): PolicyLayer {
  const acting = (action: 'ALLOW' | 'DENY' | 'AUDIT', dryRun: boolean): readonly PolicyObject[] =>
    policies.filter((policy) => (bodyOf(policy).action ?? 'ALLOW') === action && isDryRun(policy) === dryRun);
  const rules = (of: readonly PolicyObject[], leaning: Leaning): WatchedRule[] =>
    of.flatMap((policy) => rulesOf(policy, leaning, context));
  const allowing = acting('ALLOW', false);
  const [tried, audited] = [acting('ALLOW', true), acting('AUDIT', false)];
  const watch: WatchLayer = {
    audit: rules(audited, 'wide'),
    deny: rules(acting('DENY', true), 'wide').sort(byName),
    allow: tried.length === 0 ? undefined : rules(tried, 'narrow'),
  };
  const watches = watch.allow !== undefined || watch.audit.length + watch.deny.length > 0;
  return {
    // The rule that is named in the details is the first by name, as Envoy keeps them sorted.
    deny: rules(acting('DENY', false), 'wide').sort(byName).map(named),
    allow: allowing.length === 0 ? undefined : rules(allowing, 'narrow').map(named),
    ...(watches && { watch }),
  };
}

const byName = (a: NamedRule, b: NamedRule): number => (a.name < b.name ? -1 : 1);
const named = ({ name, rule }: WatchedRule): NamedRule => ({ name, rule });

function rulesOf(policy: PolicyObject, leaning: Leaning, context: FilterContext): WatchedRule[] {
  const { namespace, name } = policy.ref;
  const trustDomains = context.mesh['trustDomains'] as readonly string[] | undefined;
  return (bodyOf(policy).rules ?? []).flatMap((written, index) => {
    const rule = compileRule(written, namespace, leaning, trustDomains);
    if (rule !== undefined) return [{ name: ruleName(namespace, name, index), rule, policy: `${namespace}/${name}` }];
    context.report({
      object: policy.ref,
      code: 'ineffective-rule',
      field: ['spec', 'rules', index],
      message: `rule ${index} of '${name}' has a condition that no request can meet`,
    });
    return [];
  });
}
