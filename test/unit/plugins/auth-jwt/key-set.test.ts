import { createHmac, generateKeyPairSync } from 'node:crypto';
import type { JWK } from 'jose';
import { beforeAll, describe, expect, it } from 'vitest';
import { type KeySet, parseKeySet } from '../../../../plugins/auth-jwt/key-set.ts';
import { parseToken } from '../../../../plugins/auth-jwt/token.ts';
import { createIssuer, encoded, type Issuer, unsigned } from './issuer.ts';

const FAILS = 'Jwt verification fails';
const NO_KEY = "Jwks doesn't have key to match kid or alg from Jwt";
const NO_VALID_KEY = "Jwks doesn't have any valid public key";

const set = (...keys: readonly JWK[]): KeySet => parseKeySet(JSON.stringify({ keys })) as KeySet;

async function verdict(keys: KeySet, text: string): Promise<string> {
  const parsed = parseToken(text);
  return parsed.ok ? ((await keys.verify(parsed.token)) ?? 'good') : parsed.refusal;
}

const ALGORITHMS = ['RS256', 'PS384', 'ES256', 'ES384', 'ES512', 'EdDSA'] as const;
const issuers = {} as Record<(typeof ALGORITHMS)[number], Issuer>;

beforeAll(async () => {
  for (const algorithm of ALGORITHMS) issuers[algorithm] = await createIssuer('i', algorithm, `kid-${algorithm}`);
});

/** By a shared secret, which is all that some attacks have. */
function hmac(secret: string | Buffer, header: object = {}, algorithm = 'HS256'): string {
  const signed = `${encoded({ alg: algorithm, ...header })}.${encoded({ iss: 'i' })}`;
  return `${signed}.${createHmac(algorithm.replace('HS', 'sha'), secret).update(signed).digest('base64url')}`;
}

