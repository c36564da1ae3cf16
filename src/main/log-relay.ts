import { write } from 'node:fs';
import type { Readable } from 'node:stream';

/** Bytes that may wait for a slow reader; then lines are dropped. */
const MAX_WAITING_BYTES = 16 * 1024 * 1024;
const MAX_WRITE_BYTES = 1024 * 1024;
const RETRY_MS = 20;
const NEWLINE = 10;

/**
 * Puts the lines of several workers on one descriptor without tearing any: two processes that write to one pipe would
 * meet in the middle of a line whenever it is full. A reader that does not read costs lines, which are counted, and
 * never a worker's time (edge-security R-22).
 */
export class LogRelay {
  readonly #descriptor: number;
  #waiting: Buffer[] = [];
  #bytes = 0;
  #writing = false;
  #flushed: (() => void) | undefined;
  /** Lines that nobody will read. */
  dropped = 0;

  constructor(descriptor: number) {
    this.#descriptor = descriptor;
  }

  attach(stream: Readable): void {
    let rest: Buffer = Buffer.alloc(0);
    stream.on('data', (chunk: Buffer) => {
      const end = chunk.lastIndexOf(NEWLINE) + 1;
      if (end === 0) rest = Buffer.concat([rest, chunk]);
      else {
        this.#take(rest.length === 0 ? chunk.subarray(0, end) : Buffer.concat([rest, chunk.subarray(0, end)]));
        rest = chunk.subarray(end);
      }
    });
    stream.on('end', () => {
      // A worker that died in the middle of a line.
      if (rest.length > 0) this.#take(Buffer.concat([rest, Buffer.from([NEWLINE])]));
    });
    stream.on('error', () => {});
  }

  /** Resolves when all is written, or when the time is over. */
  async flush(withinMs: number): Promise<void> {
    if (!this.#writing) return;
    await new Promise<void>((resolve) => {
      this.#flushed = resolve;
      setTimeout(resolve, withinMs).unref();
    });
  }

  #take(lines: Buffer): void {
    if (this.#bytes + lines.length > MAX_WAITING_BYTES) {
      this.dropped += countLines(lines);
      return;
    }
    this.#waiting.push(lines);
    this.#bytes += lines.length;
    if (!this.#writing) this.#next();
  }

  #next(): void {
    const first = this.#waiting.shift();
    this.#writing = first !== undefined;
    if (first === undefined) {
      this.#flushed?.();
      return;
    }
    const block = [first];
    let size = first.length;
    while (this.#waiting[0] !== undefined && size + this.#waiting[0].length <= MAX_WRITE_BYTES) {
      const more = this.#waiting.shift() as Buffer;
      block.push(more);
      size += more.length;
    }
    this.#write(block.length === 1 ? first : Buffer.concat(block));
  }

  #write(block: Buffer): void {
    write(this.#descriptor, block, (error, written) => {
      if (error !== null && error.code !== 'EAGAIN') {
        // A closed pipe, a full disk: the lines are lost, the gateway is not.
        this.dropped += countLines(block);
        this.#bytes -= block.length;
        this.#next();
        return;
      }
      const done = error === null ? written : 0;
      this.#bytes -= done;
      if (done === block.length) this.#next();
      else if (done > 0) this.#write(block.subarray(done));
      else setTimeout(() => this.#write(block), RETRY_MS);
    });
  }
}

function countLines(lines: Buffer): number {
  let count = 0;
  for (let at = lines.indexOf(NEWLINE); at >= 0; at = lines.indexOf(NEWLINE, at + 1)) count += 1;
  return count;
}
