import { monitorEventLoopDelay, performance } from 'node:perf_hooks';
import { getHeapStatistics } from 'node:v8';

/** What this process is asked to bear, as a sample of it. */
export interface Load {
  /** Share of the time in which the event loop had something to do. */
  readonly utilization: number;
  /** How late the loop comes to what is due, at the 99th percentile of the sample. */
  readonly delayMs: number;
  /** Share of the heap that may be used. */
  readonly heap: number;
}

export const OVERLOAD_LIMITS = {
  utilization: 0.9,
  delayMs: 100,
  heap: 0.9,
  /** Requests of one namespace's routes under way at once, in one process. */
  requestsPerNamespace: 5_000,
  sampleMs: 200,
  /** So many samples more have to be too much than not: a compilation or a collection of garbage is no overload. */
  patience: 5,
} as const;

const STEP_UP = 0.1;
const STEP_DOWN = 0.05;
const MOST_SHED = 0.9;

export type Admission = 'admitted' | 'gateway-overloaded' | 'namespace-overloaded';

/**
 * Decides who is let in (edge-security ). A namespace that lets its requests pile up fills its own bulkhead
 * and nobody else's. When the process itself has too much, requests are refused by namespace: those that ask for most
 * give up most, and one that asks for less than an even share notices nothing.
 */
export class Overload {
  readonly #underWay = new Map<string, number>();
  /** Asked for since the last sample; counted only while the load is high. */
  readonly #offered = new Map<string, number>();
  #strained = 0;
  #shed = 0;
  /** How many requests each namespace may bring until the next sample. */
  #cap = Infinity;

  admit(namespace: string): Admission {
    const underWay = this.#underWay.get(namespace) ?? 0;
    if (this.#strained > 0 || this.#shed > 0) {
      const offered = (this.#offered.get(namespace) ?? 0) + 1;
      this.#offered.set(namespace, offered);
      if (this.#shed > 0 && offered > this.#cap) return 'gateway-overloaded';
    }
    if (underWay >= OVERLOAD_LIMITS.requestsPerNamespace) return 'namespace-overloaded';
    this.#underWay.set(namespace, underWay + 1);
    return 'admitted';
  }

  /** A request that was admitted is over. */
  release(namespace: string): void {
    const underWay = (this.#underWay.get(namespace) ?? 1) - 1;
    if (underWay <= 0) this.#underWay.delete(namespace);
    else this.#underWay.set(namespace, underWay);
  }

  sample({ utilization, delayMs, heap }: Load): void {
    const { utilization: busy, delayMs: late, heap: full, patience } = OVERLOAD_LIMITS;
    const tooMuch = (utilization > busy && delayMs > late) || heap > full;
    this.#strained = tooMuch ? Math.min(2 * patience, this.#strained + 1) : Math.max(0, this.#strained - 1);
    if (tooMuch && this.#strained >= patience) this.#shed = Math.min(MOST_SHED, this.#shed + STEP_UP);
    else if (!tooMuch) this.#shed = Math.max(0, this.#shed - STEP_DOWN);
    this.#cap = this.#shed > 0 ? evenCap([...this.#offered.values()], 1 - this.#shed) : Infinity;
    this.#offered.clear();
  }
}

/** The cap by which the given share of all that was offered is let in, while nobody below it gives up anything. */
export function evenCap(offered: readonly number[], share: number): number {
  const sorted = [...offered].sort((a, b) => a - b);
  let left = sorted.reduce((sum, count) => sum + count, 0) * share;
  for (const [i, count] of sorted.entries()) {
    const even = left / (sorted.length - i);
    if (count > even) return Math.max(1, Math.floor(even));
    left -= count;
  }
  return Infinity;
}

/** Watches the load of this process; returns the end of it. */
export function watchLoad(overload: Overload): () => void {
  const delay = monitorEventLoopDelay({ resolution: 20 });
  delay.enable();
  let last = performance.eventLoopUtilization();
  let lastMs = performance.now();
  const timer = setInterval(() => {
    const now = performance.eventLoopUtilization();
    const { utilization } = performance.eventLoopUtilization(now, last);
    last = now;
    // A turn of the loop that is longer than the sample leaves no trace in the histogram.
    const lateMs = performance.now() - lastMs - OVERLOAD_LIMITS.sampleMs;
    lastMs = performance.now();
    const { used_heap_size: used, heap_size_limit: limit } = getHeapStatistics();
    overload.sample({ utilization, delayMs: Math.max(lateMs, delay.percentile(99) / 1e6), heap: used / limit });
    delay.reset();
  }, OVERLOAD_LIMITS.sampleMs);
  timer.unref();
  return () => {
    clearInterval(timer);
    delay.disable();
  };
}
