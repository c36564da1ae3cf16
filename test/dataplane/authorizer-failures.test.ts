import http2 from 'node:http2';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { ask, checking, closeAll, keep, saying, serve } from '../support/authorized.ts';
import { freePort } from '../support/gateway.ts';

afterEach(closeAll);

/** What goes wrong, and the word for it in the access log. */
const FAILURES: readonly (readonly [string, () => Promise<number>, RegExp])[] = [
  ['nobody listens', freePort, /ECONNREFUSED/],
  [
    'it is unavailable',
    async () => (await checking((_, done) => done({ code: 14, details: 'busy' }))).port,
    /grpc-status 14 busy/,
  ],
  ['it is hung', async () => (await checking(() => {})).port, /timeout/],
  ['its answer is huge', async () => (await saying({ status: { message: 'x'.repeat(2 ** 21) } })).port, /too large/],
  ['it knows no such method', () => rawServer((stream) => trailersOnly(stream, '12')), /grpc-status 12/],
  ['it answers garbage', () => rawServer((stream) => message(stream, frameOf([0x0a, 0x7f, 1]))), /malformed/],
  ['its message is cut', () => rawServer((stream) => message(stream, Buffer.from([0, 0, 0, 0, 9, 1]))), /one message/],
  [
    'its message is compressed',
    () => rawServer((stream) => message(stream, Buffer.from([1, 0, 0, 0, 0]))),
    /compressed/,
  ],
  ['it says nothing', () => rawServer((stream) => message(stream, Buffer.alloc(0))), /no message/],
  [
    'it ends without a status',
    () =>
      rawServer((stream) => {
        stream.respond(GRPC);
        stream.end(frameOf([]));
      }),
    /no grpc-status/,
  ],
  [
    'it is a website',
    () =>
      rawServer((stream) => {
        stream.respond({ ':status': 200, 'content-type': 'text/html' });
        stream.end('hi');
      }),
    /text\/html/,
  ],
  [
    'it is a broken website',
    () => rawServer((stream) => stream.respond({ ':status': 502 }, { endStream: true })),
    /HTTP status 502/,
  ],
  [
    'it breaks off',
    () => rawServer((stream) => stream.close(http2.constants.NGHTTP2_INTERNAL_ERROR)),
    /INTERNAL_ERROR/,
  ],
];

const GRPC = { ':status': 200, 'content-type': 'application/grpc' };
const frameOf = (bytes: readonly number[]): Buffer => Buffer.from([0, 0, 0, 0, bytes.length, ...bytes]);

const trailersOnly = (stream: http2.ServerHttp2Stream, code: string): void =>
  stream.respond({ ...GRPC, 'grpc-status': code }, { endStream: true });

function message(stream: http2.ServerHttp2Stream, body: Buffer): void {
  stream.respond(GRPC, { waitForTrailers: true });
  stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
  stream.end(body);
}

async function rawServer(answer: (stream: http2.ServerHttp2Stream) => void): Promise<number> {
  const server = http2.createServer();
  const sessions = new Set<http2.ServerHttp2Session>();
  server.on('session', (session) => sessions.add(session));
  server.on('stream', (stream) => {
    stream.on('error', () => {});
    answer(stream);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  keep({
    close() {
      for (const session of sessions) session.destroy();
      server.close();
    },
  });
  return (server.address() as AddressInfo).port;
}

describe('an authorizer over gRPC that cannot be asked', () => {
  it.each(FAILURES)('refuses, or lets pass where that is set: %s', async (_, start, reason) => {
    const port = await start();
    const strict = await serve(port, { timeout: '0.3s', statusOnError: '503' });
    const answer = await ask(strict.port);
    expect(answer.status).toBe(503);
    expect(strict.seen).toHaveLength(0);
    expect(strict.records[0]).toMatchObject({
      flags: ['UAEX'],
      details: 'ext_authz_error',
      upstreamFailure: expect.stringMatching(reason),
    });
    expect(answer.body).not.toMatch(reason);
    const open = await serve(port, { timeout: '0.3s', failOpen: true });
    expect((await ask(open.port)).body).toBe('served');
  });

  it('is not asked over HTTP/1.1, which its port says it speaks', async () => {
    const gateway = await serve((await saying({})).port, {}, { protocol: 'HTTP' });
    expect((await ask(gateway.port)).status).toBe(403);
    expect(gateway.records[0]?.upstreamFailure).toMatch(/must be GRPC or HTTP2/);
  });
});
