import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { frame, startGateway, type TestGateway, virtualService } from '../support/gateway.ts';
import { Http2Wire } from '../unit/dataplane/downstream/http2-wire.ts';

let upstream: http.Server;
let gateway: TestGateway;
const held: http.ServerResponse[] = [];

beforeEach(async () => {
  held.length = 0;
  upstream = http.createServer((request, response) => {
    if (request.url === '/hold') held.push(response);
    else response.end('ok');
  });
  const sockets = new WebSocketServer({ server: upstream });
  sockets.on('connection', (socket) => socket.on('message', (data) => socket.send(data)));
  upstream.listen(0, '127.0.0.1');
  await once(upstream, 'listening');
  const { port } = upstream.address() as AddressInfo;
  gateway = await startGateway(
    frame({ shop: port }) + virtualService('shop', '- route: [{ destination: { host: shop.test } }]'),
  );
});
afterEach(async () => {
  await gateway.close();
  upstream.closeAllConnections();
  upstream.close();
});

describe('a gateway that drains', () => {
  it('closes WebSockets with 1001 after a grace, and hands over what the client says to that', async () => {
    const client = new WebSocket(`ws://127.0.0.1:${gateway.port}/`);
    await once(client, 'open');
    client.send('hello');
    const [echo] = await once(client, 'message');
    expect(String(echo)).toBe('hello');
    const closed = once(client, 'close');
    await gateway.gateway.drain(400);
    expect((await closed)[0]).toBe(1001);
  });

  it('lets a request under way finish, tells the client to go, and takes no other', async () => {
    const agent = new http.Agent({ keepAlive: true });
    const request = http.get({ port: gateway.port, path: '/hold', agent });
    await expect.poll(() => held.length).toBe(1);
    const drained = gateway.gateway.drain(5_000);
    await gateway.gateway.stopAccepting();
    held[0]?.end('late');
    const [response] = (await once(request, 'response')) as [http.IncomingMessage];
    expect([response.statusCode, response.headers.connection]).toEqual([200, 'close']);
    response.resume();
    await drained;
    const late = http.get({ port: gateway.port, agent: false });
    const [error] = (await once(late, 'error')) as [NodeJS.ErrnoException];
    expect(error.code).toBe('ECONNREFUSED');
    agent.destroy();
  });

  it('says by GOAWAY what it has served, and does not hang up on what was on its way', async () => {
    const wire = await Http2Wire.connect(gateway.port);
    const lines = [
      [':method', 'GET'],
      [':scheme', 'http'],
      [':path', '/'],
      [':authority', 'shop.example.com'],
    ] as const;
    wire.request(1, lines, true);
    await wire.next('HEADERS');
    const beganMs = performance.now();
    const drained = gateway.gateway.drain(5_000);
    await gateway.gateway.stopAccepting();
    wire.request(3, lines, true);
    const goaway = await wire.next('GOAWAY');
    const served = goaway.payload.readUInt32BE(0);
    if (served === 3) await wire.next('HEADERS');
    else expect(served).toBe(1);
    await wire.closed();
    expect(performance.now() - beganMs).toBeGreaterThan(500);
    await drained;
  });
});
