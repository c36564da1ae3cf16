import { type CryptoKey, compactVerify, importJWK, type JWK } from 'jose';
import type { JsonObject } from './strict-json.ts';
import { type ParsedToken, type Refusal, VERIFICATION_FAILS } from './token.ts';

/** More keys than anybody needs; what has more is not taken for a key set (edge-security J-17.18). */
const MAX_KEYS = 100;

/** HMAC secrets and RSA moduli below that are refused (edge-security J-22; jose itself holds RSA to 2048 bits). */
const MIN_SECRET_BYTES = 32;

type Imported = CryptoKey | Uint8Array;

/** One key of a set, public parts alone. */
interface VerificationKey {
  /** '': none. */
  readonly keyId: string;
  /** '': any that fits its type. */
  readonly algorithm: string;
  readonly type: KeyType;
  readonly jwk: JWK;
  /** By algorithm, as WebCrypto binds keys to one; undefined inside: it cannot be used. */
  readonly imported: Map<string, Promise<Imported | undefined>>;
}

type KeyType = 'RSA' | 'EC' | 'OKP' | 'oct';

/** An issuer's keys at one moment. Another moment is another object, so that whoever trusts one knows which. */
export class KeySet {
  readonly #keys: readonly VerificationKey[];

  constructor(keys: readonly VerificationKey[]) {
    this.#keys = keys;
  }

  get isEmpty(): boolean {
    return this.#keys.length === 0;
  }

  knows(keyId: string): boolean {
    return this.#keys.some((key) => key.keyId === '' || key.keyId === keyId);
  }

  /**
   * Tries, in their order, all keys that the token's kid and algorithm leave; several may have one kid. As in Envoy,
   * an Ed25519 key ends the search at a signature that cannot be one of its own (istio-semantics §6.1).
   */
  async verify(token: ParsedToken): Promise<Refusal | undefined> {
    if (this.isEmpty) return "Jwks doesn't have any valid public key";
    let tried = false;
    for (const key of this.#keys) {
      if (token.keyId !== '' && key.keyId !== '' && key.keyId !== token.keyId) continue;
      if (key.algorithm !== '' && key.algorithm !== token.algorithm) continue;
      tried = true;
      if (key.type === 'OKP' && token.signatureBytes !== 64) return 'Jwt ED25519 signature is wrong length';
      if (fitsType(key, token.algorithm) && (await verifyWith(key, token))) return undefined;
    }
    return tried ? VERIFICATION_FAILS : "Jwks doesn't have key to match kid or alg from Jwt";
  }
}

const CURVES: Readonly<Record<string, string>> = { ES256: 'P-256', ES384: 'P-384', ES512: 'P-521' };

/** An algorithm never meets a key of another type, whatever the token says (edge-security J-03). */
function fitsType({ type, jwk }: VerificationKey, algorithm: string): boolean {
  switch (type) {
    case 'RSA':
      return algorithm.startsWith('RS') || algorithm.startsWith('PS');
    case 'EC':
      return CURVES[algorithm] === jwk.crv;
    case 'OKP':
      return algorithm === 'EdDSA';
    case 'oct':
      return algorithm.startsWith('HS');
  }
}

async function verifyWith(key: VerificationKey, token: ParsedToken): Promise<boolean> {
  let importing = key.imported.get(token.algorithm);
  if (importing === undefined) {
    importing = importJWK(key.jwk, token.algorithm).catch(() => undefined);
    key.imported.set(token.algorithm, importing);
  }
  const imported = await importing;
  if (imported === undefined) return false;
  try {
    await compactVerify(token.text, imported, { algorithms: [token.algorithm] });
    return true;
  } catch {
    return false;
  }
}

/* -------------------------------------------------------------- reading */

/** undefined: no key set. Keys that cannot be used are passed over (RFC 7517 §5). */
export function parseKeySet(text: string): KeySet | undefined {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!isObject(parsed)) return undefined;
  const keys = Object.hasOwn(parsed, 'keys') ? parsed['keys'] : [parsed];
  if (!Array.isArray(keys) || keys.length > MAX_KEYS) return undefined;
  return new KeySet(keys.flatMap((key) => (isObject(key) ? (readKey(key) ?? []) : [])));
}

const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const textOf = (key: JsonObject, name: string): string => {
  const value = Object.hasOwn(key, name) ? key[name] : undefined;
  return typeof value === 'string' ? value : '';
};

/** The curve may be left out where the algorithm tells it. */
const curveOf = (key: JsonObject, algorithm: string): string => textOf(key, 'crv') || (CURVES[algorithm] ?? 'P-256');

function readKey(key: JsonObject): VerificationKey | undefined {
  const algorithm = textOf(key, 'alg');
  const jwk = publicPart(key, algorithm);
  if (jwk === undefined || !isForVerifying(key)) return undefined;
  const read: VerificationKey = {
    keyId: textOf(key, 'kid'),
    algorithm,
    type: jwk.kty as KeyType,
    jwk,
    imported: new Map(),
  };
  return algorithm === '' || fitsType(read, algorithm) ? read : undefined;
}

/** A key says what it is for (RFC 7517 §4.2, §4.3; edge-security J-22). */
function isForVerifying(key: JsonObject): boolean {
  const use = key['use'];
  const operations = key['key_ops'];
  const mayVerify = operations === undefined || (Array.isArray(operations) && operations.includes('verify'));
  return (use === undefined || use === 'sig') && mayVerify;
}

/** By an exponent of 1 a signature is what is signed, which anybody can write; even ones are no exponents. */
function isExponent(encoded: string): boolean {
  const bytes = Buffer.from(encoded, 'base64url');
  const last = bytes.at(-1) ?? 0;
  return last % 2 === 1 && (last > 1 || bytes.subarray(0, -1).some((byte) => byte !== 0));
}

function publicPart(key: JsonObject, algorithm: string): JWK | undefined {
  const part = (name: string): string => textOf(key, name);
  switch (part('kty')) {
    case 'RSA':
      return isExponent(part('e')) ? { kty: 'RSA', n: part('n'), e: part('e') } : undefined;
    case 'EC':
      return { kty: 'EC', crv: curveOf(key, algorithm), x: part('x'), y: part('y') };
    case 'OKP':
      return part('crv') === 'Ed25519' ? { kty: 'OKP', crv: 'Ed25519', x: part('x') } : undefined;
    case 'oct':
      return Buffer.from(part('k'), 'base64url').length < MIN_SECRET_BYTES ? undefined : { kty: 'oct', k: part('k') };
    default:
      return undefined;
  }
}
