import type { Socket } from 'node:net';
import { afterEach, expect, it, vi } from 'vitest';
import { HeaderList } from '../../../../src/contract/headers.ts';
import type { UpstreamReceiver, UpstreamRequestHead } from '../../../../src/dataplane/stream.ts';
import { CircuitBreaker } from '../../../../src/dataplane/upstreams/breaker.ts';
import { Host, type HostEnvironment } from '../../../../src/dataplane/upstreams/host.ts';
import type { ConnectionPool } from '../../../../src/dataplane/upstreams/pool.ts';
import { SpareConnections } from '../../../../src/dataplane/upstreams/spare-connections.ts';
import { answering, cleanUp, clusterOf, headOf, OK, Recorder, rawServer, until } from './support.ts';

afterEach(cleanUp);

const environmentOf = (changes: object): HostEnvironment =>
  ({
    cluster: clusterOf({ proxyProtocol: 1 }),
    breaker: new CircuitBreaker({} as never),
    credentials: {},
    mayDial: () => true,
    pools: new Set<ConnectionPool>(),
    sockets: new Set<Socket>(),
    spare: new SpareConnections(1_000),
    report: () => {},
    ...changes,
  }) as unknown as HostEnvironment;

const callerAt = (remotePort: number) =>
  ({ remoteAddress: '192.0.2.9', remotePort, localAddress: '192.0.2.1', localPort: 80 }) as const;

it('leaves no pool behind of a client whose request was one too many to wait', async () => {
  const connections = { connectTimeoutMs: 1_000, maxPendingRequests: 1 } as never;
  const pools = new Set<ConnectionPool>();
  // Nothing is dialled: the first client waits for as long as the test takes.
  const cluster = { id: 'c', proxyProtocol: 1, protocol: 'http1', connections, loadBalancer: { kind: 'random' } };
  const environment = environmentOf({ cluster, breaker: new CircuitBreaker(connections), pools });
  const facts = { weight: 1, priority: 0, locality: '', healthy: true } as never;
  const host = new Host({ address: '127.0.0.1', port: 1 } as never, facts, environment, 0);
  const failed = vi.fn();
  const receiver = { onFailed: failed, onConnected: () => {} } as unknown as UpstreamReceiver;
  const from = (remotePort: number): UpstreamRequestHead =>
    ({
      method: 'GET',
      target: '/',
      scheme: 'http',
      authority: 'a',
      headers: HeaderList.empty(),
      bodyLength: 0,
      hasBody: false,
      client: callerAt(remotePort),
    }) as unknown as UpstreamRequestHead;
  for (let port = 1; port <= 50; port++) host.start(from(port), receiver, 'h1');
  await vi.waitFor(() => expect(failed).toHaveBeenCalledTimes(50));
  expect(pools.size).toBe(0);
});

it('keeps of the connections that speak for one client each the few used last, however many clients come', async () => {
  const open = new Set<string>();
  const server = await rawServer((socket) => {
    let name = '';
    const reply = answering(() => OK);
    socket.once('data', (bytes: Buffer) => {
      name = bytes.toString().split(' ')[4] ?? '';
      open.add(name);
    });
    socket.on('close', () => open.delete(name));
    reply(socket);
  });
  const spare = new SpareConnections(2);
  const environment = environmentOf({ spare });
  const facts = { weight: 1, priority: 0, locality: '', healthy: true } as never;
  const host = new Host({ address: '127.0.0.1', port: server.port } as never, facts, environment, 0);
  const ask = async (remotePort: number): Promise<Recorder> => {
    const recorder = new Recorder();
    host.start(headOf({ client: callerAt(remotePort) }), recorder, 'h1').end();
    await recorder.ended;
    await until(() => spare.size > 0 && [...open].includes(String(remotePort)));
    await new Promise((resolve) => setImmediate(() => setImmediate(() => setImmediate(resolve))));
    return recorder;
  };
  for (const port of [1, 2, 3]) await ask(port);
  await until(() => open.size === 2);
  expect([...open]).toEqual(['2', '3']);
  // Used again it is the last to go.
  expect((await ask(2)).connection?.reused).toBe(true);
  await ask(4);
  await until(() => open.size === 2 && open.has('4'));
  expect([...open].sort()).toEqual(['2', '4']);
  host.drain();
  await until(() => open.size === 0);
  expect(spare.size).toBe(0);
});
