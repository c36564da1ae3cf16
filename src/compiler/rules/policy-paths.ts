import type { Diagnostic, FieldPath } from '../../diagnostics/index.ts';
import type { Resource, ResourceOf } from '../../resources/index.ts';
import type { CompileOptions } from '../compilation.ts';
import { whyNeverMet } from './never-met.ts';
import { reportAt } from './rule.ts';

type Matching = 'exact' | 'prefix' | 'suffix';

/**
 * Paths in policies that no request has: rules are asked about the normalised path, without query, so that a DENY for
 * `/a//b` or `/a?b` denies nothing (istio-semantics §7.1).
 */
export const policyPaths = (
  policies: readonly ResourceOf<'AuthorizationPolicy'>[],
  options: CompileOptions,
): readonly Diagnostic[] =>
  policies.flatMap((policy) =>
    (policy.body.spec.rules ?? []).flatMap(({ to = [] }, rule) =>
      to.flatMap(({ operation = {} }, place) =>
        (['paths', 'notPaths'] as const).flatMap((field) =>
          (operation[field] ?? []).flatMap((value, i) => {
            const path = ['spec', 'rules', rule, 'to', place, 'operation', field, i];
            return isTemplate(value) ? [] : findingAt(policy, path, ...matchingOf(value), options);
          }),
        ),
      ),
    ),
  );

/** The same of the paths that a RateLimit counts. */
export const limitPaths = (
  limits: readonly ResourceOf<'RateLimit'>[],
  options: CompileOptions,
): readonly Diagnostic[] =>
  limits.flatMap((limit) =>
    limit.body.spec.rules.flatMap(({ match }, rule) =>
      (match?.paths ?? []).flatMap((path, i) =>
        (['exact', 'prefix'] as const).flatMap((field) => {
          const value = path[field];
          const at = ['spec', 'rules', rule, 'match', 'paths', i, field];
          return value === undefined ? [] : findingAt(limit, at, field, value, options);
        }),
      ),
    ),
  );

/** Templates have segments of their own, which validation has looked at. */
const isTemplate = (value: string): boolean => /[{}]/.test(value);

/** `abc*` and `*abc`, as in AuthorizationPolicies. A lone `*` is a prefix of nothing, and fits. */
function matchingOf(value: string): readonly [Matching, string] {
  if (value.endsWith('*')) return ['prefix', value.slice(0, -1)];
  return value.startsWith('*') ? ['suffix', value.slice(1)] : ['exact', value];
}

function findingAt(
  object: Resource,
  field: FieldPath,
  matching: Matching,
  value: string,
  { mesh }: CompileOptions,
): readonly Diagnostic[] {
  const why = whyNeverMet(matching, value, mesh.pathNormalization);
  return why === undefined
    ? []
    : [reportAt('path-never-met', object, field, { message: `${JSON.stringify(value)} ${why}` })];
}
