import http2 from 'node:http2';
import net from 'node:net';
import { Worker } from 'node:worker_threads';
import { afterEach, describe, expect, test, vi } from 'vitest';
import type { RawRequest } from '../../../../src/dataplane/downstream/port.ts';
import {
  freePort,
  headerOf,
  httpListener,
  NO_CREDENTIALS,
  parseAnswers,
  reply,
  sendRaw,
  startToy,
  type Toy,
  type ToyOptions,
} from './harness.ts';

const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';

let toy: Toy;
const start = async (options: ToyOptions = {}, handler?: (request: RawRequest) => void): Promise<void> => {
  toy = await startToy(options);
  toy.handler = handler ?? ((request) => reply(request, 200, request.routeConfig));
};
afterEach(async () => toy.close());

class Client {
  readonly socket: net.Socket;
  raw = '';
  closed = false;

  constructor(port: number) {
    this.socket = net.connect(port, '127.0.0.1');
    this.socket.on('data', (chunk) => {
      this.raw += chunk.toString('latin1');
    });
    this.socket.on('error', () => {});
    this.socket.on('close', () => {
      this.closed = true;
    });
  }

  async get(): Promise<ReturnType<typeof parseAnswers>[number]> {
    this.raw = '';
    this.socket.write(GET);
    await vi.waitFor(() => expect(parseAnswers(this.raw)).toHaveLength(1));
    return parseAnswers(this.raw)[0] as ReturnType<typeof parseAnswers>[number];
  }
}

const standStill = (ms: number): void => {
  for (const end = performance.now() + ms; performance.now() < end; );
};

const refuses = async (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1');
    socket.on('connect', () => {
      socket.destroy();
      resolve(false);
    });
    socket.on('error', () => resolve(true));
  });

