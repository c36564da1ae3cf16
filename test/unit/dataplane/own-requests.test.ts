import http2 from 'node:http2';
import type net from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import type { OwnAnswer, OwnRequest } from '../../../src/contract/index.ts';
import { callCluster } from '../../../src/dataplane/own-requests.ts';
import type { Cluster } from '../../../src/table/model.ts';
import {
  answering,
  cleanUp,
  clusterOf,
  endpointOf,
  later,
  listen,
  OK,
  type Rig,
  rawServer,
  rigFor,
  until,
} from './upstreams/support.ts';

afterEach(cleanUp);

const request = (changes: Partial<OwnRequest> = {}): OwnRequest => ({
  method: 'GET',
  path: '/check',
  authority: 'checker.test',
  headers: [],
  body: undefined,
  timeoutMs: 5_000,
  maxAnswerBytes: 1_000,
  ...changes,
});

const call = (rig: Rig, changes: Partial<OwnRequest> = {}): Promise<OwnAnswer> =>
  callCluster(rig.upstreams, clusterOf().id, request(changes));

const EJECTING: Cluster['outlierDetection'] = {
  consecutive5xx: 1,
  consecutiveGatewayErrors: 0,
  splitLocalOrigin: false,
  consecutiveLocalOriginFailures: 0,
  intervalMs: 60_000,
  baseEjectionTimeMs: 60_000,
  maxEjectionPercent: 100,
  minHealthPercent: 0,
  errorStatuses: [],
};
const ejected = (rig: Rig): boolean | undefined => rig.upstreams.snapshot()[0]?.hosts[0]?.ejected;

/** Answers with the `:scheme` of what it is asked. */
async function h2Server(handled: (stream: http2.ServerHttp2Stream) => boolean = () => false): Promise<number> {
  const server = http2.createServer();
  const sessions = new Set<http2.ServerHttp2Session>();
  server.on('session', (session) => sessions.add(session));
  server.on('stream', (stream, headers) => {
    stream.on('error', () => {});
    if (handled(stream)) return;
    stream.respond({ ':status': 200 }, { waitForTrailers: true });
    stream.on('wantTrailers', () => stream.sendTrailers({ 'x-last': 'yes' }));
    stream.end(`${headers[':scheme']} ${headers[':authority']}`);
  });
  later(() => {
    for (const session of sessions) session.destroy();
    server.close();
  });
  return listen(server as unknown as net.Server);
}

describe('a request of the gateway’s own', () => {
  it('has its answer, trailers included', async () => {
    const rig = rigFor(await h2Server(), clusterOf({ protocol: 'http2' }));
    expect(await call(rig, { http2: true })).toMatchObject({
      kind: 'answer',
      status: 200,
      body: Buffer.from('http checker.test'),
      trailers: [['x-last', 'yes']],
    });
  });

  it('goes over HTTP/2 where the cluster does as its client does', async () => {
    const rig = rigFor(await h2Server(), clusterOf({ protocol: 'client' }));
    expect(await call(rig, { http2: true })).toMatchObject({ kind: 'answer', status: 200 });
  });

  it('that needs HTTP/2 is not sent over HTTP/1.1', async () => {
    const { port, accepted } = await rawServer(answering(() => OK));
    expect(await call(rigFor(port), { http2: true })).toMatchObject({ kind: 'failed' });
    expect(accepted()).toBe(0);
  });

  it.each([
    ['unknown cluster', () => callCluster(rigFor([]).upstreams, 'outbound|1||nobody', request())],
    ['no healthy endpoint', () => call(rigFor([endpointOf(1, { healthy: false })]))],
  ])('fails with a reason: %s', async (reason, ask) => {
    expect(await ask()).toEqual({ kind: 'failed', reason });
  });

  it('is cancelled when its time is up', async () => {
    const { port, sockets } = await rawServer((socket) => socket.resume());
    expect(await call(rigFor(port), { timeoutMs: 50 })).toEqual({ kind: 'failed', reason: 'timeout', ended: 'late' });
    await until(() => sockets.size === 0);
  });

  it('is cancelled when nobody wants it any more', async () => {
    const asked = Promise.withResolvers<void>();
    const { port, sockets } = await rawServer((socket) => socket.once('data', () => asked.resolve()));
    let abandon: () => void = () => {};
    const answer = call(rigFor(port), {
      onAbandon: (given) => {
        abandon = given;
      },
    });
    await asked.promise;
    abandon();
    expect(await answer).toEqual({ kind: 'failed', reason: 'abandoned', ended: 'abandoned' });
    await until(() => sockets.size === 0);
    abandon();
  });

  it('is not even begun for somebody who has left', async () => {
    const { port, accepted } = await rawServer(answering(() => OK));
    expect(await call(rigFor(port), { onAbandon: (abandon) => abandon() })).toMatchObject({ ended: 'abandoned' });
    expect(accepted()).toBe(0);
  });

  it.each([
    [1, { kind: 'answer', status: 200 }],
    [2, { kind: 'failed' }],
  ])('is sent once more when it was refused unseen: %s times', async (refusals, expected) => {
    let asked = 0;
    const port = await h2Server((stream) => {
      if (++asked > refusals) return false;
      stream.close(http2.constants.NGHTTP2_REFUSED_STREAM);
      return true;
    });
    const rig = rigFor(port, clusterOf({ protocol: 'http2' }));
    expect(await call(rig, { method: 'POST', body: Buffer.from('x'), http2: true })).toMatchObject(expected);
    expect(asked).toBe(2);
  });

  it('is not sent again when the service may have seen it', async () => {
    let asked = 0;
    const server = answering((_, index) => (index === 0 ? OK : undefined));
    const { port } = await rawServer((socket) => {
      server(socket);
      socket.on('data', () => {
        if (++asked > 1) socket.destroy();
      });
    });
    const rig = rigFor(port);
    expect(await call(rig)).toMatchObject({ kind: 'answer' });
    expect(await call(rig, { method: 'POST' })).toMatchObject({ kind: 'failed' });
    expect(asked).toBe(2);
  });
});

describe('outlier detection', () => {
  it.each([
    ['an error of the service', () => rawServer(answering(() => 'HTTP/1.1 503 No\r\ncontent-length: 0\r\n\r\n')), true],
    ['a broken answer', () => rawServer(answering(() => 'nonsense\r\n\r\n')), true],
    ['no answer in time', () => rawServer(() => {}), true],
    ['a good answer', () => rawServer(answering(() => OK)), false],
  ] as const)('is told of %s', async (_, server, expected) => {
    const { port } = await server();
    const rig = rigFor(port, clusterOf({ outlierDetection: EJECTING }));
    await call(rig, { timeoutMs: 100 });
    expect(ejected(rig)).toBe(expected);
  });

  it('is not told of a request that nobody wanted any more', async () => {
    const asked = Promise.withResolvers<void>();
    const { port } = await rawServer((socket) => socket.once('data', () => asked.resolve()));
    const rig = rigFor(port, clusterOf({ outlierDetection: EJECTING }));
    const answer = call(rig, { onAbandon: (abandon) => void asked.promise.then(abandon) });
    await answer;
    expect(ejected(rig)).toBe(false);
  });
});
