import type { FieldPath, ObjectRef, SourceLocation } from '../diagnostics/diagnostic.ts';

/** Where an object was written, able to say where each of its fields stands. */
export interface Origin {
  readonly file: string;
  /** The nearest place that exists: of the field itself, else of its parent. `of: 'key'` asks for the name instead of the value. */
  locate(path: FieldPath, of?: 'key' | 'value'): SourceLocation;
}

export interface ObjectMeta {
  readonly namespace: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  /** Milliseconds since 1970; where none is given the beginning of 2026, so that objects without an age are ordered by name alone. */
  readonly creationTimestampMs: number;
}

/**
 * A team's object, decoded: `body` has passed its schema and every validation rule of its kind, so whoever reads it
 * need not ask again. Immutable; the same text gives the same identity until it is edited.
 */
export interface Sourced<K extends string, B> {
  readonly kind: K;
  readonly apiVersion: string;
  readonly meta: ObjectMeta;
  readonly ref: ObjectRef;
  readonly body: B;
  readonly origin: Origin;
}
