import net from 'node:net';
import { Registry } from 'prom-client';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { jsonLine } from '../../plugins/access-log/lines.ts';
import { authorization } from '../../plugins/authorization/index.ts';
import { rateLimits } from '../../plugins/rate-limit/index.ts';
import { registerProcessMetrics } from '../../src/admin/own-metrics.ts';
import type { GatewayPlugin } from '../../src/contract/index.ts';
import { frame, startGateway, type TestGateway, virtualService } from '../support/gateway.ts';
import { CALLER, type Ends, textHeader } from '../support/proxy-header.ts';
import { TCP_ROUTE } from '../support/tcp.ts';
import { startUpstreams, type TestUpstreams } from '../support/upstreams.ts';

/* Whole gateways behind a network load balancer: who the caller is for each that asks (istio-semantics §6.2, §7.2). */

let upstreams: TestUpstreams;
let forwarded: Record<string, unknown>[] = [];
const gateways: TestGateway[] = [];
beforeAll(async () => {
  upstreams = await startUpstreams(1, (_index, request, response) => {
    forwarded.push(request.headers);
    response.end('served');
  });
});
afterAll(() => upstreams.close());
afterEach(async () => {
  for (const gateway of gateways.splice(0)) await gateway.close();
  forwarded = [];
});

const policy = (spec: string): string => `
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: { name: p, namespace: istio-system }
spec: ${spec}`;

async function serve(more = '', mesh = {}): Promise<TestGateway> {
  const routes = virtualService('shop', '- route: [{ destination: { host: shop.test } }]');
  const { rateLimit } = rateLimits({ redisUrl: undefined });
  const gateway = await startGateway(frame({ shop: upstreams.ports[0] as number }) + routes + more, {
    plugins: [rateLimit, authorization] as readonly GatewayPlugin[],
    mesh: { proxyProtocol: true, ...mesh },
  });
  gateways.push(gateway);
  return gateway;
}

/** What comes of bytes until the connection ends. */
function say({ port }: TestGateway, bytes: string): Promise<string> {
  return new Promise((resolve) => {
    let raw = '';
    const socket = net.connect(port, '127.0.0.1');
    socket.on('data', (chunk) => {
      raw += chunk.toString('latin1');
    });
    socket.on('error', () => {});
    socket.on('close', () => resolve(raw));
    socket.write(bytes);
  });
}

const get = (header: string): string => `GET / HTTP/1.1\r\nHost: shop\r\nConnection: close\r\n${header}\r\n`;
const ask = async (gateway: TestGateway, ends: Ends = CALLER, header = ''): Promise<number> =>
  Number((await say(gateway, textHeader(ends) + get(header))).slice(9, 12));

describe('the caller behind a load balancer', () => {
  it.each([
    ['without X-Forwarded-For', 0, '', '192.0.2.7', '192.0.2.7'],
    ['with one that nobody trusts', 0, 'X-Forwarded-For: 203.0.113.9\r\n', '203.0.113.9,192.0.2.7', '192.0.2.7'],
    ['with one of a trusted proxy', 1, 'X-Forwarded-For: 203.0.113.9\r\n', '203.0.113.9,192.0.2.7', '203.0.113.9'],
    ['without the one of a trusted proxy', 1, '', '192.0.2.7', '192.0.2.7'],
    [
      'with fewer than the trusted proxies',
      2,
      'X-Forwarded-For: 203.0.113.9\r\n',
      '203.0.113.9,192.0.2.7',
      '192.0.2.7',
    ],
  ])('%s', async (_name, numTrustedProxies, header, xff, client) => {
    const gateway = await serve('', { numTrustedProxies });
    expect(await ask(gateway, CALLER, header)).toBe(200);
    expect(forwarded).toMatchObject([
      { 'x-forwarded-for': xff, 'x-envoy-external-address': client, 'x-forwarded-proto': 'http' },
    ]);
    expect(gateway.records.map((record) => JSON.parse(jsonLine(record)))).toMatchObject([
      {
        x_forwarded_for: xff,
        downstream_remote_address: client,
        downstream_local_address: '198.51.100.1:443',
        listener_port: gateway.port,
      },
    ]);
  });

  it('has a name for route headers, beside the load balancer’s', async () => {
    const gateway = await serve();
    await gateway.publish(
      frame({ shop: upstreams.ports[0] as number }) +
        virtualService(
          'shop',
          `- route: [{ destination: { host: shop.test } }]
  headers: { request: { set: { x-ends: "%DOWNSTREAM_REMOTE_ADDRESS% %DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT% %DOWNSTREAM_LOCAL_ADDRESS%" } } }`,
        ),
    );
    await ask(gateway);
    expect(forwarded[0]?.['x-ends']).toBe('192.0.2.7:40000 127.0.0.1 198.51.100.1:443');
  });

  it('is counted by its address', async () => {
    const gateway = await serve(`
---
apiVersion: banyan.dev/v1alpha1
kind: RateLimit
metadata: { name: limits, namespace: istio-system }
spec: { rules: [{ name: fair, per: client-address, limits: [{ requests: 1, window: 1h }] }] }`);
    expect([
      await ask(gateway),
      await ask(gateway),
      await ask(gateway, { ...CALLER, sourceAddress: '192.0.2.8' }),
    ]).toEqual([200, 429, 200]);
  });

  it('is known of what was no request', async () => {
    const gateway = await serve();
    expect(await say(gateway, `${textHeader()}GET / HTTP/9.9\r\n\r\n`)).toMatch(/^HTTP\/1.1 \d/);
    expect(gateway.records).toMatchObject([{ clientAddress: '192.0.2.7', peerAddress: '127.0.0.1' }]);
  });
});

