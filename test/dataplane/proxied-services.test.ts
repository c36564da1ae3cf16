import http from 'node:http';
import net from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { frame, startGateway, type TestGateway, virtualService } from '../support/gateway.ts';
import { TCP_ROUTE } from '../support/tcp.ts';
import { askGateway } from '../support/upstreams.ts';

let gateway: TestGateway | undefined;
const servers: net.Server[] = [];
afterEach(async () => {
  await gateway?.close();
  gateway = undefined;
  for (const server of servers.splice(0)) server.close();
});

const rule = (host: string): string => `
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: ${host} }
spec: { host: ${host}.test, trafficPolicy: { proxyProtocol: { version: V1 } } }`;

/** Notes the line that each connection begins with, and answers what comes then. */
async function service(): Promise<{ readonly port: number; readonly lines: readonly string[] }> {
  const lines: string[] = [];
  const server = net.createServer((socket) => {
    socket.on('error', () => {});
    let isFirst = true;
    socket.on('data', (data: Buffer) => {
      if (isFirst) lines.push(data.toString('latin1', 0, data.indexOf('\r\n')));
      isFirst = false;
      if (data.includes('\r\n\r\n')) socket.write('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok');
    });
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { port: (server.address() as net.AddressInfo).port, lines };
}

describe('a service that is told by the PROXY protocol whose connection it has', () => {
  it('is told of the client, and has one connection for each of its', async () => {
    const { port, lines } = await service();
    const toWeb = virtualService('all', '- route: [{ destination: { host: web.test } }]');
    gateway = await startGateway(frame({ web: port }) + rule('web') + toWeb);
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    const forwarded = { 'x-forwarded-for': '203.0.113.9' };
    for (let i = 0; i < 2; i++) expect((await askGateway(gateway.port, '/', forwarded, agent)).body).toBe('ok');
    const [held] = Object.values(agent.freeSockets).flat();
    const ends = `127.0.0.1 127.0.0.1 ${held?.localPort} ${gateway.port}`;
    expect(lines).toEqual([`PROXY TCP4 ${ends}`]);
    agent.destroy();
    expect((await askGateway(gateway.port, '/')).body).toBe('ok');
    expect(lines).toHaveLength(2);
    expect(new Set(lines).size).toBe(2);
  });

  it('is told of clients whose bytes are passed on', async () => {
    const { port, lines } = await service();
    gateway = await startGateway(frame({ db: port }, 'TCP') + rule('db') + TCP_ROUTE);
    const client = net.connect({ port: gateway.port, host: '127.0.0.1', localAddress: '127.0.0.9' });
    await new Promise((resolve) => client.once('connect', resolve));
    const { localPort } = client;
    client.write('\r\n\r\n');
    await new Promise((resolve) => client.once('data', resolve));
    client.destroy();
    expect(lines).toEqual([`PROXY TCP4 127.0.0.9 127.0.0.1 ${localPort} ${gateway.port}`]);
  });
});
