import { monitorEventLoopDelay, performance } from 'node:perf_hooks';
import { getHeapStatistics } from 'node:v8';
import { collectAll, collectYoung } from './read-buffers.ts';

/** What this process is asked to bear, as a sample of it. */
export interface Load {
  /** Share of the time in which the event loop had something to do. */
  readonly utilization: number;
  /** How late the loop comes to what is due, at the 99th percentile of the sample. */
  readonly delayMs: number;
  /** Share of the heap that may be used. */
  readonly heap: number;
  /** Bytes in buffers, which lie outside of the heap: bodies and answers under way. */
  readonly bufferBytes: number;
}

export interface OverloadLimits {
  readonly utilization: number;
  readonly delayMs: number;
  readonly heap: number;
  /** In one process. A quarter of it is for bodies that are kept. */
  readonly bufferBytes: number;
  /** Requests of one namespace's routes under way at once, in one process. */
  readonly requestsPerNamespace: number;
}

export const DEFAULT_OVERLOAD_LIMITS: OverloadLimits = {
  utilization: 0.9,
  delayMs: 100,
  heap: 0.9,
  bufferBytes: 256 * 2 ** 20,
  requestsPerNamespace: 5_000,
};

const SAMPLE_MS = 200;
/** So many samples more have to be too much than not: a compilation or a collection of garbage is no overload. */
export const OVERLOAD_PATIENCE = 5;
const STEP_UP = 0.1;
const STEP_DOWN = 0.05;
const MOST_SHED = 0.9;

export type Admission = 'admitted' | 'gateway-overloaded' | 'namespace-overloaded';

/**
 * Decides who is let in (edge-security ). A namespace that lets its requests pile up fills its own bulkhead
 * and nobody else's. When the process itself has too much, requests are refused by namespace: those that ask for most
 * give up most, and one that asks for less than an even share notices nothing. Only where buffers fill the memory nobody is
 * let in: a container that exceeds its memory is ended at once, and a second later would be too late.
 */
export class Overload {
  readonly #limits: OverloadLimits;
  readonly #underWay = new Map<string, { requests: number; bytes: number }>();
  /** Asked for since the last sample; counted only while the load is high. */
  readonly #offered = new Map<string, number>();
  #strained = 0;
  #shed = 0;
  /** Buffers fill the memory as it is. */
  #full = false;
  /** Bytes that the requests under way may come to hold. */
  #promised = 0;
  /** How many requests each namespace may bring until the next sample. */
  #cap = Infinity;

  constructor(limits: OverloadLimits = DEFAULT_OVERLOAD_LIMITS) {
    this.#limits = limits;
  }

  /** `bytes`: what it may come to hold in buffers; all that are let in together must fit into the memory, those of one namespace into half of it. */
  admit(namespace: string, bytes = 0): Admission {
    const share = this.#underWay.get(namespace) ?? { requests: 0, bytes: 0 };
    if (this.#strained > 0 || this.#shed > 0) {
      const offered = (this.#offered.get(namespace) ?? 0) + 1;
      this.#offered.set(namespace, offered);
      if (this.#shed > 0 && offered > this.#cap) return 'gateway-overloaded';
    }
    const { requestsPerNamespace, bufferBytes } = this.#limits;
    if (share.requests >= requestsPerNamespace || share.bytes + bytes > bufferBytes / 2) return 'namespace-overloaded';
    if (this.#full || this.#promised + bytes > bufferBytes) return 'gateway-overloaded';
    if (share.requests === 0) this.#underWay.set(namespace, share);
    share.requests += 1;
    share.bytes += bytes;
    this.#promised += bytes;
    return 'admitted';
  }

  /** A request that was admitted will hold so much less. */
  giveBack(namespace: string, bytes: number): void {
    const share = this.#underWay.get(namespace);
    if (share === undefined) return;
    share.bytes -= bytes;
    this.#promised -= bytes;
  }

  /** A request that was admitted is over; `bytes`: what it had not given back. */
  release(namespace: string, bytes = 0): void {
    const share = this.#underWay.get(namespace);
    if (share === undefined) return;
    this.giveBack(namespace, bytes);
    share.requests -= 1;
    if (share.requests === 0) this.#underWay.delete(namespace);
  }

  get bufferBytes(): number {
    return this.#limits.bufferBytes;
  }

  sample({ utilization, delayMs, heap, bufferBytes }: Load): void {
    this.#full = bufferBytes > this.#limits.bufferBytes;
    const { utilization: busy, delayMs: late, heap: full } = this.#limits;
    const tooMuch = (utilization > busy && delayMs > late) || heap > full;
    this.#strained = tooMuch ? Math.min(2 * OVERLOAD_PATIENCE, this.#strained + 1) : Math.max(0, this.#strained - 1);
    if (tooMuch && this.#strained >= OVERLOAD_PATIENCE) this.#shed = Math.min(MOST_SHED, this.#shed + STEP_UP);
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

/** So seldom the whole heap is gone through for buffers that nobody holds any more. */
const LOOK_THROUGH_MS = 2_000;
let lookedThroughMs = Number.NEGATIVE_INFINITY;

/** What nobody holds any more is counted only where that makes no difference: refused requests make no garbage that would have it collected. */
function buffersInUse(bytes: number, limit: number): number {
  if (bytes <= limit) return bytes;
  collectYoung();
  const held = getHeapStatistics().external_memory;
  if (held <= limit || performance.now() - lookedThroughMs < LOOK_THROUGH_MS) return held;
  collectAll();
  lookedThroughMs = performance.now();
  return getHeapStatistics().external_memory;
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
    const lateMs = performance.now() - lastMs - SAMPLE_MS;
    lastMs = performance.now();
    const { used_heap_size: used, heap_size_limit: limit, external_memory: buffers } = getHeapStatistics();
    const delayMs = Math.max(lateMs, delay.percentile(99) / 1e6);
    const bufferBytes = buffersInUse(buffers, overload.bufferBytes);
    overload.sample({ utilization, delayMs, heap: used / limit, bufferBytes });
    delay.reset();
  }, SAMPLE_MS);
  timer.unref();
  return () => {
    clearInterval(timer);
    delay.disable();
  };
}
