import { createHash, createHmac, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';
import http from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TestGateway } from '../support/gateway.ts';
import { askGateway, startUpstreams, type TestUpstreams } from '../support/upstreams.ts';
import { encoded, hashOf, signature, signedInput, signedToken } from './jws.ts';
import { startGuarded } from './jwt-support.ts';
import {
  digestInfo,
  digestInfoLongForm,
  digestInfoWithoutNull,
  padded,
  paddedShort,
  pssEncoded,
  rawSignature,
} from './rsa-encodings.ts';

/*
 * Vectors in the manner of Wycheproof's, made here: signatures that are right, and such as are wrong in one thing each
 * (edge-security J-01 to J-08, J-22), all through one gateway whose one policy is that nobody passes without a good token.
 */

const ISSUER = 'vectors';
const CLAIMS = { iss: ISSUER, sub: 'customer-17' };
const pair = (type: string, options: object) =>
  (
    generateKeyPairSync as unknown as (type: string, options: object) => { publicKey: KeyObject; privateKey: KeyObject }
  )(type, options);

const rsa = pair('rsa', { modulusLength: 2048 });
const p256 = pair('ec', { namedCurve: 'P-256' });
const p384 = pair('ec', { namedCurve: 'P-384' });
const p521 = pair('ec', { namedCurve: 'P-521' });
const ed25519 = pair('ed25519', {});
const secret = randomBytes(64);

const KEYS: Readonly<Record<string, KeyObject | Buffer>> = {
  RS: rsa.privateKey,
  PS: rsa.privateKey,
  ES256: p256.privateKey,
  ES384: p384.privateKey,
  ES512: p521.privateKey,
  EdDSA: ed25519.privateKey,
  HS: secret,
};
const keyFor = (algorithm: string) => (KEYS[algorithm] ?? KEYS[algorithm.slice(0, 2)]) as KeyObject & Buffer;
const ALGORITHMS = 'RS256 RS384 RS512 PS256 PS384 PS512 ES256 ES384 ES512 EdDSA HS256 HS384 HS512'.split(' ');

interface Vector {
  readonly name: string;
  readonly token: string;
  readonly good: boolean;
}

const vector = (good: boolean, name: string, input: string, bytes: Buffer): Vector => ({
  name,
  token: `${input}.${encoded(bytes)}`,
  good,
});
const changed = (bytes: Buffer, at: number, mask = 1): Buffer => {
  const copy = Buffer.from(bytes);
  const index = at < 0 ? copy.length + at : at;
  copy[index] = (copy[index] as number) ^ mask;
  return copy;
};

/** What no algorithm may take. */
function common(algorithm: string): readonly Vector[] {
  const input = signedInput({ alg: algorithm }, CLAIMS);
  const good = signature(algorithm, keyFor(algorithm), input);
  const of = (text: string) => signature(algorithm, keyFor(algorithm), text);
  const [head = '', body = ''] = input.split('.');
  const other = encoded({ ...CLAIMS, sub: 'admin' });
  const bad: Readonly<Record<string, Buffer>> = {
    'first bit': changed(good, 0, 0x40),
    'middle bit': changed(good, good.length >> 1),
    'last bit': changed(good, -1),
    'one byte less': good.subarray(0, -1),
    'first byte less': good.subarray(1),
    half: good.subarray(0, good.length / 2),
    'one byte': good.subarray(0, 1),
    'a zero behind': Buffer.concat([good, Buffer.alloc(1)]),
    'a zero before': Buffer.concat([Buffer.alloc(1), good]),
    twice: Buffer.concat([good, good]),
    zeros: Buffer.alloc(good.length),
    ones: Buffer.alloc(good.length, 0xff),
    one: Buffer.concat([Buffer.alloc(good.length - 1), Buffer.from([1])]),
    backwards: Buffer.from(good).reverse(),
    nothing: Buffer.alloc(0),
    'of the payload alone': of(body),
    'of the header alone': of(head),
    'of the parts without the dot': of(head + body),
    'of the parts changed round': of(`${body}.${head}`),
    'of what the parts decode to': of(`{"alg":"${algorithm}"}.${JSON.stringify(CLAIMS)}`),
    'of a line more': of(`${input}\n`),
    'of nothing': of(''),
    'as hex': Buffer.from(good.toString('hex')),
    'as base64 once more': Buffer.from(encoded(good)),
  };
  return [
    vector(true, `${algorithm}: good`, input, good),
    ...Object.entries(bad).map(([name, bytes]) => vector(false, `${algorithm}: ${name}`, input, bytes)),
    vector(false, `${algorithm}: another payload`, `${head}.${other}`, good),
    vector(false, `${algorithm}: another header`, `${encoded({ alg: algorithm, typ: 'JWT' })}.${body}`, good),
  ];
}

