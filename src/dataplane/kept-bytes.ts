/**
 * Memory for bodies that are kept, all requests of the process together: for another try, for an authorizer that must see them,
 * for a copy. Each of them has a limit of its own as well; a thousand of those would still be too much (edge-security R-21).
 */
export class KeptBytes {
  readonly #limit: number;
  #taken = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** false: so much is not left, and nothing was taken. `spare`: it could be done without, and leaves half for those that cannot. */
  take(bytes: number, spare = false): boolean {
    if (this.#taken + bytes > (spare ? this.#limit / 2 : this.#limit)) return false;
    this.#taken += bytes;
    return true;
  }

  give(bytes: number): void {
    this.#taken -= bytes;
  }

  get taken(): number {
    return this.#taken;
  }
}

/** A filter wanted to see a body for which no memory is left: the request is refused as in an overload. */
export class NoRoomForBody extends Error {}
