import { createHmac, generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto';
import { deflateRawSync } from 'node:zlib';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { TestGateway } from '../support/gateway.ts';
import { encoded, signature, signedInput, signedToken } from './jws.ts';
import { type KeyServer, keyServer, serving, startGuarded } from './jwt-support.ts';
import { exchange, type RawAnswer, type RecordingUpstream, recordingUpstream } from './support.ts';

/*
 * The J rows of edge-security §1 that a token makes, through a whole gateway whose one policy is that nobody passes
 * without a good token. What the rows about the servers of keys need stands in jwt-keys.test.ts.
 */

const ISSUER = 'https://login.example.com';
const PARTNER = 'https://partner.example.com';
const now = (): number => Math.floor(Date.now() / 1000);
const rsaKeys = () => generateKeyPairSync('rsa', { modulusLength: 2048 });
const curveKeys = () => generateKeyPairSync('ec', { namedCurve: 'P-256' });

const rsa = rsaKeys();
const curve = curveKeys();
const partner = rsaKeys();
const stranger = rsaKeys();
const jwkOf = (key: KeyObject, kid: string) => ({ ...key.export({ format: 'jwk' }), kid });

let upstream: RecordingUpstream;
let gateway: TestGateway;
/** What a token's own header may point at; nobody should. */
let lure: KeyServer;

beforeAll(async () => {
  upstream = await recordingUpstream();
  lure = await keyServer(serving(JSON.stringify({ keys: [jwkOf(stranger.publicKey, 'k1')] })));
  const keys = { keys: [jwkOf(rsa.publicKey, 'k1'), jwkOf(curve.publicKey, 'k2')] };
  gateway = await startGuarded(upstream.port, [
    {
      issuer: ISSUER,
      jwks: JSON.stringify(keys),
      audiences: ['shop'],
      outputClaimToHeaders: [
        { header: 'x-user', claim: 'sub' },
        { header: 'x-note', claim: 'note' },
        { header: 'x-proto', claim: '__proto__' },
      ],
      outputPayloadToHeader: 'x-payload',
      fromHeaders: [{ name: 'Authorization', prefix: 'Bearer ' }],
      fromParams: ['access_token'],
      fromCookies: ['session'],
    },
    { issuer: PARTNER, jwks: JSON.stringify({ keys: [jwkOf(partner.publicKey, 'k1')] }) },
  ]);
});
afterAll(async () => {
  await gateway.close();
  await lure.close();
  upstream.close();
});
beforeEach(() => {
  upstream.arrived.length = 0;
});

const CLAIMS = { iss: ISSUER, sub: 'customer-17', aud: 'shop' };
const good = (claims: object = {}, header: object = {}): string =>
  signedToken('RS256', rsa.privateKey, { ...CLAIMS, ...claims }, { alg: 'RS256', kid: 'k1', ...header });
const unsigned = (header: unknown, sign = ''): string => `${signedInput(header, CLAIMS)}.${sign}`;
const bySecret = (secret: string | Buffer, header: object = {}): string =>
  signedToken('HS256', Buffer.from(secret), CLAIMS, { alg: 'HS256', ...header });
const byStranger = (header: object): string =>
  signedToken('RS256', stranger.privateKey, CLAIMS, { alg: 'RS256', ...header });

const ask = (headers: string, target = '/'): Promise<RawAnswer> =>
  exchange(gateway.port, `GET ${target} HTTP/1.1\r\nHost: shop.example.com\r\n${headers}\r\n`);
const bring = (token: string): Promise<RawAnswer> => ask(`Authorization: Bearer ${token}\r\n`);
const arrivedWith = (name: string): readonly string[] =>
  (upstream.arrived[0]?.headers ?? []).filter(([line]) => line === name).map(([, value]) => value);

type Row = readonly [row: string, what: string, token: () => string];

async function expectRefused(answer: Promise<RawAnswer>, statuses: readonly number[] = [401]): Promise<void> {
  const { status, body } = await answer;
  expect(statuses).toContain(status);
  expect(body).not.toContain('answer of the service');
  expect(upstream.arrived).toEqual([]);
}

describe('a good token', () => {
  it.each<Row>([
    ['J-01', 'RS256', () => good()],
    ['J-01', 'ES256', () => signedToken('ES256', curve.privateKey, CLAIMS, { alg: 'ES256', kid: 'k2' })],
    ['J-01', 'PS256', () => signedToken('PS256', rsa.privateKey, CLAIMS, { alg: 'PS256' })],
    ['J-04', 'with a jku that nobody asks', () => good({}, { jku: lure.url })],
    ['J-04', 'with an x5c of its own', () => good({}, { x5c: ['MIIB'], x5t: 'abc' })],
    ['J-04', 'with a stranger’s jwk', () => good({}, { jwk: jwkOf(stranger.publicKey, 'k1') })],
    ['J-05', 'without a kid', () => signedToken('RS256', rsa.privateKey, CLAIMS)],
    ['J-09', 'with equal names in different objects', () => good({ org: { sub: 'a' }, act: { sub: 'b' } })],
    ['J-10', 'that ended 50 s ago', () => good({ exp: now() - 50 })],
    ['J-10', 'that begins in 50 s', () => good({ nbf: now() + 50 })],
    ['J-10', 'whose times have fractions', () => good({ exp: now() + 60.5, iat: now() - 0.25 })],
    ['J-11', 'with one of several audiences', () => good({ aud: ['till', 'shop'] })],
    ['J-11', 'with the audience as an address', () => good({ aud: 'https://shop/' })],
    ['J-12', 'of the partner', () => signedToken('RS256', partner.privateKey, { iss: PARTNER, sub: 'p' })],
    ['J-14', 'of 9 kB', () => good({ long: 'x'.repeat(9_000) })],
  ])('%s passes: %s', async (_row, _what, token) => {
    expect((await bring(token())).status).toBe(200);
    expect(upstream.arrived).toHaveLength(1);
    expect(lure.asked).toEqual([]);
  });
});

/** The issuer's public keys, as texts and bytes that somebody may take for a secret. */
function publicTexts(): readonly (readonly [string, string | Buffer])[] {
  return [rsa.publicKey, curve.publicKey].flatMap((key) => {
    const pem = key.export({ type: 'spki', format: 'pem' }).toString();
    const jwk = JSON.stringify(key.export({ format: 'jwk' }));
    return [
      ['PEM', pem],
      ['PEM without its last line end', pem.trimEnd()],
      ['PEM with a leading space', ` ${pem}`],
      ['PEM with CR LF', pem.replaceAll('\n', '\r\n')],
      ['DER', key.export({ type: 'spki', format: 'der' })],
      ['base64 of DER', key.export({ type: 'spki', format: 'der' }).toString('base64')],
      ['JWK text', jwk],
      ['JWK text with a leading space', ` ${jwk}`],
      ['modulus or point', key.export({ format: 'jwk' }).n ?? key.export({ format: 'jwk' }).x ?? ''],
    ] as const;
  });
}

describe('keys and algorithms', () => {
  it.each<Row>([
    ['J-01', 'alg none', () => unsigned({ alg: 'none' })],
    ['J-01', 'alg none with a signature', () => unsigned({ alg: 'none' }, encoded('x'))],
    ['J-01', 'alg nOnE', () => unsigned({ alg: 'nOnE' }, encoded('x'))],
    ['J-01', 'alg NONE', () => unsigned({ alg: 'NONE' }, encoded('x'))],
    ['J-01', 'alg empty', () => unsigned({ alg: '' }, encoded('x'))],
    ['J-02', 'an empty signature', () => unsigned({ alg: 'RS256', kid: 'k1' })],
    ['J-02', 'no alg', () => unsigned({ kid: 'k1' }, encoded('x'))],
    ['J-02', 'alg null', () => unsigned({ alg: null }, encoded('x'))],
    ['J-02', 'alg a list', () => unsigned({ alg: ['RS256'] }, encoded('x'))],
    ['J-02', 'alg a number', () => unsigned({ alg: 256 }, encoded('x'))],
    ['J-02', 'alg an object', () => unsigned({ alg: { alg: 'RS256' } }, encoded('x'))],
    [
      'J-02',
      'a good token under an alg list',
      () => signedToken('RS256', rsa.privateKey, CLAIMS, { alg: ['RS256'], kid: 'k1' }),
    ],
  ])('%s refuses %s', (_row, _what, token) => expectRefused(bring(token())));

  it.each(publicTexts())('J-03 never takes a public key for a secret: %s', async (_what, text) => {
    await expectRefused(bring(bySecret(text)));
    await expectRefused(bring(bySecret(text, { kid: 'k1' })));
    await expectRefused(bring(bySecret(text, { kid: 'k2' })));
  });

  it.each<Row>([
    ['J-04', 'jwk', () => byStranger({ jwk: jwkOf(stranger.publicKey, 'k1') })],
    ['J-04', 'jwk with a known kid', () => byStranger({ kid: 'k1', jwk: jwkOf(stranger.publicKey, 'k1') })],
    ['J-04', 'jku', () => byStranger({ kid: 'k1', jku: lure.url })],
    ['J-04', 'jku and an unknown kid', () => byStranger({ kid: 'new', jku: lure.url })],
    ['J-04', 'x5u', () => byStranger({ x5u: lure.url })],
    ['J-04', 'x5u of a file', () => byStranger({ x5u: 'file:///etc/passwd' })],
    [
      'J-04',
      'x5c',
      () => byStranger({ x5c: [stranger.publicKey.export({ type: 'spki', format: 'der' }).toString('base64')] }),
    ],
    ['J-05', 'a kid that is a path', () => bySecret('', { kid: '../../../../../../dev/null' })],
    ['J-05', 'a kid that is a path, with zeros', () => bySecret(Buffer.alloc(32), { kid: '/dev/zero' })],
    ['J-05', 'a kid of SQL', () => bySecret('x', { kid: "x' UNION SELECT 'x';--" })],
    ['J-05', 'a kid that is an address', () => byStranger({ kid: lure.url })],
    ['J-05', 'a kid of 10 kB', () => byStranger({ kid: 'k'.repeat(10_000) })],
    ['J-05', 'a kid with NUL', () => byStranger({ kid: 'k1\u0000' })],
    ['J-05', 'a kid that is a number', () => good({}, { kid: 1 })],
    ['J-05', 'a kid that is a list', () => good({}, { kid: ['k1'] })],
    ['J-05', 'a kid that is null', () => good({}, { kid: null })],
    ['J-05', 'a kid of an inherited name', () => byStranger({ kid: '__proto__' })],
    ['J-07', 'crit b64', () => good({}, { crit: ['b64'], b64: false })],
    ['J-07', 'b64 false alone', () => good({}, { b64: false })],
    ['J-07', 'an unknown crit', () => good({}, { crit: ['x-unknown'], 'x-unknown': 1 })],
    ['J-07', 'crit of exp', () => good({}, { crit: ['exp'], exp: 1 })],
    ['J-07', 'an empty crit', () => good({}, { crit: [] })],
    ['J-12', 'of one issuer by the other’s key', () => signedToken('RS256', partner.privateKey, CLAIMS)],
    [
      'J-12',
      'the same with the kid that both have',
      () => signedToken('RS256', partner.privateKey, CLAIMS, { alg: 'RS256', kid: 'k1' }),
    ],
    ['J-12', 'the other way round', () => good({ iss: PARTNER })],
    ['J-12', 'of nobody', () => good({ iss: undefined })],
  ])('%s refuses %s, and asks nobody', async (_row, _what, token) => {
    await expectRefused(bring(token()));
    expect(lure.asked).toEqual([]);
  });

  it.each(['zeros', 'order', 'DER', 'nothing'])('J-06 takes %s for no ECDSA signature', async (what) => {
    const input = signedInput({ alg: 'ES256', kid: 'k2' }, CLAIMS);
    const order = Buffer.from('ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551', 'hex');
    const der = (await import('node:crypto')).sign('sha256', Buffer.from(input), curve.privateKey);
    const bytes = { zeros: Buffer.alloc(64), order: Buffer.concat([order, order]), DER: der, nothing: Buffer.alloc(0) };
    await expectRefused(bring(`${input}.${encoded(bytes[what as keyof typeof bytes])}`));
  });
});

/** One part of a good token written another way. */
function respelled(part: 0 | 1 | 2, change: (text: string) => string): string {
  return good()
    .split('.')
    .map((text, i) => (i === part ? change(text) : text))
    .join('.');
}

/** `+/+/`, which is `-_-_` in the alphabet of tokens. */
const FOREIGN = Buffer.from([0xfb, 0xff, 0xbf]).toString('base64');

describe('J-08 the form', () => {
  const changes: readonly (readonly [string, (text: string) => string])[] = [
    ['padding', (text) => `${text}=`],
    ['double padding', (text) => `${text}==`],
    ['a blank inside', (text) => `${text.slice(0, 3)} ${text.slice(3)}`],
    ['a tab inside', (text) => `${text.slice(0, 3)}\t${text.slice(3)}`],
    ['a foreign alphabet', (text) => text.slice(0, 4) + FOREIGN + text.slice(4)],
    ['a percent escape', (text) => `%${text.charCodeAt(0).toString(16)}${text.slice(1)}`],
    ['a comma', (text) => `${text},`],
    ['a letter too many', (text) => `${text}A`],
    ['nothing', () => ''],
  ];
  it.each(([0, 1, 2] as const).flatMap((part) => changes.map(([what, change]) => [part, what, change] as const)))(
    'refuses part %i with %s',
    (part, _what, change) => expectRefused(bring(respelled(part, change)), [400, 401]),
  );

  it.each(['%0a', '%0d%0a', '%00', '%20', '+', '%3d'])('refuses one with %s in the query', async (junk) => {
    const token = good();
    for (const at of [0, 5, token.length])
      await expectRefused(ask('', `/?access_token=${token.slice(0, at)}${junk}${token.slice(at)}`), [400, 401]);
  });

  it('refuses idle bits that are not zero', async () => {
    const input = signedInput({ alg: 'ES256', kid: 'k2' }, CLAIMS);
    // 64 bytes end with a letter of which two bits count.
    const text = encoded(signature('ES256', curve.privateKey, input));
    const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
    const last = letters.indexOf(text.at(-1) as string);
    for (const idle of [1, 7, 15])
      await expectRefused(bring(`${input}.${text.slice(0, -1)}${letters[last + idle]}`), [401]);
    expect((await bring(`${input}.${text}`)).status).toBe(200);
  });

  it.each([
    ['a fourth part', () => `${good()}.`],
    ['a fifth part', () => `${good()}.x.y`],
    ['a leading dot', () => `.${good()}`],
    ['two parts', () => good().split('.').slice(0, 2).join('.')],
    ['JSON serialization', () => JSON.stringify({ payload: encoded(CLAIMS), signatures: [] })],
  ])('refuses %s', (_what, token) => expectRefused(bring(token())));
});

const rawClaims = (text: string): string => signedToken('RS256', rsa.privateKey, text, { alg: 'RS256', kid: 'k1' });
const rawHeader = (text: string): string => signedToken('RS256', rsa.privateKey, CLAIMS, text);
const withClaim = (text: string): string => rawClaims(`{"iss":"${ISSUER}","aud":"shop","sub":"a",${text}}`);

describe('claims', () => {
  it.each<Row>([
    ['J-09', 'alg twice', () => rawHeader('{"alg":"none","alg":"RS256"}')],
    ['J-09', 'alg twice, once in escapes', () => rawHeader('{"alg":"none","\\u0061lg":"RS256"}')],
    ['J-09', 'kid twice', () => rawHeader('{"alg":"RS256","kid":"x","kid":"k1"}')],
    ['J-09', 'sub twice', () => withClaim('"sub":"b"')],
    ['J-09', 'sub twice, equal', () => withClaim('"sub":"a"')],
    ['J-09', 'exp twice', () => withClaim('"exp":1,"exp":4102444800')],
    ['J-09', 'a name twice further in', () => withClaim('"org":{"id":1,"id":2}')],
    ['J-10', 'exp 70 s ago', () => good({ exp: now() - 70 })],
    ['J-10', 'nbf in 70 s', () => good({ nbf: now() + 70 })],
    ['J-10', 'exp a text', () => good({ exp: String(now() + 60) })],
    ['J-10', 'exp a word', () => good({ exp: 'never' })],
    ['J-10', 'exp null', () => good({ exp: null })],
    ['J-10', 'exp a list', () => good({ exp: [now() + 60] })],
    ['J-10', 'exp true', () => good({ exp: true })],
    ['J-10', 'exp negative', () => good({ exp: -1 })],
    ['J-10', 'exp of long ago, with a fraction', () => good({ exp: 1.5 })],
    ['J-10', 'exp 1e308', () => withClaim('"exp":1e308')],
    ['J-10', 'exp 1e999', () => withClaim('"exp":1e999')],
    ['J-10', 'nbf a text', () => good({ nbf: '0' })],
    ['J-10', 'nbf 1e308', () => withClaim('"nbf":1e308')],
    ['J-10', 'iat negative', () => good({ iat: -5 })],
    ['J-10', 'iat a text', () => good({ iat: 'now' })],
    ['J-11', 'iss with a slash', () => good({ iss: `${ISSUER}/` })],
    ['J-11', 'iss in another case', () => good({ iss: ISSUER.toUpperCase() })],
    ['J-11', 'iss that begins alike', () => good({ iss: `${ISSUER}.evil.example` })],
    ['J-11', 'the beginning of iss', () => good({ iss: ISSUER.slice(0, -1) })],
    ['J-11', 'iss a list', () => good({ iss: [ISSUER] })],
    ['J-11', 'iss with NUL', () => good({ iss: `${ISSUER}\u0000` })],
    ['J-13', 'a token in a token', () => rawClaims(good())],
    ['J-13', 'a token in a token, as text', () => rawClaims(JSON.stringify(good()))],
    [
      'J-13',
      'zip',
      () =>
        signedToken('RS256', rsa.privateKey, deflateRawSync(JSON.stringify(CLAIMS)), {
          alg: 'RS256',
          kid: 'k1',
          zip: 'DEF',
        }),
    ],
    ['J-13', 'zip of what is not compressed', () => good({}, { zip: 'DEF' })],
    [
      'J-13',
      'an encrypted one',
      () => [encoded({ alg: 'dir', enc: 'A256GCM' }), '', encoded('iv'), encoded('text'), encoded('tag')].join('.'),
    ],
    [
      'J-13',
      'one encrypted by password, ten thousand million times',
      () =>
        [
          encoded({ alg: 'PBES2-HS256+A128KW', enc: 'A128GCM', p2c: 1e9, p2s: 'AAAA' }),
          encoded('k'),
          encoded('iv'),
          encoded('t'),
          encoded('g'),
        ].join('.'),
    ],
    ['J-13', 'PBES2 in three parts', () => unsigned({ alg: 'PBES2-HS256+A128KW', p2c: 1e9 }, encoded('x'))],
    ['J-14', 'nested 10 000 deep', () => rawClaims(`{"a":${'['.repeat(10_000)}${']'.repeat(10_000)}}`)],
    [
      'J-14',
      'a header nested deep',
      () => rawHeader(`{"alg":"RS256","a":${'{"a":'.repeat(3_000)}1${'}'.repeat(3_001)}`),
    ],
    ['J-14', '9 kB of nothing', () => 'a'.repeat(9_000)],
    ['J-14', '9 kB of a payload', () => `${encoded({ alg: 'RS256' })}.${encoded(randomBytes(6_000))}.${encoded('x')}`],
    ['J-14', '9 kB of a signature', () => unsigned({ alg: 'RS256', kid: 'k1' }, encoded(randomBytes(6_000)))],
    ['J-14', '9 kB of dots', () => '.'.repeat(9_000)],
  ])('%s refuses %s', (_row, _what, token) => expectRefused(bring(token())));

  it.each<Row>([
    ['J-11', 'another audience', () => good({ aud: 'till' })],
    ['J-11', 'an empty list of audiences', () => good({ aud: [] })],
    ['J-11', 'no audience', () => good({ aud: undefined })],
    ['J-11', 'an audience that begins alike', () => good({ aud: 'shopping' })],
    ['J-11', 'an audience in another case', () => good({ aud: 'Shop' })],
    ['J-11', 'an empty audience', () => good({ aud: '' })],
  ])('%s refuses %s by 403', (_row, _what, token) => expectRefused(bring(token()), [403]));

  it.each<Row>([
    ['J-11', 'nested audiences', () => good({ aud: [['shop']] })],
    ['J-11', 'audiences with a number', () => good({ aud: ['shop', 7] })],
    ['J-11', 'an audience that is an object', () => good({ aud: { shop: true } })],
  ])('%s refuses %s as malformed', (_row, _what, token) => expectRefused(bring(token())));

  it.each([64_000, 1_000_000])('J-14 refuses a token of %i bytes before it is read', (size) =>
    expectRefused(bring('a'.repeat(size)), [431, 0]),
  );
});

describe('J-15 several tokens, and odd places', () => {
  it.each([
    [
      'two lines of Authorization',
      (t: string) => [`Authorization: Bearer ${t}\r\nAuthorization: Bearer ${t}\r\n`, '/'],
    ],
    [
      'a good line and a bad one',
      (t: string) => [`Authorization: Bearer ${t}\r\nAuthorization: Bearer x.y.z\r\n`, '/'],
    ],
    ['a good header, a bad parameter', (t: string) => [`Authorization: Bearer ${t}\r\n`, '/?access_token=a.b.c']],
    ['a bad header, a good parameter', (t: string) => ['Authorization: Bearer a.b.c\r\n', `/?access_token=${t}`]],
    ['a good header, a bad cookie', (t: string) => [`Authorization: Bearer ${t}\r\nCookie: session=a.b.c\r\n`, '/']],
    ['an empty parameter beside a good header', (t: string) => [`Authorization: Bearer ${t}\r\n`, '/?access_token=']],
    ['two parameters, the first bad', (t: string) => ['', `/?access_token=a.b.c&access_token=${t}`]],
    ['two in one header', (t: string) => [`Authorization: Bearer ${t}, Bearer ${t}\r\n`, '/']],
  ] as const)('refuses %s', async (_what, request) => {
    const [headers = '', target] = request(good());
    await expectRefused(ask(headers, target), [400, 401]);
  });

  it.each(['bearer ', 'BEARER ', 'Bearer,', 'Bearer\t', 'Bearer', 'Basic ', 'JWT ', ''])(
    'finds no token behind “%s”, and lets nobody pass without',
    (scheme) => expectRefused(ask(`Authorization: ${scheme}${good()}\r\n`), [401, 403]),
  );

  it.each([
    ['no token', ''],
    ['a token in another header', 'X-Token'],
  ])('lets nobody pass with %s', (_what, name) =>
    expectRefused(ask(name === '' ? '' : `${name}: ${good()}\r\n`), [403]),
  );

  it.each(['session', '"session"'])('finds the one in a cookie, and not by the name %s in quotes', async (name) => {
    const { status } = await ask(`Cookie: a=b; ${name}=${good()}\r\n`);
    expect(status).toBe(name === 'session' ? 200 : 403);
  });
});

describe('J-16 claims in headers', () => {
  it.each(['a\r\nx-admin: 1', 'a\nb', 'a\u0000b', 'a\u007fb', '\r'])('refuses %j, which no header carries', (note) =>
    expectRefused(bring(good({ note })), [503]),
  );

  it.each([
    ['a list', ['a', 'b\r\nx-admin: 1'], Buffer.from(JSON.stringify(['a', 'b\r\nx-admin: 1'])).toString('base64')],
    ['an object', { a: '"\r\n' }, Buffer.from(JSON.stringify({ a: '"\r\n' })).toString('base64')],
    ['a text', 'a b', 'a b'],
    ['a text beyond ASCII', 'Zoë', Buffer.from('Zoë').toString('latin1')],
    ['4 kB', 'x'.repeat(4_000), 'x'.repeat(4_000)],
  ])('writes %s in one line', async (_what, note, written) => {
    expect((await bring(good({ note }))).status).toBe(200);
    expect(arrivedWith('x-note')).toEqual([written]);
    expect(arrivedWith('x-admin')).toEqual([]);
  });

  it('refuses 100 kB before it is read', () => expectRefused(bring(good({ note: 'x'.repeat(100_000) })), [431, 0]));

  it('writes nothing of what all objects inherit', async () => {
    expect((await bring(good())).status).toBe(200);
    expect(arrivedWith('x-proto')).toEqual([]);
    expect((await bring(rawClaims(JSON.stringify(CLAIMS).replace('{', '{"__proto__":"owned",')))).status).toBe(200);
    expect(upstream.arrived[1]?.headers.filter(([name]) => name === 'x-proto')).toEqual([['x-proto', 'owned']]);
  });

  it('writes no client’s own line, with a token or without (S-03.04)', async () => {
    const forged = 'X-User: admin\r\nx-note: forged\r\nX-PAYLOAD: forged\r\n';
    await ask(`${forged}Authorization: Bearer ${good()}\r\n`);
    expect([arrivedWith('x-user'), arrivedWith('x-note')]).toEqual([['customer-17'], []]);
    expect(arrivedWith('x-payload')).toEqual([good().split('.')[1]]);
    expect(arrivedWith('authorization')).toEqual([]);
    const hidden = 'Connection: close, x-user\r\nX-User: admin\r\n';
    upstream.arrived.length = 0;
    await ask(`${hidden}Authorization: Bearer ${good()}\r\n`);
    expect(arrivedWith('x-user')).toEqual(['customer-17']);
  });
});

it('a secret of the issuer’s is not one of another’s (J-03 with a shared secret)', async () => {
  const secret = randomBytes(32);
  const guarded = await startGuarded(upstream.port, [
    { issuer: ISSUER, jwks: JSON.stringify({ keys: [{ kty: 'oct', k: encoded(secret), kid: 's' }] }) },
  ]);
  const send = (token: string): Promise<RawAnswer> =>
    exchange(guarded.port, `GET / HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${token}\r\n\r\n`);
  try {
    expect((await send(signedToken('HS256', secret, CLAIMS))).status).toBe(200);
    expect((await send(signedToken('HS256', randomBytes(32), CLAIMS))).status).toBe(401);
    const input = signedInput({ alg: 'HS256' }, CLAIMS);
    const half = createHmac('sha256', secret).update(input).digest().subarray(0, 16);
    expect((await send(`${input}.${encoded(half)}`)).status).toBe(401);
  } finally {
    await guarded.close();
  }
});
