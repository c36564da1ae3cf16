import { expect, it, vi } from 'vitest';
import { HeaderList } from '../../../../src/contract/headers.ts';
import type { UpstreamReceiver, UpstreamRequestHead } from '../../../../src/dataplane/stream.ts';
import { CircuitBreaker } from '../../../../src/dataplane/upstreams/breaker.ts';
import { Host, type HostEnvironment } from '../../../../src/dataplane/upstreams/host.ts';
import type { ConnectionPool } from '../../../../src/dataplane/upstreams/pool.ts';

it('leaves no pool behind of a client whose request was one too many to wait', async () => {
  const connections = { connectTimeoutMs: 1_000, maxPendingRequests: 1 } as never;
  const pools = new Set<ConnectionPool>();
  const environment = {
    cluster: { id: 'c', proxyProtocol: 1, protocol: 'http1', connections, loadBalancer: { kind: 'random' } },
    breaker: new CircuitBreaker(connections),
    credentials: {},
    // Nothing is dialled: the first client waits for as long as the test takes.
    mayDial: () => true,
    pools,
    sockets: new Set(),
    report: () => {},
  } as unknown as HostEnvironment;
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
      client: { remoteAddress: '192.0.2.9', remotePort, localAddress: '192.0.2.1', localPort: 80 },
    }) as unknown as UpstreamRequestHead;
  for (let port = 1; port <= 50; port++) host.start(from(port), receiver, 'h1');
  await vi.waitFor(() => expect(failed).toHaveBeenCalledTimes(50));
  expect(pools.size).toBe(0);
});
