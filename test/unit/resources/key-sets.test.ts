import { expect, it } from 'vitest';
import { keySetWarnings } from '../../../src/resources/istio/jwks.ts';

const bytes = (length: number, first = 0xab): string =>
  Buffer.concat([Buffer.from([first]), Buffer.alloc(length - 1, 0xab)]).toString('base64url');
const RSA = { kty: 'RSA', n: bytes(256), e: 'AQAB' };
const P256 = { kty: 'EC', crv: 'P-256', x: bytes(32), y: bytes(32) };
const P521 = { kty: 'EC', crv: 'P-521', x: bytes(66), y: bytes(66) };
const ED = { kty: 'OKP', crv: 'Ed25519', x: bytes(32) };
const SECRET = { kty: 'oct', k: bytes(32) };

const told = (...keys: readonly object[]): string[] =>
  keySetWarnings(JSON.stringify({ keys })).map(({ code, message }) => `${code}: ${message}`);

it.each<readonly [string, object]>([
  ['RSA of 2048 bits', RSA],
  ['RSA for PS512', { ...RSA, alg: 'PS512' }],
  ['an RSA exponent of 3', { ...RSA, e: 'Aw' }],
  ['P-256', { ...P256, alg: 'ES256', use: 'sig', key_ops: ['verify'] }],
  ['P-521', { ...P521, alg: 'ES512' }],
  ['Ed25519', { ...ED, alg: 'EdDSA' }],
  ['an empty algorithm, which is none', { ...ED, alg: '' }],
])('says nothing of %s', (_what, key) => {
  expect(told(key)).toEqual([]);
});

it.each<readonly [string, object, RegExp]>([
  ['RSA of 1024 bits', { ...RSA, n: bytes(128) }, /^Key 1 of jwks is RSA of 1024 bits, .* 2048 /],
  ['RSA of 2047 bits', { ...RSA, n: bytes(256, 0x7f) }, / 2047 bits/],
  ['RSA of 1024 bits behind zeros', { ...RSA, n: `${'A'.repeat(172)}${bytes(128)}` }, / 1024 bits/],
  ['an RSA exponent of 1', { ...RSA, e: 'AQ' }, /exponent/],
  ['an RSA exponent of 0', { ...RSA, e: 'AA' }, /exponent/],
  ['an even RSA exponent', { ...RSA, e: 'AQAA' }, /exponent/],
  ['a curve nobody has', { ...P256, crv: 'P-192' }, /"P-192"/],
  ['a curve of key agreement', { ...ED, crv: 'X25519' }, /"X25519"/],
  ['coordinates of another curve', { ...P256, crv: 'P-384' }, /32 and 32 bytes, and those of P-384 have 48/],
  ['half a coordinate', { ...P256, y: bytes(16) }, /32 and 16 bytes/],
  ['half an Ed25519 key', { ...ED, x: bytes(16) }, /16 bytes/],
  ['the use of encryption', { ...RSA, use: 'enc' }, /"enc"/],
  ['signing alone', { ...RSA, key_ops: ['sign'] }, /key_ops/],
  ['an algorithm of another type', { ...RSA, alg: 'HS256' }, /"HS256", and RSA signs by RS256/],
  ['an algorithm of another curve', { ...P256, alg: 'ES384' }, /"ES384", and P-256 signs by ES256/],
  ['an algorithm for encryption', { ...RSA, alg: 'RSA-OAEP' }, /"RSA-OAEP"/],
])('tells that no token is good by a key with %s', (_what, key, message) => {
  expect(keySetWarnings(JSON.stringify(key))).toEqual([
    { code: 'unusable-key', message: expect.stringMatching(message) },
  ]);
});

it('names each key that is of no use by its place and its id', () => {
  expect(told(RSA, { ...RSA, kid: 'old', n: bytes(128) }, { ...RSA, kid: 7, use: 'enc' })).toEqual([
    'unusable-key: Key 2 (kid "old") of jwks is RSA of 1024 bits, and less than 2048 can be broken.',
    'unusable-key: Key 3 of jwks has the use "enc", which is not "sig".',
  ]);
});

it('tells what whoever reads the object can sign with, never what it is', () => {
  expect(told({ ...P256, d: 'c2VjcmV0' }, SECRET, { kty: 'oct', k: bytes(16) })).toEqual([
    'exposed-key: Key 1 of jwks is a private key.',
    'exposed-key: Key 2 of jwks is the secret itself (oct).',
    'unusable-key: Key 3 of jwks is a secret of 128 bits, and less than 256 can be guessed.',
    'exposed-key: Key 3 of jwks is the secret itself (oct).',
  ]);
});

it('tells of a set that nothing is taken of, in one sentence', () => {
  expect(told()).toEqual(['unusable-key: jwks has no key: every token is refused.']);
  expect(told(...Array.from({ length: 100 }, () => P256))).toEqual([]);
  expect(told(...Array.from({ length: 101 }, () => ({ ...P256, use: 'enc' })))).toEqual([
    'unusable-key: jwks has 101 keys, and more than 100 are not taken: every token is refused.',
  ]);
});
