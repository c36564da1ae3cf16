import type { ConnectionFacts, ConnectionRecord, RequestRecord } from '../../src/contract/index.ts';

/** What is known of a request that a service answered. */
export const fakeRecord = (changes: Partial<RequestRecord> = {}): RequestRecord => ({
  requestId: '2f1c7f4e-0000-4000-8000-000000000000',
  startedAtMs: Date.UTC(2026, 0, 2, 3, 4, 5, 678),
  method: 'GET',
  originalTarget: '/cart?page=2',
  path: '/cart',
  authority: 'shop.example.com',
  scheme: 'http',
  protocol: 'HTTP/1.1',
  userAgent: 'curl/8',
  forwardedFor: '198.51.100.7',
  peerAddress: '198.51.100.7',
  clientAddress: '198.51.100.7',
  listenerPort: 80,
  localAddress: '10.9.8.7',
  localPort: 8080,
  serverName: undefined,
  routeId: 'shop/web/0',
  routeName: 'cart',
  owner: {
    namespace: 'shop',
    kind: 'VirtualService',
    name: 'web',
    delegate: undefined,
    file: 'shop/web.yaml',
    line: 1,
  },
  tableRevision: 'r1',
  cluster: 'outbound|80||cart.shop.svc.cluster.local',
  clusterNamespace: 'shop',
  upstreamAddress: '10.0.0.1:8080',
  upstreamLocalAddress: '10.9.8.7:40001',
  upstreamAttempts: 1,
  status: 200,
  grpcStatus: undefined,
  flags: [],
  details: 'via_upstream',
  cause: undefined,
  bytesReceived: 3,
  bytesSent: 17,
  durationMs: 12.4,
  upstreamMs: 10.6,
  upstreamFailure: undefined,
  principal: undefined,
  ...changes,
});

/** What is known of a raw connection that its client closed. */
export const fakeConnection = (changes: Partial<ConnectionRecord> = {}): ConnectionRecord => ({
  connectionId: '7a1c7f4e-0000-4000-8000-000000000000',
  startedAtMs: Date.UTC(2026, 0, 2, 3, 4, 5, 678),
  peerAddress: '198.51.100.7',
  clientAddress: '198.51.100.7',
  clientPort: 50_123,
  localAddress: '10.9.8.7',
  localPort: 5432,
  listenerPort: 5432,
  serverName: undefined,
  routeId: 'shop/db/tcp/0',
  owner: {
    namespace: 'shop',
    kind: 'VirtualService',
    name: 'db',
    delegate: undefined,
    file: 'shop/db.yaml',
    line: 1,
  },
  tableRevision: 'r1',
  cluster: 'outbound|5432||db.shop.svc.cluster.local',
  clusterNamespace: 'shop',
  upstreamAddress: '10.0.0.1:5432',
  upstreamLocalAddress: '10.9.8.7:40001',
  upstreamAttempts: 1,
  upstreamFailure: undefined,
  flags: [],
  details: '',
  terminationDetails: undefined,
  cause: undefined,
  bytesReceived: 3,
  bytesSent: 17,
  durationMs: 12.4,
  ...changes,
});

/** What filters are asked about a raw connection of the route `shop/db/tcp/0`, of which nothing is written down yet. */
export const fakeConnectionFacts = (changes: Partial<ConnectionFacts> = {}): ConnectionFacts => {
  const { peerAddress, clientAddress, localAddress, listenerPort, owner, ...rest } = fakeConnection();
  if (owner === undefined) throw new Error('a connection without an owner is asked of nobody');
  const ends = { peerAddress, clientAddress, localAddress, listenerPort };
  return { ...ends, tls: undefined, owner, record: { ...rest, ...ends, owner }, ...changes };
};
