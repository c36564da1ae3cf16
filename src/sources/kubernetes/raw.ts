/** An object as the API server gives it; nothing of it is believed but what is looked at. */
export interface RawObject {
  readonly apiVersion?: unknown;
  readonly kind?: unknown;
  readonly metadata?: RawMetadata;
  readonly status?: unknown;
  readonly [field: string]: unknown;
}

export interface RawMetadata {
  readonly name?: unknown;
  readonly namespace?: unknown;
  readonly uid?: unknown;
  readonly resourceVersion?: unknown;
  readonly generation?: unknown;
  readonly labels?: unknown;
  readonly annotations?: unknown;
  readonly creationTimestamp?: unknown;
}

export const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

export const versionOf = (object: RawObject): string => {
  const version = object.metadata?.resourceVersion;
  return typeof version === 'string' ? version : '';
};

/** Kubernetes has made versions comparable as numbers (KEP-5504); others, of which nothing is known, are never older. */
export function isOlder(a: string, b: string): boolean {
  if (!NUMERIC.test(a) || !NUMERIC.test(b)) return false;
  return a.length === b.length ? a < b : a.length < b.length;
}

const NUMERIC = /^[1-9]\d*$/;
