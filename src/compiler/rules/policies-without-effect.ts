import type { Diagnostic } from '../../diagnostics/index.ts';
import type { ResourceOf } from '../../resources/index.ts';
import type { CompileOptions } from '../compilation.ts';
import { reportAt } from './rule.ts';

export type AccessPolicy = ResourceOf<'RequestAuthentication'> | ResourceOf<'AuthorizationPolicy'>;

/** Policies that do nothing at this gateway, whatever their owners believe (istio-semantics §6.0). */
export const policiesWithoutEffect = (
  policies: readonly AccessPolicy[],
  options: CompileOptions,
): readonly Diagnostic[] =>
  policies.flatMap((policy) => {
    const reason = whyNoEffect(policy, options);
    return reason === undefined ? [] : [reportAt('policy-without-effect', policy, reason.field, reason)];
  });

export const actsAtGateway = (policy: AccessPolicy, options: CompileOptions): boolean =>
  whyNoEffect(policy, options) === undefined;

function whyNoEffect(
  policy: AccessPolicy,
  options: CompileOptions,
): { readonly message: string; readonly field: readonly string[] } | undefined {
  const { meta, body } = policy;
  const { rootNamespace } = options.mesh;
  if (addsToOwnRoutes(policy)) return undefined;
  const { selector, targetRef, targetRefs = [] } = body.spec;
  if (targetRef !== undefined || targetRefs.length > 0) {
    const field = ['spec', targetRef === undefined ? 'targetRefs' : 'targetRef'];
    return { message: 'target references bind only to Gateways of the Gateway API', field };
  }
  if (meta.namespace !== rootNamespace && meta.namespace !== options.gatewayNamespace) {
    const message = `policies of namespace ${meta.namespace} do not act at the gateway, which runs in ${options.gatewayNamespace}`;
    return { message, field: ['metadata', 'namespace'] };
  }
  const labels = Object.entries(selector?.matchLabels ?? {});
  if (labels.every(([key, value]) => options.gatewayLabels[key] === value)) return undefined;
  return { message: 'its selector does not fit the labels of this gateway', field: ['spec', 'selector'] };
}

/** A team's own layer: it may only add, and only for the routes of a VirtualService of its own namespace. */
function addsToOwnRoutes({ kind, body }: AccessPolicy): boolean {
  if (kind !== 'AuthorizationPolicy') return false;
  const {
    targetRef,
    targetRefs = [],
    action = 'ALLOW',
  } = body.spec as ResourceOf<'AuthorizationPolicy'>['body']['spec'];
  const targets = targetRef === undefined ? targetRefs : [targetRef];
  return (
    targets.length > 0 &&
    targets.every(({ group, kind }) => group === 'networking.istio.io' && kind === 'VirtualService') &&
    action !== 'CUSTOM'
  );
}
