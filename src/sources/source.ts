import type { Diagnostic, ObjectRef } from '../diagnostics/diagnostic.ts';
import type { ResourceSet } from '../resources/set.ts';

/** What a source knows at one moment: always whole, never a delta, so that nobody has to be told in the right order. */
export interface SourceSnapshot {
  readonly resources: ResourceSet;
  /** Findings of reading and decoding. */
  readonly diagnostics: readonly Diagnostic[];
  /** Files whose new text cannot be read: their last good objects stay in service. */
  readonly frozen: readonly FrozenFile[];
}

export interface FrozenFile {
  readonly file: string;
  /** Of a cluster: it is an object, and no file. */
  readonly object?: ObjectRef;
  readonly namespace: string;
  /** Milliseconds since 1970. */
  readonly sinceMs: number;
  readonly reason: string;
}

/** `seenAtMs`: when the first sign of the change was seen, by the monotonic clock; undefined: just now. */
export type OnChange = (snapshot: SourceSnapshot, seenAtMs?: number) => void;

/** Somewhere that resources come from. */
export interface ResourceSource {
  /** Resolves with the first whole snapshot; later ones go to `onChange`, never two at once. Rejects when there is nothing to read at all, with a message that says what to do. */
  start(onChange: OnChange): Promise<SourceSnapshot>;
  close(): Promise<void>;
}
