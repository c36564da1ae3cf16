import sonic from 'sonic-boom';

export interface LineWriter {
  /** Never waits and never throws; beyond the limit lines are dropped and counted (edge-security R-22). */
  write(line: string): void;
  readonly dropped: number;
  close(): void;
}

/** Bytes that may wait for a slow target; then lines are dropped. */
const MAX_WAITING_BYTES = 16 * 1024 * 1024;
/** Written at once when so many bytes are together, else after the interval. */
const BLOCK_BYTES = 16 * 1024;
const MAX_WRITE_BYTES = 64 * 1024;
const FLUSH_INTERVAL_MS = 200;

/** `target`: a path, or '-' for standard output. */
export function createLineWriter(target: string): LineWriter {
  const destination = target === '-' ? { fd: 1 } : { dest: target, append: true, mkdir: true };
  const boom = new sonic.SonicBoom({
    ...destination,
    sync: false,
    minLength: BLOCK_BYTES,
    maxWrite: MAX_WRITE_BYTES,
    maxLength: MAX_WAITING_BYTES,
    periodicFlush: FLUSH_INTERVAL_MS,
  });
  let dropped = 0;
  boom.on('drop', () => {
    dropped += 1;
  });
  // A full disk or a closed pipe must not end the gateway; what could not be written counts as dropped.
  boom.on('error', () => {
    dropped += 1;
  });
  return {
    write: (line) => void boom.write(line),
    get dropped() {
      return dropped;
    },
    close() {
      try {
        boom.flushSync();
      } catch {
        dropped += 1;
      }
      boom.end();
    },
  };
}
