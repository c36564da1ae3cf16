import type net from 'node:net';
import tls from 'node:tls';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { ConnectionRecord, GatewayPlugin } from '../../src/contract/index.ts';
import { closeAll, keep } from '../support/authorized.ts';
import { frame, freePort, startGateway, type TestGateway } from '../support/gateway.ts';
import {
  connect,
  echo,
  filtering,
  only,
  type Serve,
  saying,
  saysServed,
  serve,
  service,
  silent,
} from '../support/raw-connections.ts';
import { TCP_ROUTE, toldTo } from '../support/tcp.ts';

afterEach(closeAll);

const rule = (trafficPolicy: string): string => `
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: db }
spec: { host: db.test, trafficPolicy: { ${trafficPolicy} } }`;
describe('a raw connection that was served', () => {
  it('is told once, with all that is known of it', async () => {
    const gateway = await serve(echo);
    const { socket, closed } = connect(gateway.port);
    socket.write('hello');
    expect(await saying(socket)).toBe('hello');
    const { localPort } = socket;
    socket.end();
    await closed;
    const record = await only(gateway);
    expect(record).toMatchObject({
      peerAddress: '127.0.0.1',
      clientAddress: '127.0.0.1',
      clientPort: localPort,
      localAddress: '127.0.0.1',
      localPort: gateway.port,
      listenerPort: gateway.port,
      serverName: undefined,
      routeId: 'team/db/tcp/0',
      owner: { namespace: 'team', kind: 'VirtualService', name: 'db' },
      cluster: `outbound|80||db.test`,
      clusterNamespace: 'team',
      upstreamAttempts: 1,
      upstreamFailure: undefined,
      flags: [],
      details: '',
      terminationDetails: undefined,
      cause: undefined,
      bytesReceived: 5,
      bytesSent: 5,
    });
    expect(record.upstreamAddress).toMatch(/^127\.0\.0\.1:\d+$/);
    expect(record.upstreamLocalAddress).toMatch(/^127\.0\.0\.1:\d+$/);
    expect(record.tableRevision).not.toBe('');
    expect(record.durationMs).toBeGreaterThan(0);
    expect(Math.abs(Date.now() - record.startedAtMs)).toBeLessThan(60_000);
  });

  it('is told when bytes can pass, and its bytes are counted as they do', async () => {
    const opened: ConnectionRecord[] = [];
    const watching = filtering({ connectionOpened: (record) => void opened.push(record) });
    const gateway = await serve(echo, '', { plugins: [watching] });
    const { socket } = connect(gateway.port);
    socket.write('hello');
    await saying(socket);
    expect(opened).toMatchObject([{ bytesReceived: 5, bytesSent: 5, durationMs: 0, cause: undefined }]);
    expect(gateway.connections).toEqual([]);
    socket.destroy();
    expect(await only(gateway)).toBe(opened[0]);
  });

  it.each<[string, Serve, (socket: net.Socket) => void]>([
    ['its service was done', saysServed, () => {}],
    ['its service broke off', (socket) => socket.once('data', () => socket.resetAndDestroy()), (s) => s.write('x')],
    ['its client was done', silent, (socket) => socket.end()],
    ['its client broke off', silent, (socket) => socket.resetAndDestroy()],
    ['its client was done, and then its service', (s) => s.on('end', () => s.end('bye')).resume(), (s) => s.end('x')],
  ])('has no cause where %s', async (_, serving, leave) => {
    const opened = vi.fn();
    const gateway = await serve(serving, '', { plugins: [filtering({ connectionOpened: opened })] });
    const { socket } = connect(gateway.port);
    await vi.waitFor(() => expect(opened).toHaveBeenCalled(), { interval: 5 });
    leave(socket);
    expect(await only(gateway)).toMatchObject({ cause: undefined, flags: [], upstreamAttempts: 1 });
  });

  it('knows the name that TLS asked for where it goes on as it came', async () => {
    const text = frame({ db: await service((socket) => socket.once('data', () => socket.end('no TLS'))) }, 'TCP')
      .replace('protocol: TCP }, hosts: ["*"]', 'protocol: TLS }, tls: { mode: PASSTHROUGH }, hosts: ["*"]')
      .concat(
        TCP_ROUTE.replace('tcp: [{', 'tls: [{ match: [{ sniHosts: ["x.b.com"] }, { sniHosts: ["*.a.com"] }],').replace(
          'hosts: ["*"]',
          'hosts: ["*.a.com", "*.b.com"]',
        ),
      );
    const gateway = keep(await startGateway(text));
    const client = tls.connect({ port: gateway.port, host: '127.0.0.1', servername: 'X.a.com' });
    client.on('error', () => {});
    const record = await only(gateway);
    expect(record).toMatchObject({ serverName: 'x.a.com', routeId: 'team/db/tls/0.1', bytesSent: 6, cause: undefined });
    expect(record.bytesReceived).toBeGreaterThan(50);
  });
});