/** Each algorithm's name over each other's signature, made for that very header. */
const confused = (): readonly Vector[] =>
  ALGORITHMS.flatMap((claimed) =>
    ALGORITHMS.map((made) => {
      const input = signedInput({ alg: claimed }, CLAIMS);
      return vector(claimed === made, `${claimed} over ${made}`, input, signature(made, keyFor(made), input));
    }),
  );

function pkcs1(algorithm: string): readonly Vector[] {
  const input = signedInput({ alg: algorithm }, CLAIMS);
  const hash = hashOf(algorithm);
  const digest = createHash(hash).update(input).digest();
  const info = digestInfo(hash, digest);
  const other = hash === 'sha256' ? 'sha512' : 'sha256';
  const blocks: Readonly<Record<string, Buffer>> = {
    'no NULL': padded(digestInfoWithoutNull(hash, digest), 256),
    'lengths in the long form': padded(digestInfoLongForm(hash, digest), 256),
    'no DigestInfo': padded(digest, 256),
    'the name of another hash': padded(digestInfo(other, digest), 256),
    'another hash': padded(digestInfo(other, createHash(other).update(input).digest()), 256),
    'SHA-1': padded(digestInfo('sha1', createHash('sha1').update(input).digest()), 256),
    'block type 2': padded(info, 256, { type: 2 }),
    'block type 0': padded(info, 256, { type: 0, fill: 0 }),
    'padding of zeros': padded(info, 256, { fill: 0 }),
    'no end of the padding': padded(info, 256, { end: 0xff }),
    'short padding, rubbish behind': paddedShort(info, 256),
    'a byte behind': padded(Buffer.concat([info, Buffer.alloc(1)]), 256),
    'a byte less of the hash': padded(info.subarray(0, -1), 256),
    'a wrong hash': padded(digestInfo(hash, changed(digest, 0)), 256),
  };
  return [
    vector(true, `${algorithm}: by hand`, input, rawSignature(rsa.privateKey, padded(info, 256))),
    ...Object.entries(blocks).map(([name, block]) =>
      vector(false, `${algorithm}: ${name}`, input, rawSignature(rsa.privateKey, block)),
    ),
  ];
}

function pss(algorithm: string): readonly Vector[] {
  const input = signedInput({ alg: algorithm }, CLAIMS);
  const hash = hashOf(algorithm);
  const made = (options?: Parameters<typeof pssEncoded>[3]) =>
    rawSignature(rsa.privateKey, pssEncoded(hash, Buffer.from(input), 256, options));
  const other = hash === 'sha256' ? 'sha512' : 'sha256';
  const otherHash = rawSignature(rsa.privateKey, pssEncoded(other, Buffer.from(input), 256));
  return [
    vector(true, `${algorithm}: by hand`, input, made()),
    vector(false, `${algorithm}: no salt`, input, made({ saltLength: 0 })),
    vector(false, `${algorithm}: a salt of 20 bytes`, input, made({ saltLength: 20 })),
    vector(false, `${algorithm}: a longer salt`, input, made({ saltLength: Number(algorithm.slice(2)) / 8 + 1 })),
    vector(false, `${algorithm}: the mask by another hash`, input, made({ maskHash: other })),
    vector(false, `${algorithm}: the mask by SHA-1`, input, made({ maskHash: 'sha1' })),
    vector(false, `${algorithm}: all by another hash`, input, otherHash),
    vector(false, `${algorithm}: another last byte`, input, made({ trailer: 0xcc })),
    vector(false, `${algorithm}: another separator`, input, made({ separator: 2 })),
  ];
}

const CURVE: Readonly<Record<string, { readonly order: bigint; readonly key: KeyObject; readonly bytes: number }>> = {
  ES256: {
    key: p256.privateKey,
    bytes: 32,
    order: 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n,
  },
  ES384: {
    key: p384.privateKey,
    bytes: 48,
    order: 0xffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973n,
  },
  ES512: {
    key: p521.privateKey,
    bytes: 66,
    order:
      6864797660130609714981900799081393217269435300143305409394463459185543183397655394245057746333217197532963996371363321113864768612440380340372808892707005449n,
  },
};

