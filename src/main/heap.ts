import v8 from 'node:v8';
import { exposeCollector } from '../dataplane/read-buffers.ts';

/** Less than this is no more than the program itself. */
const WORTH_IT_BYTES = 96 * 1_048_576;
/** How much may come on top of what is in use before old garbage is looked for. */
const GROWTH_PERCENT = 40;
/** What young objects have, in both halves: V8 would take four times as much for what each edit keeps until the next one. */
const MOST_YOUNG_BYTES = 32 * 1_048_576;
const LOOK_MS = 1_000;

/**
 * Gives back what reading and compiling a large world left behind: of ten thousand VirtualServices a hundred MB that
 * V8 would keep for what never comes again. To be called before anybody is served, since it takes a part of a second.
 *
 * From then on the heap grows by a share of what is in use, and its young part to a fixed size: left to itself, V8 lets it
 * become several times as large where the machine has the memory, whatever share of it is meant for the gateway. Ends with
 * what is returned.
 */
export function settleHeap(lookMs = LOOK_MS): () => void {
  if (process.memoryUsage().heapUsed < WORTH_IT_BYTES) return () => {};
  exposeCollector()({ type: 'major', execution: 'sync', flavor: 'last-resort' });
  v8.setFlagsFromString(`--heap-growing-percent=${GROWTH_PERCENT}`);
  let factor = 0;
  const look = (): void => {
    const young = v8.getHeapSpaceStatistics().find((space) => space.space_name === 'new_space');
    const next = (young?.space_size ?? 0) < MOST_YOUNG_BYTES ? 2 : 1;
    if (next !== factor) v8.setFlagsFromString(`--semi-space-growth-factor=${next}`);
    factor = next;
  };
  // V8 makes it smaller by itself when nothing happens, and then it may grow again.
  const timer = setInterval(look, lookMs).unref();
  return () => clearInterval(timer);
}