describe('a policy behind a load balancer', () => {
  const deny = (rule: string): string => policy(`{ action: DENY, rules: [${rule}] }`);
  it.each([
    ['ipBlocks: the load balancer', deny('{ from: [{ source: { ipBlocks: [127.0.0.0/8] } }] }'), 403],
    ['ipBlocks: not the client', deny('{ from: [{ source: { ipBlocks: [192.0.2.0/24] } }] }'), 200],
    ['remoteIpBlocks: the client', deny('{ from: [{ source: { remoteIpBlocks: [192.0.2.0/24] } }] }'), 403],
    ['remoteIpBlocks: not the load balancer', deny('{ from: [{ source: { remoteIpBlocks: [127.0.0.0/8] } }] }'), 200],
    ['source.ip', deny('{ when: [{ key: source.ip, values: [127.0.0.1] }] }'), 403],
    ['remote.ip', deny('{ when: [{ key: remote.ip, values: [192.0.2.7] }] }'), 403],
    [
      'destination.ip: where the client came to',
      deny('{ when: [{ key: destination.ip, values: [198.51.100.1] }] }'),
      403,
    ],
    ['destination.ip: not our end', deny('{ when: [{ key: destination.ip, values: [127.0.0.1] }] }'), 200],
    ['ports: the one that the client came to', deny('{ to: [{ operation: { ports: ["443"] } }] }'), 403],
    ['ports: not our own', deny('{ to: [{ operation: { ports: ["GATEWAY_PORT"] } }] }'), 200],
  ])('%s', async (_name, text, status) => {
    expect(await ask(await serve(text))).toBe(status);
  });

  it('takes our own ends where the load balancer speaks for itself', async () => {
    const gateway = await serve(
      deny('{ from: [{ source: { remoteIpBlocks: [127.0.0.1] } }], to: [{ operation: { ports: ["GATEWAY_PORT"] } }] }'),
    );
    expect(await say(gateway, `PROXY UNKNOWN\r\n${get('')}`)).toMatch(/^HTTP\/1.1 403/);
    expect(await ask(gateway)).toBe(200);
  });
});

describe('a raw connection behind a load balancer', () => {
  async function raw(policies = ''): Promise<TestGateway> {
    const server = net.createServer((socket) => socket.on('error', () => {}).end('served'));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as net.AddressInfo;
    const gateway = await startGateway(frame({ db: port }, 'TCP') + TCP_ROUTE + policies, {
      plugins: [authorization] as readonly GatewayPlugin[],
      mesh: { proxyProtocol: true },
    });
    gateways.push({ ...gateway, close: () => gateway.close().then(() => void server.close()) });
    return gateway;
  }
  const allow = (source: string): string => policy(`{ rules: [{ from: [{ source: ${source} }] }] }`);

  it.each([
    ['without policies', '', 'served'],
    ['an ALLOW of the client', allow('{ remoteIpBlocks: [192.0.2.7] }'), 'served'],
    ['an ALLOW of the load balancer', allow('{ ipBlocks: [127.0.0.1] }'), 'served'],
    ['an ALLOW of the load balancer as a client', allow('{ remoteIpBlocks: [127.0.0.1] }'), ''],
    ['an ALLOW of the client as a peer', allow('{ ipBlocks: [192.0.2.7] }'), ''],
  ])('%s', async (_name, policies, said) => {
    expect(await say(await raw(policies), textHeader())).toBe(said);
  });

  it('has its client’s address in its record', async () => {
    const gateway = await raw();
    await say(gateway, textHeader());
    await expect
      .poll(() => gateway.connections)
      .toMatchObject([
        { peerAddress: '127.0.0.1', clientAddress: '192.0.2.7', localAddress: '198.51.100.1', localPort: 443 },
      ]);
  });
});

it('counts what was closed before anything was served on it', async () => {
  const gateway = await serve();
  expect([await say(gateway, get('')), await say(gateway, 'PROXY TCP4 nobody\r\n')]).toEqual(['', '']);
  expect(await ask(gateway)).toBe(200);
  const registry = new Registry();
  registerProcessMetrics(registry, () => gateway.gateway.connections());
  await expect
    .poll(() => registry.getSingleMetricAsString('banyan_refused_connections_total'))
    .toContain('{reason="proxy-header"} 2');
  expect(gateway.records).toHaveLength(1);
});
