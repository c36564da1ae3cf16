import net, { type AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { externalAuthorization } from '../../plugins/external-authorization/index.ts';
import type { GatewayPlugin } from '../../src/contract/index.ts';
import { createDialGuard } from '../../src/dataplane/upstreams/dial-guard.ts';
import { frame, freePort, startGateway, type TestGateway, virtualService } from '../support/gateway.ts';
import { askGateway, startUpstreams, type TestUpstreams } from '../support/upstreams.ts';
import { NEVER_OVERLOADED } from './support.ts';

/*
 * M-06 of edge-security §1: whatever names an address, a route, a policy or DNS, none is dialled that may not be. (Those that no
 * gateway dials are refused where they are written.)
 */

let forbidden: net.Server;
let connections = 0;
let upstreams: TestUpstreams;
let gateway: TestGateway;
let tcpPort: number;
const portOf = (server: net.Server): number => (server.address() as AddressInfo).port;

beforeAll(async () => {
  forbidden = net.createServer((socket) => {
    connections += 1;
    socket.destroy();
  });
  await new Promise<void>((resolve) => forbidden.listen(0, '0.0.0.0', resolve));
  upstreams = await startUpstreams(1);
  tcpPort = await freePort();
  const port = portOf(forbidden);
  const entry = (name: string, address: string, protocol = 'HTTP', resolution = 'STATIC'): string => `
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: ${name} }
spec:
  hosts: [${name}.test]
  resolution: ${resolution}
  ports: [{ number: 80, name: main, protocol: ${protocol} }]
  endpoints: [{ address: "${address}", ports: { main: ${port} } }]
`;
  const entries = [
    entry('plain', '127.0.0.1'),
    entry('other-loopback', '127.0.0.9'),
    entry('mapped', '::ffff:127.0.0.1'),
    entry('by-name', 'localhost', 'HTTP', 'DNS'),
    entry('http2', '127.0.0.1', 'HTTP2'),
    entry('secured', '127.0.0.1'),
    entry('database', '127.0.0.1', 'TCP'),
  ];
  const rules = ['plain', 'other-loopback', 'mapped', 'by-name', 'http2', 'secured'].map(
    (name) => `- match: [{ uri: { exact: /${name} } }]\n  route: [{ destination: { host: ${name}.test } }]`,
  );
  const mirror = `- match: [{ uri: { exact: /mirrored } }]
  route: [{ destination: { host: good.test } }]
  mirrors: [{ destination: { host: plain.test } }]
- route: [{ destination: { host: good.test } }]`;
  const more = `
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: secured }
spec: { host: secured.test, trafficPolicy: { tls: { mode: SIMPLE } } }
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: { name: raw }
spec:
  selector: { istio: ingressgateway }
  servers: [{ port: { number: ${tcpPort}, name: tcp, protocol: TCP }, hosts: ["*"] }]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: raw }
spec: { hosts: ["*"], gateways: [raw], tcp: [{ route: [{ destination: { host: database.test, port: { number: 80 } } }] }] }
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: { name: ask, namespace: istio-system }
spec: { action: CUSTOM, provider: { name: judge }, rules: [{ to: [{ operation: { paths: ["/judged"] } }] }] }
`;
  const text =
    frame({ good: upstreams.ports[0] as number }) +
    entries.join('') +
    virtualService('all', [...rules, mirror].join('\n')) +
    more;
  const guard = createDialGuard({ allowLoopback: false });
  gateway = await startGateway(text, {
    plugins: [externalAuthorization] as readonly GatewayPlugin[],
    overload: NEVER_OVERLOADED,
    mesh: { extensionProviders: [{ name: 'judge', envoyExtAuthzHttp: { service: 'plain.test', port: 80 } }] },
    // The one that tests may reach stands for the world outside.
    mayDial: (address, at) => at === upstreams.ports[0] || guard(address, at),
  });
});
afterAll(async () => {
  await gateway.close();
  upstreams.close();
  forbidden.close();
});

describe('an address that may not be dialled is not', () => {
  it.each(['plain', 'other-loopback', 'mapped', 'by-name', 'http2', 'secured'])(
    'for a route to it: %s',
    async (name) => {
      expect((await askGateway(gateway.port, `/${name}`)).status).toBe(503);
      expect(connections).toBe(0);
    },
  );

  it('for a copy of a request, which itself goes its way', async () => {
    expect((await askGateway(gateway.port, '/mirrored')).status).toBe(200);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(connections).toBe(0);
  });

  it('for who is asked by a policy: nobody passes', async () => {
    expect((await askGateway(gateway.port, '/judged')).status).toBe(403);
    expect([connections, upstreams.seen[0]]).toEqual([0, 1]);
  });

  it('for a connection that is passed on as it is', async () => {
    const socket = net.connect(tcpPort, '127.0.0.1', () => socket.write('hello'));
    await new Promise((resolve) => socket.on('close', resolve).on('error', () => {}));
    expect(connections).toBe(0);
  });

  it('while others are', async () => {
    expect((await askGateway(gateway.port, '/')).status).toBe(200);
  });
});
