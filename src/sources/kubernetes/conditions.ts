import { hash } from 'node:crypto';
import type { ObjectRef } from '../../diagnostics/diagnostic.ts';
import { isObject } from './raw.ts';

/** Ours; whatever other conditions an object has are other people's, and stay. */
export const CONDITION_TYPES = ['Accepted', 'Programmed', 'Conflicted', 'Frozen'] as const;
export type ConditionType = (typeof CONDITION_TYPES)[number];

export interface Verdict {
  readonly status: 'True' | 'False' | 'Unknown';
  /** One word for programs, `Shadowed`. */
  readonly reason: string;
  /** For people. */
  readonly message: string;
}

/** What became of an object, as it was when it had this generation. */
export interface DesiredStatus {
  readonly ref: ObjectRef;
  readonly generation: number;
  readonly verdicts: Readonly<Record<ConditionType, Verdict>>;
}

export interface Condition extends Verdict {
  readonly type: string;
  readonly observedGeneration?: number;
  readonly lastTransitionTime?: string;
  readonly [field: string]: unknown;
}

/** Which revision of the table serves the object, and on how many replicas, when its conditions were written. */
export interface Receipt {
  /** Whose conditions they are: a cluster may have several gateways. */
  readonly gateway: string;
  readonly revision: string;
  /** `2/3`. */
  readonly replicas: string;
}

/** What of a status is ours, in a few bytes. Times and the receipt are none of it: they alone are no reason to write. */
export function digestOfStatus(status: unknown): string | undefined {
  const conditions = isObject(status) && Array.isArray(status['conditions']) ? status['conditions'] : [];
  const ours = CONDITION_TYPES.map((type) => conditions.find((one: unknown) => isObject(one) && one['type'] === type));
  if (!ours.every(isObject)) return undefined;
  return digest(
    ours.map(({ status: value, reason, message, observedGeneration }) => [value, reason, message, observedGeneration]),
  );
}

/** Of thousands of objects, most are told the very same verdicts: what is asked about one of them is known for all. */
const digests = new WeakMap<DesiredStatus['verdicts'], Map<number, string>>();

export function digestOfDesired({ verdicts, generation }: DesiredStatus): string {
  let known = digests.get(verdicts);
  if (known === undefined) {
    known = new Map();
    digests.set(verdicts, known);
  }
  let found = known.get(generation);
  if (found === undefined) {
    found = digest(
      CONDITION_TYPES.map((type) => {
        const { status, reason, message } = verdicts[type];
        return [status, reason, message, generation];
      }),
    );
    // Generations are as many as an object had edits: few, and of one that has thousands only some are remembered.
    if (known.size < MOST_GENERATIONS) known.set(generation, found);
  }
  return found;
}

const MOST_GENERATIONS = 1_000;

const digest = (parts: readonly unknown[]): string => hash('sha1', JSON.stringify(parts), 'base64');

/**
 * Whether another gateway serves the object while this one has nothing to do with it: then the other's word is the one
 * of interest.
 */
export function isOthers(current: unknown, { verdicts, generation }: DesiredStatus, gateway: string): boolean {
  if (verdicts.Programmed.reason !== UNATTACHED || !isObject(current) || gatewayOf(current) === undefined) return false;
  const conditions = Array.isArray(current['conditions']) ? current['conditions'].filter(isObject) : [];
  const programmed = conditions.find(({ type }) => type === 'Programmed');
  return (
    gatewayOf(current) !== gateway &&
    programmed?.['reason'] !== UNATTACHED &&
    programmed?.['observedGeneration'] === generation
  );
}

/** Who wrote it. */
export function gatewayOf(status: unknown): string | undefined {
  const receipt = isObject(status) ? status['banyan'] : undefined;
  return isObject(receipt) && typeof receipt['gateway'] === 'string' ? receipt['gateway'] : undefined;
}

/** The reason of Programmed for an object that no listener of the gateway takes. */
export const UNATTACHED = 'Unattached';

/** The status to be written over the one there is. A condition keeps its time for as long as it keeps its status. */
export function statusWith(
  current: unknown,
  { verdicts, generation }: DesiredStatus,
  receipt: Receipt,
  now: string,
): Readonly<Record<string, unknown>> {
  const before =
    isObject(current) && Array.isArray(current['conditions']) ? current['conditions'].filter(isObject) : [];
  const others = before.filter(({ type }) => !CONDITION_TYPES.includes(type as ConditionType));
  const ours = CONDITION_TYPES.map((type): Condition => {
    const last = before.find((condition) => condition['type'] === type);
    const since = last?.['status'] === verdicts[type].status ? last['lastTransitionTime'] : undefined;
    const lastTransitionTime = typeof since === 'string' ? since : now;
    return { type, ...verdicts[type], observedGeneration: generation, lastTransitionTime };
  });
  return { conditions: [...others, ...ours], observedGeneration: generation, banyan: receipt };
}
