import { generateKeyPairSync } from 'node:crypto';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { authJwt } from '../../plugins/auth-jwt/index.ts';
import { authorization } from '../../plugins/authorization/index.ts';
import { cors } from '../../plugins/cors/index.ts';
import { rateLimits } from '../../plugins/rate-limit/index.ts';
import { requestId } from '../../plugins/request-id/index.ts';
import { tracing } from '../../plugins/tracing/index.ts';
import type { GatewayPlugin } from '../../src/contract/index.ts';
import { frame, startGateway, type TestGateway, virtualService } from '../support/gateway.ts';
import { signedToken } from './jws.ts';
import { requestAuthentication } from './jwt-support.ts';
import { exchange, NEVER_OVERLOADED, type RawAnswer, type RecordingUpstream, recordingUpstream } from './support.ts';

/*
 * Who a request is from, and what is told of it: C-03, S-03.04 and, for answers of our own and traces, G-01 and G-02 of
 * edge-security §1. (Log lines stand with the access log.)
 */

const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const token = signedToken('ES256', privateKey, { iss: 'login', sub: 'customer-17', role: 'user' });

const WORLD = `${requestAuthentication({
  issuer: 'login',
  jwks: JSON.stringify(publicKey.export({ format: 'jwk' })),
  outputPayloadToHeader: 'x-jwt-payload',
  outputClaimToHeaders: [
    { header: 'x-user-id', claim: 'sub' },
    { header: 'x-jwt-role', claim: 'role' },
  ],
})}
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: { name: guarded, namespace: istio-system }
spec:
  action: DENY
  rules:
    - to: [{ operation: { paths: ["/guarded", "/guarded/*"], notMethods: [OPTIONS] } }]
      from: [{ source: { notRequestPrincipals: ["*"] } }]
---
apiVersion: banyan.dev/v1alpha1
kind: RateLimit
metadata: { name: limits, namespace: istio-system }
spec: { rules: [{ name: none, per: gateway, match: { paths: [{ prefix: /limited }] }, limits: [{ requests: 0, window: 1h }] }] }
`;

const ROUTES = `- match: [{ uri: { prefix: /dead } }]
  route: [{ destination: { host: dead.test } }]
- corsPolicy: { allowOrigins: [{ exact: "https://app.example.com" }], allowMethods: [GET], allowCredentials: true }
  route: [{ destination: { host: shop.test } }]`;

let upstream: RecordingUpstream;
let gateway: TestGateway;
let collector: http.Server;
let traces = '';

beforeAll(async () => {
  upstream = await recordingUpstream({
    'access-control-allow-origin': '*',
    'access-control-allow-credentials': 'false',
    vary: 'Origin',
  });
  collector = http.createServer((request, response) => {
    request.setEncoding('utf8').on('data', (chunk: string) => {
      traces += chunk;
    });
    request.on('end', () => response.setHeader('content-type', 'application/json').end('{}'));
  });
  await new Promise<void>((resolve) => collector.listen(0, '127.0.0.1', resolve));
  const endpoint = `http://127.0.0.1:${(collector.address() as AddressInfo).port}`;
  const { rateLimit, identityRateLimit } = rateLimits({ redisUrl: undefined });
  gateway = await startGateway(
    frame({ shop: upstream.port, dead: 1 }) + virtualService('shop', ROUTES, '[shop.example.com]') + WORLD,
    {
      plugins: [
        requestId,
        tracing({ endpoint, samplingPercent: 100 }),
        rateLimit,
        authJwt,
        authorization,
        identityRateLimit,
        cors,
      ] as readonly GatewayPlugin[],
      overload: NEVER_OVERLOADED,
    },
  );
});
afterAll(async () => {
  await gateway.close();
  collector.closeAllConnections();
  collector.close();
  upstream.close();
});
beforeEach(() => {
  upstream.arrived.length = 0;
});

const HOST = 'Host: shop.example.com\r\n';
const ask = (target: string, headers = '', method = 'GET', host = HOST): Promise<RawAnswer> =>
  exchange(gateway.port, `${method} ${target} HTTP/1.1\r\n${host}${headers}\r\n`);
const linesOf = ({ head }: RawAnswer, name: string): readonly string[] =>
  head
    .split('\r\n')
    .filter((line) => line.toLowerCase().startsWith(`${name}:`))
    .map((line) => line.slice(name.length + 1).trim());
const sentUp = (name: string): readonly string[] =>
  (upstream.arrived[0]?.headers ?? []).filter(([line]) => line === name).map(([, value]) => value);

