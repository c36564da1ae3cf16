import { generateKeyPairSync } from 'node:crypto';
import http2 from 'node:http2';
import net from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { TestGateway } from '../support/gateway.ts';
import { signedToken } from './jws.ts';
import { startGuarded } from './jwt-support.ts';
import { type RecordingUpstream, recordingUpstream } from './support.ts';

/* Whatever a request looks like, and however it came: without a good token none reaches a service (edge-security §1 J, S, F). */

const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const good = signedToken('ES256', privateKey, { iss: 'login', sub: 'customer-17' });
const HOST = 'Host: shop.example.com\r\n';

let upstream: RecordingUpstream;
let gateway: TestGateway;
beforeAll(async () => {
  upstream = await recordingUpstream();
  const jwks = JSON.stringify({ keys: [publicKey.export({ format: 'jwk' })] });
  gateway = await startGuarded(upstream.port, [
    { issuer: 'login', jwks, outputClaimToHeaders: [{ header: 'x-user', claim: 'sub' }] },
  ]);
});
afterAll(async () => {
  await gateway.close();
  upstream.close();
});
beforeEach(() => {
  upstream.arrived.length = 0;
});

/** Everything that comes back until the gateway ends the connection, or has nothing more to say. */
function talk(...parts: readonly string[]): Promise<string> {
  return new Promise((resolve) => {
    const socket = net.connect(gateway.port, '127.0.0.1');
    let got = '';
    let quiet = setTimeout(() => socket.destroy(), 1_500);
    socket.setEncoding('latin1').on('data', (chunk) => {
      got += chunk;
      clearTimeout(quiet);
      quiet = setTimeout(() => socket.destroy(), 150);
    });
    socket.on('error', () => {});
    socket.on('close', () => resolve(got));
    for (const part of parts) socket.write(Buffer.from(part, 'latin1'));
  });
}

const bearer = (token: string): string => `Authorization: Bearer ${token}\r\n`;

