import type { Window } from './config.ts';

/** What one worker let through for one caller. */
export interface PeerCharge {
  readonly key: string;
  readonly window: Window;
  readonly count: number;
}

/** The other workers of the same gateway, each with connections and buckets of its own. */
export interface Peers {
  /** How many there are, this one included. */
  readonly processes: number;
  tell(charges: readonly PeerCharge[]): void;
  /** Called once. */
  listen(listener: (charges: readonly PeerCharge[]) => void): void;
}

/** How long others may not know; a limit can be exceeded by what they let through meanwhile, and owes it back. */
const TELL_EVERY_MS = 50;
/** A flood of distinct callers is no reason to speak of all of them: each is far from its limit. */
const MOST_AT_ONCE = 2_000;

/** Gathers what is let through, and tells the others every now and then. */
export class ChargesToTell {
  readonly #peers: Peers;
  #gathered = new Map<string, { readonly window: Window; count: number }>();
  #timer: NodeJS.Timeout | undefined;

  constructor(peers: Peers) {
    this.#peers = peers;
  }

  add(key: string, window: Window): void {
    const known = this.#gathered.get(key);
    if (known !== undefined) known.count += 1;
    else if (this.#gathered.size < MOST_AT_ONCE) this.#gathered.set(key, { window, count: 1 });
    if (this.#timer === undefined) this.#timer = setTimeout(() => this.#tell(), TELL_EVERY_MS).unref();
  }

  #tell(): void {
    this.#timer = undefined;
    const gathered = this.#gathered;
    this.#gathered = new Map();
    this.#peers.tell([...gathered].map(([key, { window, count }]) => ({ key, window, count })));
  }
}
