import sonic from 'sonic-boom';
import { Outage, type Tell } from '../../src/contract/index.ts';

export interface LineWriter {
  /** Never waits and never throws; beyond the limit lines are dropped and counted (edge-security R-22). */
  write(line: string): void;
  readonly dropped: number;
  /** Resolves when all is written, or after a while. */
  close(): Promise<void>;
}

/** Bytes that may wait for a slow target; then lines are dropped. */
const MAX_WAITING_BYTES = 16 * 1024 * 1024;
/**
 * Lines are handed on when so much of them is together, else after the interval. Each block costs a journey to another thread
 * and back, which in blocks of 32 KiB was as dear for each line as making it (docs/performance.md).
 */
const BLOCK_BYTES = 256 * 1024;
/** No character of a string takes more in UTF-8. */
const MAX_CHARACTER_BYTES = 3;
const LINE_FEED = 10;
const FLUSH_INTERVAL_MS = 200;
const CLOSE_LIMIT_MS = 500;

const OUTAGE = {
  trouble: 'lines of the access log cannot be written, and are lost',
  over: 'lines of the access log are written again',
};

/** `target`: a path, or '-' for standard output. */
export function createLineWriter(target: string, tell: Tell = () => {}): LineWriter {
  const destination = target === '-' ? { fd: 1 } : { dest: target, append: true, mkdir: true };
  const boom = new sonic.SonicBoom({
    ...destination,
    sync: false,
    contentMode: 'buffer',
    maxWrite: BLOCK_BYTES,
    maxLength: MAX_WAITING_BYTES,
  });
  let dropped = 0;
  const outage = new Outage(OUTAGE, tell);
  boom.on('drop', (block: Buffer) => {
    for (const byte of block) if (byte === LINE_FEED) dropped += 1;
    outage.heard('nobody reads them fast enough');
    outage.failed();
  });
  // A full disk or a closed pipe must not end the gateway; what could not be written counts as dropped.
  boom.on('error', ({ message }: Error) => {
    dropped += 1;
    outage.heard(message);
    outage.failed();
  });
  boom.on('write', () => outage.succeeded());
  // Lines are put together here, as bytes: SonicBoom measures all that waits at each write, and node takes three times the
  // memory of a string to write it.
  let space = Buffer.allocUnsafe(BLOCK_BYTES);
  let used = 0;
  const handOn = (): void => {
    if (used === 0) return;
    const block = space.subarray(0, used);
    space = space.subarray(used);
    used = 0;
    // As `contentMode` says, though not its types.
    boom.write(block as unknown as string);
  };
  const makeRoom = (bytes: number): void => {
    if (used + bytes <= space.length) return;
    handOn();
    if (bytes > space.length) space = Buffer.allocUnsafe(Math.max(bytes, BLOCK_BYTES));
  };
  const timer = setInterval(handOn, FLUSH_INTERVAL_MS).unref();
  return {
    write(line) {
      makeRoom(line.length * MAX_CHARACTER_BYTES);
      used += space.write(line, used);
    },
    get dropped() {
      return dropped;
    },
    close() {
      clearInterval(timer);
      handOn();
      // Not at once: a pipe that nobody reads would hold up the whole process, and with it the end of it.
      return new Promise((resolve) => {
        boom.once('close', resolve);
        boom.once('error', () => resolve());
        setTimeout(resolve, CLOSE_LIMIT_MS).unref();
        boom.end();
      });
    },
  };
}
