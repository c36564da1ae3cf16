import { once } from 'node:events';
import net, { type AddressInfo, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { exchange } from '../security/support.ts';
import { frame, startGateway, type TestGateway, virtualService } from '../support/gateway.ts';

const OK = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok';

let service: net.Server;
let gateway: TestGateway;
/** From now on connections that were used before are closed at their next request, as if that had met their end. */
let worn: ReadonlySet<Socket> = new Set();
const sockets = new Set<Socket>();
let held: Socket[] = [];
let arrived: string[] = [];

beforeAll(async () => {
  service = net.createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('data', (chunk) => {
      const [method = '', target = ''] = chunk.toString('latin1').split(' ');
      arrived.push(method);
      if (worn.has(socket)) socket.destroy();
      else if (target === '/hold') held.push(socket);
      else socket.write(OK);
    });
  });
  service.listen(0, '127.0.0.1');
  await once(service, 'listening');
  gateway = await startGateway(
    frame({ shop: (service.address() as AddressInfo).port }) +
      virtualService('shop', '- route: [{ destination: { host: shop.test } }]\n  retries: { attempts: 0 }'),
  );
});
afterAll(async () => {
  await gateway.close();
  for (const socket of sockets) socket.destroy();
  service.close();
});

const ask = (method: string, target: string): Promise<{ readonly status: number }> =>
  exchange(
    gateway.port,
    `${method} ${target} HTTP/1.1\r\nHost: shop\r\n${method === 'POST' ? 'Content-Length: 0\r\n' : ''}\r\n`,
  );

/** So many connections in the pool, all idle for longer than any accident takes. */
async function idleConnections(count: number): Promise<void> {
  worn = new Set();
  held = [];
  const answers = Array.from({ length: count }, () => ask('GET', '/hold'));
  await expect.poll(() => held.length).toBe(count);
  for (const socket of held) socket.write(OK);
  expect((await Promise.all(answers)).map(({ status }) => status)).toEqual(held.map(() => 200));
  await pause(550);
  worn = new Set(held);
  arrived = [];
}

describe('a service that closes all its idle connections just as they are used again', () => {
  it('costs nobody a request that may be sent twice, however many connections there were', async () => {
    await idleConnections(4);
    expect((await ask('GET', '/')).status).toBe(200);
    expect(arrived.length).toBeGreaterThan(2);
  });

  it('gets no POST a second time', async () => {
    await idleConnections(3);
    expect((await ask('POST', '/')).status).toBe(503);
    expect(arrived).toEqual(['POST']);
  });
});
