import type { SourceLog } from './troubles.ts';
import type { Watched } from './watched.ts';

/** Losses that are held back (departures.ts), until a second list or an operator says that they are meant. */
export class Confirmations {
  readonly #confirmMs: number;
  readonly #log: SourceLog;
  readonly #under = new Map<Watched, 'waiting' | 'listing'>();

  constructor(confirmMs: number, log: SourceLog) {
    this.#confirmMs = confirmMs;
    this.#log = log;
  }

  /** After any change of its objects. */
  changed(watched: Watched): void {
    const held = watched.store.departures.heldSinceMs !== undefined;
    if (!held) this.#under.delete(watched);
    if (!held || this.#under.has(watched)) return;
    this.#under.set(watched, 'waiting');
    const { kind } = watched.definition;
    this.#log.warn(
      `more than half of the ${kind} objects are gone at once; they stay in service until a list confirms it in ${this.#confirmMs / 1_000} s, or SIGHUP does now`,
    );
    setTimeout(() => this.#look(watched), this.#confirmMs).unref();
  }

  /** After a list. */
  listed(watched: Watched): void {
    if (this.#under.get(watched) === 'listing') this.confirm(watched);
  }

  confirm(watched: Watched): void {
    this.#under.delete(watched);
    if (watched.store.departures.heldSinceMs === undefined) return;
    this.#log.info(`the loss of ${watched.definition.kind} objects is confirmed; they leave service`);
    watched.store.confirmDepartures();
  }

  #look(watched: Watched): void {
    if (this.#under.get(watched) !== 'waiting') return;
    this.#under.set(watched, 'listing');
    if (watched.reflector === undefined) this.confirm(watched);
    else watched.reflector.relist();
  }
}
