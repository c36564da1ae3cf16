import type { Clock } from '../../kernel/clock.ts';
import { LaneBody } from './lane-body.ts';

/** Whoever reads from the socket. */
export interface BodyReader {
  pause(): void;
  resume(): void;
}

/** The body of a request of the fast lane: as many bytes as its Content-Length says. */
export class FastBody extends LaneBody {
  readonly #reader: BodyReader;
  #missing: number;
  /** What came before somebody took it: the reader stops after it. */
  #early: Buffer | undefined;

  constructor(reader: BodyReader, length: number | undefined, clock: Clock) {
    super(length === undefined || length === 0, length, clock);
    this.#reader = reader;
    this.#missing = length ?? 0;
  }

  /** Has all of it come in, whether or not somebody took it? */
  get arrived(): boolean {
    return this.#missing === 0;
  }

  /** Bytes that have not come. */
  get missing(): number {
    return this.#missing;
  }

  /** Takes what has come; not more than is missing. */
  push(part: Buffer): void {
    this.#missing -= part.length;
    if (this.receiver === undefined || this.#early !== undefined || this.paused) {
      this.#early = this.#early === undefined ? part : Buffer.concat([this.#early, part]);
      if (this.#missing > 0) this.#reader.pause();
    } else this.#give(part);
  }

  #give(part: Buffer): void {
    this.take(part);
    if (this.#missing === 0 && this.#early === undefined) this.ended();
  }

  protected listen(): void {
    // Whoever called is still about to say whether it wants them at once.
    process.nextTick(giveEarly, this);
  }

  protected hold(): void {
    this.#reader.pause();
  }

  protected proceed(): void {
    this.giveEarly();
  }

  /** What has come already, then what comes. */
  giveEarly(): void {
    if (this.paused || this.over) return;
    const early = this.#early;
    this.#early = undefined;
    if (early !== undefined) this.#give(early);
    else if (this.#missing === 0) this.ended();
    if (!this.paused && this.#missing > 0) this.#reader.resume();
  }

  leave(): void {
    this.#early = undefined;
    this.close();
  }

  protected ended(): void {
    if (this.over || this.broken !== undefined) return;
    this.close();
    this.receiver?.onEnd(undefined);
  }
}

function giveEarly(body: FastBody): void {
  body.giveEarly();
}
