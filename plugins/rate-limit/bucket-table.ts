/**
 * Buckets of the local store: a fixed table, so that no number of distinct keys makes it grow (edge-security L-03). A key
 * has eight places it may be in. When all are taken, the one with the smallest part of its burst spent gives way: an
 * offender, whose bucket is spent, is the last to be forgotten, whatever the windows of other rules are. Keys are kept as
 * hashes, seeded so that nobody can aim.
 */
const WAYS = 8;

export class BucketTable {
  readonly #sets: number;
  readonly #marks: Uint32Array;
  readonly #arrivals: Float64Array;
  readonly #tolerances: Float32Array;
  readonly #seed: number;
  /** Of the key that was asked for last: who gets a bucket mostly sets it next. */
  #key = '';
  #first = 0;
  #mark = 0;

  /** `places` is rounded up to a power of two; 16 bytes each. The seed is any 32-bit number. */
  constructor(places: number, seed: number) {
    this.#sets = 2 ** Math.ceil(Math.log2(Math.max(WAYS, places) / WAYS));
    this.#marks = new Uint32Array(this.#sets * WAYS);
    this.#arrivals = new Float64Array(this.#sets * WAYS);
    this.#tolerances = new Float32Array(this.#sets * WAYS);
    this.#seed = seed >>> 0;
    this.#hash('');
  }

  get(key: string): number | undefined {
    const place = this.#find(key);
    return place < 0 ? undefined : this.#arrivals[place];
  }

  /** `toleranceMs`: what the whole burst of the key's window is worth. */
  set(key: string, arrivalMs: number, toleranceMs: number, nowMs: number): void {
    const place = this.#find(key);
    const target = place < 0 ? this.#leastSpent(nowMs) : place;
    this.#marks[target] = this.#mark;
    this.#arrivals[target] = arrivalMs;
    this.#tolerances[target] = toleranceMs;
  }

  #find(key: string): number {
    if (key !== this.#key) this.#hash(key);
    const first = this.#first;
    for (let i = first; i < first + WAYS; i++) if (this.#marks[i] === this.#mark) return i;
    return -1;
  }

  /** Free and whole buckets first; of equally spent ones the one that is whole again soonest. */
  #leastSpent(nowMs: number): number {
    const first = this.#first;
    let best = first;
    let least = Number.POSITIVE_INFINITY;
    for (let i = first; i < first + WAYS; i++) {
      const debtMs = (this.#arrivals[i] as number) - nowMs;
      if (this.#marks[i] === 0 || debtMs <= 0) return i;
      const spent = debtMs / (this.#tolerances[i] as number);
      if (spent > least || (spent === least && (this.#arrivals[i] as number) >= (this.#arrivals[best] as number)))
        continue;
      best = i;
      least = spent;
    }
    return best;
  }

  #hash(key: string): void {
    this.#key = key;
    this.#first = (hash32(key, this.#seed) & (this.#sets - 1)) * WAYS;
    // 0 marks a free place.
    this.#mark = hash32(key, this.#seed ^ 0x9e3779b9) || 1;
  }
}

/** MurmurHash3's 32-bit mixing, over the code units of a text. */
function hash32(text: string, seed: number): number {
  let h = seed;
  for (let i = 0; i < text.length; i++) {
    let k = Math.imul(text.charCodeAt(i), 0xcc9e2d51);
    k = (k << 15) | (k >>> 17);
    h ^= Math.imul(k, 0x1b873593);
    h = Math.imul((h << 13) | (h >>> 19), 5) + 0xe6546b64;
  }
  h ^= text.length;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
