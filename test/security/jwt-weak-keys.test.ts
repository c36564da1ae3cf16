import { createHash, generateKeyPairSync } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { keySetWarnings } from '../../src/resources/istio/jwks.ts';
import { askGateway, startUpstreams, type TestUpstreams } from '../support/upstreams.ts';
import { encoded, signedInput, signedToken } from './jws.ts';
import { startGuarded } from './jwt-support.ts';
import { digestInfo, padded } from './rsa-encodings.ts';

/* J-22 of edge-security §1: keys that are too weak, or for something else, each as the one key of an issuer's. */

const CLAIMS = { iss: 'login', sub: 'customer-17' };
const curve = generateKeyPairSync('ec', { namedCurve: 'P-256' });

let upstreams: TestUpstreams;
beforeAll(async () => {
  upstreams = await startUpstreams(1);
});
afterAll(() => upstreams.close());

const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const short = generateKeyPairSync('rsa', { modulusLength: 1024 });
const ofThree = generateKeyPairSync('rsa', { modulusLength: 2048, publicExponent: 3 });
const p384 = generateKeyPairSync('ec', { namedCurve: 'P-384' });
const rsaJwk = rsa.publicKey.export({ format: 'jwk' });
const curveJwk = curve.publicKey.export({ format: 'jwk' });
const byRsa = (): string => signedToken('RS256', rsa.privateKey, CLAIMS);
const bySecret = (secret: Buffer) => (): string => signedToken('HS256', secret, CLAIMS);
const byCurve = (): string => signedToken('ES256', curve.privateKey, CLAIMS);

/** With an exponent of 1 the signature is the padded hash itself: anybody can make one. */
function byNobody(): string {
  const input = signedInput({ alg: 'RS256' }, CLAIMS);
  return `${input}.${encoded(padded(digestInfo('sha256', createHash('sha256').update(input).digest()), 256))}`;
}

/** What `banyan check` says of it. */
const warnings = (key: object): string[] => keySetWarnings(JSON.stringify({ keys: [key] })).map(({ code }) => code);

async function verdict(key: object, token: string): Promise<number> {
  const jwks = JSON.stringify({ keys: [key] });
  const gateway = await startGuarded(upstreams.ports[0] as number, [{ issuer: 'login', jwks }]);
  const { status } = await askGateway(gateway.port, '/', { authorization: `Bearer ${token}` });
  await gateway.close();
  return status;
}

it.each<readonly [string, object, () => string]>([
  ['a secret of 31 bytes', { kty: 'oct', k: encoded('x'.repeat(31)) }, bySecret(Buffer.from('x'.repeat(31)))],
  [
    'a secret in another alphabet',
    { kty: 'oct', k: `${encoded('x'.repeat(31))}==` },
    bySecret(Buffer.from('x'.repeat(31))),
  ],
  ['RSA of 1024 bits', short.publicKey.export({ format: 'jwk' }), () => signedToken('RS256', short.privateKey, CLAIMS)],
  [
    'RSA of 1024 bits behind zeros',
    {
      ...short.publicKey.export({ format: 'jwk' }),
      n: encoded(
        Buffer.concat([Buffer.alloc(128), Buffer.from(`${short.publicKey.export({ format: 'jwk' }).n}`, 'base64url')]),
      ),
    },
    () => signedToken('RS256', short.privateKey, CLAIMS),
  ],
  ['an RSA exponent of 1', { ...rsaJwk, e: 'AQ' }, byNobody],
  ['an RSA exponent of 0', { ...rsaJwk, e: 'AA' }, byNobody],
  ['an even RSA exponent', { ...rsaJwk, e: 'Ag' }, byNobody],
  ['use enc', { ...rsaJwk, use: 'enc' }, byRsa],
  ['use of another name', { ...rsaJwk, use: 'SIG' }, byRsa],
  ['no operation', { ...rsaJwk, key_ops: [] }, byRsa],
  ['signing alone', { ...rsaJwk, key_ops: ['sign'] }, byRsa],
  ['encryption', { ...rsaJwk, key_ops: ['encrypt', 'wrapKey'] }, byRsa],
  ['operations that are no list', { ...rsaJwk, key_ops: 'verify' }, byRsa],
  ['an algorithm for encryption', { ...rsaJwk, alg: 'RSA-OAEP' }, byRsa],
  ['an algorithm of secrets', { ...rsaJwk, alg: 'HS256' }, byRsa],
  ['another curve', { ...curveJwk, crv: 'P-384' }, byCurve],
  ['a curve nobody has', { ...curveJwk, crv: 'P-192' }, byCurve],
])('of no use: %s', async (_what, key, token) => {
  expect(await verdict(key, token())).toBe(401);
  expect(warnings(key)).toContain('unusable-key');
});

/* Keys that are good for other tokens, or whose fault cannot be seen without reckoning. */
it.each<readonly [string, object, () => string]>([
  ['another algorithm', { ...rsaJwk, alg: 'RS384' }, byRsa],
  ['another type', { ...rsaJwk, kty: 'oct', k: rsaJwk.n }, byRsa],
  ['a point beside the curve', { ...curveJwk, y: curveJwk.x }, byCurve],
  ['a point at infinity', { ...curveJwk, x: encoded(Buffer.alloc(32)), y: encoded(Buffer.alloc(32)) }, byCurve],
  [
    'a key of a longer curve',
    p384.publicKey.export({ format: 'jwk' }),
    () => signedToken('ES256', p384.privateKey, CLAIMS),
  ],
])('of no use for this token: %s', async (_what, key, token) => expect(await verdict(key, token())).toBe(401));

it.each<readonly [string, object, () => string]>([
  ['a secret of 32 bytes', { kty: 'oct', k: encoded('x'.repeat(32)) }, bySecret(Buffer.from('x'.repeat(32)))],
  ['use sig', { ...rsaJwk, use: 'sig', alg: 'RS256' }, byRsa],
  ['verifying', { ...rsaJwk, key_ops: ['verify'] }, byRsa],
  ['verifying among others', { ...rsaJwk, key_ops: ['sign', 'verify'] }, byRsa],
  ['a private key, of which the public part counts', rsa.privateKey.export({ format: 'jwk' }), byRsa],
  [
    'an exponent of 3',
    ofThree.publicKey.export({ format: 'jwk' }),
    () => signedToken('RS256', ofThree.privateKey, CLAIMS),
  ],
])('good: %s', async (_what, key, token) => {
  expect(await verdict(key, token())).toBe(200);
  expect(warnings(key)).not.toContain('unusable-key');
});
