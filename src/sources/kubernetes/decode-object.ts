import { hash } from 'node:crypto';
import type { Diagnostic } from '../../diagnostics/diagnostic.ts';
import { decodeObject } from '../../resources/decode.ts';
import type { Resource, ResourceKind } from '../../resources/kinds.ts';
import type { Origin } from '../../resources/object.ts';
import { isObject, type RawMetadata, type RawObject } from './raw.ts';

/** What of an object is kept: what decides how requests are answered, and no more. */
export interface PrunedObject {
  readonly value: Readonly<Record<string, unknown>>;
  /** Equal for equal values: whatever else changed about the object is no news. */
  readonly digest: string;
}

/** `managedFields` alone is often larger than the object; what kubectl applied last stands in it a second time. */
const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration';

export function prune(raw: RawObject, kind: ResourceKind, apiVersion: string): PrunedObject {
  const { metadata = {}, status, apiVersion: _version, kind: _kind, ...rest } = raw;
  const value = { apiVersion, kind, metadata: metadataOf(metadata), ...(kind === 'Pod' ? podFields(raw) : rest) };
  return { value, digest: hash('sha1', JSON.stringify(value), 'base64') };
}

function metadataOf({ name, namespace, labels, annotations, creationTimestamp }: RawMetadata) {
  const kept =
    isObject(annotations) && LAST_APPLIED in annotations
      ? Object.fromEntries(Object.entries(annotations).filter(([key]) => key !== LAST_APPLIED))
      : annotations;
  return {
    name,
    ...(namespace !== undefined && { namespace }),
    ...(labels !== undefined && { labels }),
    ...(kept !== undefined && { annotations: kept }),
    ...(creationTimestamp != null && { creationTimestamp }),
  };
}

/** A Pod is its labels and its address. */
function podFields({ spec, status }: RawObject) {
  const pick = (from: unknown, names: readonly string[]): Readonly<Record<string, unknown>> =>
    isObject(from) ? Object.fromEntries(names.flatMap((name) => (name in from ? [[name, from[name]]] : []))) : {};
  const conditions = isObject(status) && Array.isArray(status['conditions']) ? status['conditions'] : [];
  return {
    spec: pick(spec, ['nodeName', 'hostname', 'serviceAccountName']),
    status: {
      ...pick(status, ['phase', 'podIP', 'podIPs']),
      conditions: conditions
        .filter((condition) => isObject(condition) && condition['type'] === 'Ready')
        .map((condition) => pick(condition, ['type', 'status'])),
    },
  };
}

export interface DecodedObject {
  readonly resource: Resource | undefined;
  readonly diagnostics: readonly Diagnostic[];
}

/** An object has no lines; where it stands is said by its name, and the field by its path. */
export function decodePruned({ value }: PrunedObject, file: string): DecodedObject {
  const place = Object.freeze({ file, line: 0, column: 0 });
  const origin: Origin = { file, locate: () => place };
  return decodeObject(value, origin);
}