describe('a key set', () => {
  it.each(ALGORITHMS)('verifies %s, and not what somebody else signed', async (algorithm) => {
    const keys = set(...ALGORITHMS.map((one) => issuers[one].jwk));
    expect(await verdict(keys, await issuers[algorithm].token())).toBe('good');
    const other = await createIssuer('i', algorithm, `kid-${algorithm}`);
    expect(await verdict(keys, await other.token())).toBe(FAILS);
  });

  it('tries every key where the token has no kid, and keys without one always', async () => {
    const { kid: _, ...anonymous } = issuers.ES256.jwk;
    const keys = set(issuers.RS256.jwk, issuers.ES384.jwk, anonymous);
    expect(await verdict(keys, await issuers.ES256.token({}, { kid: '' }))).toBe('good');
    expect(await verdict(keys, await issuers.ES256.token({}, { kid: 'unheard of' }))).toBe('good');
    expect(keys.knows('unheard of')).toBe(true);
  });

  it('tries both of two keys of one kid', async () => {
    const one = await createIssuer('i', 'ES256', 'same');
    const two = await createIssuer('i', 'ES256', 'same');
    expect(await verdict(set(one.jwk, two.jwk), await two.token())).toBe('good');
  });

  it('goes by kid and by the algorithm of a key that has one', async () => {
    const token = await issuers.RS256.token();
    expect(await verdict(set({ ...issuers.RS256.jwk, kid: 'other' }), token)).toBe(NO_KEY);
    expect(await verdict(set({ ...issuers.RS256.jwk, alg: 'RS512' }), token)).toBe(NO_KEY);
    expect(await verdict(set({ ...issuers.RS256.jwk, alg: 'RS256' }), token)).toBe('good');
    expect(set(issuers.RS256.jwk).knows('other')).toBe(false);
  });

  it('ends at an Ed25519 key when the signature cannot be one of its own', async () => {
    const token = await issuers.ES384.token({}, { kid: '' });
    expect(await verdict(set(issuers.EdDSA.jwk, issuers.ES384.jwk), token)).toBe(
      'Jwt ED25519 signature is wrong length',
    );
    expect(await verdict(set(issuers.ES384.jwk, issuers.EdDSA.jwk), token)).toBe('good');
  });

  it('verifies shared secrets, each against its own', async () => {
    const secret = 'x'.repeat(64);
    const keys = set({ kty: 'oct', k: encoded(secret) });
    for (const algorithm of ['HS256', 'HS384', 'HS512']) {
      expect(await verdict(keys, hmac(secret, {}, algorithm))).toBe('good');
      expect(await verdict(keys, hmac('y'.repeat(64), {}, algorithm))).toBe(FAILS);
    }
  });

  it.each([
    ['a short secret', () => ({ kty: 'oct', k: encoded('x'.repeat(31)) })],
    ['a key for encryption', () => ({ ...issuers.RS256.jwk, use: 'enc' })],
    ['a key whose use is no text', () => ({ ...issuers.RS256.jwk, use: ['sig'] as unknown as string })],
    ['a key for signing', () => ({ ...issuers.RS256.jwk, key_ops: ['sign'] })],
    ['an algorithm of another type', () => ({ ...issuers.RS256.jwk, alg: 'HS256' })],
    ['an algorithm of another curve', () => ({ ...issuers.ES256.jwk, alg: 'ES384' })],
    ['an RSA exponent of 1', () => ({ ...issuers.RS256.jwk, e: 'AQ' })],
    ['an RSA exponent of 1 behind zeros', () => ({ ...issuers.RS256.jwk, e: 'AAAB' })],
    ['an even RSA exponent', () => ({ ...issuers.RS256.jwk, e: 'AQAC' })],
    ['no RSA exponent', () => ({ ...issuers.RS256.jwk, e: '' })],
    ['a type nobody knows', () => ({ kty: 'AKP' })],
    ['another curve', () => ({ kty: 'OKP', crv: 'X25519', x: encoded('x'.repeat(32)) })],
  ] as const)('has no use for %s', async (_, key) => {
    expect(await verdict(set(key()), await issuers.RS256.token())).toBe(NO_VALID_KEY);
  });

  it('has no use for a short RSA key', async () => {
    const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 1024 });
    const signed = `${encoded({ alg: 'RS256' })}.${encoded({ iss: 'i' })}`;
    const { sign } = await import('node:crypto');
    const token = `${signed}.${sign('sha256', Buffer.from(signed), privateKey).toString('base64url')}`;
    expect(await verdict(set(publicKey.export({ format: 'jwk' }) as JWK), token)).toBe(FAILS);
  });

  it('never reads a public key as a secret, however it is spelled', async () => {
    const { n = '', ...jwk } = issuers.RS256.jwk;
    const keys = set({ ...jwk, n });
    const spellings = [n, ` ${n}`, JSON.stringify({ ...jwk, n }), Buffer.from(n, 'base64url')];
    for (const secret of spellings) {
      expect(await verdict(keys, hmac(secret))).toBe(FAILS);
      expect(await verdict(keys, hmac(secret, { kid: jwk.kid }))).toBe(FAILS);
    }
  });

  it('never uses a key that the token brings along', async () => {
    const stranger = await createIssuer('i', 'ES256');
    const keys = set(issuers.ES256.jwk);
    for (const header of [
      { jwk: stranger.jwk },
      { jku: 'http://127.0.0.1:1/' },
      { x5u: 'file:///etc/passwd' },
      { x5c: ['MII'] },
    ])
      expect(await verdict(keys, await stranger.token({}, { ...header, kid: '' }))).toBe(FAILS);
  });

  it.each([
    ['nothing', Buffer.alloc(64)],
    ['a DER signature', Buffer.concat([Buffer.from([0x30, 0x44, 0x02, 0x20]), Buffer.alloc(66, 1)])],
    ['half of one', Buffer.alloc(32, 1)],
    [
      'the group order',
      Buffer.from('ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551'.repeat(2), 'hex'),
    ],
  ])('takes %s for no ECDSA signature', async (_, signature) => {
    const token = unsigned({ alg: 'ES256' }, { iss: 'i' }, signature.toString('base64url'));
    expect(await verdict(set(issuers.ES256.jwk), token)).toBe(FAILS);
  });

  it('takes a signature of another algorithm for none', async () => {
    const [, payload, signature] = (await issuers.PS384.token()).split('.');
    expect(await verdict(set(issuers.PS384.jwk), `${encoded({ alg: 'RS384' })}.${payload}.${signature}`)).toBe(FAILS);
  });
});

describe('reading a key set', () => {
  it.each(['', 'x', '[]', 'null', '{"keys":"none"}', JSON.stringify({ keys: Array(101).fill({}) })])(
    'finds none in %s',
    (text) => expect(parseKeySet(text)).toBeUndefined(),
  );

  it('finds an empty one, which verifies nothing', async () => {
    expect(await verdict(set(), await issuers.ES256.token())).toBe(NO_VALID_KEY);
  });

  it('takes a single key for a set of one, and passes over what is no key', async () => {
    expect(await verdict(parseKeySet(JSON.stringify(issuers.ES256.jwk)) as KeySet, await issuers.ES256.token())).toBe(
      'good',
    );
    const mixed = parseKeySet(JSON.stringify({ keys: [7, null, {}, { kty: 'RSA' }, issuers.ES256.jwk] })) as KeySet;
    expect(await verdict(mixed, await issuers.ES256.token())).toBe('good');
  });
});
