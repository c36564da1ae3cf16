import http from 'node:http';
import type { AddressInfo } from 'node:net';
import net from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { frame, startGateway, type TestGateway, virtualService } from '../support/gateway.ts';

let upstream: http.Server;
let upstreamPort: number;
let behaviour: http.RequestListener = (_request, response) => response.end('ok');
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
  behaviour = (_request, response) => response.end('ok');
});

const toUpstream = (more = ''): string =>
  virtualService('all', `- route:\n    - destination: { host: web.test }\n${more}`);

async function serve(rules: string): Promise<TestGateway> {
  gateway = await startGateway(frame({ web: upstreamPort }) + rules);
  return gateway;
}

interface Answer {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: string;
  readonly trailers: NodeJS.Dict<string>;
}

function ask(port: number, path: string, options: http.RequestOptions = {}, body?: string | Buffer): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = http.request({ port, path, agent: false, ...options }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () =>
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          body: Buffer.concat(chunks).toString(),
          trailers: response.trailers,
        }),
      );
      response.on('error', reject);
    });
    request.on('error', reject);
    request.end(body);
  });
}

describe('a forwarded request', () => {
  it('reaches the service with its path, query, headers and body, and brings the answer back', async () => {
    behaviour = (request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        response.setHeader(
          'x-seen',
          `${request.method} ${request.url} ${request.headers.host} ${request.headers['x-a']}`,
        );
        response.end(Buffer.concat(chunks).toString().toUpperCase());
      });
    };
    const { port } = await serve(toUpstream());
    const answer = await ask(
      port,
      '/a/b?c=d',
      { method: 'POST', headers: { host: 'shop.example.com', 'x-a': '1' } },
      'hello',
    );
    expect(answer).toMatchObject({
      status: 200,
      body: 'HELLO',
      headers: { 'x-seen': 'POST /a/b?c=d shop.example.com 1' },
    });
  });

  it('announces trailers over HTTP/1.1, and sends none, as Istio does (recorded: h2/trailers)', async () => {
    let seen: NodeJS.Dict<string> = {};
    behaviour = (request, response) => {
      request.resume();
      request.on('end', () => {
        seen = request.trailers;
        response.writeHead(200, { trailer: 'x-sum' });
        response.write('body');
        response.addTrailers({ 'x-sum': '42' });
        response.end();
      });
    };
    const { port } = await serve(toUpstream());
    const raw =
      'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n3\r\nabc\r\n0\r\nx-up: 1\r\n\r\n';
    const text = await exchangeRaw(port, raw);
    expect(text).toContain('trailer: x-sum');
    expect(text).toContain('body\r\n0\r\n\r\n');
    expect(seen['x-up']).toBeUndefined();
  });

  it('is recorded with owner, route and cluster', async () => {
    const { port, records } = await serve(toUpstream());
    await ask(port, '/x');
    expect(records[0]).toMatchObject({
      status: 200,
      cluster: 'outbound|80||web.test',
      owner: { namespace: 'team', name: 'all' },
      details: 'via_upstream',
      path: '/x',
    });
  });

  it('is cancelled at the service when the client leaves', async () => {
    const cancelled = new Promise<void>((resolve) => {
      behaviour = (request) => request.on('close', () => resolve());
    });
    const { port, records } = await serve(toUpstream());
    const socket = net.connect(port, '127.0.0.1');
    socket.write('GET /slow HTTP/1.1\r\nHost: a\r\n\r\n');
    await new Promise((resolve) => upstream.once('request', resolve));
    socket.destroy();
    await cancelled;
    await expect.poll(() => records[0]?.flags).toContain('DC');
  });

  it('is not tried again after a plain 503 by default', async () => {
    let count = 0;
    behaviour = (_request, response) => {
      count += 1;
      response.writeHead(503).end();
    };
    const { port } = await serve(toUpstream());
    expect((await ask(port, '/')).status).toBe(503);
    expect(count).toBe(1);
  });

  it('is tried again with its body when the policy says so', async () => {
    const bodies: string[] = [];
    behaviour = (request, response) => {
      let body = '';
      request.on('data', (chunk: Buffer) => {
        body += chunk.toString();
      });
      request.on('end', () => {
        bodies.push(body);
        response.writeHead(bodies.length < 3 ? 503 : 200).end('done');
      });
    };
    const { port, records } = await serve(toUpstream('  retries: { attempts: 3, retryOn: "503" }'));
    expect(await ask(port, '/', { method: 'POST' }, 'again')).toMatchObject({ status: 200, body: 'done' });
    expect(bodies).toEqual(['again', 'again', 'again']);
    expect(records[0]?.upstreamAttempts).toBe(3);
  });

  it('gets 504 when the route has waited long enough', async () => {
    behaviour = () => {};
    const { port, records } = await serve(toUpstream('  timeout: 50ms'));
    const answer = await ask(port, '/');
    expect(answer.status).toBe(504);
    expect(JSON.parse(answer.body)).toMatchObject({ cause: 'upstream-timeout', side: 'upstream' });
    expect(records[0]?.flags).toEqual(['UT']);
  });

  it('gets 404 from the gateway itself where no route fits', async () => {
    const { port } = await serve(
      virtualService('some', '- match: [{ uri: { prefix: /only } }]\n  route: [{ destination: { host: web.test } }]'),
    );
    const answer = await ask(port, '/other');
    expect(answer).toMatchObject({ status: 404, headers: { 'content-type': 'application/problem+json' } });
    expect((await ask(port, '/only')).status).toBe(200);
  });

  it('gets 503 where the destination does not exist', async () => {
    const { port, records } = await serve(virtualService('lost', '- route: [{ destination: { host: nowhere.test } }]'));
    expect((await ask(port, '/')).status).toBe(503);
    expect(records[0]?.flags).toEqual(['NC']);
  });

  it('meets a new table from its next request on, on the same connection', async () => {
    const running = await serve(toUpstream());
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    expect((await ask(running.port, '/', { agent })).status).toBe(200);
    await running.publish(frame({ web: upstreamPort }) + virtualService('all', '- directResponse: { status: 418 }'));
    const second = await ask(running.port, '/', { agent });
    expect(second.status).toBe(418);
    agent.destroy();
  });

  it('lets a body larger than memory flow at the pace of the slower side', async () => {
    behaviour = (request, response) => {
      let bytes = 0;
      request.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
      });
      request.on('end', () => response.end(String(bytes)));
    };
    const { port } = await serve(toUpstream());
    const size = 64 * 1024 * 1024;
    const answer = await ask(port, '/', { method: 'PUT' }, Buffer.alloc(size));
    expect(answer.body).toBe(String(size));
  });
});

function exchangeRaw(port: number, bytes: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = net.connect(port, '127.0.0.1', () => socket.write(bytes));
    let text = '';
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1');
    });
    socket.on('end', () => resolve(text));
    socket.on('error', reject);
  });
}
