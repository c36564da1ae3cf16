import type { Window } from './config.ts';
import type { Verdict } from './gcra.ts';

/** One bucket that a request would be taken from. */
export interface Charge {
  readonly key: string;
  readonly window: Window;
}

/**
 * Buckets that all replicas share. All charges of a request are made together or not at all. `failed`: nobody knows;
 * the answer comes within the deadline whatever becomes of the store.
 */
export interface SharedStore {
  charge(charges: readonly Charge[]): Promise<readonly Verdict[] | 'failed'>;
  readonly up: boolean;
  readonly failures: number;
  close(): Promise<void>;
}
