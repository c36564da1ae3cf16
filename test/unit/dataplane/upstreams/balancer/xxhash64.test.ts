import { describe, expect, it } from 'vitest';
import { type Hash64, modulo, xxHash64 } from '../../../../../src/dataplane/upstreams/balancer/xxhash64.ts';

const hex = ({ high, low }: Hash64): string => ((BigInt(high) << 32n) | BigInt(low)).toString(16).padStart(16, '0');

const MASK = (1n << 64n) - 1n;
const P = [
  0x9e3779b185ebca87n,
  0xc2b2ae3d27d4eb4fn,
  0x165667b19e3779f9n,
  0x85ebca77c2b2ae63n,
  0x27d4eb2f165667c5n,
] as const;
const rotate = (x: bigint, bits: bigint): bigint => ((x << bits) | (x >> (64n - bits))) & MASK;
const round = (acc: bigint, lane: bigint): bigint => (rotate((acc + lane * P[1]) & MASK, 31n) * P[0]) & MASK;

/** The specification, word for word. */
function reference(bytes: Buffer, seed: bigint): bigint {
  let at = 0;
  let hash: bigint;
  if (bytes.length >= 32) {
    const lanes = [seed + P[0] + P[1], seed + P[1], seed, seed - P[0]].map((lane) => lane & MASK);
    for (; at + 32 <= bytes.length; at += 32)
      for (let i = 0; i < 4; i++) lanes[i] = round(lanes[i] as bigint, bytes.readBigUInt64LE(at + 8 * i));
    hash = lanes.reduce((sum, lane, i) => (sum + rotate(lane, [1n, 7n, 12n, 18n][i] as bigint)) & MASK, 0n);
    for (const lane of lanes) hash = ((hash ^ round(0n, lane)) * P[0] + P[3]) & MASK;
  } else hash = (seed + P[4]) & MASK;
  hash = (hash + BigInt(bytes.length)) & MASK;
  for (; at + 8 <= bytes.length; at += 8)
    hash = (rotate(hash ^ round(0n, bytes.readBigUInt64LE(at)), 27n) * P[0] + P[3]) & MASK;
  if (at + 4 <= bytes.length) {
    hash = (rotate(hash ^ ((BigInt(bytes.readUInt32LE(at)) * P[0]) & MASK), 23n) * P[1] + P[2]) & MASK;
    at += 4;
  }
  for (; at < bytes.length; at++)
    hash = (rotate(hash ^ ((BigInt(bytes[at] as number) * P[4]) & MASK), 11n) * P[0]) & MASK;
  hash = ((hash ^ (hash >> 33n)) * P[1]) & MASK;
  hash = ((hash ^ (hash >> 29n)) * P[2]) & MASK;
  return hash ^ (hash >> 32n);
}

describe('xxHash64', () => {
  it.each([
    ['', 'ef46db3751d8e999'],
    ['a', 'd24ec4f1a98c6e5b'],
    ['abc', '44bc2cf5ad770999'],
    ['Nobody inspects the spammish repetition', 'fbcea83c8a378bf1'],
  ])('of %j is the published one', (text, wanted) => {
    expect(hex(xxHash64(text))).toBe(wanted);
  });

  it('agrees with the specification at every length, with and without a seed', () => {
    let state = 7;
    for (let length = 0; length < 140; length++) {
      let text = '';
      for (let i = 0; i < length; i++) {
        state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
        text += String.fromCharCode(state >>> 24);
      }
      for (const seed of [0, 1]) {
        const wanted = reference(Buffer.from(text, 'latin1'), BigInt(seed));
        const hash = xxHash64(text, seed);
        expect(hex(hash)).toBe(wanted.toString(16).padStart(16, '0'));
        expect(modulo(hash, 65_537)).toBe(Number(wanted % 65_537n));
        expect(modulo(hash, 4_999_999)).toBe(Number(wanted % 4_999_999n));
      }
    }
  });
});
