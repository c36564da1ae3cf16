import { once } from 'node:events';
import http from 'node:http';
import net, { type AddressInfo, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { DEFAULT_OVERLOAD_LIMITS } from '../../src/dataplane/overload.ts';
import { parseYaml } from '../../src/sources/yaml.ts';
import {
  frame,
  freePort,
  startGateway,
  type TestGateway,
  type TestGatewayOptions,
  virtualService,
} from '../support/gateway.ts';
import { exchange } from './support.ts';

/* The X rows of edge-security §1 through the whole gateway: who takes much, or gives slowly, takes it from nobody else. */

const HOST = 'Host: shop.example.com\r\n';
const GET = `GET / HTTP/1.1\r\n${HOST}\r\n`;
const CHUNK = Buffer.alloc(64 * 1024, 'x');
const MANY = 100;

let service: http.Server;
let servicePort: number;
let gateway: TestGateway;
const clients: Socket[] = [];
/** Answers of the service that were cut off, and requests to it. */
let cut: number;
let requests: string[];

beforeEach(async () => {
  cut = 0;
  requests = [];
  service = http.createServer((request, response) => {
    requests.push(request.url ?? '');
    response.on('close', () => {
      if (!response.writableFinished) cut += 1;
    });
    request.on('error', () => {});
    if (request.url === '/large') pour(response, 10 * 1024 * 1024);
    else if (request.url === '/never-read') request.pause();
    else if (request.url === '/late') setTimeout(() => request.resume().on('end', () => response.end('late')), 900);
    else if (request.url !== '/hang') request.resume().on('end', () => response.end('served'));
  });
  service.listen(0, '127.0.0.1');
  await once(service, 'listening');
  servicePort = (service.address() as AddressInfo).port;
});
afterEach(async () => {
  for (const client of clients.splice(0)) client.destroy();
  await gateway.close();
  service.closeAllConnections();
  service.close();
});

function pour(response: http.ServerResponse, bytes: number): void {
  response.writeHead(200, { 'content-length': bytes });
  let left = bytes;
  const more = (): void => {
    while (left > 0 && !response.destroyed) {
      left -= CHUNK.length;
      if (!response.write(CHUNK)) {
        response.once('drain', more);
        return;
      }
    }
    response.end();
  };
  more();
}

const start = async (
  options: TestGatewayOptions = {},
  rules = '- route: [{ destination: { host: shop.test } }]',
  more = '',
) => {
  gateway = await startGateway(frame({ shop: servicePort }) + virtualService('shop', rules) + more, {
    ...options,
    limits: { sweepIntervalMs: 20, ...options.limits },
  });
};

const connect = (): Socket => {
  const socket = net.connect(gateway.port, '127.0.0.1');
  socket.on('error', () => {});
  clients.push(socket);
  return socket;
};
const served = async (): Promise<void> => {
  expect(await exchange(gateway.port, GET)).toMatchObject({ status: 200, body: 'served' });
};
const allGone = (): Promise<void> =>
  vi.waitFor(() => expect(gateway.gateway.connections()).toMatchObject({ open: 0, activeRequests: 0 }), 10_000);

describe('clients that are slow', () => {
  it.each([
    ['X-01 with the head of a request', 'GET / HTTP/1.1\r\nHost: shop'],
    ['X-01 with their first byte', ''],
    ['X-02 with the body', `POST / HTTP/1.1\r\n${HOST}Content-Length: 100\r\n\r\nx`],
    ['X-02 with a chunk of the body', `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n64\r\nx`],
  ])('%s are cut off, and others served meanwhile', async (_name, bytes) => {
    await start({ limits: { headersTimeoutMs: 500, firstBytesTimeoutMs: 500, bodyIdleTimeoutMs: 500 } });
    const slow = Array.from({ length: MANY }, connect);
    const over = slow.map((socket) => once(socket, 'close'));
    for (const socket of slow) socket.resume().write(bytes);
    await served();
    await Promise.all(over);
    await allGone();
  });

  it('X-02 and steady with the body get 408 when their time is over', async () => {
    await start({ limits: { bodyTimeoutMs: 500, bodyIdleTimeoutMs: 5_000 } });
    const socket = connect();
    let got = '';
    socket.on('data', (chunk) => (got += chunk.toString('latin1')));
    socket.write(`POST / HTTP/1.1\r\n${HOST}Content-Length: 1000\r\n\r\n`);
    const dripping = setInterval(() => socket.write('x'), 20);
    await vi.waitFor(() => expect(got).toMatch(/^HTTP\/1\.1 408 /), 5_000);
    clearInterval(dripping);
    socket.destroy();
    await vi.waitFor(() => expect(cut).toBeGreaterThan(0), 5_000);
    await served();
  });

  it('X-03 to read hold up the service, not the gateway’s memory, and are cut off', async () => {
    await start({ limits: { stalledWriteTimeoutMs: 400 } });
    const before = process.memoryUsage().external;
    for (const socket of Array.from({ length: 20 }, connect)) {
      socket.pause();
      socket.write(`GET /large HTTP/1.1\r\n${HOST}\r\n`);
    }
    await vi.waitFor(() => expect(requests).toHaveLength(20), 5_000);
    await served();
    // 20 × 10 MB were asked for; some of it lies in buffers, of this process' clients and service too.
    expect(process.memoryUsage().external - before).toBeLessThan(100 * 1024 * 1024);
    await vi.waitFor(() => expect(cut).toBe(20), 10_000);
    await allGone();
  });
});

describe('connections', () => {
  it('X-04 beyond the cap are closed at once, and there is room again when others go', async () => {
    await start({ limits: { maxConnections: 5 } });
    const first = Array.from({ length: 5 }, connect);
    await vi.waitFor(() => expect(gateway.gateway.connections().open).toBe(5));
    const tooMany = connect();
    await once(tooMany.resume(), 'close');
    for (const socket of first) socket.destroy();
    await allGone();
    await served();
  });
});

describe('bodies', () => {
  it('X-07 that the service never reads hold up the client, and end in 504', async () => {
    await start({ limits: { stalledWriteTimeoutMs: 500 } });
    const socket = connect();
    let got = '';
    socket.on('data', (chunk) => (got += chunk.toString('latin1')));
    const total = 200 * 1024 * 1024;
    socket.write(`POST /never-read HTTP/1.1\r\n${HOST}Content-Length: ${total}\r\n\r\n`);
    let taken = 0;
    const pump = (): void => {
      while (!socket.destroyed && taken < total) {
        taken += CHUNK.length;
        if (!socket.write(CHUNK)) {
          socket.once('drain', pump);
          return;
        }
      }
    };
    pump();
    await vi.waitFor(() => expect(got).toMatch(/^HTTP\/1\.1 504 /), 5_000);
    expect(taken).toBeLessThan(total / 4);
    socket.destroy();
    await served();
  });

  it('X-07 that have come whole may be read as late as the service likes', async () => {
    await start({ limits: { stalledWriteTimeoutMs: 300 } });
    const body = 'x'.repeat(20_000);
    const answer = await exchange(
      gateway.port,
      `POST /late HTTP/1.1\r\n${HOST}Content-Length: ${body.length}\r\n\r\n${body}`,
    );
    expect(answer).toMatchObject({ status: 200, body: 'late' });
  });

  it('X-09 of 100 clients that leave are cancelled at the service', async () => {
    await start();
    const leaving = Array.from({ length: MANY }, connect);
    for (const socket of leaving) socket.write(`GET /hang HTTP/1.1\r\n${HOST}\r\n`);
    await vi.waitFor(() => expect(requests).toHaveLength(MANY), 5_000);
    for (const socket of leaving) socket.destroy();
    await vi.waitFor(() => expect(cut).toBeGreaterThanOrEqual(MANY), 5_000);
    await allGone();
  });
});

describe('what is written by teams', () => {
  it.each([
    ['lists in lists', `a: ${'['.repeat(100_000)}${']'.repeat(100_000)}\n`],
    ['mappings in mappings', `a: ${'{b: '.repeat(100_000)}1${'}'.repeat(100_000)}\n`],
  ])('X-11 %s, 100,000 deep, are a finding and no overflow of the stack', async (_name, text) => {
    await start();
    const { documents, diagnostics } = parseYaml(text, 'team/deep.yaml');
    expect(documents).toEqual([]);
    expect(diagnostics.length).toBeGreaterThan(0);
  });

  it('X-10 expressions that would take others for ever are linear', async () => {
    const alternatives = Array.from({ length: 100 }, (_, i) => `w${i}`).join('|');
    await start(
      {},
      `- match: [{ uri: { regex: "(a+)+$" } }, { headers: { x-odd: { regex: "(a|a)*b" } } }, { uri: { regex: "/(${alternatives})+x" } }]
  route: [{ destination: { host: shop.test } }]`,
    );
    const long = 'a'.repeat(25_000);
    const { status } = await exchange(gateway.port, `GET /${long}! HTTP/1.1\r\n${HOST}X-Odd: ${long}\r\n\r\n`);
    expect(status).toBe(404);
  });

  it('X-13 mirrors to where nobody is, and to where nobody answers, change nothing', async () => {
    const silent = net.createServer((socket) => socket.on('error', () => {}));
    silent.listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const backends = frame({ dead: await freePort(), silent: (silent.address() as AddressInfo).port });
    await start(
      {},
      `- route: [{ destination: { host: shop.test } }]
  mirrors: [{ destination: { host: dead.test } }, { destination: { host: silent.test } }]`,
      `\n---\n${backends.slice(backends.indexOf('---') + 4)}`,
    );
    for (let i = 0; i < 20; i++) await served();
    await vi.waitFor(() => expect(gateway.gateway.connections().activeRequests).toBe(0));
    silent.close();
  });
});

describe('WebSockets', () => {
  it('X-12 of 131,000 fragments and a flood of pings are the service’s to judge, and end when it ends them', async () => {
    const sockets = new WebSocketServer({ server: service });
    let pings = 0;
    sockets.on('connection', (socket) => {
      socket.on('ping', () => (pings += 1));
      socket.on('message', (data) => socket.close(4_000, String((data as Buffer).length)));
    });
    await start();
    const client = new WebSocket(`ws://127.0.0.1:${gateway.port}/`, { headers: { host: 'shop.example.com' } });
    await once(client, 'open');
    for (let i = 0; i < 5_000; i++) client.ping();
    for (let i = 0; i < 131_000; i++) client.send('x', { fin: i === 130_999 });
    // ws takes no more than 131,072 pieces, pings included; what it says of that may be overtaken by its reset.
    const [code] = (await once(client, 'close')) as [number];
    expect([1_006, 1_008]).toContain(code);
    expect(pings).toBe(5_000);
    await allGone();
  });
});

describe('the process', () => {
  it('X-14 with too full a heap refuses with Retry-After, and not everybody', async () => {
    // Every heap is fuller than nothing.
    await start({ overload: { ...DEFAULT_OVERLOAD_LIMITS, heap: 0 } });
    await vi.waitFor(
      async () => {
        const answers = await Promise.all(Array.from({ length: 20 }, () => exchange(gateway.port, GET)));
        const refused = answers.find(({ status }) => status === 503);
        expect(refused?.head.toLowerCase()).toContain('retry-after: 1');
        expect(refused?.body).toContain('gateway-overloaded');
        expect(answers.some(({ status }) => status === 200)).toBe(true);
      },
      { timeout: 10_000, interval: 50 },
    );
  });

  it('X-14 with many long heads that wait for a service refuses further ones, until some are over', async () => {
    await start({ overload: { ...DEFAULT_OVERLOAD_LIMITS, bufferBytes: 2 ** 21 } });
    const long = Array.from({ length: 25 }, (_, i) => `x-${i}: ${'v'.repeat(500)}\r\n`).join('');
    let refused = '';
    for (const socket of Array.from({ length: 60 }, connect)) {
      socket.on('data', (chunk) => (refused += chunk.toString('latin1')));
      socket.write(`GET /hang HTTP/1.1\r\n${HOST}${long}\r\n`);
    }
    await vi.waitFor(() => expect(refused).toContain('namespace-overloaded'), 5_000);
    expect(requests.length).toBeGreaterThan(20);
    expect(requests.length).toBeLessThan(60);
    for (const client of clients.splice(0)) client.destroy();
    await allGone();
    await served();
  });
});
