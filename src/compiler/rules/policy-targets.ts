import type { Diagnostic, FieldPath } from '../../diagnostics/index.ts';
import { memoizeByIdentity } from '../../kernel/memo.ts';
import { nearest } from '../../kernel/nearest.ts';
import type { Resource, ResourceOf, ResourceSet } from '../../resources/index.ts';
import { reportAt } from './rule.ts';

type AttachedPolicy = ResourceOf<'AuthorizationPolicy'> | ResourceOf<'EdgePolicy'>;
type NamingPolicy = ResourceOf<'RateLimit'> | ResourceOf<'PolicyExemption'>;

/** Whose routes a policy is for, or which policy an exemption lifts. */
interface PolicyTarget {
  readonly kind: 'VirtualService' | 'EdgePolicy';
  readonly object: Resource;
  readonly field: FieldPath;
  readonly namespace: string;
  /** undefined: all of the namespace. */
  readonly name: string | undefined;
}

/** Which VirtualServices of their own namespace policies are attached to. */
export const attachedTo = (policies: readonly AttachedPolicy[]): readonly PolicyTarget[] =>
  policies.flatMap((object) => {
    const { spec } = object.body;
    const { namespace } = object.meta;
    const one = 'targetRef' in spec && spec.targetRef !== undefined ? [{ ...spec.targetRef, at: ['targetRef'] }] : [];
    const many = (spec.targetRefs ?? []).map((target, i) => ({ ...target, at: ['targetRefs', i] }));
    return [...one, ...many].flatMap(({ kind, name = '', at }) =>
      kind === 'VirtualService' ? [{ kind, object, field: ['spec', ...at, 'name'], namespace, name }] : [],
    );
  });

/** Whose routes limits and exemptions speak of, by namespace or by id. */
export const namedBy = (policies: readonly NamingPolicy[]): readonly PolicyTarget[] =>
  policies.flatMap((object) => {
    const named = object.kind === 'RateLimit' ? namesOfLimit(object) : namesOfExemption(object);
    return named.map(({ field, id }) => {
      const [namespace = '', name] = id.split('/');
      return { kind: 'VirtualService', object, field, namespace, name };
    });
  });

/** Which EdgePolicies exemptions lift: of their own namespace, as the filters look for them. */
export const liftedBy = (exemptions: readonly ResourceOf<'PolicyExemption'>[]): readonly PolicyTarget[] =>
  exemptions.flatMap((object) => {
    const { policy } = object.body.spec;
    if (policy === undefined) return [];
    const { namespace } = object.meta;
    return [{ kind: 'EdgePolicy', object, field: ['spec', 'policy'], namespace, name: policy }];
  });

interface NamedRoutes {
  readonly field: FieldPath;
  /** `namespace`, `namespace/virtualService` or longer. */
  readonly id: string;
}

const namesOfLimit = ({ body }: ResourceOf<'RateLimit'>): readonly NamedRoutes[] =>
  body.spec.rules.flatMap(({ match }, rule) =>
    (['namespaces', 'routes'] as const).flatMap((field) =>
      (match?.[field] ?? []).map((id, i) => ({ field: ['spec', 'rules', rule, 'match', field, i], id })),
    ),
  );

const namesOfExemption = ({ body: { spec } }: ResourceOf<'PolicyExemption'>): readonly NamedRoutes[] => [
  { field: ['spec', 'namespace'], id: spec.namespace },
  ...(spec.routes ?? []).map((id, i) => ({ field: ['spec', 'routes', i], id })),
];

/** For routes that are not there a policy does nothing, and a policy that is not there no exemption lifts, whatever their owners believe. */
export const missingTargets = (targets: readonly PolicyTarget[], resources: ResourceSet): readonly Diagnostic[] =>
  targets.flatMap(({ kind, object, field, namespace, name }) => {
    const known = byNamespace(resources.ofKind(kind));
    if (name === undefined ? known.has(namespace) : resources.get(kind, namespace, name) !== undefined) return [];
    const others = name === undefined ? known.keys() : (known.get(namespace) ?? []).map(({ meta }) => meta.name);
    const close = nearest(name ?? namespace, others);
    const what = name === undefined ? kind : `${kind} '${name}'`;
    const hint = close === undefined ? '' : `; is '${close}' meant?`;
    return [
      reportAt('unknown-target', object, field, { message: `there is no ${what} in namespace ${namespace}${hint}` }),
    ];
  });

const byNamespace = memoizeByIdentity((list: readonly Resource[]) => Map.groupBy(list, ({ meta }) => meta.namespace));