describe('a raw connection that is closed by the gateway', () => {
  it.each([
    ['idle for too long', 'connectionPool: { tcp: { idleTimeout: 0.05s } }', 'idle-timeout', []],
    ['there for too long', 'connectionPool: { tcp: { maxConnectionDuration: 0.05s } }', 'max-duration', ['DT']],
  ])('%s', async (_, settings, cause, flags) => {
    const gateway = await serve(silent, rule(settings));
    await connect(gateway.port).closed;
    expect(await only(gateway)).toMatchObject({ cause, flags, upstreamAttempts: 1 });
  });

  it.each<[string, (gateway: TestGateway) => Promise<void>]>([
    ['at the end of the grace', ({ gateway }) => gateway.drain(20)],
    ['at once', ({ gateway }) => gateway.close()],
  ])('since it goes: %s', async (_, go) => {
    const gateway = await serve(echo);
    const { socket } = connect(gateway.port);
    socket.write('hello');
    await saying(socket);
    await go(gateway);
    expect(await only(gateway)).toMatchObject({ cause: 'drained', flags: [], bytesSent: 5 });
  });

  it.each<[string, (gateway: TestGateway) => Promise<void>]>([
    ['at once', ({ gateway }) => gateway.close()],
    ['after the grace', ({ gateway }) => gateway.drain(20).then(() => gateway.close())],
  ])('is told before plugins end: %s', async (_, go) => {
    const told: ConnectionRecord[] = [];
    let atTheEnd: number | undefined;
    const name = 'ending';
    const ending: GatewayPlugin = {
      spec: { name, kinds: [] },
      plugin: Object.assign(
        async (app: Parameters<GatewayPlugin['plugin']>[0]) => {
          app.banyan.contribute({ name, logConnection: (record) => void told.push(record) });
          app.addHook('onClose', async () => {
            atTheEnd = told.length;
          });
        },
        { [Symbol.for('skip-override')]: true },
      ),
    };
    const gateway = await serve(echo, '', { plugins: [ending] });
    const clients = [connect(gateway.port), connect(gateway.port)];
    for (const { socket } of clients) socket.write('hello');
    await Promise.all(clients.map(({ socket }) => saying(socket)));
    await go(gateway);
    expect(atTheEnd).toBe(2);
    expect(told.map(({ cause }) => cause)).toEqual(['drained', 'drained']);
  });

  it('though its client had said all that it had to say', async () => {
    const gateway = await serve((socket) => socket.on('end', () => socket.write('wait')).resume());
    const { socket } = connect(gateway.port);
    socket.end('hello');
    await saying(socket);
    await gateway.gateway.drain(20);
    expect(await only(gateway)).toMatchObject({ cause: 'drained', bytesReceived: 5, bytesSent: 4 });
  });
});

