import { type Diagnostic, type FieldPath, type ObjectRef, report } from '../diagnostics/index.ts';
import { findKind, type KnownKind } from './find-kind.ts';
import { Findings } from './findings.ts';
import type { Resource } from './kinds.ts';
import type { ObjectMeta, Origin } from './object.ts';
import { type FieldFinding, readBySchema } from './schema-decode.ts';

/** More than a person reads at once; the rest is counted by a last finding (`too-many-findings`). */
export const MAX_FINDINGS = 100;

export interface DecodedObject {
  /** undefined: refused, or none of our concern. */
  readonly resource: Resource | undefined;
  /** Which object it claims to be, as far as it can be told. */
  readonly ref: ObjectRef | undefined;
  readonly diagnostics: readonly Diagnostic[];
}

/**
 * What one document means. It passes when its kind's schema and every rule of Istio's admission let it (istio-semantics
 * §10); what is wrong is said all at once, each at its place. Never throws, whatever the value.
 *
 * `namespace` is the object's where it names none itself.
 */
export function decodeObject(value: unknown, origin: Origin, namespace = 'default'): DecodedObject {
  if (!isObject(value))
    return refused(undefined, [
      report('not-an-object', { message: 'The document is no mapping.', location: origin.locate([]), refused: true }),
    ]);
  const found = findKind(value, origin);
  return found.kind === 'known'
    ? decodeKnown(value, found, origin, namespace)
    : { resource: undefined, ref: undefined, diagnostics: found.diagnostics };
}

function decodeKnown(value: Json, { name, definition }: KnownKind, origin: Origin, namespace: string): DecodedObject {
  const reading = readBySchema(definition.schema, withSpec(value, definition.schema.required), MAX_FINDINGS + 1);
  const metadata = isObject(value['metadata']) ? value['metadata'] : {};
  const ref: ObjectRef = {
    kind: name,
    namespace: definition.scope === 'cluster' ? '' : textOr(metadata['namespace'], namespace),
    name: textOr(metadata['name'], ''),
  };
  const causes = reading.findings.filter(({ severity }) => severity === 'error');
  const rules = new Findings(MAX_FINDINGS + 1);
  if (reading.complete) definition.validate?.(reading.value as never, rules, ref.namespace);
  const found = [...reading.findings, ...rules.list.filter((finding) => !isConsequence(finding, causes))];
  const diagnostics = diagnosticsOf(found, ref, origin);
  if (!reading.complete || found.some(({ severity }) => severity === 'error')) return refused(ref, diagnostics);
  const body = reading.value as Resource['body'];
  const resource = { kind: name, apiVersion: body.apiVersion, meta: metaOf(body, ref), ref, body, origin } as Resource;
  return { resource, ref, diagnostics };
}

type Json = Readonly<Record<string, unknown>>;
const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const textOr = (value: unknown, otherwise: string): string =>
  typeof value === 'string' && value !== '' ? value : otherwise;
const refused = (ref: ObjectRef | undefined, diagnostics: readonly Diagnostic[]): DecodedObject => ({
  resource: undefined,
  ref,
  diagnostics,
});

/** An Istio object without spec has an empty one. */
const withSpec = (value: Json, required: readonly string[] = []): Json =>
  required.includes('spec') && value['spec'] == null ? { ...value, spec: {} } : value;

/** A field that could not be read is left out; that it, or what it is in, then lacks something is no second mistake. */
const isConsequence = ({ path, code }: FieldFinding, causes: readonly FieldFinding[]): boolean =>
  causes.some(
    (cause) =>
      isAtOrAbove(path, cause.path) ||
      (code === 'missing-field' && cause.code === 'unknown-field' && isAtOrAbove(path.slice(0, -1), cause.path)),
  );

const isAtOrAbove = (path: FieldPath, other: FieldPath): boolean =>
  path.length <= other.length && path.every((part, index) => part === other[index]);

/** Files say no age as a rule, and must not be older than everything that does: all of them began with 2026. */
const AGE_UNKNOWN_MS = Date.UTC(2026, 0, 1);

function metaOf({ metadata }: Resource['body'], ref: ObjectRef): ObjectMeta {
  return {
    namespace: ref.namespace,
    name: metadata.name,
    labels: metadata.labels ?? {},
    annotations: metadata.annotations ?? {},
    creationTimestampMs:
      metadata.creationTimestamp === undefined ? AGE_UNKNOWN_MS : Date.parse(metadata.creationTimestamp),
  };
}

function diagnosticsOf(found: readonly FieldFinding[], object: ObjectRef, origin: Origin): readonly Diagnostic[] {
  const located = found.map(({ path, of, severity, code, message, remedy }) =>
    report(code, {
      object,
      field: path,
      location: origin.locate(path, of),
      severity,
      message,
      refused: severity === 'error',
      ...(remedy !== undefined && { remedy }),
    }),
  );
  const sorted = located.toSorted((a, b) => placeOf(a) - placeOf(b));
  if (sorted.length <= MAX_FINDINGS) return sorted;
  const message = `There are more than ${MAX_FINDINGS} findings; the first ${MAX_FINDINGS} are shown.`;
  return [
    ...sorted.slice(0, MAX_FINDINGS),
    report('too-many-findings', { object, message, location: origin.locate([]), refused: true }),
  ];
}

const placeOf = ({ location }: Diagnostic): number =>
  location === undefined ? 0 : location.line * 100_000 + location.column;
