import type { ObjectStatus } from '../compiler/compilation.ts';
import { type Diagnostic, formatObjectRef, type ObjectRef } from '../diagnostics/index.ts';
import type { ResourceKind } from '../resources/kinds.ts';
import { type DesiredStatus, type KnownObject, UNATTACHED, type Verdict } from '../sources/kubernetes.ts';
import { findingText } from './finding-text.ts';
import type { ControlState } from './reconciler.ts';

/** Kinds whose objects are told what became of them. */
const REPORTED: ReadonlySet<string> = new Set([
  'VirtualService',
  'Gateway',
  'RateLimit',
  'EdgePolicy',
  'PolicyExemption',
]);

/** Codes of rules that meet other owners' rules, the worst first. */
const CONFLICTS = [
  'shadowed',
  'host-already-served',
  'server-conflict',
  'delegate-conflict',
  'duplicate-object',
  'overlap',
];
/** More is in `/diagnostics`. */
const MOST_TOLD = 3;
const MOST_CHARACTERS = 1_000;

/**
 * What is to be written to the objects of a cluster. An object of which something newer is known than what this state
 * was made from is passed over: the state that knows it will come.
 */
export function objectStatuses(
  state: ControlState,
  known: (ref: ObjectRef) => KnownObject | undefined,
): readonly DesiredStatus[] {
  const { compilation, diagnostics, resources, frozen, heldBack } = state;
  const found = byObject(diagnostics);
  const frozenFiles = new Map(frozen.map((file) => [file.file, file.reason]));
  const held = new Map(heldBack.map(({ namespace, reason }) => [namespace, reason]));
  const told: DesiredStatus[] = [];
  const tell = (ref: ObjectRef, status: ObjectStatus['state'] | undefined): void => {
    const object = known(ref);
    if (object === undefined) return;
    const findings = (found.size === 0 ? undefined : found.get(formatObjectRef(ref))) ?? NO_FINDINGS;
    const heldFor = held.get(ref.namespace);
    // An object and its reference are made together: with the same one, it is the one that was compiled.
    const compiled =
      object.resource?.ref === ref ? object.resource : resources.get(ref.kind as ResourceKind, ref.namespace, ref.name);
    if (heldFor === undefined && !isUpToDate(object, compiled, findings)) return;
    const frozenFor = frozenFiles.size === 0 ? undefined : frozenFiles.get(`${ref.kind}/${ref.namespace}/${ref.name}`);
    told.push({ ref, generation: object.generation, verdicts: verdictsOf(status, findings, frozenFor ?? heldFor) });
  };
  const refused = refusedOnes(diagnostics);
  for (const { object, state: status } of compilation.statuses) {
    if (!REPORTED.has(object.kind)) continue;
    if (refused.size > 0) refused.delete(formatObjectRef(object));
    tell(object, status);
  }
  for (const ref of refused.values()) tell(ref, undefined);
  return told;
}

/** What is told to objects of namespaces that this gateway does not read any more, in place of what it told them before. */
export function dismissedStatuses(
  refs: readonly ObjectRef[],
  known: (ref: ObjectRef) => KnownObject | undefined,
): readonly DesiredStatus[] {
  return refs.flatMap((ref): readonly DesiredStatus[] => {
    const object = known(ref);
    return object === undefined || !REPORTED.has(ref.kind)
      ? []
      : [{ ref, generation: object.generation, verdicts: DISMISSED }];
  });
}

const NO_FINDINGS: readonly Diagnostic[] = [];

/** Each once. */
function refusedOnes(diagnostics: readonly Diagnostic[]): Map<string, ObjectRef> {
  const refs = new Map<string, ObjectRef>();
  for (const { object, refused } of diagnostics)
    if (refused && object !== undefined && REPORTED.has(object.kind)) refs.set(formatObjectRef(object), object);
  return refs;
}

function verdictsOf(
  state: ObjectStatus['state'] | undefined,
  findings: readonly Diagnostic[],
  keeps: string | undefined,
): DesiredStatus['verdicts'] {
  if (state === 'serving' && findings.length === 0 && keeps === undefined) return ALL_WELL;
  return {
    Accepted: accepted(findings),
    Programmed: programmed(state, findings, keeps),
    Conflicted: conflicted(findings),
    Frozen: frozenVerdict(keeps, state),
  };
}

function isUpToDate(object: KnownObject, compiled: unknown, findings: readonly Diagnostic[]): boolean {
  if (object.resource !== compiled) return false;
  const refusal = object.diagnostics.find((finding) => finding.refused);
  return refusal === undefined || findings.includes(refusal);
}

