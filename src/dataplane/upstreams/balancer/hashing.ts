import { compareStrings } from '../../../kernel/compare.ts';
import type { BalancedHost, Picker } from './picker.ts';
import { type Hash64, modulo, xxHash64 } from './xxhash64.ts';

type HashedHost = Pick<BalancedHost, 'key' | 'weight'>;

/** Envoy allows 32 times as many; but a ring is made between two requests, and a finer one spreads hardly better. */
const MAX_RING_SIZE = 256 * 1024;

/** A place on the ring is one number: the upper half of its hash above, its host below. */
const HOSTS = 2 ** 21;

/**
 * Ketama, as in Envoy: each host has places on a ring by its weight, and a request goes to the next place at or after
 * its hash. A host that comes or goes moves the requests of its own places, and hardly any others.
 */
export function ringHash<H extends HashedHost>(hosts: readonly H[], minimumRingSize: number): Picker<H> {
  const total = hosts.reduce((sum, host) => sum + host.weight, 0);
  const least = Math.min(...hosts.map((host) => host.weight)) / total;
  const scale = Math.min(Math.ceil(least * minimumRingSize) / least, Math.max(MAX_RING_SIZE, hosts.length));
  const places: number[] = [];
  let target = 0;
  for (const [index, host] of hosts.entries()) {
    target += (scale * host.weight) / total;
    for (let i = 0; places.length < target; i++) places.push(xxHash64(`${host.key}_${i}`).high * HOSTS + index);
  }
  const ring = Float64Array.from(places).sort();
  return {
    pick: (hash, attempt) =>
      hosts[(ring[(firstAtOrAfter(ring, hash.high) + attempt) % ring.length] as number) % HOSTS] as H,
  };
}

function firstAtOrAfter(ring: Float64Array, upperHalf: number): number {
  const place = upperHalf * HOSTS;
  let low = 0;
  let high = ring.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((ring[middle] as number) < place) low = middle + 1;
    else high = middle;
  }
  return low === ring.length ? 0 : low;
}

interface MaglevEntry {
  readonly index: number;
  readonly offset: number;
  readonly skip: number;
  readonly weight: number;
  target: number;
  next: number;
}

/** Maglev's table (Eisenbud et al., 2016), filled as Envoy fills it: hosts in the order of their keys, by weight. */
export function maglev<H extends HashedHost>(hosts: readonly H[], tableSize: number): Picker<H> {
  const sorted = hosts.toSorted((a, b) => compareStrings(a.key, b.key));
  const heaviest = Math.max(...sorted.map((host) => host.weight));
  const entries = sorted.map(
    (host, index): MaglevEntry => ({
      index,
      offset: modulo(xxHash64(host.key), tableSize),
      skip: modulo(xxHash64(host.key, 1), tableSize - 1) + 1,
      weight: host.weight,
      target: 0,
      next: 0,
    }),
  );
  const table = new Int32Array(tableSize).fill(-1);
  let filled = 0;
  for (let iteration = 1; filled < tableSize; iteration++) {
    for (const entry of entries) {
      if (filled === tableSize) break;
      if (iteration * entry.weight < entry.target) continue;
      entry.target += heaviest;
      table[freePlace(table, entry)] = entry.index;
      filled++;
    }
  }
  return {
    pick: (hash, attempt) => sorted[table[modulo(otherHash(hash, attempt), tableSize)] as number] as H,
  };
}

function freePlace(table: Int32Array, entry: MaglevEntry): number {
  for (;;) {
    const place = (entry.offset + entry.skip * entry.next++) % table.length;
    if (table[place] === -1) return place;
  }
}

/** Somewhere else in the table for each time that the caller refuses, as in Envoy: the hash xor minus that many. */
const otherHash = (hash: Hash64, attempt: number): Hash64 =>
  attempt === 0 ? hash : { high: ~hash.high >>> 0, low: (hash.low ^ -attempt) >>> 0 };
