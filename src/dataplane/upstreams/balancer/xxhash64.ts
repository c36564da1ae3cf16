/**
 * xxHash64, which Envoy's consistent hashing is built on, so that the same caller meets the same host behind either.
 * 64-bit words as pairs of 32-bit halves: BigInt would cost ten times as much on each request.
 */
export interface Hash64 {
  /** The halves, unsigned. */
  readonly high: number;
  readonly low: number;
}

const P1H = 0x9e3779b1 | 0;
const P1L = 0x85ebca87 | 0;
const P2H = 0xc2b2ae3d | 0;
const P2L = 0x27d4eb4f | 0;
const P3H = 0x165667b1 | 0;
const P3L = 0x9e3779f9 | 0;
const P4H = 0x85ebca77 | 0;
const P4L = 0xc2b2ae63 | 0;
const P5H = 0x27d4eb2f | 0;
const P5L = 0x165667c5 | 0;

/** Result of the last operation below. */
let H = 0;
let L = 0;

function set(high: number, low: number): void {
  H = high;
  L = low;
}

function add(high: number, low: number): void {
  const sum = (L >>> 0) + (low >>> 0);
  H = (H + high + (sum > 0xffffffff ? 1 : 0)) | 0;
  L = sum | 0;
}

function xor(high: number, low: number): void {
  H ^= high;
  L ^= low;
}

function multiply(high: number, low: number): void {
  const a0 = L & 0xffff;
  const a1 = L >>> 16;
  const b0 = low & 0xffff;
  const b1 = low >>> 16;
  const low00 = a0 * b0;
  const mid = a1 * b0 + (low00 >>> 16);
  const mid2 = a0 * b1 + (mid & 0xffff);
  const carry = a1 * b1 + Math.floor(mid / 0x10000) + Math.floor(mid2 / 0x10000);
  H = (Math.imul(H, low) + Math.imul(L, high) + (carry | 0)) | 0;
  L = ((mid2 & 0xffff) << 16) | (low00 & 0xffff);
}

/** By 1 to 31. */
function rotateLeft(bits: number): void {
  const high = (H << bits) | (L >>> (32 - bits));
  L = (L << bits) | (H >>> (32 - bits));
  H = high;
}

/** By 1 to 31 or exactly 32 and more (33). */
function xorShiftRight(bits: number): void {
  if (bits >= 32) L ^= H >>> (bits - 32);
  else {
    L ^= (L >>> bits) | (H << (32 - bits));
    H ^= H >>> bits;
  }
}

const word = (text: string, at: number): number =>
  (text.charCodeAt(at) & 255) |
  ((text.charCodeAt(at + 1) & 255) << 8) |
  ((text.charCodeAt(at + 2) & 255) << 16) |
  ((text.charCodeAt(at + 3) & 255) << 24);

/** acc = rotl(acc + lane × P2, 31) × P1, on H:L. */
function round(text: string, at: number, high: number, low: number): void {
  set(word(text, at + 4), word(text, at));
  multiply(P2H, P2L);
  add(high, low);
  rotateLeft(31);
  multiply(P1H, P1L);
}

/** Four lanes over the whole blocks of 32 bytes: high, low, high, low … */
const lanes = new Int32Array(8);

function blocks(text: string, seed: number): number {
  set(0, seed);
  add(P1H, P1L);
  add(P2H, P2L);
  lanes[0] = H;
  lanes[1] = L;
  set(0, seed);
  add(P2H, P2L);
  lanes[2] = H;
  lanes[3] = L;
  lanes[4] = 0;
  lanes[5] = seed;
  set(0, seed);
  // minus P1 is plus its complement and one.
  add(~P1H, ~P1L);
  add(0, 1);
  lanes[6] = H;
  lanes[7] = L;
  let at = 0;
  for (; at + 32 <= text.length; at += 32) {
    for (let lane = 0; lane < 4; lane++) {
      round(text, at + 8 * lane, lanes[2 * lane] as number, lanes[2 * lane + 1] as number);
      lanes[2 * lane] = H;
      lanes[2 * lane + 1] = L;
    }
  }
  return at;
}

const LANE_ROTATIONS = [1, 7, 12, 18] as const;

function mergeLanes(): void {
  let high = 0;
  let low = 0;
  for (let lane = 0; lane < 4; lane++) {
    set(lanes[2 * lane] as number, lanes[2 * lane + 1] as number);
    rotateLeft(LANE_ROTATIONS[lane] as number);
    add(high, low);
    high = H;
    low = L;
  }
  for (let lane = 0; lane < 4; lane++) {
    set(lanes[2 * lane] as number, lanes[2 * lane + 1] as number);
    multiply(P2H, P2L);
    rotateLeft(31);
    multiply(P1H, P1L);
    xor(high, low);
    multiply(P1H, P1L);
    add(P4H, P4L);
    high = H;
    low = L;
  }
}

function tail(text: string, start: number): void {
  let at = start;
  for (; at + 8 <= text.length; at += 8) {
    const high = H;
    const low = L;
    round(text, at, 0, 0);
    xor(high, low);
    rotateLeft(27);
    multiply(P1H, P1L);
    add(P4H, P4L);
  }
  if (at + 4 <= text.length) {
    const high = H;
    const low = L;
    set(0, word(text, at));
    multiply(P1H, P1L);
    xor(high, low);
    rotateLeft(23);
    multiply(P2H, P2L);
    add(P3H, P3L);
    at += 4;
  }
  for (; at < text.length; at++) {
    const high = H;
    const low = L;
    set(0, text.charCodeAt(at) & 255);
    multiply(P5H, P5L);
    xor(high, low);
    rotateLeft(11);
    multiply(P1H, P1L);
  }
}

/** Of Latin-1 text, one byte a character: header values, cookies and addresses are that. */
export function xxHash64(text: string, seed = 0): Hash64 {
  let at = 0;
  if (text.length >= 32) {
    at = blocks(text, seed);
    mergeLanes();
  } else {
    set(0, seed);
    add(P5H, P5L);
  }
  add(0, text.length);
  tail(text, at);
  xorShiftRight(33);
  multiply(P2H, P2L);
  xorShiftRight(29);
  multiply(P3H, P3L);
  xorShiftRight(32);
  return { high: H >>> 0, low: L >>> 0 };
}

/** `value` modulo `divisor`, of all 64 bits. */
export const modulo = ({ high, low }: Hash64, divisor: number): number =>
  ((high % divisor) * (0x100000000 % divisor) + (low % divisor)) % divisor;
