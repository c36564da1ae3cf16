import type { Diagnostic } from '../diagnostics/index.ts';
import { changedStretch, replaceStretch } from '../kernel/stretch.ts';
import type { Resource, ResourceKind, ResourceSet } from '../resources/index.ts';
import type { ObjectStatus } from './compilation.ts';
import { objectKey } from './findings.ts';
import { keepSame } from './slot.ts';

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

/** What findings say about objects, by their keys. */
interface Marks {
  readonly degraded: ReadonlySet<string>;
  readonly without: ReadonlySet<string>;
}

interface Known {
  readonly resources: readonly Resource[];
  /** One for each of them. */
  readonly statuses: readonly ObjectStatus[];
}

/** Beyond so many objects of which findings come or go, all are looked at in one go. */
const FEW = 100;

/** Equal statuses stay the same objects; those alone are looked at of which something may have changed. */
export class StatusMemory {
  #findings: readonly Diagnostic[] = [];
  #marks: Marks = { degraded: new Set(), without: new Set() };
  #idle: ReadonlySet<Resource> = new Set();
  #known: ReadonlyMap<ResourceKind, Known> = new Map();
  #all: readonly ObjectStatus[] = [];

  /** `idle`: objects that no listener takes, and about which there is nothing to find. */
  of(resources: ResourceSet, findings: readonly Diagnostic[], idle: ReadonlySet<Resource>): readonly ObjectStatus[] {
    const marks = findings === this.#findings ? this.#marks : marksOf(findings);
    const moved = this.#moved(marks, idle);
    const stateOf = (resource: Resource): ObjectStatus['state'] => {
      const key = objectKey({ object: resource.ref });
      if (idle.has(resource) || marks.without.has(key)) return 'unattached';
      return marks.degraded.has(key) ? 'degraded' : 'serving';
    };
    const known = new Map<ResourceKind, Known>();
    for (const kind of REPORTED) {
      const list: readonly Resource[] = resources.ofKind(kind);
      known.set(kind, knownNow(list, this.#known.get(kind), moved, stateOf));
    }
    const same = REPORTED.every((kind) => known.get(kind)?.statuses === this.#known.get(kind)?.statuses);
    if (!same) this.#all = REPORTED.flatMap((kind) => known.get(kind)?.statuses ?? []);
    this.#findings = findings;
    this.#marks = marks;
    this.#idle = idle;
    this.#known = known;
    return this.#all;
  }

  /** Keys of the objects that may have another state although they are the same; undefined: look at all. */
  #moved(marks: Marks, idle: ReadonlySet<Resource>): ReadonlySet<string> | undefined {
    const keys = new Set<string>();
    for (const [now, before] of [
      [marks.degraded, this.#marks.degraded],
      [marks.without, this.#marks.without],
    ] as const) {
      if (now !== before) for (const key of now.symmetricDifference(before)) keys.add(key);
    }
    if (idle !== this.#idle)
      for (const { ref } of idle.symmetricDifference(this.#idle)) keys.add(objectKey({ object: ref }));
    return keys.size > FEW ? undefined : keys;
  }
}

function marksOf(findings: readonly Diagnostic[]): Marks {
  const degraded = new Set<string>();
  const without = new Set<string>();
  for (const finding of findings) {
    if (WITHOUT_EFFECT.has(finding.code)) without.add(objectKey(finding));
    else if (finding.severity !== 'hint') degraded.add(objectKey(finding));
  }
  return { degraded, without };
}

function knownNow(
  resources: readonly Resource[],
  before: Known = { resources: [], statuses: [] },
  moved: ReadonlySet<string> | undefined,
  stateOf: (resource: Resource) => ObjectStatus['state'],
): Known {
  const stretch = changedStretch(before.resources, resources);
  if (stretch === undefined && moved?.size === 0) return before;
  const { from, toNow } = stretch ?? { from: 0, toNow: 0 };
  const fresh = resources.slice(from, toNow).map((resource) => ({ object: resource.ref, state: stateOf(resource) }));
  const statuses: ObjectStatus[] =
    stretch === undefined ? [...before.statuses] : replaceStretch(before.statuses, stretch, fresh);
  if (moved?.size !== 0)
    for (const [i, resource] of resources.entries()) {
      const old = statuses[i];
      if (old === undefined || moved?.has(objectKey(old)) === false) continue;
      const state = stateOf(resource);
      if (old.state !== state) statuses[i] = { object: resource.ref, state };
    }
  return { resources, statuses: keepSame(statuses, before.statuses) };
}
