import { generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto';
import { encoded } from './jws.ts';

/** Whose signatures the vectors are, and the form of one. */
export const ISSUER = 'vectors';
export const CLAIMS = { iss: ISSUER, sub: 'customer-17' };
export const pair = (type: string, options: object) =>
  (
    generateKeyPairSync as unknown as (type: string, options: object) => { publicKey: KeyObject; privateKey: KeyObject }
  )(type, options);

export const rsa = pair('rsa', { modulusLength: 2048 });
export const p256 = pair('ec', { namedCurve: 'P-256' });
export const p384 = pair('ec', { namedCurve: 'P-384' });
export const p521 = pair('ec', { namedCurve: 'P-521' });
export const ed25519 = pair('ed25519', {});
export const secret = randomBytes(64);

const KEYS: Readonly<Record<string, KeyObject | Buffer>> = {
  RS: rsa.privateKey,
  PS: rsa.privateKey,
  ES256: p256.privateKey,
  ES384: p384.privateKey,
  ES512: p521.privateKey,
  EdDSA: ed25519.privateKey,
  HS: secret,
};
export const keyFor = (algorithm: string) => (KEYS[algorithm] ?? KEYS[algorithm.slice(0, 2)]) as KeyObject & Buffer;
export const ALGORITHMS = 'RS256 RS384 RS512 PS256 PS384 PS512 ES256 ES384 ES512 EdDSA HS256 HS384 HS512'.split(' ');

export interface Vector {
  readonly name: string;
  readonly token: string;
  readonly good: boolean;
}

export const vector = (good: boolean, name: string, input: string, bytes: Buffer): Vector => ({
  name,
  token: `${input}.${encoded(bytes)}`,
  good,
});
export const changed = (bytes: Buffer, at: number, mask = 1): Buffer => {
  const copy = Buffer.from(bytes);
  const index = at < 0 ? copy.length + at : at;
  copy[index] = (copy[index] as number) ^ mask;
  return copy;
};
