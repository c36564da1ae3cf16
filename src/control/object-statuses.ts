import type { ObjectStatus } from '../compiler/compilation.ts';
import { type Diagnostic, formatFieldPath, formatObjectRef, type ObjectRef } from '../diagnostics/index.ts';
import type { ResourceKind } from '../resources/kinds.ts';
import { type DesiredStatus, type KnownObject, UNATTACHED, type Verdict } from '../sources/kubernetes.ts';
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
  const states = new Map(compilation.statuses.map((status) => [formatObjectRef(status.object), status]));
  const frozenFiles = new Map(frozen.map((file) => [file.file, file.reason]));
  const held = new Map(heldBack.map(({ namespace, reason }) => [namespace, reason]));
  const told: DesiredStatus[] = [];
  for (const ref of refsOf(compilation.statuses, diagnostics)) {
    const object = known(ref);
    const key = formatObjectRef(ref);
    const findings = found.get(key) ?? [];
    if (object === undefined) continue;
    const heldFor = held.get(ref.namespace);
    if (
      heldFor === undefined &&
      !isUpToDate(object, resources.get(ref.kind as ResourceKind, ref.namespace, ref.name), findings)
    )
      continue;
    const keeps = frozenFiles.get(`${ref.kind}/${ref.namespace}/${ref.name}`) ?? heldFor;
    told.push({
      ref,
      generation: object.generation,
      verdicts: {
        Accepted: accepted(findings),
        Programmed: programmed(states.get(key)?.state, findings, keeps),
        Conflicted: conflicted(findings),
        Frozen: frozenVerdict(keeps),
      },
    });
  }
  return told;
}

/** Each once: those in service, and those that are refused. */
function refsOf(statuses: readonly ObjectStatus[], diagnostics: readonly Diagnostic[]): Iterable<ObjectRef> {
  const refs = new Map<string, ObjectRef>();
  const add = (ref: ObjectRef | undefined): void => {
    if (ref !== undefined && REPORTED.has(ref.kind)) refs.set(formatObjectRef(ref), ref);
  };
  for (const { object } of statuses) add(object);
  for (const { object, refused } of diagnostics) if (refused) add(object);
  return refs.values();
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

const frozenVerdict = (keeps: string | undefined): Verdict =>
  keeps === undefined
    ? { status: 'False', reason: 'UpToDate', message: 'what serves is what the object says' }
    : { status: 'True', reason: 'LastGood', message: cut(`its last good version stays in service: ${keeps}`) };

/** `host-already-served` → `HostAlreadyServed`. */
const asWord = (code: string): string => code.replace(/(?:^|-)([a-z])/g, (_, letter: string) => letter.toUpperCase());

function textOf(findings: readonly Diagnostic[], otherwise = ''): string {
  if (findings.length === 0) return otherwise;
  const lines = findings.slice(0, MOST_TOLD).map(({ message, field, witness, related }) => {
    const place = field === undefined || field.length === 0 ? '' : `${formatFieldPath(field)}: `;
    const other = related?.find(({ object }) => object !== undefined)?.object;
    const named =
      other !== undefined && !message.includes(formatObjectRef(other)) ? ` (${formatObjectRef(other)})` : '';
    return `${place}${message}${named}${witness === undefined ? '' : `; as ${witness}`}`;
  });
  const more = findings.length > MOST_TOLD ? [`and ${findings.length - MOST_TOLD} more`] : [];
  return cut([...lines, ...more].join('; '));
}

const cut = (text: string): string =>
  text.length <= MOST_CHARACTERS ? text : `${text.slice(0, MOST_CHARACTERS - 1)}…`;
