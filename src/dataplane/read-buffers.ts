import v8 from 'node:v8';
import vm from 'node:vm';

/** Not much beside what the process has anyway; and more than a hundred reads, so that a scavenge is no cost that counts. */
const SCAVENGE_EACH_BYTES = 8 * 1024 * 1024;

type CollectGarbage = (options: {
  readonly type: 'minor' | 'major';
  readonly execution: 'sync';
  readonly flavor?: 'last-resort';
}) => void;

let collect: CollectGarbage | undefined;
let bytesSince = 0;

/**
 * Told of every chunk of a body that was read into a buffer of its own. Such buffers lie outside V8's heap and go with the
 * young objects that stand for them; but a large body makes so few of those that V8 lets 64 MB of buffers come together,
 * and then goes through the whole heap to find them. A scavenge in between costs a fraction of that, and memory stays flat
 * however much is streamed (docs/performance.md).
 */
export function noteReadBuffer(bytes: number): void {
  bytesSince += bytes;
  if (bytesSince < SCAVENGE_EACH_BYTES) return;
  bytesSince = 0;
  collectYoung();
}

/** A scavenge. */
export function collectYoung(): void {
  collect ??= exposeCollector();
  collect({ type: 'minor', execution: 'sync' });
}

/** The whole heap, at once. */
export function collectAll(): void {
  collect ??= exposeCollector();
  collect({ type: 'major', execution: 'sync' });
}

/** V8 gives it to contexts that are made after it was asked to; ours stays as it is. */
export function exposeCollector(): CollectGarbage {
  v8.setFlagsFromString('--expose-gc');
  const given: unknown = vm.runInNewContext('gc');
  v8.setFlagsFromString('--no-expose-gc');
  return typeof given === 'function' ? (given as CollectGarbage) : () => {};
}