describe('a new table', () => {
  test('keeps the sockets and connections of a listener that stays', async () => {
    await start();
    const client = new Client(toy.port);
    expect((await client.get()).body).toBe('http.80');
    await toy.downstream.apply([httpListener(toy.port)], NO_CREDENTIALS);
    expect((await client.get()).body).toBe('http.80');
    client.socket.destroy();
  });

  test('concerns new connections where a listener changed', async () => {
    await start();
    const client = new Client(toy.port);
    await client.get();
    await toy.downstream.apply([httpListener(toy.port, 'http.81')], NO_CREDENTIALS);
    expect(await client.get()).toMatchObject({ body: 'http.80' });
    expect((await sendRaw(toy.port, GET)).answers).toMatchObject([{ body: 'http.81' }]);
    client.socket.destroy();
  });

  test('opens a port', async () => {
    await start();
    const port = await freePort();
    const reports = await toy.downstream.apply(
      [httpListener(toy.port), httpListener(port, 'http.new')],
      NO_CREDENTIALS,
    );
    expect(reports.map(({ port: own, state }) => [own, state])).toEqual([
      [toy.port, 'listening'],
      [port, 'listening'],
    ]);
    expect((await sendRaw(port, GET)).answers).toMatchObject([{ body: 'http.new' }]);
  });

  test('closes a port that it does not have: no new connection, the others say close with their answer', async () => {
    await start({ limits: { drainIdleMs: 10_000 } });
    const client = new Client(toy.port);
    await client.get();
    await toy.downstream.apply([], NO_CREDENTIALS);
    expect(await refuses(toy.port)).toBe(true);
    const answer = await client.get();
    expect(answer).toMatchObject({ status: 200, body: 'http.80' });
    expect(headerOf(answer, 'connection')).toBe('close');
    await vi.waitFor(() => expect(client.closed).toBe(true));
    expect(toy.downstream.listeners()).toEqual([]);
  });

  test('cuts what takes too long on a port that is gone', async () => {
    await start({ limits: { removedListenerGraceMs: 60 } }, () => {});
    const client = new Client(toy.port);
    client.socket.write(GET);
    await vi.waitFor(() => expect(toy.requests).toHaveLength(1));
    await toy.downstream.apply([], NO_CREDENTIALS);
    await vi.waitFor(() => expect(client.closed).toBe(true));
  });

  test('reopens a port that comes back, beside connections that still end', async () => {
    await start({}, () => {});
    const client = new Client(toy.port);
    client.socket.write(GET);
    await vi.waitFor(() => expect(toy.requests).toHaveLength(1));
    await toy.downstream.apply([], NO_CREDENTIALS);
    const reports = await toy.downstream.apply([httpListener(toy.port, 'http.again')], NO_CREDENTIALS);
    expect(reports).toMatchObject([{ state: 'listening' }]);
    toy.handler = (request) => reply(request, 200, request.routeConfig);
    expect((await sendRaw(toy.port, GET)).answers).toMatchObject([{ body: 'http.again' }]);
    client.socket.destroy();
  });

  test('that is the last one again costs nothing', async () => {
    await start();
    const listeners = [httpListener(toy.port)];
    await toy.downstream.apply(listeners, NO_CREDENTIALS);
    await toy.downstream.apply(listeners, NO_CREDENTIALS);
    expect(toy.downstream.listeners()).toMatchObject([
      { port: toy.port, boundPort: toy.port, address: '127.0.0.1', state: 'listening', unusable: [] },
    ]);
  });

  test('a port that is taken is reported, the others live on, and it is tried again', async () => {
    const taken = net.createServer();
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
    const { port } = taken.address() as net.AddressInfo;
    await start({
      listeners: (own) => [httpListener(port, 'http.taken'), httpListener(own)],
      limits: { bindRetryMs: 30 },
    });
    expect(toy.downstream.listeners()).toMatchObject([
      { port, state: 'failed', error: 'EADDRINUSE' },
      { port: toy.port, state: 'listening', error: undefined },
    ]);
    expect((await sendRaw(toy.port, GET)).answers).toMatchObject([{ status: 200 }]);
    await new Promise((resolve) => taken.close(resolve));
    await vi.waitFor(() =>
      expect(toy.downstream.listeners()[0]).toMatchObject({ state: 'listening', error: undefined }),
    );
    expect((await sendRaw(port, GET)).answers).toMatchObject([{ body: 'http.taken' }]);
  });

  test('a bind address of its own is used, and one that this machine has not is reported', async () => {
    await start({
      listeners: (port) => [
        { ...httpListener(port), bind: '127.0.0.2' },
        { ...httpListener(port), bind: '192.0.2.1' },
      ],
    });
    expect(toy.downstream.listeners()).toMatchObject([
      { address: '127.0.0.2', state: 'listening' },
      { address: '192.0.2.1', state: 'failed', error: 'EADDRNOTAVAIL' },
    ]);
    expect(await refuses(toy.port)).toBe(true);
  });

  test('two processes can share a port', async () => {
    await start({ reusePort: true });
    const second = await startToy({ reusePort: true, port: toy.port });
    expect(second.downstream.listeners()).toMatchObject([{ state: 'listening' }]);
    await second.close();
    expect((await sendRaw(toy.port, GET)).answers).toMatchObject([{ status: 200 }]);
  });

  test('tables are applied in the order they come in', async () => {
    await start();
    const second = await freePort();
    const applied = [[httpListener(second)], [], [httpListener(toy.port, 'http.last')]].map((listeners) =>
      toy.downstream.apply(listeners, NO_CREDENTIALS),
    );
    await Promise.all(applied);
    expect(toy.downstream.listeners().map(({ port }) => port)).toEqual([toy.port]);
    expect((await sendRaw(toy.port, GET)).answers).toMatchObject([{ body: 'http.last' }]);
  });
});

describe('draining', () => {
  test('lets requests finish, takes no connection, closes idle ones, and is over when all are gone', async () => {
    let finish: (() => void) | undefined;
    await start({}, (request) => {
      finish = () => reply(request, 200, 'late');
    });
    const busy = new Client(toy.port);
    busy.socket.write(GET);
    const idle = new Client(toy.port);
    const silent = new Client(toy.port);
    await vi.waitFor(() => expect(toy.downstream.openConnections()).toBe(3));
    await vi.waitFor(() => expect(finish).toBeDefined());
    const drained = toy.downstream.drain(5_000);
    await toy.downstream.stopAccepting();
    expect(await refuses(toy.port)).toBe(true);
    await vi.waitFor(() => expect(idle.closed && silent.closed).toBe(true));
    expect(busy.closed).toBe(false);
    finish?.();
    await vi.waitFor(() => expect(busy.closed).toBe(true));
    expect(parseAnswers(busy.raw)).toMatchObject([{ status: 200, body: 'late' }]);
    expect(headerOf(parseAnswers(busy.raw)[0] as never, 'connection')).toBe('close');
    await drained;
  });

  test('serves who has connected, though nobody has looked yet', async () => {
    await start();
    const clients = Array.from({ length: 5 }, () => new Client(toy.port));
    const drained = toy.downstream.drain(5_000);
    for (const answer of await Promise.all(clients.map((client) => client.get())))
      expect(answer).toMatchObject({ status: 200 });
    await drained;
  });

  test('takes a request that came while the process stood still for no silence', async () => {
    await start();
    const client = new Client(toy.port);
    await client.get();
    const drained = toy.downstream.drain(5_000);
    await toy.downstream.stopAccepting();
    const answer = client.get();
    standStill(200);
    expect(await answer).toMatchObject({ status: 200 });
    await drained;
  });

  test('cuts what is not done in time', async () => {
    await start({}, () => {});
    const client = new Client(toy.port);
    client.socket.write(GET);
    await vi.waitFor(() => expect(toy.requests).toHaveLength(1));
    await toy.downstream.drain(50);
    await vi.waitFor(() => expect(client.closed).toBe(true));
  });

  test('answers a request that comes on a connection about to be closed', async () => {
    await start({ limits: { drainIdleMs: 10_000 } });
    const client = new Client(toy.port);
    await client.get();
    const drained = toy.downstream.drain(5_000);
    await toy.downstream.stopAccepting();
    expect(await client.get()).toMatchObject({ status: 200 });
    await drained;
  });

  test('a table that comes afterwards opens nothing', async () => {
    await start();
    await toy.downstream.drain(50);
    await toy.downstream.apply([httpListener(toy.port)], NO_CREDENTIALS);
    expect(await refuses(toy.port)).toBe(true);
  });
});

