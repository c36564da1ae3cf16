import v8 from 'node:v8';
import vm from 'node:vm';

/** Less than this is no more than the program itself. */
const WORTH_IT_BYTES = 96 * 1_048_576;
/** How much may come on top of what is in use before old garbage is looked for. */
const GROWTH_PERCENT = 40;

type CollectGarbage = (options: {
  readonly type: 'major';
  readonly execution: 'sync';
  readonly flavor: 'last-resort';
}) => void;

/**
 * Gives back what reading and compiling a large world left behind: of ten thousand VirtualServices a hundred MB that
 * V8 would keep for what never comes again. To be called before anybody is served, since it takes a part of a second.
 * From then on the heap may grow by a share of what is in use: left to itself, V8 lets it become several times as large
 * where the machine has the memory, whatever share of it is meant for the gateway.
 */
export function settleHeap(): void {
  if (process.memoryUsage().heapUsed < WORTH_IT_BYTES) return;
  collector()?.({ type: 'major', execution: 'sync', flavor: 'last-resort' });
  v8.setFlagsFromString(`--heap-growing-percent=${GROWTH_PERCENT}`);
}

/** V8 gives it to contexts that are made after it was asked to; ours stays as it is. */
function collector(): CollectGarbage | undefined {
  v8.setFlagsFromString('--expose-gc');
  const given: unknown = vm.runInNewContext('gc');
  v8.setFlagsFromString('--no-expose-gc');
  return typeof given === 'function' ? (given as CollectGarbage) : undefined;
}
