import type { Diagnostic, FieldPath } from '../../diagnostics/index.ts';
import { nearest } from '../../kernel/nearest.ts';
import type { ResourceOf, ResourceSet } from '../../resources/index.ts';
import { reportAt } from './rule.ts';

type TargetingPolicy = ResourceOf<'AuthorizationPolicy'> | ResourceOf<'EdgePolicy'>;

/** A VirtualService of its own namespace that a policy is attached to. */
interface PolicyTarget {
  readonly policy: TargetingPolicy;
  readonly field: FieldPath;
  readonly name: string;
}

/** Which VirtualServices policies of that kind are attached to: as long as the list is the same, so is the answer. */
export const policyTargets = (policies: readonly TargetingPolicy[]): readonly PolicyTarget[] =>
  policies.flatMap((policy) =>
    writtenTargets(policy).flatMap(({ field, kind, name }) =>
      kind === 'VirtualService' ? [{ policy, field, name }] : [],
    ),
  );

interface WrittenTarget {
  readonly field: FieldPath;
  readonly kind: string | undefined;
  readonly name: string;
}

function writtenTargets({ body }: TargetingPolicy): readonly WrittenTarget[] {
  const { spec } = body;
  const many = (spec.targetRefs ?? []).map(({ kind, name = '' }, i) => ({
    field: ['spec', 'targetRefs', i, 'name'],
    kind,
    name,
  }));
  const one = 'targetRef' in spec ? spec.targetRef : undefined;
  return one === undefined
    ? many
    : [{ field: ['spec', 'targetRef', 'name'], kind: one.kind, name: one.name ?? '' }, ...many];
}

/** Attached to nothing, a policy guards nothing, whatever its owners believe. */
export const missingTargets = (targets: readonly PolicyTarget[], resources: ResourceSet): readonly Diagnostic[] =>
  targets.flatMap(({ policy, field, name }) => {
    const { namespace } = policy.meta;
    if (resources.get('VirtualService', namespace, name) !== undefined) return [];
    const names = resources
      .ofKind('VirtualService')
      .flatMap(({ meta }) => (meta.namespace === namespace ? [meta.name] : []));
    const close = nearest(name, names);
    const hint = close === undefined ? '' : `; is '${close}' meant?`;
    return [
      reportAt('unknown-target', policy, field, {
        message: `there is no VirtualService '${name}' in namespace ${namespace}${hint}`,
      }),
    ];
  });
