/**
 * What is wrong with a key that has the form of one: why no token is ever good by it at this gateway, and what of it
 * should not be where it is. What is refused at request time is `plugins/auth-jwt/key-set.ts`; a test holds one against
 * the other (edge-security J-03, J-22).
 */
export type Key = Readonly<Record<string, unknown>>;

/** What is in one set, one more and the gateway takes none of it (edge-security J-17.18). */
export const MOST_KEYS = 100;

const LEAST_RSA_BITS = 2048;
const LEAST_SECRET_BYTES = 32;

/** Bytes of a coordinate (RFC 7518 §6.2.1.2). */
const CURVES: ReadonlyMap<string, number> = new Map([
  ['P-256', 32],
  ['P-384', 48],
  ['P-521', 66],
]);

/** What each type and curve signs with (RFC 7518 §3.1, RFC 8037 §3.1). */
const ALGORITHMS: ReadonlyMap<string, readonly string[]> = new Map([
  ['RSA', ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512']],
  ['P-256', ['ES256']],
  ['P-384', ['ES384']],
  ['P-521', ['ES512']],
  ['Ed25519', ['EdDSA']],
  ['oct', ['HS256', 'HS384', 'HS512']],
]);

/** undefined: nothing that can be seen. A point that is beside its curve cannot. */
export function whyUseless(key: Key): string | undefined {
  return whyWeak(key) ?? whyNotForVerifying(key) ?? whyWrongAlgorithm(key);
}

/** Whoever reads it can sign tokens: undefined where nobody can. */
export function whyExposed(key: Key): string | undefined {
  if (key['kty'] === 'oct') return 'is the secret itself (oct)';
  return Object.hasOwn(key, 'd') ? 'is a private key' : undefined;
}

function whyWeak(key: Key): string | undefined {
  const bytes = (name: string): Buffer => Buffer.from(String(key[name]), 'base64url');
  switch (key['kty']) {
    case 'RSA':
      return whyWeakRsa(bytes('n'), bytes('e'));
    case 'EC':
      return whyWrongCurve(String(key['crv']), bytes('x').length, bytes('y').length);
    case 'OKP':
      if (key['crv'] !== 'Ed25519') return `has the curve ${JSON.stringify(key['crv'])}, and only Ed25519 signs`;
      return bytes('x').length === 32 ? undefined : `has ${bytes('x').length} bytes, and Ed25519 has 32`;
    default: {
      const { length } = bytes('k');
      return length < LEAST_SECRET_BYTES
        ? `is a secret of ${8 * length} bits, and less than 256 can be guessed`
        : undefined;
    }
  }
}

function whyWeakRsa(modulus: Buffer, exponent: Buffer): string | undefined {
  const bits = bitsOf(modulus);
  if (bits < LEAST_RSA_BITS) return `is RSA of ${bits} bits, and less than ${LEAST_RSA_BITS} can be broken`;
  const isOdd = (exponent.at(-1) ?? 0) % 2 === 1;
  return isOdd && bitsOf(exponent) > 1 ? undefined : 'has an RSA exponent that is even or 1: anybody can sign by it';
}

function bitsOf(bytes: Buffer): number {
  const first = bytes.findIndex((byte) => byte !== 0);
  return first === -1 ? 0 : 8 * (bytes.length - first) - Math.clz32(bytes[first] as number) + 24;
}

function whyWrongCurve(curve: string, x: number, y: number): string | undefined {
  const bytes = CURVES.get(curve);
  if (bytes === undefined)
    return `has the curve ${JSON.stringify(curve)}, and ${[...CURVES.keys()].join(', ')} are known`;
  return x === bytes && y === bytes
    ? undefined
    : `has coordinates of ${x} and ${y} bytes, and those of ${curve} have ${bytes}`;
}

/** A key says what it is for (RFC 7517 §4.2, §4.3). Envoy does not look (istio-semantics §6.1). */
function whyNotForVerifying({ use, key_ops: operations }: Key): string | undefined {
  if (use !== undefined && use !== 'sig') return `has the use ${JSON.stringify(use)}, which is not "sig"`;
  const verifies = operations === undefined || (Array.isArray(operations) && operations.includes('verify'));
  return verifies ? undefined : 'has key_ops without "verify"';
}

function whyWrongAlgorithm({ alg, kty, crv }: Key): string | undefined {
  if (typeof alg !== 'string' || alg === '') return undefined;
  const kind = String(kty === 'EC' || kty === 'OKP' ? crv : kty);
  const fitting = ALGORITHMS.get(kind) ?? [];
  return fitting.includes(alg)
    ? undefined
    : `is for ${JSON.stringify(alg)}, and ${kind} signs by ${fitting.join(', ')}`;
}
