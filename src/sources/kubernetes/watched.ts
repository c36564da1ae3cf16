import type { KindHealth, KindState } from './health.ts';
import type { KindStore } from './kind-store.ts';
import type { WatchedKind } from './kinds.ts';
import type { Reflector } from './reflector.ts';
import type { Troubles } from './troubles.ts';

/** One kind on its way: what is known of it, and how well it is followed. */
export interface Watched {
  readonly definition: WatchedKind;
  readonly store: KindStore;
  /** undefined: the server does not know the kind, as far as we know. */
  reflector: Reflector | undefined;
  state: KindState;
  /** Listed at least once, or known to be not there. */
  settled: boolean;
  contactMs: number | undefined;
}

export function healthOf({ definition, state, store, contactMs }: Watched, troubles: Troubles): KindHealth {
  const { kind } = definition;
  const trouble = troubles.of(kind);
  return { kind, state, objects: store.size, contactMs, trouble, heldSinceMs: store.departures.heldSinceMs };
}
