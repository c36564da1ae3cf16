import { constants, createHmac, sign as cryptoSign, type KeyObject } from 'node:crypto';

/** Signatures with node:crypto alone, right ones and wrong ones, so that what verifies is not what signs. */

export const encoded = (value: unknown): string =>
  (Buffer.isBuffer(value) ? value : Buffer.from(typeof value === 'string' ? value : JSON.stringify(value))).toString(
    'base64url',
  );

export const hashOf = (algorithm: string): string => `sha${algorithm.slice(2)}`;

/** The signature that the algorithm's name stands for, whatever the key: with the wrong one node says no. */
export function signature(algorithm: string, key: KeyObject | Buffer, input: string | Buffer): Buffer {
  const bytes = Buffer.from(input);
  const hash = hashOf(algorithm);
  switch (algorithm.slice(0, 2)) {
    case 'HS':
      return createHmac(hash, key).update(bytes).digest();
    case 'RS':
      return cryptoSign(hash, bytes, key as KeyObject);
    case 'PS':
      return cryptoSign(hash, bytes, {
        key: key as KeyObject,
        padding: constants.RSA_PKCS1_PSS_PADDING,
        saltLength: constants.RSA_PSS_SALTLEN_DIGEST,
      });
    case 'ES':
      return cryptoSign(hash, bytes, { key: key as KeyObject, dsaEncoding: 'ieee-p1363' });
    default:
      return cryptoSign(null, bytes, key as KeyObject);
  }
}

/** Header and payload: objects, or texts as they stand. */
export const signedInput = (header: unknown, payload: unknown): string => `${encoded(header)}.${encoded(payload)}`;

export function signedToken(
  algorithm: string,
  key: KeyObject | Buffer,
  payload: unknown,
  header: unknown = { alg: algorithm },
): string {
  const input = signedInput(header, payload);
  return `${input}.${encoded(signature(algorithm, key, input))}`;
}
