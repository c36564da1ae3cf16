import { createHash, createHmac, type KeyObject, randomBytes, sign } from 'node:crypto';
import { encoded, hashOf, signature, signedInput } from './jws.ts';
import {
  digestInfo,
  digestInfoLongForm,
  digestInfoWithoutNull,
  padded,
  paddedShort,
  pssEncoded,
  rawSignature,
} from './rsa-encodings.ts';
import {
  ALGORITHMS,
  CLAIMS,
  changed,
  ed25519,
  keyFor,
  p256,
  p384,
  p521,
  pair,
  rsa,
  secret,
  type Vector,
  vector,
} from './vector-keys.ts';

/** What no algorithm may take. */
export function common(algorithm: string): readonly Vector[] {
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
export const confused = (): readonly Vector[] =>
  ALGORITHMS.flatMap((claimed) =>
    ALGORITHMS.map((made) => {
      const input = signedInput({ alg: claimed }, CLAIMS);
      return vector(claimed === made, `${claimed} over ${made}`, input, signature(made, keyFor(made), input));
    }),
  );

export function pkcs1(algorithm: string): readonly Vector[] {
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

export function pss(algorithm: string): readonly Vector[] {
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

export function ecdsa(algorithm: string): readonly Vector[] {
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

export function edwards(): readonly Vector[] {
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

export function macs(algorithm: string): readonly Vector[] {
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