describe('connections', () => {
  test('X-04 one too many is closed, and there is room again when one goes', async () => {
    await start({ limits: { maxConnections: 2 } });
    const clients = [new Client(toy.port), new Client(toy.port)];
    await vi.waitFor(() => expect(toy.downstream.openConnections()).toBe(2));
    const third = new Client(toy.port);
    await vi.waitFor(() => expect(third.closed).toBe(true));
    expect(toy.downstream.connections()).toMatchObject({ open: 2, refused: 1, accepted: 2 });
    clients[0]?.socket.destroy();
    await vi.waitFor(() => expect(toy.downstream.openConnections()).toBe(1));
    expect((await sendRaw(toy.port, GET)).answers).toMatchObject([{ status: 200 }]);
    clients[1]?.socket.destroy();
  });

  test('whose client broke off before anybody looked are nobody’s: what it said is not served', async () => {
    await start();
    const gone = new Int32Array(new SharedArrayBuffer(4));
    const client = new Worker(
      `const { port, bytes, gone } = require('node:worker_threads').workerData;
      const socket = require('node:net').connect(port, '127.0.0.1');
      socket.on('close', () => { Atomics.store(gone, 0, 1); Atomics.notify(gone, 0); });
      socket.write(bytes, () => socket.resetAndDestroy());`,
      { eval: true, workerData: { port: toy.port, bytes: GET, gone } },
    );
    // This thread stands still meanwhile, as a busy one may.
    expect(Atomics.wait(gone, 0, 0, 5_000)).not.toBe('timed-out');
    await client.terminate();
    await vi.waitFor(() => expect(toy.downstream.connections()).toMatchObject({ accepted: 1, open: 0 }));
    expect((await sendRaw(toy.port, GET)).answers).toMatchObject([{ status: 200 }]);
    expect(toy.requests.map(({ peerAddress }) => peerAddress)).toEqual(['127.0.0.1']);
  });

  test('are counted by what is spoken on them', async () => {
    await start();
    const client = new Client(toy.port);
    await client.get();
    const silent = new Client(toy.port);
    const session = http2.connect(`http://127.0.0.1:${toy.port}`);
    const stream = session.request({ ':path': '/' });
    stream.resume();
    await new Promise((resolve) => stream.on('close', resolve));
    await vi.waitFor(() =>
      expect(toy.downstream.connections().byKind).toEqual({ sniffing: 1, handshaking: 0, http1: 1, http2: 1, tcp: 0 }),
    );
    session.destroy();
    client.socket.destroy();
    silent.socket.destroy();
  });

  test('where they come from and go to is told with each request', async () => {
    await start();
    const client = new Client(toy.port);
    await client.get();
    expect(toy.requests[0]).toMatchObject({
      peerAddress: '127.0.0.1',
      peerPort: client.socket.localPort,
      localAddress: '127.0.0.1',
      localPort: toy.port,
      listenerPort: toy.port,
    });
    client.socket.destroy();
  });
});

describe('Fastify', () => {
  test('is there for plugins, whose hooks see every request, though not its target', async () => {
    toy = await startToy();
    const seen: string[] = [];
    await toy.close();
    toy = await startToy({
      prepare: (fastify) => {
        fastify.addHook('onRequest', async (request) => {
          seen.push(`${request.method} ${request.url}`);
        });
      },
    });
    const { answers } = await sendRaw(toy.port, 'GET /a/%zz HTTP/1.1\r\nHost: a\r\n\r\n');
    expect(JSON.parse(answers[0]?.body ?? '')).toMatchObject({ target: '/a/%zz' });
    expect(seen).toEqual(['GET /']);
  });
});
