/** What can be closed where nothing is under way on it. */
interface Spare {
  close(): void;
}

/**
 * Idle connections that speak for one client each and that nobody else may use: of a whole process, so that a crowd of clients
 * who come once does not leave as many behind. Beyond the limit the one that is idle longest is closed.
 */
export class SpareConnections {
  readonly #limit: number;
  /** The one that is idle longest first. */
  readonly #idle = new Set<Spare>();

  constructor(limit: number) {
    this.#limit = limit;
  }

  get size(): number {
    return this.#idle.size;
  }

  add(connection: Spare): void {
    this.#idle.delete(connection);
    this.#idle.add(connection);
    if (this.#idle.size <= this.#limit) return;
    const [longest] = this.#idle;
    this.#idle.delete(longest as Spare);
    longest?.close();
  }

  /** It is used again, or gone. */
  remove(connection: Spare): void {
    this.#idle.delete(connection);
  }
}