function byObject(diagnostics: readonly Diagnostic[]): ReadonlyMap<string, readonly Diagnostic[]> {
  const found = new Map<string, Diagnostic[]>();
  for (const finding of diagnostics) {
    if (finding.object === undefined || !REPORTED.has(finding.object.kind)) continue;
    const key = formatObjectRef(finding.object);
    const list = found.get(key);
    if (list === undefined) found.set(key, [finding]);
    else list.push(finding);
  }
  return found;
}

function accepted(findings: readonly Diagnostic[]): Verdict {
  const refusals = findings.filter((finding) => finding.refused);
  if (refusals.length > 0) return { status: 'False', reason: 'Invalid', message: textOf(refusals) };
  return { status: 'True', reason: 'Accepted', message: 'the object is valid' };
}

function programmed(
  state: ObjectStatus['state'] | undefined,
  findings: readonly Diagnostic[],
  keeps: string | undefined,
): Verdict {
  if (keeps !== undefined)
    return { status: 'False', reason: 'LastGood', message: 'an earlier version of the object serves instead' };
  // The compiler, which has no clock, takes it for one that serves.
  const expired = findings.find(({ code }) => code === 'exemption-expired');
  if (expired !== undefined) return { status: 'False', reason: 'Expired', message: expired.message };
  switch (state) {
    case 'serving':
      return { status: 'True', reason: 'Serving', message: 'all of it is in service' };
    case 'degraded':
      return {
        status: 'True',
        reason: 'PartlyServing',
        message: textOf(findings.filter(({ severity }) => severity !== 'hint')),
      };
    case 'unattached':
      return {
        status: 'False',
        reason: UNATTACHED,
        message: textOf(findings, 'no listener of this gateway takes it'),
      };
    case 'refused':
    case undefined:
      return { status: 'False', reason: 'Invalid', message: 'nothing of it is in service' };
  }
}

function conflicted(findings: readonly Diagnostic[]): Verdict {
  const conflicts = CONFLICTS.flatMap((code) => findings.filter((finding) => finding.code === code));
  const [worst] = conflicts;
  if (worst === undefined) return { status: 'False', reason: 'NoConflict', message: 'no other owner’s rules meet it' };
  return { status: 'True', reason: asWord(worst.code), message: textOf(conflicts) };
}

function frozenVerdict(keeps: string | undefined, state: ObjectStatus['state'] | undefined): Verdict {
  if (keeps !== undefined)
    return { status: 'True', reason: 'LastGood', message: cut(`its last good version stays in service: ${keeps}`) };
  const nothing = state === undefined || state === 'refused';
  const message = nothing ? 'no earlier version of it serves' : 'what serves is what the object says';
  return { status: 'False', reason: 'UpToDate', message };
}

/** `host-already-served` → `HostAlreadyServed`. */
const asWord = (code: string): string => code.replace(/(?:^|-)([a-z])/g, (_, letter: string) => letter.toUpperCase());

function textOf(findings: readonly Diagnostic[], otherwise = ''): string {
  if (findings.length === 0) return otherwise;
  const lines = findings.slice(0, MOST_TOLD).map((finding) => {
    const { message, witness, related } = finding;
    const other = related?.find(({ object }) => object !== undefined)?.object;
    const named =
      other !== undefined && !message.includes(formatObjectRef(other)) ? ` (${formatObjectRef(other)})` : '';
    return `${findingText(finding)}${named}${witness === undefined ? '' : `; as ${witness}`}`;
  });
  const more = findings.length > MOST_TOLD ? [`and ${findings.length - MOST_TOLD} more`] : [];
  return cut([...lines, ...more].join('; '));
}

const cut = (text: string): string =>
  text.length <= MOST_CHARACTERS ? text : `${text.slice(0, MOST_CHARACTERS - 1)}…`;

/** What is said of most objects: one for all of them. */
const ALL_WELL: DesiredStatus['verdicts'] = Object.freeze({
  Accepted: accepted(NO_FINDINGS),
  Programmed: programmed('serving', NO_FINDINGS, undefined),
  Conflicted: conflicted(NO_FINDINGS),
  Frozen: frozenVerdict(undefined, 'serving'),
});

const NOT_READ = 'this gateway does not read the namespace: it has not the labels of --namespace-selector';
const DISMISSED: DesiredStatus['verdicts'] = Object.freeze({
  Accepted: { status: 'Unknown', reason: 'NotRead', message: NOT_READ },
  Programmed: { status: 'False', reason: UNATTACHED, message: NOT_READ },
  Conflicted: { status: 'False', reason: 'NoConflict', message: 'nothing of it is in service' },
  Frozen: { status: 'False', reason: 'UpToDate', message: 'nothing of it is in service' },
});