function ecdsa(algorithm: string): readonly Vector[] {
  const { order: n, key, bytes } = CURVE[algorithm] as (typeof CURVE)[string];
  const input = signedInput({ alg: algorithm }, CLAIMS);
  const good = signature(algorithm, key, input);
  const [r, s] = [good.subarray(0, bytes), good.subarray(bytes)];
  const number = (value: bigint): Buffer => Buffer.from(value.toString(16).padStart(bytes * 2, '0'), 'hex');
  const value = (buffer: Buffer): bigint => BigInt(`0x${buffer.toString('hex')}`);
  const edges: Readonly<Record<string, Buffer>> = {
    '0': number(0n),
    '1': number(1n),
    n: number(n),
    'n-1': number(n - 1n),
    'n+1': number(n + 1n),
    most: Buffer.alloc(bytes, 0xff),
  };
  const psychic = Object.entries(edges).flatMap(([left, a]) =>
    Object.entries(edges).map(([right, b]) =>
      vector(false, `${algorithm}: r=${left} s=${right}`, input, Buffer.concat([a, b])),
    ),
  );
  const halves = Object.entries(edges).flatMap(([name, edge]) => [
    vector(false, `${algorithm}: s=${name}`, input, Buffer.concat([r, edge])),
    vector(false, `${algorithm}: r=${name}`, input, Buffer.concat([edge, s])),
  ]);
  const der = (hash: string) => sign(hash, Buffer.from(input), key);
  const otherHash = hashOf(algorithm) === 'sha256' ? 'sha384' : 'sha256';
  const wrong: Readonly<Record<string, Buffer>> = {
    DER: der(hashOf(algorithm)),
    'DER in zeros': Buffer.concat([der(hashOf(algorithm)), Buffer.alloc(2 * bytes)]).subarray(0, 2 * bytes),
    'r and s changed round': Buffer.concat([s, r]),
    'r twice': Buffer.concat([r, r]),
    'another hash': sign(otherHash, Buffer.from(input), { key, dsaEncoding: 'ieee-p1363' }),
    'another hash, DER': der(otherHash),
    'a byte more each': Buffer.concat([Buffer.alloc(1), r, Buffer.alloc(1), s]),
    'little end first': Buffer.concat([Buffer.from(r).reverse(), Buffer.from(s).reverse()]),
  };
  const strangers = ['P-256', 'P-384', 'P-521', 'secp256k1'].map((namedCurve) => {
    const stranger = pair('ec', { namedCurve }).privateKey;
    const made = sign(hashOf(algorithm), Buffer.from(input), { key: stranger, dsaEncoding: 'ieee-p1363' });
    return vector(false, `${algorithm}: a stranger’s ${namedCurve}`, input, made);
  });
  return [
    ...psychic,
    ...halves,
    ...strangers,
    ...Object.entries(wrong).map(([name, made]) => vector(false, `${algorithm}: ${name}`, input, made)),
    // (r, -s) is as good as (r, s), by the mathematics: a signature is no name of a token.
    vector(true, `${algorithm}: the other s`, input, Buffer.concat([r, number(n - value(s))])),
  ];
}

function edwards(): readonly Vector[] {
  const input = signedInput({ alg: 'EdDSA' }, CLAIMS);
  const good = signature('EdDSA', ed25519.privateKey, input);
  const [r, s] = [good.subarray(0, 32), good.subarray(32)];
  const order = 2n ** 252n + 27742317777372353535851937790883648493n;
  const little = (value: bigint): Buffer => Buffer.from(value.toString(16).padStart(64, '0'), 'hex').reverse();
  const scalar = BigInt(`0x${Buffer.from(s).reverse().toString('hex')}`);
  const low = ['00'.repeat(32), `01${'00'.repeat(31)}`, `ec${'ff'.repeat(30)}7f`, `ed${'ff'.repeat(30)}7f`];
  const wrong: Readonly<Record<string, Buffer>> = {
    's + L': Buffer.concat([r, little(scalar + order)]),
    's + 2 L': Buffer.concat([r, little(scalar + 2n * order)]),
    's of L': Buffer.concat([r, little(order)]),
    's of 0': Buffer.concat([r, Buffer.alloc(32)]),
    'r and s changed round': Buffer.concat([s, r]),
    'another sign of R': Buffer.concat([changed(r, 31, 0x80), s]),
    Ed448: sign(null, Buffer.from(input), pair('ed448', {}).privateKey),
    'a stranger’s': sign(null, Buffer.from(input), pair('ed25519', {}).privateKey),
    'of the hash': sign(null, createHash('sha512').update(input).digest(), ed25519.privateKey),
  };
  return [
    ...Object.entries(wrong).map(([name, made]) => vector(false, `EdDSA: ${name}`, input, made)),
    ...low.map((point) =>
      vector(false, `EdDSA: R of small order ${point}`, input, Buffer.from(point.padEnd(128, '0'), 'hex')),
    ),
  ];
}