describe('C-03 a preflight', () => {
  const preflight = 'Origin: https://app.example.com\r\nAccess-Control-Request-Method: GET\r\n';

  it('needs no token where the real request does', async () => {
    const answer = await ask('/guarded', preflight, 'OPTIONS');
    expect(answer.status).toBe(200);
    expect(linesOf(answer, 'access-control-allow-origin')).toEqual(['https://app.example.com']);
    expect(linesOf(answer, 'access-control-allow-methods')).toEqual(['GET']);
    expect(upstream.arrived).toEqual([]);
    expect((await ask('/guarded', 'Origin: https://app.example.com\r\n')).status).toBe(403);
    expect((await ask('/guarded', `${preflight}Authorization: Bearer a.b.c\r\n`)).status).toBe(401);
    expect(upstream.arrived).toEqual([]);
  });

  it.each([
    ['without the method it asks for', 'Origin: https://app.example.com\r\n'],
    ['without an origin', 'Access-Control-Request-Method: GET\r\n'],
    ['with an empty origin', 'Origin: \r\nAccess-Control-Request-Method: GET\r\n'],
  ])('is none %s: a bad token is refused', async (_what, headers) => {
    expect((await ask('/guarded', `${headers}Authorization: Bearer a.b.c\r\n`, 'OPTIONS')).status).toBe(401);
  });

  it('carries no identity, even with a token', async () => {
    const headers = `${preflight.replace('app.', 'other.')}Authorization: Bearer ${token}\r\nX-User-Id: admin\r\n`;
    await ask('/guarded', headers, 'OPTIONS');
    for (const name of ['x-user-id', 'x-jwt-role', 'x-jwt-payload']) expect(sentUp(name)).toEqual([]);
  });

  it('is followed by an answer with one set of headers, the policy’s, though the service sends its own', async () => {
    const answer = await ask('/guarded', `Origin: https://app.example.com\r\nAuthorization: Bearer ${token}\r\n`);
    expect(answer.status).toBe(200);
    expect(linesOf(answer, 'access-control-allow-origin')).toEqual(['https://app.example.com']);
    expect(linesOf(answer, 'access-control-allow-credentials')).toEqual(['true']);
    expect(linesOf(answer, 'vary')).toEqual(['Origin']);
  });

  it.each([
    'https://app.example.com.evil',
    'https://evil-app.example.com',
    'HTTPS://APP.example.com',
    'https://app.example.com:444',
    'null',
  ])('of %s gets no word from the policy', async (origin) => {
    const answer = await ask('/open', `Origin: ${origin}\r\n`);
    expect(linesOf(answer, 'access-control-allow-origin')).toEqual(['*']);
    expect(linesOf(answer, 'access-control-allow-credentials')).toEqual(['false']);
  });
});

describe('S-03.04 names that we write', () => {
  const spellings = ['X-User-Id', 'x-user-id', 'X-USER-ID', 'x-UsEr-Id'].map((name) => `${name}: admin\r\n`);
  const others = 'X-Jwt-Role: admin\r\nX-Jwt-Payload: e30\r\nX-Forwarded-Client-Cert: By=spiffe://evil\r\n';

  it.each([
    ['a route without authentication', '/open', ''],
    ['a guarded one', '/guarded', `Authorization: Bearer ${token}\r\n`],
    ['one by a token in the query', `/guarded?access_token=${token}`, ''],
  ])('are never a client’s own on %s', async (_what, target, headers) => {
    for (const forged of [...spellings, spellings.join('')]) {
      upstream.arrived.length = 0;
      expect((await ask(target, forged + others + headers)).status).toBe(200);
      const verified = target !== '/open';
      expect(sentUp('x-user-id')).toEqual(verified ? ['customer-17'] : []);
      expect(sentUp('x-jwt-role')).toEqual(verified ? ['user'] : []);
      expect(sentUp('x-jwt-payload')).toEqual(verified ? [token.split('.')[1]] : []);
      expect(sentUp('x-forwarded-client-cert')).toEqual([]);
    }
  });

  it.each(['X_User_Id', 'x_user-id', 'X-User_Id'])('are refused as %s', async (name) => {
    expect((await ask('/open', `${name}: admin\r\n`)).status).toBe(400);
    expect(upstream.arrived).toEqual([]);
  });

  it('are taken off before a token is refused or a trailer can bring them', async () => {
    await exchange(
      gateway.port,
      `POST /open HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\nTrailer: x-user-id\r\n\r\n1\r\na\r\n0\r\nx-user-id: admin\r\n\r\n`,
    );
    expect(sentUp('x-user-id')).toEqual([]);
  });
});