describe('a connection that fits no rule', () => {
  const noRule = {
    cause: 'no-route',
    details: 'filter_chain_not_found',
    flags: ['NR'],
    owner: undefined,
    bytesSent: 0,
  };
  const passthrough = (port: number): string =>
    frame({ db: port }, 'TCP')
      .replace('protocol: TCP }, hosts: ["*"]', 'protocol: TLS }, tls: { mode: PASSTHROUGH }, hosts: ["*"]')
      .concat(
        TCP_ROUTE.replace('tcp: [{', 'tls: [{ match: [{ sniHosts: ["x.a.com"] }],').replace('["*"]', '["*.a.com"]'),
      );

  it('is told with the name that it asked for', async () => {
    const gateway = keep(await startGateway(passthrough(await service(echo))));
    const client = tls.connect({ port: gateway.port, host: '127.0.0.1', servername: 'b.com' });
    client.on('error', () => {});
    expect(await only(gateway)).toMatchObject({ ...noRule, serverName: 'b.com' });
  });

  it('is told where it speaks no TLS, and must', async () => {
    const gateway = keep(await startGateway(passthrough(await service(echo))));
    connect(gateway.port).socket.write('hello');
    expect(await only(gateway)).toMatchObject({ ...noRule, serverName: undefined });
  });
});

describe('a raw connection that never opens', () => {
  const noEndpoint = frame({ db: [] }, 'TCP').replace('endpoints:', 'endpoints: []');
  it.each<[string, string, object]>([
    ['a destination that is not there', frame({}, 'TCP') + TCP_ROUTE, { cause: 'unknown-destination', flags: ['NC'] }],
    ['a service without an endpoint', noEndpoint + TCP_ROUTE, { cause: 'no-healthy-upstream', flags: ['UH'] }],
  ])('%s', async (_, text, expected) => {
    const opened = vi.fn();
    const gateway = keep(await startGateway(text, { plugins: [filtering({ connectionOpened: opened })] }));
    await toldTo('127.0.0.2', gateway.port);
    expect(await only(gateway)).toMatchObject({
      routeId: 'team/db/tcp/0',
      details: '',
      terminationDetails: undefined,
      upstreamAddress: undefined,
      upstreamAttempts: 0,
      bytesReceived: 0,
      bytesSent: 0,
      peerAddress: '127.0.0.2',
      ...expected,
    });
    expect(opened).not.toHaveBeenCalled();
  });

  it('nobody listens', async () => {
    const port = await freePort();
    const gateway = await serve(port);
    await toldTo('127.0.0.2', gateway.port);
    const record = await only(gateway);
    expect(record).toMatchObject({
      cause: 'upstream-connect-failure',
      flags: ['UF', 'URX'],
      upstreamAddress: `127.0.0.1:${port}`,
      upstreamLocalAddress: undefined,
      upstreamAttempts: 1,
    });
    expect(record.upstreamFailure).toContain('ECONNREFUSED');
  });

  it.each<[string, Serve, string]>([
    ['the service speaks no TLS', (socket) => socket.end('no TLS'), 'upstream-tls-failure'],
    ['the service says nothing in time', silent, 'upstream-connect-timeout'],
  ])('%s', async (_, serving, cause) => {
    const gateway = await serve(
      serving,
      rule('tls: { mode: SIMPLE }, connectionPool: { tcp: { connectTimeout: 0.2s } }'),
    );
    await toldTo('127.0.0.2', gateway.port);
    const record = await only(gateway);
    expect(record).toMatchObject({ cause, flags: ['UF', 'URX'], upstreamAttempts: 1 });
    expect(record.upstreamFailure).not.toBe('');
  });

  it('the service has as many as it may', async () => {
    const gateway = await serve(echo, rule('connectionPool: { tcp: { maxConnections: 1 } }'));
    const { socket } = connect(gateway.port);
    socket.write('hello');
    await saying(socket);
    await toldTo('127.0.0.2', gateway.port);
    expect(await only(gateway)).toMatchObject({
      cause: 'upstream-overflow',
      flags: ['UO'],
      upstreamAddress: undefined,
      upstreamAttempts: 0,
      cluster: 'outbound|80||db.test',
    });
  });
});
