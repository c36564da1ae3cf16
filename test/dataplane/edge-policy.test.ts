import { randomBytes } from 'node:crypto';
import http from 'node:http';
import net, { type AddressInfo } from 'node:net';
import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { clientAddresses, compression, requestLimits, securityHeaders } from '../../plugins/edge-policy/index.ts';
import type { GatewayPlugin } from '../../src/contract/index.ts';
import { frame, startGateway, type TestGateway, virtualService } from '../support/gateway.ts';

const plugins = [securityHeaders, compression, clientAddresses, requestLimits] as readonly GatewayPlugin[];

let upstream: http.Server;
let upstreamPort: number;
let behaviour: http.RequestListener;
let gateway: TestGateway | undefined;

beforeAll(async () => {
  upstream = http.createServer((request, response) => behaviour(request, response));
  await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve));
  upstreamPort = (upstream.address() as AddressInfo).port;
});
afterAll(() => {
  upstream.closeAllConnections();
  upstream.close();
});
afterEach(async () => {
  await gateway?.close();
  gateway = undefined;
});

const policy = (spec: string): string => `
---
apiVersion: banyan.dev/v1alpha1
kind: EdgePolicy
metadata: { name: base, namespace: istio-system }
spec: ${spec}
`;

async function serve(spec: string): Promise<TestGateway> {
  const routes = `- match: [{ uri: { prefix: /own } }]\n  directResponse: { status: 200, body: { string: own } }\n- route: [{ destination: { host: web.test } }]`;
  gateway = await startGateway(frame({ web: upstreamPort }) + virtualService('all', routes) + policy(spec), {
    plugins,
  });
  return gateway;
}

interface Answer {
  readonly status: number | undefined;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: Buffer;
}

function ask(
  port: number,
  path = '/',
  options: http.RequestOptions = {},
  send?: (request: http.ClientRequest) => void,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = http.request({ port, path, agent: false, ...options }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () =>
        resolve({ status: response.statusCode, headers: response.headers, body: Buffer.concat(chunks) }),
      );
      response.on('error', reject);
    });
    request.on('error', reject);
    if (send === undefined) request.end();
    else send(request);
  });
}

describe('limits of a request', () => {
  const drain: http.RequestListener = (request, response) => {
    request.resume();
    request.on('end', () => response.end('all of it'));
  };

  it('refuse a body that says it is too large, and let one of the very size pass', async () => {
    behaviour = drain;
    const { port } = await serve('{ limits: { bodyBytes: 1000 } }');
    const post = (size: number) =>
      ask(port, '/', { method: 'POST', headers: { 'content-length': size } }, (request) =>
        request.end(Buffer.alloc(size)),
      );
    expect((await post(1000)).body.toString()).toBe('all of it');
    const refused = await post(1001);
    expect(refused.status).toBe(413);
    expect(JSON.parse(refused.body.toString())).toMatchObject({ cause: 'payload-too-large', side: 'client' });
  });

  it('end a chunked body that grows too large: 413, and the service never sees it whole', async () => {
    let whole = 0;
    const cut = new Promise<void>((resolve) => {
      behaviour = (request) => {
        request.resume();
        request.on('end', () => whole++);
        request.on('error', () => {});
        request.on('close', () => resolve());
      };
    });
    const { port, records, errors } = await serve('{ limits: { bodyBytes: 1000 } }');
    const answer = await ask(port, '/', { method: 'POST' }, (request) => {
      request.write(Buffer.alloc(600));
      setTimeout(() => request.write(Buffer.alloc(600)), 20);
    });
    expect(answer.status).toBe(413);
    await cut;
    expect(whole).toBe(0);
    await expect.poll(() => records[0]).toMatchObject({ status: 413, cause: 'payload-too-large' });
    expect(errors).toEqual([]);
  });

  it('refuse too many headers', async () => {
    behaviour = (_request, response) => response.end();
    const { port } = await serve('{ limits: { headerBytes: 1024 } }');
    expect((await ask(port)).status).toBe(200);
    expect((await ask(port, '/', { headers: { 'x-long': 'x'.repeat(1024) } })).status).toBe(431);
  });
});

describe('addresses and headers', () => {
  it('keep callers out, and mark every answer, our own included', async () => {
    behaviour = (_request, response) =>
      response.setHeader('x-frame-options', 'ALLOWALL').setHeader('x-powered-by', 'php').end('ok');
    const headers = 'securityHeaders: { set: { X-Frame-Options: DENY }, remove: [x-powered-by] }';
    const { port, publish } = await serve(`{ ${headers} }`);
    for (const path of ['/', '/own']) {
      const answer = await ask(port, path);
      expect(answer.headers['x-frame-options']).toBe('DENY');
      expect(answer.headers['x-powered-by']).toBeUndefined();
    }
    await publish(
      frame({ web: upstreamPort }) +
        virtualService('all', '- route: [{ destination: { host: web.test } }]') +
        policy(`{ ${headers}, clientAddresses: { deny: [127.0.0.0/8] } }`),
    );
    const refused = await ask(port);
    expect(refused.status).toBe(403);
    expect(refused.headers['x-frame-options']).toBe('DENY');
    expect(JSON.parse(refused.body.toString())).toMatchObject({ cause: 'address-denied' });
  });
});