const SECRET = 'hunter2hunter2';
const CREDENTIALS = [
  `Authorization: Bearer ${SECRET}.${SECRET}.${SECRET}\r\n`,
  `Authorization: Basic ${Buffer.from(`me:${SECRET}`).toString('base64')}\r\n`,
  `Cookie: session=${SECRET}\r\n`,
  `Proxy-Authorization: Basic ${SECRET}\r\n`,
  `X-Api-Key: ${SECRET}\r\n`,
];
const secretsIn = (text: string): readonly string[] =>
  [SECRET, Buffer.from(`me:${SECRET}`).toString('base64'), token].filter((secret) => text.includes(secret));

describe('G-02 credentials', () => {
  it.each([
    ['no route', '/x', 404, 'Host: nowhere.example.com\r\n'],
    ['a dead service', '/dead', 503, HOST],
    ['a limit', '/limited', 429, HOST],
    ['a path that is none', '/%00', 400, HOST],
    ['two hosts', '/', 400, `${HOST}Host: b.example.com\r\n`],
    ['a policy', '/guarded', 403, HOST],
  ] as const)('are in no answer of ours: %s', async (_what, path, status, host) => {
    const met: number[] = [];
    for (const credentials of CREDENTIALS)
      for (const query of [`?access_token=${SECRET}`, `?x=1&token=${SECRET}`, `?api_key=${SECRET}`]) {
        const answer = await ask(path + query, credentials, 'GET', host);
        met.push(answer.status);
        expect({ query, credentials, found: secretsIn(answer.head + answer.body) }).toEqual({
          query,
          credentials,
          found: [],
        });
      }
    // Of some of the pairs a token is the first thing that is wrong.
    expect(met.every((one) => one === status || one === 401)).toBe(true);
    expect(met).toContain(status);
  });

  it.each([
    ['headers that are too long', `X-Long: ${'x'.repeat(70_000)}\r\n`],
    ['a malformed line', 'X Y: 1\r\n'],
    ['two framings', 'Content-Length: 1\r\nTransfer-Encoding: chunked\r\n'],
  ])('are in no answer to %s', async (_what, headers) => {
    const answer = await ask(`/?access_token=${SECRET}`, CREDENTIALS.join('') + headers);
    expect(secretsIn(answer.head + answer.body)).toEqual([]);
  });

  it('are in no trace', async () => {
    traces = '';
    const targets = ['/open', '/guarded', '/dead', '/limited', '/x;access_token=S', '/x'].map((path) =>
      path.replace('S', SECRET),
    );
    for (const path of targets)
      for (const credentials of CREDENTIALS) await ask(`${path}?access_token=${SECRET}&code=${SECRET}`, credentials);
    await ask('/guarded', `Authorization: Bearer ${token}\r\nUser-Agent: x ${token}\r\n`);
    await ask(`/guarded?access_token=${token}`, `Cookie: a=${token}\r\nReferer: https://a.b/?token=${SECRET}\r\n`);
    await expect
      .poll(() => traces.split('"spanId"').length, { timeout: 5_000 })
      .toBeGreaterThan(targets.length * CREDENTIALS.length + 2);
    expect(secretsIn(traces)).toEqual([]);
    expect(traces).toContain('/guarded');
  });
});

describe('G-01 what a caller writes', () => {
  it.each([
    ['quotes and braces', '/"}{x'],
    ['escapes', '/%0d%0aSet-Cookie:%20a=b'],
    ['markup', '/<script>alert(1)</script>'],
    ['an escape sequence', '/%1b[31m'],
    ['a format', '/$%7bjndi:ldap://a}%s%n'],
  ])('is plain text in the answers it gets: %s', async (_what, target) => {
    const answer = await ask(target, `Authorization: Bearer a.b.c\r\nUser-Agent: ${target}\r\n`);
    expect(answer.status).toBe(401);
    const problem = JSON.parse(answer.body) as Record<string, unknown>;
    expect(problem).toMatchObject({ status: 401, type: 'urn:banyan:cause:jwt-invalid' });
    expect(answer.body.trimEnd()).not.toMatch(/[\n\r<\x1b]/);
    expect(linesOf(answer, 'set-cookie')).toEqual([]);
    const [challenge = ''] = linesOf(answer, 'www-authenticate');
    expect(challenge).toMatch(/^Bearer realm="[^"\\]*", error="invalid_token"$/);
  });

  it('in claims is plain text too', async () => {
    const odd = signedToken('ES256', privateKey, { iss: 'evil"}\r\n<script>', sub: 'a\u0000\u001b[31m' });
    const answer = await ask('/guarded', `Authorization: Bearer ${odd}\r\n`);
    expect(answer.status).toBe(401);
    expect(JSON.parse(answer.body)).toMatchObject({ status: 401 });
    expect(answer.head + answer.body).not.toMatch(/script|evil|\x1b|\x00/);
  });
});