describe('a request without a good token', () => {
  const shapes: readonly (readonly [what: string, bytes: (credentials: string) => string])[] = [
    ['GET', (c) => `GET / HTTP/1.1\r\n${HOST}${c}\r\n`],
    ['HEAD', (c) => `HEAD / HTTP/1.1\r\n${HOST}${c}\r\n`],
    ['POST with a length', (c) => `POST / HTTP/1.1\r\n${HOST}${c}Content-Length: 4\r\n\r\nbody`],
    ['POST in chunks', (c) => `POST / HTTP/1.1\r\n${HOST}${c}Transfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n`],
    ['OPTIONS', (c) => `OPTIONS / HTTP/1.1\r\n${HOST}${c}\r\n`],
    ['OPTIONS *', (c) => `OPTIONS * HTTP/1.1\r\n${HOST}${c}\r\n`],
    ['a method nobody knows', (c) => `PROPFIND / HTTP/1.1\r\n${HOST}${c}\r\n`],
    ['TRACE', (c) => `TRACE / HTTP/1.1\r\n${HOST}${c}\r\n`],
    ['CONNECT', (c) => `CONNECT shop.example.com:80 HTTP/1.1\r\n${HOST}${c}\r\n`],
    ['an absolute target', (c) => `GET http://shop.example.com/ HTTP/1.1\r\n${HOST}${c}\r\n`],
    ['HTTP/1.0', (c) => `GET / HTTP/1.0\r\n${HOST}${c}\r\n`],
    ['a question first', (c) => `POST / HTTP/1.1\r\n${HOST}${c}Expect: 100-continue\r\nContent-Length: 4\r\n\r\nbody`],
    [
      'a WebSocket',
      (c) =>
        `GET / HTTP/1.1\r\n${HOST}${c}Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n`,
    ],
    [
      'another upgrade',
      (c) =>
        `GET / HTTP/1.1\r\n${HOST}${c}Connection: Upgrade\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n`,
    ],
    [
      'gRPC',
      (c) =>
        `POST /a.B/C HTTP/1.1\r\n${HOST}${c}Content-Type: application/grpc\r\nTE: trailers\r\nContent-Length: 0\r\n\r\n`,
    ],
    ['a path of slashes', (c) => `GET ///// HTTP/1.1\r\n${HOST}${c}\r\n`],
    ['a query alone', (c) => `GET /? HTTP/1.1\r\n${HOST}${c}\r\n`],
  ];

  it.each(shapes)('reaches no service: %s', async (_what, bytes) => {
    const others = `Cookie: session=${good}\r\nX-User: admin\r\n`;
    await Promise.all(['', bearer('a.b.c'), others].map((credentials) => talk(bytes(credentials))));
    expect(upstream.arrived).toEqual([]);
  });

  it('reaches none where a good one went before, on the same connection', async () => {
    const withToken = `GET /1 HTTP/1.1\r\n${HOST}${bearer(good)}\r\n`;
    const without = `GET /2 HTTP/1.1\r\n${HOST}\r\n`;
    const got = await talk(withToken + without + withToken.replace('/1', '/3'));
    expect(got.match(/HTTP\/1\.1 \d{3}/g)).toEqual(['HTTP/1.1 200', 'HTTP/1.1 403', 'HTTP/1.1 200']);
    expect(upstream.arrived.map(({ target }) => target)).toEqual(['/1', '/3']);
    upstream.arrived.length = 0;
    await talk(withToken, without, without, withToken.replace('/1', '/4'));
    expect(upstream.arrived.map(({ target }) => target)).toEqual(['/1', '/4']);
  });

  it('is not hidden in the body of a good one', async () => {
    const hidden = `GET /hidden HTTP/1.1\r\n${HOST}\r\n`;
    await talk(`POST /1 HTTP/1.1\r\n${HOST}${bearer(good)}Content-Length: ${hidden.length}\r\n\r\n${hidden}`);
    await talk(
      `POST /2 HTTP/1.1\r\n${HOST}${bearer(good)}Transfer-Encoding: chunked\r\n\r\n${hidden.length.toString(16)}\r\n${hidden}\r\n0\r\n\r\n`,
    );
    expect(upstream.arrived.map(({ target }) => target)).toEqual(['/1', '/2']);
  });

  it('has no token by a trailer', async () => {
    await talk(
      `POST / HTTP/1.1\r\n${HOST}Trailer: authorization\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nAuthorization: Bearer ${good}\r\n\r\n`,
    );
    expect(upstream.arrived).toEqual([]);
  });
});

describe('streams of one HTTP/2 connection', () => {
  async function ask(session: http2.ClientHttp2Session, headers: http2.OutgoingHttpHeaders): Promise<number> {
    return new Promise((resolve) => {
      const request = session.request({ ':path': '/', ':authority': 'shop.example.com', ...headers });
      request.on('response', (head) => resolve(Number(head[':status'])));
      request.on('error', () => resolve(0));
      request.on('close', () => resolve(0));
      request.resume();
    });
  }

  it('are judged one by one', async () => {
    const session = http2.connect(`http://127.0.0.1:${gateway.port}`);
    session.on('error', () => {});
    const token = { authorization: `Bearer ${good}` };
    const met = await Promise.all([
      ask(session, { ...token, ':path': '/1' }),
      ask(session, { ':path': '/2' }),
      ask(session, { authorization: 'Bearer a.b.c', ':path': '/3' }),
      ask(session, { ...token, ':path': '/4' }),
      ask(session, { ':path': '/5', 'x-user': 'admin' }),
      ask(session, { ':path': '/6', ':method': 'OPTIONS' }),
      ask(session, { ':path': '/7', 'content-type': 'application/grpc', ':method': 'POST' }),
    ]);
    session.destroy();
    // A gRPC caller is told by a trailer, under status 200.
    expect(met).toEqual([200, 403, 401, 200, 403, 403, 200]);
    expect(upstream.arrived.map(({ target }) => target).sort()).toEqual(['/1', '/4']);
  });
});