function macs(algorithm: string): readonly Vector[] {
  const input = signedInput({ alg: algorithm }, CLAIMS);
  const by = (hash: string, key: string | Buffer) => createHmac(hash, key).update(input).digest();
  const hash = hashOf(algorithm);
  const wrong: Readonly<Record<string, Buffer>> = {
    'another secret': by(hash, randomBytes(64)),
    'no secret': by(hash, ''),
    'a secret of zeros': by(hash, Buffer.alloc(64)),
    'the secret as it is written': by(hash, encoded(secret)),
    'the secret as hex': by(hash, secret.toString('hex')),
    'half the secret': by(hash, secret.subarray(0, 32)),
    'the secret and a byte': by(hash, Buffer.concat([secret, Buffer.from([1])])),
    'SHA-1': by('sha1', secret),
    MD5: by('md5', secret),
    'SHA3-256': by('sha3-256', secret),
    'a hash with the secret before': createHash(hash).update(secret).update(input).digest(),
    '80 bits': by(hash, secret).subarray(0, 10),
    '128 bits': by(hash, secret).subarray(0, 16),
  };
  return Object.entries(wrong).map(([name, made]) => vector(false, `${algorithm}: ${name}`, input, made));
}

/** The same signature under headers that mean something else, or nothing. */
function headers(): readonly Vector[] {
  const bad: Readonly<Record<string, string>> = {
    'alg in lower case': '{"alg":"rs256"}',
    'alg with a blank': '{"alg":"RS256 "}',
    'alg with NUL': '{"alg":"RS256\\u0000"}',
    'alg of full width': '{"alg":"\uff32S256"}',
    'a name in another case': '{"Alg":"RS256"}',
    'two algorithms': '{"alg":"RS256,HS256"}',
    'an object’s own prototype': '{"__proto__":{"alg":"RS256"}}',
    'a list': '["RS256"]',
    'a text': '"RS256"',
    null: 'null',
    nothing: ' ',
    'something behind': '{"alg":"RS256"}x',
    'two objects': '{"alg":"RS256"}{"alg":"none"}',
    'a comment': '{"alg":"RS256"/**/}',
    'a comma too many': '{"alg":"RS256",}',
    'single quotes': "{'alg':'RS256'}",
    'a byte order mark': '\ufeff{"alg":"RS256"}',
    'alg twice': '{"alg":"RS256","alg":"RS256"}',
    'crit a text': '{"alg":"RS256","crit":"exp"}',
    'crit null': '{"alg":"RS256","crit":null}',
    'crit of alg': '{"alg":"RS256","crit":["alg"]}',
    'b64 a text': '{"alg":"RS256","b64":"true"}',
    'b64 null': '{"alg":"RS256","b64":null}',
    'zip null': '{"alg":"RS256","zip":null}',
    'kid an object': '{"alg":"RS256","kid":{}}',
    'kid false': '{"alg":"RS256","kid":false}',
    'kid unknown': '{"alg":"RS256","kid":"unknown"}',
    'kid in another case': '{"alg":"RS256","kid":"RSA"}',
    'kid with a blank': '{"alg":"RS256","kid":"rsa "}',
    'kid of another key': '{"alg":"RS256","kid":"p256"}',
  };
  const good: Readonly<Record<string, string>> = {
    blanks: ' {\t"alg" : "RS256"\r\n} ',
    escapes: '{"\\u0061lg":"R\\u0053256"}',
    'names nobody knows': '{"alg":"RS256","x":{"alg":"none"},"typ":"at+jwt","cty":"x"}',
    'its kid': '{"alg":"RS256","kid":"rsa"}',
    'an empty kid': '{"alg":"RS256","kid":""}',
    'b64 true': '{"alg":"RS256","b64":true}',
  };
  const made =
    (ok: boolean) =>
    ([name, header]: readonly [string, string]): Vector => ({
      name: `header: ${name}`,
      token: signedToken('RS256', rsa.privateKey, CLAIMS, header),
      good: ok,
    });
  return [...Object.entries(bad).map(made(false)), ...Object.entries(good).map(made(true))];
}

