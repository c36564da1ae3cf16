import sonic from 'sonic-boom';

export interface LineWriter {
  /** Never waits and never throws; beyond the limit lines are dropped and counted (edge-security R-22). */
  write(line: string): void;
  readonly dropped: number;
  /** Resolves when all is written, or after a while. */
  close(): Promise<void>;
}

/** Bytes that may wait for a slow target; then lines are dropped. */
const MAX_WAITING_BYTES = 16 * 1024 * 1024;
/** Handed on when so many characters are together, else after the interval. */
const BLOCK_LENGTH = 16 * 1024;
const MAX_WRITE_BYTES = 64 * 1024;
const FLUSH_INTERVAL_MS = 200;
const CLOSE_LIMIT_MS = 500;

/** `target`: a path, or '-' for standard output. */
export function createLineWriter(target: string): LineWriter {
  const destination = target === '-' ? { fd: 1 } : { dest: target, append: true, mkdir: true };
  const boom = new sonic.SonicBoom({
    ...destination,
    sync: false,
    maxWrite: MAX_WRITE_BYTES,
    maxLength: MAX_WAITING_BYTES,
  });
  let dropped = 0;
  boom.on('drop', (block: string) => {
    dropped += block.split('\n').length - 1;
  });
  // A full disk or a closed pipe must not end the gateway; what could not be written counts as dropped.
  boom.on('error', () => {
    dropped += 1;
  });
  // Lines are put together here: SonicBoom measures all that waits at each write, which for a line is most of the work.
  let block = '';
  const handOn = (): void => {
    if (block === '') return;
    const whole = block;
    block = '';
    boom.write(whole);
  };
  const timer = setInterval(handOn, FLUSH_INTERVAL_MS).unref();
  return {
    write(line) {
      block += line;
      if (block.length >= BLOCK_LENGTH) handOn();
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
