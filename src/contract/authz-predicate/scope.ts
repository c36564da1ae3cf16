import type { FilterContext, PolicyObject } from '../plugin.ts';

interface Attachment {
  readonly selector?: { readonly matchLabels?: Readonly<Record<string, string>> };
  readonly targetRef?: TargetRef;
  readonly targetRefs?: readonly TargetRef[];
}

interface TargetRef {
  readonly group?: string;
  readonly kind?: string;
  readonly name?: string;
}

/** gateway: every request. virtual-services: requests to their routes alone. elsewhere: not here. */
export type PolicyScope =
  | { readonly kind: 'gateway' }
  /** Names, in the policy's own namespace. */
  | { readonly kind: 'virtual-services'; readonly names: readonly string[] }
  | { readonly kind: 'elsewhere' };

/**
 * On whom a RequestAuthentication or AuthorizationPolicy acts (istio-semantics §6.0): on the gateway from the root
 * namespace or the gateway's own, with a selector that fits its labels. Only `targetRefs` to VirtualServices, which
 * Istio does not know, bring a team's policy here. What is of no effect is reported by the compiler, for all plugins.
 */
export function scopeOf(policy: PolicyObject, context: FilterContext): PolicyScope {
  const { spec } = policy.body as { readonly spec?: Attachment };
  const { namespace } = policy.ref;
  const targets = [...(spec?.targetRefs ?? []), ...(spec?.targetRef === undefined ? [] : [spec.targetRef])];
  if (targets.length > 0) {
    const names = targets.filter(isVirtualService).flatMap(({ name }) => name ?? []);
    return names.length > 0 ? { kind: 'virtual-services', names } : ELSEWHERE;
  }
  if (namespace !== context.rootNamespace && namespace !== context.gatewayNamespace) return ELSEWHERE;
  const wanted = Object.entries(spec?.selector?.matchLabels ?? {});
  return wanted.every(([key, value]) => context.gatewayLabels[key] === value) ? { kind: 'gateway' } : ELSEWHERE;
}

const ELSEWHERE: PolicyScope = { kind: 'elsewhere' };

const isVirtualService = ({ group, kind }: TargetRef): boolean =>
  group === 'networking.istio.io' && kind === 'VirtualService';