function spellings(): readonly Vector[] {
  const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
  // Payloads of lengths that leave two, four and no idle bits.
  return ['a', 'ab', 'abc'].flatMap((sub) => {
    const token = signedToken('ES512', p521.privateKey, { ...CLAIMS, sub });
    const parts = token.split('.');
    const rewritten = (part: number, text: string): string =>
      parts.map((old, i) => (i === part ? text : old)).join('.');
    const idle = parts.flatMap((text, part) => {
      const idleBits = [0, 0, 4, 2][text.length % 4] as number;
      const last = letters.indexOf(text.at(-1) as string);
      return Array.from({ length: 2 ** idleBits - 1 }, (_, i) => ({
        name: `idle bits ${i + 1} in part ${part} of ${sub}`,
        token: rewritten(part, `${text.slice(0, -1)}${letters[last + i + 1]}`),
        good: false,
      }));
    });
    const others = parts.flatMap((text, part) =>
      Object.entries({
        padding: text.padEnd(Math.ceil(text.length / 4) * 4 + (text.length % 4 === 0 ? 4 : 0), '='),
        'other alphabet': text.replaceAll('-', '+').replaceAll('_', '/'),
        blank: `${text.slice(0, 2)} ${text.slice(2)}`,
        'twice encoded': encoded(text),
        'in lower case': text.toLowerCase(),
      }).map(([name, changedText]) => ({
        name: `${name} in part ${part} of ${sub}`,
        token: rewritten(part, changedText),
        good: changedText === text,
      })),
    );
    return [{ name: `as it is: ${sub}`, token, good: true }, ...idle, ...others];
  });
}

const FAMILIES: readonly (readonly [string, () => readonly Vector[]])[] = [
  ...ALGORITHMS.map((algorithm) => [`any algorithm’s, ${algorithm}`, () => common(algorithm)] as const),
  ['algorithms mistaken for each other', confused],
  ...['RS256', 'RS384', 'RS512'].map((algorithm) => [`PKCS #1, ${algorithm}`, () => pkcs1(algorithm)] as const),
  ...['PS256', 'PS384', 'PS512'].map((algorithm) => [`PSS, ${algorithm}`, () => pss(algorithm)] as const),
  ...['ES256', 'ES384', 'ES512'].map((algorithm) => [`ECDSA, ${algorithm}`, () => ecdsa(algorithm)] as const),
  ['EdDSA', edwards],
  ...['HS256', 'HS384', 'HS512'].map((algorithm) => [`HMAC, ${algorithm}`, () => macs(algorithm)] as const),
  ['headers', headers],
  ['spellings', spellings],
];

describe('signatures of tokens', () => {
  let upstreams: TestUpstreams;
  let gateway: TestGateway;
  const agent = new http.Agent({ keepAlive: true, maxSockets: 8 });

  beforeAll(async () => {
    upstreams = await startUpstreams(1);
    const kids = { rsa, p256, p384, p521, ed25519 };
    const keys = [
      ...Object.entries(kids).map(([kid, { publicKey }]) => ({ ...publicKey.export({ format: 'jwk' }), kid })),
      { kty: 'oct', k: encoded(secret), kid: 'secret' },
    ];
    gateway = await startGuarded(upstreams.ports[0] as number, [
      // An Ed25519 key ends the search at what cannot be its own, so it stands last (istio-semantics §6.1).
      {
        issuer: ISSUER,
        jwks: JSON.stringify({ keys: keys.sort((a, b) => Number(a.kid === 'ed25519') - Number(b.kid === 'ed25519')) }),
      },
    ]);
  });
  afterAll(async () => {
    agent.destroy();
    await gateway.close();
    upstreams.close();
  });

  it.each(FAMILIES)('%s', async (_name, make) => {
    const vectors = make();
    upstreams.seen[0] = 0;
    const verdicts = await Promise.all(
      vectors.map(async ({ name, token }) => {
        const { status } = await askGateway(gateway.port, '/', { authorization: `Bearer ${token}` }, agent);
        return `${name}: ${status === 200 ? 'accepted' : status}`;
      }),
    );
    expect(verdicts).toEqual(vectors.map(({ name, good }) => `${name}: ${good ? 'accepted' : 401}`));
    expect(upstreams.seen[0]).toBe(vectors.filter(({ good }) => good).length);
  });

  it('are as many as that', () => {
    const all = FAMILIES.flatMap(([, make]) => make());
    expect(all.filter(({ good }) => !good).length).toBeGreaterThan(850);
    expect(all.filter(({ good }) => good).length).toBeGreaterThan(30);
  });
});
