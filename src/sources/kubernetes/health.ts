import type { ResourceKind } from '../../resources/kinds.ts';

/**
 * waiting: not listed yet. live: listed, and watched. failing: tried again and again; what was known stays. denied: we
 * have no right to it. missing: the server does not know the kind.
 */
export type KindState = 'waiting' | 'live' | 'failing' | 'denied' | 'missing';

export interface KindHealth {
  readonly kind: ResourceKind;
  readonly state: KindState;
  readonly objects: number;
  /** When the server was last heard about it, by the monotonic clock. */
  readonly contactMs: number | undefined;
  readonly trouble: string | undefined;
  /** Since when a loss of most objects waits for confirmation, by the same clock. */
  readonly heldSinceMs: number | undefined;
}

export interface KubernetesHealth {
  readonly server: string;
  /** false: what is served comes from disk. */
  readonly synced: boolean;
  readonly kinds: readonly KindHealth[];
}
