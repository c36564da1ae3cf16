import net from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { frame, freePort, startGateway, type TestGateway } from '../support/gateway.ts';
import { TCP_ROUTE, toldTo } from '../support/tcp.ts';

let gateway: TestGateway | undefined;
const services: net.Server[] = [];
afterEach(async () => {
  await gateway?.close();
  gateway = undefined;
  for (const service of services.splice(0)) service.close();
});

/** Says its name to whoever connects. */
async function service(name: string, at = 0) {
  const server = net.createServer((socket) => socket.on('error', () => {}).end(name));
  services.push(server);
  await new Promise<void>((resolve) => server.listen(at, '127.0.0.1', resolve));
  const { port } = server.address() as net.AddressInfo;
  return { port, close: () => new Promise((resolve) => server.close(resolve)) };
}

const balanced = (loadBalancer: string): string => `
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: db }
spec: { host: db.test, trafficPolicy: { loadBalancer: ${loadBalancer} } }`;

describe('connections of a tcp rule', () => {
  async function serve(loadBalancer: string): Promise<number> {
    const [a, b] = [await service('a'), await service('b')];
    gateway = await startGateway(frame({ db: [a.port, b.port] }, 'TCP') + balanced(loadBalancer) + TCP_ROUTE);
    return gateway.port;
  }
  const CLIENTS = Array.from({ length: 16 }, (_, i) => `127.0.0.${i + 2}`);

  /** Whom each client met. */
  async function meetings(port: number, times: number): Promise<readonly ReadonlySet<string>[]> {
    const met = CLIENTS.map(() => new Set<string>());
    for (let i = 0; i < times; i++)
      for (const [c, client] of CLIENTS.entries()) met[c]?.add(await toldTo(client, port));
    return met;
  }

  it('stay with one host for each client where the client’s address is hashed', async () => {
    const met = await meetings(await serve('{ consistentHash: { useSourceIp: true } }'), 4);
    expect(met.map(({ size }) => size)).toEqual(CLIENTS.map(() => 1));
    expect(new Set(met.flatMap((hosts) => [...hosts]))).toEqual(new Set(['a', 'b']));
  });

  it('count each that was made as a success, so that failures between them eject nobody', async () => {
    const port = await freePort();
    const ejecting =
      '{ simple: RANDOM }, outlierDetection: { consecutive5xxErrors: 2, maxEjectionPercent: 100, baseEjectionTime: 60s }';
    gateway = await startGateway(frame({ db: [port] }, 'TCP') + balanced(ejecting) + TCP_ROUTE);
    const said: string[] = [];
    for (let turn = 0; turn < 3; turn++) {
      said.push(await toldTo('127.0.0.2', gateway.port));
      const back = await service('back', port);
      said.push(await toldTo('127.0.0.2', gateway.port));
      await back.close();
    }
    expect(said).toEqual(['', 'back', '', 'back', '', 'back']);
  });

  it('eject a host that takes none in a row', async () => {
    const port = await freePort();
    const ejecting =
      '{ simple: RANDOM }, outlierDetection: { consecutive5xxErrors: 2, maxEjectionPercent: 100, baseEjectionTime: 60s }';
    gateway = await startGateway(frame({ db: [port] }, 'TCP') + balanced(ejecting) + TCP_ROUTE);
    await toldTo('127.0.0.2', gateway.port);
    await toldTo('127.0.0.2', gateway.port);
    await service('back', port);
    expect(await toldTo('127.0.0.2', gateway.port)).toBe('');
  });

  it('go to all hosts in turn otherwise', async () => {
    const port = await serve('{ simple: ROUND_ROBIN }');
    expect(new Set([await toldTo('127.0.0.2', port), await toldTo('127.0.0.2', port)])).toEqual(new Set(['a', 'b']));
  });
});
