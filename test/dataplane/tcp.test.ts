import net from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { frame, startGateway, type TestGateway } from '../support/gateway.ts';

let gateway: TestGateway | undefined;
const services: net.Server[] = [];
afterEach(async () => {
  await gateway?.close();
  gateway = undefined;
  for (const service of services.splice(0)) service.close();
});

/** Says its name to whoever connects. */
async function service(name: string): Promise<number> {
  const server = net.createServer((socket) => socket.on('error', () => {}).end(name));
  services.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as net.AddressInfo).port;
}

function connectFrom(localAddress: string, port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    let said = '';
    const socket = net.connect({ port, host: '127.0.0.1', localAddress });
    socket.on('data', (chunk) => {
      said += chunk.toString();
    });
    socket.on('end', () => resolve(said));
    socket.on('error', reject);
  });
}

const ROUTES = `
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: all }
spec:
  hosts: ["*"]
  gateways: [edge]
  tcp: [{ route: [{ destination: { host: db.test } }] }]`;
const balanced = (loadBalancer: string): string => `
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: db }
spec: { host: db.test, trafficPolicy: { loadBalancer: ${loadBalancer} } }`;

describe('connections of a tcp rule', () => {
  async function serve(loadBalancer: string): Promise<number> {
    const world = frame({ db: [await service('a'), await service('b')] })
      .replace('protocol: HTTP }, hosts', 'protocol: TCP }, hosts')
      .replace('name: main, protocol: HTTP', 'name: main, protocol: TCP');
    gateway = await startGateway(world + balanced(loadBalancer) + ROUTES);
    return gateway.port;
  }
  const CLIENTS = Array.from({ length: 16 }, (_, i) => `127.0.0.${i + 2}`);

  /** Whom each client met. */
  async function meetings(port: number, times: number): Promise<readonly ReadonlySet<string>[]> {
    const met = CLIENTS.map(() => new Set<string>());
    for (let i = 0; i < times; i++)
      for (const [c, client] of CLIENTS.entries()) met[c]?.add(await connectFrom(client, port));
    return met;
  }

  it('stay with one host for each client where the client’s address is hashed', async () => {
    const met = await meetings(await serve('{ consistentHash: { useSourceIp: true } }'), 4);
    expect(met.map(({ size }) => size)).toEqual(CLIENTS.map(() => 1));
    expect(new Set(met.flatMap((hosts) => [...hosts]))).toEqual(new Set(['a', 'b']));
  });

  it('go to all hosts in turn otherwise', async () => {
    const port = await serve('{ simple: ROUND_ROBIN }');
    expect(new Set([await connectFrom('127.0.0.2', port), await connectFrom('127.0.0.2', port)])).toEqual(
      new Set(['a', 'b']),
    );
  });
});
