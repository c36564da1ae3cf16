import http from 'node:http';
import http2 from 'node:http2';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { frame, startGateway, type TestGateway, virtualService } from '../support/gateway.ts';

let upstream: http2.Http2Server;
let gateway: TestGateway;

const FRAME = '\0\0\0\0\x02hi';

beforeAll(async () => {
  upstream = http2.createServer();
  upstream.on('stream', (stream: http2.ServerHttp2Stream, headers) => {
    const chunks: Buffer[] = [];
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    stream.on('end', () => {
      const seen = `${headers['content-type']} ${headers['te']} ${Buffer.concat(chunks).toString('latin1')}`;
      const path = headers[':path'] ?? '';
      if (path === '/error') {
        stream.respond({ ':status': 200, 'content-type': 'application/grpc', 'grpc-status': '7' }, { endStream: true });
      } else if (path === '/page') {
        stream.respond({ ':status': 503, 'content-type': 'text/html' });
        stream.end('<p>down & out</p>');
      } else {
        stream.respond(
          { ':status': 200, 'content-type': 'application/grpc', 'x-seen': encodeURIComponent(seen) },
          { waitForTrailers: true },
        );
        stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
        stream.end(Buffer.from(FRAME, 'latin1'));
      }
    });
  });
  await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve));
  const { port } = upstream.address() as AddressInfo;
  const rules = `
- match: [{ uri: { prefix: /gone } }]
  route: [{ destination: { host: gone.test } }]
- match: [{ uri: { prefix: /text } }]
  directResponse: { status: 403, body: { string: not here } }
- match: [{ uri: { prefix: /none } }, { uri: { prefix: /nothing } }]
  route: [{ destination: { host: web.test, port: { number: 81 } } }]
- match: [{ uri: { prefix: /ok } }, { uri: { prefix: /error } }, { uri: { prefix: /page } }]
  route: [{ destination: { host: web.test } }]`;
  const resources = frame({ web: port }, 'HTTP2').replace('protocol: HTTP }', 'protocol: grpc-web }');
  const empty = `
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: gone }
spec: { hosts: [gone.test], resolution: STATIC, ports: [{ number: 80, name: main, protocol: HTTP }], endpoints: [] }`;
  gateway = await startGateway(resources + empty + virtualService('all', rules));
});
afterAll(async () => {
  await gateway.close();
  upstream.close();
});

function ask(path: string, headers: http.OutgoingHttpHeaders, body: string) {
  return new Promise<{ status: number | undefined; headers: http.IncomingHttpHeaders; body: string }>(
    (resolve, reject) => {
      const request = http.request({ port: gateway.port, path, method: 'POST', agent: false, headers }, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () =>
          resolve({
            status: response.statusCode,
            headers: response.headers,
            body: Buffer.concat(chunks).toString('latin1'),
          }),
        );
      });
      request.on('error', reject);
      request.end(Buffer.from(body, 'latin1'));
    },
  );
}

const BINARY = { 'content-type': 'application/grpc-web' };
const TEXT = { 'content-type': 'application/grpc-web-text', accept: 'application/grpc-web-text' };
const TRAILERS = '\x80\0\0\0\x0fgrpc-status:0\r\n';

describe('a server that translates gRPC-Web', () => {
  it('sends gRPC on, and brings the trailers in the body', async () => {
    const answer = await ask('/ok', BINARY, FRAME);
    expect(decodeURIComponent(String(answer.headers['x-seen']))).toBe(`application/grpc trailers ${FRAME}`);
    expect(answer.headers['content-type']).toBe('application/grpc-web+proto');
    expect(answer.body).toBe(FRAME + TRAILERS);
  });

  it('speaks base64 with those who ask for it', async () => {
    const answer = await ask('/ok', TEXT, btoa(FRAME));
    expect(decodeURIComponent(String(answer.headers['x-seen']))).toBe(`application/grpc trailers ${FRAME}`);
    expect(answer.headers['content-type']).toBe('application/grpc-web-text+proto');
    expect(answer.body).toBe(btoa(FRAME) + btoa(TRAILERS));
  });

  it('refuses a text body that is no base64', async () => {
    expect(await ask('/ok', TEXT, '????')).toMatchObject({ status: 400 });
    expect(await ask('/ok', TEXT, 'abcde')).toMatchObject({ status: 400 });
  });

  it('leaves an answer without a body in its head', async () => {
    const answer = await ask('/error', BINARY, FRAME);
    expect(answer).toMatchObject({ status: 200, body: '' });
    expect(answer.headers).toMatchObject({ 'content-type': 'application/grpc-web+proto', 'grpc-status': '7' });
  });

  it.each([
    ['/page', 503, '14', '<p>down & out</p>'],
    ['/gone', 503, '14', 'The service has no healthy endpoint.'],
    ['/text', 403, '7', 'not here'],
  ])('gives the text of what is no gRPC as a message: %s', async (path, status, grpcStatus, message) => {
    const answer = await ask(path, BINARY, FRAME);
    expect(answer).toMatchObject({ status, body: '' });
    expect(answer.headers).toMatchObject({ 'grpc-status': grpcStatus, 'grpc-message': message });
  });

  it.each([
    ['/elsewhere', 404],
    ['/nothing', 503],
  ])('says nothing more than the status where Envoy has no text: %s', async (path, status) => {
    const answer = await ask(path, BINARY, FRAME);
    expect(answer).toMatchObject({ status, body: '' });
    expect(answer.headers).not.toHaveProperty('grpc-status');
  });

  it('leaves everything else alone', async () => {
    const answer = await ask('/ok', { 'content-type': 'application/json' }, '{}');
    expect(decodeURIComponent(String(answer.headers['x-seen']))).toBe('application/json undefined {}');
    expect(answer).toMatchObject({ status: 200, body: FRAME });
  });
});
