import { compileRule, type NamedRule, ruleName, scopeOf } from '../../src/contract/authz-predicate/index.ts';
import type { FilterContext, FilterSpec, PolicyObject } from '../../src/contract/index.ts';
import type { AuthorizationPolicyBody } from '../../src/resources/kinds.ts';
import { foreseeCheck } from './foresee.ts';
import { canBeAsked, type Provider, readProvider } from './provider.ts';

/** Requests that a rule fits are asked about, or, where nobody can be asked, refused (istio-semantics §6.2, CUSTOM). */
export interface ExternalAuthorizationSettings {
  readonly rules: readonly NamedRule[];
  readonly provider: Provider | { readonly kind: 'unusable' };
}

export const externalAuthorizationSpec: FilterSpec<ExternalAuthorizationSettings> = {
  name: 'external-authorization',
  kinds: ['AuthorizationPolicy'],
  compileWorkload(context) {
    const policies = context.policies.filter(
      (policy) => specOf(policy).action === 'CUSTOM' && scopeOf(policy, context).kind === 'gateway',
    );
    if (policies.length === 0) return undefined;
    return { rules: policies.flatMap(rulesOf), provider: providerOf(policies, context) };
  },
  foresee: foreseeCheck,
  actsOn: (policy) => (specOf(policy).action === 'CUSTOM' ? 'gateway' : undefined),
};

const specOf = (policy: Pick<PolicyObject, 'body'>): AuthorizationPolicyBody['spec'] =>
  (policy.body as AuthorizationPolicyBody).spec;

const providerNameOf = (policy: PolicyObject): string => specOf(policy).provider?.name ?? '';

/** A condition that cannot be read falls away, so that rather too much is asked than too little. */
function rulesOf(policy: PolicyObject): NamedRule[] {
  const { namespace, name } = policy.ref;
  return (specOf(policy).rules ?? []).flatMap((written, index) => {
    const rule = compileRule(written, namespace, 'wide');
    const prefix = `istio-ext-authz-${providerNameOf(policy)}-`;
    return rule === undefined ? [] : [{ name: `${prefix}${ruleName(namespace, name, index)}`, rule }];
  });
}

/** One provider for the whole gateway; several, or one that cannot be asked, refuse whatever their rules fit. */
function providerOf(
  policies: readonly PolicyObject[],
  context: FilterContext,
): ExternalAuthorizationSettings['provider'] {
  const names = [...new Set(policies.map(providerNameOf))];
  const several = `several providers (${names.map((name) => `'${name}'`).join(', ')}) are asked for by one gateway`;
  const provider = names.length > 1 ? several : readProvider(names[0] ?? '', context);
  const report = (code: string, why: string): void => {
    for (const policy of policies) {
      const message = `provider '${providerNameOf(policy)}': ${why}`;
      context.report({ object: policy.ref, code, field: ['spec', 'provider', 'name'], message });
    }
  };
  if (typeof provider === 'string') {
    report('unusable-provider', provider);
    return { kind: 'unusable' };
  }
  if (provider.cluster === '')
    report('unusable-provider', 'its service has no such port, or is not exported to the gateway');
  if (provider.kind === 'grpc' && !canBeAsked(provider, context))
    report('service-needs-http2', `${provider.authority} is asked over gRPC, and its port is spoken to in HTTP/1.1`);
  return provider;
}
