import net from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import type { Cluster } from '../../../../src/table/model.ts';
import {
  answering,
  cleanUp,
  clusterOf,
  endpointOf,
  headOf,
  later,
  OK,
  pause,
  Recorder,
  type Rig,
  rawServer,
  rigFor,
  until,
} from './support.ts';

afterEach(cleanUp);

const limits = (connections: Partial<Cluster['connections']>): Cluster => clusterOf({ connections });

/** Answers only when told to. */
async function holding() {
  const held: net.Socket[] = [];
  const server = await rawServer((socket) => {
    socket.on('data', () => held.push(socket));
  });
  return {
    ...server,
    held,
    answer(): void {
      for (const socket of held.splice(0)) socket.write(OK);
    },
  };
}

/** The port of somebody who has gone. */
async function closedPort(): Promise<number> {
  const server = net.createServer();
  const port = await new Promise<number>((resolve) =>
    server.listen(0, '127.0.0.1', () => resolve((server.address() as net.AddressInfo).port)),
  );
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** How many of that many requests, each while the others wait, are answered, and how many overflow. */
async function burst(
  cluster: Cluster,
  n: number,
): Promise<{ readonly answered: number; readonly overflowed: number; readonly rig: Rig }> {
  const server = await holding();
  const rig = rigFor(server.port, cluster);
  const recorders = [];
  for (let i = 0; i < n; i++) {
    recorders.push(rig.start().recorder);
    await pause(3);
  }
  while (recorders.some((recorder) => recorder.events.at(-1) !== 'end' && recorder.failure === undefined)) {
    server.answer();
    await pause(1);
  }
  const overflowed = recorders.filter((recorder) => recorder.failure?.reason === 'overflow').length;
  return { answered: recorders.filter((recorder) => recorder.body === 'ok').length, overflowed, rig };
}

describe('limits of a cluster', () => {
  it.each([
    ['one connection, one may wait', { maxConnections: 1, maxPendingRequests: 1 }, 8, 2],
    ['two by two', { maxConnections: 2, maxPendingRequests: 2 }, 8, 4],
    ['connections alone: the others wait', { maxConnections: 2 }, 6, 6],
    ['active requests', { maxRequests: 3 }, 8, 3],
    ['active requests, but what waits is not active', { maxConnections: 2, maxRequests: 3 }, 6, 6],
    ['as many as allowed', { maxRequests: 3 }, 3, 3],
    ['none', {}, 15, 15],
  ])('%s', async (_title, connections, requests, answered) => {
    const outcome = await burst(limits(connections), requests);
    expect([outcome.answered, outcome.overflowed]).toEqual([answered, requests - answered]);
    expect(outcome.rig.upstreams.snapshot()[0]).toMatchObject({
      activeRequests: 0,
      pendingRequests: 0,
      overflows: requests - answered,
    });
    expect((await burst(limits(connections), 1)).answered).toBe(1);
  });

  it('are the cluster’s, but a host without any connection always gets its first', async () => {
    const one = await holding();
    const two = await holding();
    const rig = rigFor([endpointOf(one.port), endpointOf(two.port)], limits({ maxConnections: 1 }));
    const started = [rig.start(), rig.start(), rig.start(), rig.start()];
    await until(() => one.held.length === 1 && two.held.length === 1);
    expect(rig.upstreams.snapshot()[0]).toMatchObject({ activeConnections: 2, pendingRequests: 2 });
    one.answer();
    two.answer();
    await until(() => one.held.length === 1 && two.held.length === 1);
    one.answer();
    two.answer();
    for (const { recorder } of started) expect((await recorder.ended).body).toBe('ok');
  });

  it('count no longer what was cancelled: three times the limit, then one succeeds', async () => {
    const server = await holding();
    const rig = rigFor(server.port, limits({ maxConnections: 2, maxPendingRequests: 2, maxRequests: 4 }));
    for (let round = 0; round < 3; round++) {
      const waves = Array.from({ length: 4 }, () => rig.start());
      await until(() => server.held.length === 2);
      for (const { exchange } of waves) exchange.cancel();
      server.held.length = 0;
      await until(() => rig.upstreams.snapshot()[0]?.activeConnections === 0);
    }
    // Cancelled in the moment they were started, and in the midst of their answers.
    for (let i = 0; i < 6; i++) rig.start().exchange.cancel();
    const { recorder } = rig.start();
    await until(() => server.held.length > 0);
    server.answer();
    await recorder.ended;
    expect(recorder.body).toBe('ok');
    expect(rig.upstreams.snapshot()[0]).toMatchObject({ activeRequests: 0, pendingRequests: 0 });
    expect(rig.upstreams.snapshot()[0]?.hosts[0]?.activeRequests).toBe(0);
  });

  it('let so many retries run at a time', () => {
    const { cluster } = rigFor(1, limits({ maxRetries: 1 }));
    expect([cluster.acquireRetry(), cluster.acquireRetry()]).toEqual([true, false]);
    cluster.releaseRetry();
    expect(cluster.acquireRetry()).toBe(true);
  });
});

describe('no connection', () => {
  it('fails everything that waits for it, with the errno', async () => {
    const rig = rigFor(await closedPort());
    const recorders = [rig.start().recorder, rig.start().recorder];
    for (const recorder of recorders) {
      await recorder.ended;
      expect(recorder.events).toEqual(['failed connect-failure']);
      expect(recorder.failure).toMatchObject({ nothingSent: true, reusedConnection: false, idleMs: 0 });
      expect(recorder.failure?.detail).toContain('ECONNREFUSED');
    }
    await until(() => rig.upstreams.snapshot()[0]?.activeConnections === 0);
    expect(rig.upstreams.snapshot()[0]).toMatchObject({ activeRequests: 0, activeConnections: 0, pendingRequests: 0 });
  });

  it('is made to an address that may not be dialled', async () => {
    const server = await rawServer(answering(() => OK));
    const asked: unknown[] = [];
    const mayDial = (...target: unknown[]): boolean => asked.push(target) === 0;
    const recorder = await rigFor(server.port, clusterOf(), { mayDial }).start().recorder.ended;
    expect(recorder.failure).toMatchObject({ reason: 'connect-failure', nothingSent: true });
    expect(asked).toEqual([['127.0.0.1', server.port]]);
    expect(server.accepted()).toBe(0);
  });

  it('in time is a failure of its own kind', async () => {
    const server = await rawServer(() => {});
    const tls = {
      sni: undefined,
      subjectAltNames: [],
      verifyHost: false,
      verify: false,
      ca: undefined,
      clientCredential: undefined,
    };
    const rig = rigFor(server.port, clusterOf({ tls, connections: { connectTimeoutMs: 30 } }));
    const recorder = await rig.start().recorder.ended;
    expect(recorder.failure).toMatchObject({ reason: 'connect-timeout', nothingSent: true });
    await until(() => rig.upstreams.snapshot()[0]?.activeConnections === 0);
  });

  it('to accept and close is told from one that refuses', async () => {
    const server = await rawServer((socket) => void socket.destroy());
    const recorder = await rigFor(server.port).start().recorder.ended;
    expect(recorder.failure).toMatchObject({ reason: 'connection-termination', reusedConnection: false });
  });
});

describe('the keep-alive race', () => {
  it('is told from a server that closes on purpose', async () => {
    const server = await rawServer((socket) => {
      let requests = 0;
      socket.on('data', () => {
        if (++requests === 1) socket.write(OK);
        else socket.destroy();
      });
    });
    const rig = rigFor(server.port);
    await rig.start().recorder.ended;
    await pause(20);
    const second = await rig.start().recorder.ended;
    expect(second.failure).toMatchObject({
      reason: 'connection-termination',
      reusedConnection: true,
      nothingSent: false,
    });
    expect(second.failure?.idleMs).toBeGreaterThan(5);
  });

  it('is none once a byte of the answer has come', async () => {
    const server = await rawServer(
      answering((_request, i) => (i === 0 ? OK : 'HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\ncut')),
    );
    const rig = rigFor(server.port);
    await rig.start().recorder.ended;
    const { recorder } = rig.start();
    await until(() => recorder.body === 'cut');
    for (const socket of server.sockets) socket.destroy();
    await recorder.ended;
    expect(recorder.failure).toMatchObject({ reason: 'connection-termination', reusedConnection: false });
  });

  it('is avoided where the server closes with its answer, without having said so', async () => {
    let closed = 0;
    const server = await rawServer((socket) => {
      let requests = 0;
      socket.on('data', () => {
        if (++requests > 1) closed++;
        socket.write(OK, () => socket.end());
      });
    });
    const rig = rigFor(server.port);
    // The next request comes with the answer to the last one, as it does under load.
    for (let i = 0; i < 100; i++) {
      const recorder = await rig.start().recorder.ended;
      expect([recorder.failure, recorder.body]).toEqual([undefined, 'ok']);
    }
    expect(closed).toBe(0);
  });

  it('is avoided where the close was seen', async () => {
    const server = await rawServer(answering(() => OK));
    const rig = rigFor(server.port);
    for (let i = 0; i < 20; i++) {
      const recorder = await rig.start().recorder.ended;
      expect([recorder.body, recorder.connection?.reused]).toEqual(['ok', false]);
      for (const socket of server.sockets) socket.end();
      await until(() => rig.upstreams.snapshot()[0]?.activeConnections === 0);
    }
  });
});

describe('a connection ends', () => {
  const connectionsAfter = async (cluster: Cluster, requests: number, answer = OK) => {
    const server = await rawServer(answering(() => answer));
    const rig = rigFor(server.port, cluster);
    for (let i = 0; i < requests; i++) await rig.start().recorder.ended;
    return { server, rig };
  };

  it('after as many requests as it may serve', async () => {
    const { server } = await connectionsAfter(limits({ maxRequestsPerConnection: 2 }), 5);
    expect(server.accepted()).toBe(3);
  });

  it('after its only request, where that is the limit', async () => {
    const { server } = await connectionsAfter(limits({ maxRequestsPerConnection: 1 }), 3);
    expect(server.accepted()).toBe(3);
  });

  it('when it was idle too long, and not while it is used', async () => {
    const { server, rig } = await connectionsAfter(limits({ idleTimeoutMs: 250 }), 1);
    for (let i = 0; i < 5; i++) {
      await pause(20);
      await rig.start().recorder.ended;
    }
    expect(server.accepted()).toBe(1);
    await until(() => server.sockets.size === 0);
    expect(rig.upstreams.snapshot()[0]?.activeConnections).toBe(0);
  });

  it('before the server would close it', async () => {
    const { server } = await connectionsAfter(
      limits({}),
      1,
      'HTTP/1.1 200 OK\r\nkeep-alive: timeout=1, max=5\r\ncontent-length: 0\r\n\r\n',
    );
    expect(server.sockets.size).toBe(1);
    await until(() => server.sockets.size === 0);
  });

  it('when it is old enough, after the request it is at', async () => {
    const server = await holding();
    const rig = rigFor(server.port, limits({ maxConnectionDurationMs: 20 }));
    const { recorder } = rig.start();
    await pause(50);
    expect(server.sockets.size).toBe(1);
    server.answer();
    expect((await recorder.ended).body).toBe('ok');
    await until(() => server.sockets.size === 0);
  });

  it('last of all when it was used last', async () => {
    const server = await rawServer(answering(() => OK));
    const rig = rigFor(server.port);
    await Promise.all([rig.start(), rig.start(), rig.start()].map(({ recorder }) => recorder.ended));
    expect(server.accepted()).toBe(3);
    const used = new Set<number | undefined>();
    for (const socket of server.sockets) socket.on('data', () => used.add(socket.remotePort));
    for (let i = 0; i < 9; i++) await rig.start().recorder.ended;
    // The last one is passed over for the moment in which its server may still close it.
    expect(used.size).toBeLessThanOrEqual(2);
  });
});

describe('a new state', () => {
  it('leaves connections alone when the cluster says the same', async () => {
    const server = await rawServer(answering(() => OK));
    const rig = rigFor(server.port);
    await rig.start().recorder.ended;
    const before = rig.cluster;
    rig.update(structuredClone(clusterOf()), [endpointOf(server.port)]);
    expect(rig.cluster).toBe(before);
    expect((await rig.start().recorder.ended).connection?.reused).toBe(true);
  });

  it('lets what is under way finish on a host that is gone, and gives it nothing new', async () => {
    const old = await holding();
    const next = await rawServer(answering(() => OK));
    const rig = rigFor(old.port);
    const first = rig.start();
    const picked = rig.host();
    await until(() => old.held.length === 1);
    rig.update(clusterOf(), [endpointOf(next.port)]);
    for (let i = 0; i < 5; i++)
      expect((await rig.start().recorder.ended).connection?.address).toBe(`127.0.0.1:${next.port}`);
    // Chosen before the host went, started after: served, and then closed as well.
    const late = new Recorder();
    rig.cluster.start(picked, headOf(), late, 'HTTP/1.1');
    await until(() => old.held.length === 2);
    old.answer();
    expect((await first.recorder.ended).body).toBe('ok');
    expect((await late.ended).body).toBe('ok');
    await until(() => old.sockets.size === 0);
  });

  it('keeps the connections of a host that stays', async () => {
    const stays = await rawServer(answering(() => OK));
    const goes = await rawServer(answering(() => OK));
    const rig = rigFor([endpointOf(stays.port), endpointOf(goes.port)]);
    await rig.start().recorder.ended;
    await rig.start().recorder.ended;
    rig.update(clusterOf(), [endpointOf(stays.port, { weight: 5 })]);
    await until(() => goes.sockets.size === 0);
    expect((await rig.start().recorder.ended).connection?.reused).toBe(true);
  });

  it('starts a cluster anew whose definition changed, and one that is gone is not found', async () => {
    const server = await holding();
    const rig = rigFor(server.port);
    const { recorder } = rig.start();
    await until(() => server.held.length === 1);
    const before = rig.cluster;
    rig.update(clusterOf({ connections: { maxRequests: 7 } }), [endpointOf(server.port)]);
    expect(rig.cluster).not.toBe(before);
    rig.upstreams.update({
      clusters: [],
      endpoints: { revision: '', clusters: {} },
      credentials: { revision: '', credentials: {} },
    });
    expect(rig.upstreams.get(before.cluster.id)).toBeUndefined();
    expect(rig.upstreams.get('__proto__')).toBeUndefined();
    server.answer();
    expect((await recorder.ended).body).toBe('ok');
    await until(() => server.sockets.size === 0);
  });
});

describe('closing', () => {
  it('ends idle connections at once and waits for the others', async () => {
    const server = await holding();
    const rig = rigFor(server.port);
    const { recorder } = rig.start();
    await until(() => server.held.length === 1);
    const closed = rig.upstreams.close(5_000);
    server.answer();
    expect((await recorder.ended).body).toBe('ok');
    await closed;
    await until(() => server.sockets.size === 0);
  });

  it('ends what does not end by itself', async () => {
    const server = await holding();
    const rig = rigFor(server.port, limits({ maxConnections: 1 }));
    const [active, waiting] = [rig.start().recorder, rig.start().recorder];
    await until(() => server.held.length === 1);
    await rig.upstreams.close(10);
    expect((await active.ended).failure?.reason).toBe('connection-termination');
    expect((await waiting.ended).failure?.reason).toBe('local-reset');
    await until(() => server.sockets.size === 0);
  });
});

describe('a raw connection', () => {
  it('carries bytes both ways, half-closes included, and counts while it lives', async () => {
    const server = await rawServer((socket) => {
      let text = '';
      socket.on('data', (data) => {
        text += data.toString();
      });
      socket.on('end', () => socket.end(`heard ${text}`));
    });
    const rig = rigFor(server.port);
    const tunnel = await rig.cluster.connectRaw(rig.host());
    if (tunnel === undefined) throw new Error('no connection');
    expect(rig.upstreams.snapshot()[0]?.activeConnections).toBe(1);
    let heard = '';
    tunnel.onData = (chunk) => {
      heard += Buffer.from(chunk).toString();
    };
    tunnel.write(Buffer.from('hello'));
    tunnel.end();
    await new Promise<void>((resolve) => {
      tunnel.onClose = resolve;
    });
    expect(heard).toBe('heard hello');
    expect(rig.upstreams.snapshot()[0]?.activeConnections).toBe(0);
  });

  it.each([
    ['nobody listens', {}],
    ['there is no room', { maxConnections: 0 }],
  ])('is none where %s', async (_title, connections) => {
    const rig = rigFor(await closedPort(), limits(connections));
    expect(await rig.cluster.connectRaw(rig.host())).toBeUndefined();
    expect(rig.upstreams.snapshot()[0]).toMatchObject({ activeConnections: 0 });
  });

  it('is closed with the rest', async () => {
    const server = await rawServer((socket) => void socket.resume());
    const rig = rigFor(server.port);
    const tunnel = await rig.cluster.connectRaw(rig.host());
    await rig.upstreams.close(5);
    await until(() => server.sockets.size === 0);
    expect(tunnel?.write(Buffer.from('x'))).toBe(true);
  });
});

it('speaks over a socket of the file system', async () => {
  const path = `${process.env['TMPDIR'] ?? '/tmp'}/upstream-${process.pid}-${Date.now()}.sock`;
  const server = net.createServer((socket) => answering(() => OK)(socket));
  await new Promise<void>((resolve) => server.listen(path, resolve));
  later(() => new Promise((resolve) => server.close(() => resolve())));
  const rig = rigFor([endpointOf(0, { address: `unix://${path}` })]);
  const recorder = await rig.start().recorder.ended;
  expect([recorder.body, recorder.connection?.address]).toEqual(['ok', `unix://${path}`]);
  await rig.upstreams.close(0);
});
