import type { Clock } from '../../../kernel/clock.ts';
import type { Hash64 } from './xxhash64.ts';

/** What balancing needs to know of a host. */
export interface BalancedHost {
  /** `address:port`: what consistent hashing is done on, as in Envoy. */
  readonly key: string;
  readonly weight: number;
  readonly priority: number;
  readonly locality: string;
  /** Ready and not ejected. */
  readonly usable: boolean;
  readonly activeRequests: number;
  /** When it became usable; warm-up starts there. */
  readonly usableSinceMs: number;
}

/** Chooses among the hosts it was made for, which are at least one. */
export interface Picker<H> {
  /** `attempt`: how many times the caller has refused what it was offered for this request. */
  pick(hash: Hash64, attempt: number): H;
}

export interface PickerEnvironment {
  readonly clock: Clock;
  /** 0 ≤ n < 1. */
  readonly random: () => number;
}

export const randomIndex = (random: () => number, length: number): number => Math.floor(random() * length);
