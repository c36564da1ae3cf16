import type { Warmup } from '../../../table/model.ts';
import type { BalancedHost, Picker, PickerEnvironment } from './picker.ts';
import { randomIndex } from './picker.ts';

interface Entry<H> {
  deadline: number;
  /** First in, first out among equal deadlines. */
  order: number;
  readonly host: H;
}

/** Earliest deadline first: each pick puts the host back `1 / weight` later. Envoy's weighted balancing. */
export class EdfPicker<H> implements Picker<H> {
  /** A heap by deadline, then order. */
  readonly #heap: Entry<H>[] = [];
  readonly #weight: (host: H) => number;
  #order = 0;

  constructor(hosts: readonly H[], weight: (host: H) => number, environment: PickerEnvironment) {
    this.#weight = weight;
    for (const host of hosts) this.#push({ deadline: 1 / weight(host), order: this.#order++, host });
    // Several gateways must not all begin with the same host.
    for (let i = randomIndex(environment.random, hosts.length); i > 0; i--) this.pick();
  }

  pick(): H {
    const top = this.#heap[0] as Entry<H>;
    top.deadline += 1 / this.#weight(top.host);
    top.order = this.#order++;
    this.#sinkTop();
    return top.host;
  }

  #push(entry: Entry<H>): void {
    const heap = this.#heap;
    heap.push(entry);
    for (let child = heap.length - 1; child > 0; ) {
      const parent = (child - 1) >> 1;
      if (!before(heap[child] as Entry<H>, heap[parent] as Entry<H>)) return;
      swap(heap, child, parent);
      child = parent;
    }
  }

  #sinkTop(): void {
    const heap = this.#heap;
    for (let parent = 0; ; ) {
      let least = parent;
      for (const child of [2 * parent + 1, 2 * parent + 2]) {
        if (child < heap.length && before(heap[child] as Entry<H>, heap[least] as Entry<H>)) least = child;
      }
      if (least === parent) return;
      swap(heap, least, parent);
      parent = least;
    }
  }
}

const before = <H>(a: Entry<H>, b: Entry<H>): boolean =>
  a.deadline < b.deadline || (a.deadline === b.deadline && a.order < b.order);

function swap<T>(list: T[], i: number, j: number): void {
  const held = list[i] as T;
  list[i] = list[j] as T;
  list[j] = held;
}

/** What share of its weight a host that has just come has by now (Envoy's slow start; istio-semantics §3.3 `warmup`). */
export function warmupFactor(host: BalancedHost, warmup: Warmup | undefined, nowMs: number): number {
  if (warmup === undefined || warmup.durationMs <= 0) return 1;
  const age = nowMs - host.usableSinceMs;
  if (age >= warmup.durationMs) return 1;
  const time = Math.max(1, age) / warmup.durationMs;
  return Math.max(time ** (1 / warmup.aggression), warmup.minimumPercent / 100);
}

export const isWarmingUp = (hosts: readonly BalancedHost[], warmup: Warmup | undefined, nowMs: number): boolean =>
  warmup !== undefined && hosts.some((host) => nowMs - host.usableSinceMs < warmup.durationMs);

export const haveEqualWeights = (hosts: readonly BalancedHost[]): boolean =>
  hosts.every((host) => host.weight === hosts[0]?.weight);
