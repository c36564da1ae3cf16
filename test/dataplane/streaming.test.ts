import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { frame, startGateway, type TestGateway, virtualService } from '../support/gateway.ts';

const STREAM_BYTES = 200 * 1_000_000;
/** Of sockets' buffers, ours and the kernel's, along the whole way. */
const IN_FLIGHT = 64 * 1_048_576;
/** Of the gateway, for one stream that stands still. */
const HELD_BY_ONE = 16 * 1_048_576;
const CHUNK = Buffer.alloc(64 * 1_024, 'x');

let upstream: http.Server;
let upstreamPort: number;
let behaviour: http.RequestListener;

beforeAll(async () => {
  upstream = http.createServer((request, response) => behaviour(request, response));
  await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve));
  upstreamPort = (upstream.address() as AddressInfo).port;
});
afterAll(() => {
  upstream.closeAllConnections();
  upstream.close();
});

/** As fast as the other side takes it; tells how much it has taken. */
async function pour(target: http.ServerResponse | http.ClientRequest, onWritten: (total: number) => void) {
  for (let sent = 0; sent < STREAM_BYTES; sent += CHUNK.length) {
    if (!target.write(CHUNK)) await once(target, 'drain');
    onWritten(sent);
  }
  target.end();
}

async function count(source: http.IncomingMessage): Promise<number> {
  let bytes = 0;
  for await (const chunk of source) bytes += (chunk as Buffer).length;
  return bytes;
}

/** Resolves when the number has not grown for a while: the other side's buffers are full. */
async function standstill(current: () => number): Promise<number> {
  for (let before = -1; ; ) {
    const now = current();
    if (now === before && now > 0) return now;
    before = now;
    await new Promise((resolve) => setTimeout(resolve, 150));
  }
}

describe('bodies of any size', () => {
  let child: ChildProcess;
  let port: number;

  const tell = async <T>(message: object): Promise<T> => {
    child.send(message);
    const [answer] = await once(child, 'message');
    return answer as T;
  };
  const held = async (): Promise<number> => (await tell<{ bytes: number }>({})).bytes;

  beforeAll(async () => {
    child = fork(path.join(import.meta.dirname, 'streaming-child.ts'), { execArgv: ['--expose-gc'] });
    const resources =
      frame({ web: upstreamPort }) + virtualService('all', '- route:\n    - destination: { host: web.test }');
    ({ port } = await tell<{ port: number }>({ resources }));
    behaviour = (_request, response) => response.end('ok');
    for (let i = 0; i < 200; i++) {
      const request = http.get({ port, path: '/', agent: false });
      const [response] = (await once(request, 'response')) as [http.IncomingMessage];
      await count(response);
    }
  });
  afterAll(() => child.kill());

  it('stream down, however slowly they are read, in bounded memory', async () => {
    let written = 0;
    behaviour = (_request, response) =>
      void pour(response, (total) => {
        written = total;
      });
    const before = await held();
    const request = http.get({ port, path: '/', agent: false });
    const [response] = (await once(request, 'response')) as [http.IncomingMessage];
    expect(await standstill(() => written)).toBeLessThan(IN_FLIGHT);
    expect((await held()) - before).toBeLessThan(HELD_BY_ONE);
    expect(await count(response)).toBeGreaterThanOrEqual(STREAM_BYTES);
    expect((await held()) - before).toBeLessThan(HELD_BY_ONE);
  });

  it('stream up, however slowly they are read, in bounded memory', async () => {
    let read = (): void => {};
    const mayRead = new Promise<void>((resolve) => {
      read = resolve;
    });
    behaviour = async (request, response) => {
      await mayRead;
      response.end(String(await count(request)));
    };
    const before = await held();
    let written = 0;
    const request = http.request({ port, path: '/', method: 'POST', agent: false });
    const poured = pour(request, (total) => {
      written = total;
    });
    expect(await standstill(() => written)).toBeLessThan(IN_FLIGHT);
    expect((await held()) - before).toBeLessThan(HELD_BY_ONE);
    read();
    const [response] = (await once(request, 'response')) as [http.IncomingMessage];
    await poured;
    let text = '';
    for await (const chunk of response) text += String(chunk);
    expect(Number(text)).toBeGreaterThanOrEqual(STREAM_BYTES);
    expect((await held()) - before).toBeLessThan(HELD_BY_ONE);
  });
});

describe('clients that leave', () => {
  const CONNECTIONS = 8;
  let gateway: TestGateway | undefined;
  afterEach(async () => {
    await gateway?.close();
    gateway = undefined;
  });

  it.each([
    ['before the answer begins', 'silent'],
    ['in the middle of an answer that they read', 'reading'],
    ['in the middle of an answer that they leave unread', 'stalled'],
  ])('%s take nothing from those who come after', async (_when, kind) => {
    gateway = await startGateway(
      frame({ web: upstreamPort }) +
        virtualService('all', '- route:\n    - destination: { host: web.test }') +
        `---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: web }
spec:
  host: web.test
  trafficPolicy: { connectionPool: { tcp: { maxConnections: ${CONNECTIONS} } } }
`,
    );
    const { port } = gateway;
    const underWay = new Set<http.ServerResponse>();
    behaviour = (request, response) => {
      if (request.url === '/after') {
        response.end('served');
        return;
      }
      underWay.add(response);
      response.on('close', () => underWay.delete(response));
      if (kind === 'silent') return;
      const write = (): void => {
        while (!response.destroyed && response.write(CHUNK));
      };
      response.on('drain', write);
      write();
    };
    const answered = new Set<http.IncomingMessage>();
    const clients = Array.from({ length: 3 * CONNECTIONS }, () => {
      const request = http.get({ port, path: '/endless', agent: false }, (response) => {
        answered.add(response);
        response.on('error', () => {});
        if (kind === 'reading') response.resume();
      });
      request.on('error', () => {});
      return request;
    });
    await vi.waitFor(() => expect(underWay.size).toBe(CONNECTIONS), 5_000);
    if (kind !== 'silent') await vi.waitFor(() => expect(answered.size).toBe(CONNECTIONS), 5_000);
    for (const client of clients) client.destroy();
    // Those that waited may still come by while the first ones leave: in the end none is left.
    await vi.waitFor(() => expect(underWay.size).toBe(0), 1_000);

    const request = http.get({ port, path: '/after', agent: false });
    const [response] = (await once(request, 'response')) as [http.IncomingMessage];
    expect(response.statusCode).toBe(200);
    response.resume();
    await vi.waitFor(() => expect(gateway?.gateway.connections().activeRequests).toBe(0));
    expect(gateway.errors).toEqual([]);
  });
});
