import type { Diagnostic } from '../diagnostics/index.ts';
import type { Resource, ResourceKind, ResourceSet } from '../resources/index.ts';
import type { ObjectStatus } from './compilation.ts';
import { objectKey } from './findings.ts';

/** Kinds whose owners are told what became of their objects. */
const REPORTED: readonly ResourceKind[] = [
  'Gateway',
  'VirtualService',
  'DestinationRule',
  'ServiceEntry',
  'RequestAuthentication',
  'AuthorizationPolicy',
  'RateLimit',
  'EdgePolicy',
  'PolicyExemption',
];

/** Codes that say an object does nothing here at all. */
const WITHOUT_EFFECT = new Set(['policy-without-effect', 'unattached']);

/** `idle`: objects that no listener takes, and about which there is nothing to find. Equal statuses stay the same objects. */
export function statusesOf(
  resources: ResourceSet,
  findings: readonly Diagnostic[],
  idle: ReadonlySet<Resource>,
  known: WeakMap<Resource, ObjectStatus>,
): readonly ObjectStatus[] {
  const degraded = new Set<string>();
  const without = new Set<string>();
  for (const finding of findings) {
    if (WITHOUT_EFFECT.has(finding.code)) without.add(objectKey(finding));
    else if (finding.severity !== 'hint') degraded.add(objectKey(finding));
  }
  const stateOf = (resource: Resource): ObjectStatus['state'] => {
    const key = objectKey({ object: resource.ref });
    if (idle.has(resource) || without.has(key)) return 'unattached';
    return degraded.has(key) ? 'degraded' : 'serving';
  };
  return REPORTED.flatMap((kind) =>
    resources.ofKind(kind).map((resource) => {
      const before = known.get(resource);
      const state = stateOf(resource);
      if (before?.state === state) return before;
      const status: ObjectStatus = { object: resource.ref, state };
      known.set(resource, status);
      return status;
    }),
  );
}
