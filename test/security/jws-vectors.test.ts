import http from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TestGateway } from '../support/gateway.ts';
import { askGateway, startUpstreams, type TestUpstreams } from '../support/upstreams.ts';
import { encoded } from './jws.ts';
import { startGuarded } from './jwt-support.ts';
import { common, confused, ecdsa, edwards, macs, pkcs1, pss } from './signature-vectors.ts';
import { headers, spellings } from './spelling-vectors.ts';
import { ALGORITHMS, ed25519, ISSUER, p256, p384, p521, rsa, secret, type Vector } from './vector-keys.ts';

/*
 * Vectors in the manner of Wycheproof's, made here: signatures that are right, and such as are wrong in one thing each
 * (edge-security J-01 to J-08, J-22), all through one gateway whose one policy is that nobody passes without a good token.
 */
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