describe('compression', () => {
  it('leaves small answers alone, of which the service has said how long they are', async () => {
    behaviour = (request, response) => {
      const body = 'x'.repeat(request.url === '/large' ? 200 : 99);
      response.writeHead(200, {
        'content-type': 'text/plain',
        ...(request.url !== '/unsaid' && { 'content-length': body.length }),
      });
      response.write(body);
      response.end();
    };
    const { port } = await serve('{ compression: { enabled: true, minBytes: 100 } }');
    const encodings = [];
    for (const path of ['/small', '/large', '/unsaid']) {
      const { headers } = await ask(port, path, { headers: { 'accept-encoding': 'gzip' } });
      encodings.push([path, headers['content-encoding'], headers['content-length']]);
    }
    expect(encodings).toEqual([
      ['/small', undefined, '99'],
      ['/large', 'gzip', undefined],
      ['/unsaid', 'gzip', undefined],
    ]);
  });

  const text = JSON.stringify(Array.from({ length: 5000 }, (_, i) => ({ id: i, name: `thing ${i}` })));

  it.each([
    ['gzip', gunzipSync],
    ['br', brotliDecompressSync],
    ['zstd', zstdDecompressSync],
  ] as const)('brings the same bytes back: %s', async (encoding, decompress) => {
    behaviour = (_request, response) =>
      response
        .writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) })
        .end(text);
    const { port, records } = await serve('{ compression: { enabled: true } }');
    const answer = await ask(port, '/', { headers: { 'accept-encoding': encoding } });
    expect(answer.headers).toMatchObject({
      'content-encoding': encoding,
      vary: 'Accept-Encoding',
      'transfer-encoding': 'chunked',
    });
    expect(answer.headers['content-length']).toBeUndefined();
    expect(decompress(answer.body).toString()).toBe(text);
    await expect.poll(() => records[0]?.bytesSent).toBe(answer.body.length);
  });

  it('leaves alone streams of events, and clients that do not ask', async () => {
    behaviour = (request, response) => {
      const type = request.url === '/events' ? 'text/event-stream' : 'application/json';
      response.writeHead(200, { 'content-type': type }).end(text);
    };
    const { port } = await serve('{ compression: { enabled: true } }');
    const events = await ask(port, '/events', { headers: { 'accept-encoding': 'gzip' } });
    expect(events.headers['content-encoding']).toBeUndefined();
    expect(events.body.toString()).toBe(text);
    expect((await ask(port)).body.toString()).toBe(text);
    const head = await ask(port, '/', { method: 'HEAD', headers: { 'accept-encoding': 'gzip' } });
    expect(head.headers['content-encoding']).toBeUndefined();
  });

  it('lets out what a service has said before it says more', async () => {
    let finish = (): void => {};
    behaviour = (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/plain' });
      response.write('the first line, and then a pause\n');
      finish = () => response.end();
    };
    const { port } = await serve('{ compression: { enabled: true } }');
    const socket = net.connect(port, '127.0.0.1');
    socket.write('GET / HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\nConnection: close\r\n\r\n');
    let received = 0;
    await new Promise<void>((resolve) =>
      socket.on('data', (data) => {
        received += data.length - Math.max(0, data.indexOf('\r\n\r\n'));
        if (received > 40) resolve();
      }),
    );
    finish();
    await new Promise((resolve) => socket.on('close', resolve));
  });

  it('holds the service up while the client does not read, and cuts it off when the client leaves', async () => {
    let sent = 0;
    const block = randomBytes(65_536);
    const closed = new Promise<void>((resolve) => {
      behaviour = (_request, response) => {
        response.writeHead(200, { 'content-type': 'text/plain' });
        response.on('close', resolve);
        const more = (): void => {
          while (!response.destroyed && sent < 512 * 1024 * 1024) {
            sent += block.length;
            if (!response.write(block)) {
              response.once('drain', more);
              return;
            }
          }
        };
        more();
      };
    });
    const { port, errors } = await serve('{ compression: { enabled: true } }');
    const socket = net.connect(port, '127.0.0.1');
    socket.pause();
    socket.write('GET / HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\n\r\n');
    let before = -1;
    await expect
      .poll(
        () => {
          const still = sent > 0 && sent === before;
          before = sent;
          return still;
        },
        { interval: 300, timeout: 10_000 },
      )
      .toBe(true);
    expect(sent).toBeLessThan(64 * 1024 * 1024);
    socket.destroy();
    await closed;
    expect(errors).toEqual([]);
  });

  it('breaks off when the service does', async () => {
    behaviour = (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/plain' });
      response.write(text);
      setTimeout(() => response.destroy(), 50);
    };
    const { port } = await serve('{ compression: { enabled: true } }');
    await expect(ask(port, '/', { headers: { 'accept-encoding': 'gzip' } })).rejects.toThrow();
  });
});
