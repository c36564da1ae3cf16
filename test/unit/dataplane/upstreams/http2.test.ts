import { createHash } from 'node:crypto';
import http2 from 'node:http2';
import net from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { HeaderList } from '../../../../src/contract/headers.ts';
import type { Cluster } from '../../../../src/table/model.ts';
import {
  answering,
  cleanUp,
  clusterOf,
  headOf,
  later,
  listen,
  OK,
  pause,
  Recorder,
  rawServer,
  rigFor,
  until,
} from './support.ts';

afterEach(cleanUp);

const h2 = (connections: Partial<Cluster['connections']> = {}): Cluster =>
  clusterOf({ protocol: 'http2', connections });

type OnStream = (stream: http2.ServerHttp2Stream, headers: http2.IncomingHttpHeaders, raw: string[]) => void;

async function h2Server(onStream: OnStream, options: http2.ServerOptions = {}) {
  const server = http2.createServer(options);
  const sessions = new Set<http2.ServerHttp2Session>();
  let accepted = 0;
  server.on('session', (session) => {
    accepted++;
    sessions.add(session);
    session.on('error', () => {});
    session.on('close', () => sessions.delete(session));
  });
  server.on('stream', (stream, headers, _flags, raw) => {
    stream.on('error', () => {});
    onStream(stream, headers, raw as unknown as string[]);
  });
  const port = await listen(server as unknown as net.Server);
  later(async () => {
    for (const session of sessions) session.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
  return { port, sessions, accepted: () => accepted };
}

const frame = (type: number, flags: number, stream: number, payload: readonly number[] | Buffer = []): Buffer => {
  const body = Buffer.from(payload);
  const head = Buffer.alloc(9);
  head.writeUIntBE(body.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, body]);
};
const SETTINGS = frame(4, 0, 0);
const STATUS_200 = 0x88;
const response = (endStream: boolean): Buffer => frame(1, endStream ? 5 : 4, 1, [STATUS_200]);
const data = (text: string, endStream = false): Buffer => frame(0, endStream ? 1 : 0, 1, Buffer.from(text));
const reset = (code: number): Buffer => frame(3, 0, 1, [0, 0, 0, code]);
const goaway = (last: number, code = 0): Buffer => frame(7, 0, 0, [0, 0, 0, last, 0, 0, 0, code]);

/** A server that answers with these bytes, whatever it is sent. */
const framesServer = (frames: readonly Buffer[], finish: 'end' | 'reset' | 'stay' = 'stay') =>
  rawServer((socket) => {
    socket.once('data', () => {
      socket.write(Buffer.concat([SETTINGS, ...frames]), () => {
        if (finish === 'end') socket.end();
        else if (finish === 'reset') setTimeout(() => socket.resetAndDestroy(), 5);
      });
    });
  });

describe('an HTTP/2 request', () => {
  it('goes out with its pseudo-headers, its lines in order, and no hop-by-hop ones', async () => {
    let seen: string[] = [];
    const server = await h2Server((stream, _headers, raw) => {
      seen = raw;
      stream.respond({ ':status': 200 }, { endStream: true });
    });
    const headers = HeaderList.from([
      ['host', 'x'],
      ['connection', 'close'],
      ['transfer-encoding', 'chunked'],
      ['te', 'trailers'],
      ['x-a', '1'],
      ['x-b', 'caf\xe9'],
      ['x-a', '2'],
    ]);
    const recorder = await rigFor(server.port, h2()).start({ target: '/a%2Fb?c', headers }).recorder.ended;
    expect(recorder.failure).toBeUndefined();
    const pairs = seen.flatMap((text, i) => (i % 2 === 0 ? [[text, seen[i + 1]]] : []));
    expect(pairs).toEqual([
      [':method', 'GET'],
      [':scheme', 'http'],
      [':authority', 'orders.example.com'],
      [':path', '/a%2Fb?c'],
      ['te', 'trailers'],
      ['x-a', '1'],
      ['x-b', 'caf\xe9'],
      ['x-a', '2'],
    ]);
    expect([recorder.status, recorder.endStream]).toEqual([200, true]);
  });

  it('ends its stream with the head when it has no body, and says the length when it has one', async () => {
    const seen: unknown[] = [];
    const server = await h2Server((stream, headers) => {
      seen.push([stream.endAfterHeaders, headers['content-length']]);
      stream.respond({ ':status': 204 }, { endStream: true });
      stream.resume();
    });
    const rig = rigFor(server.port, h2());
    await rig.start({ method: 'POST' }).recorder.ended;
    await rig.start({ bodyLength: 3 }, ['x=1']).recorder.ended;
    await rig.start({}, ['x=1']).recorder.ended;
    expect(seen).toEqual([
      [true, undefined],
      [false, '3'],
      [false, undefined],
    ]);
  });

  it('streams both ways at once, with trailers both ways', async () => {
    let trailers: http2.IncomingHttpHeaders = {};
    const server = await h2Server((stream) => {
      stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
      stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0', 'x-many': ['1', '2'] }));
      stream.on('data', (chunk) => stream.write(chunk));
      stream.on('trailers', (sent) => {
        trailers = sent;
      });
      stream.on('end', () => stream.end());
    });
    const { recorder, exchange } = rigFor(server.port, h2()).start({
      method: 'POST',
      hasBody: true,
      bodyLength: undefined,
    });
    for (let i = 1; i <= 5; i++) {
      exchange.write(Buffer.from(`message ${i};`));
      await until(() => recorder.body.endsWith(`${i};`));
    }
    exchange.end(HeaderList.from([['x-sum', '42']]));
    await recorder.ended;
    expect(recorder.body).toBe('message 1;message 2;message 3;message 4;message 5;');
    expect([...(recorder.trailers ?? [])]).toEqual([
      ['grpc-status', '0'],
      ['x-many', '1'],
      ['x-many', '2'],
    ]);
    expect(trailers['x-sum']).toBe('42');
    expect(recorder.events.filter((event) => event !== 'drain')).toEqual(['connected', 'head 200', 'end']);
  });

  it('of gRPC may be answered by trailers alone', async () => {
    const server = await h2Server((stream) =>
      stream.respond({ ':status': 200, 'grpc-status': '5' }, { endStream: true }),
    );
    const { recorder, exchange } = rigFor(server.port, h2()).start({
      method: 'POST',
      hasBody: true,
      bodyLength: undefined,
    });
    await recorder.ended;
    expect([recorder.endStream, recorder.headers?.get('grpc-status'), recorder.events.at(-1)]).toEqual([
      true,
      '5',
      'end',
    ]);
    expect(exchange.write(Buffer.from('late'))).toBe(true);
  });

  it('is told of 102 and 103, of no other such answer, and of repeated lines as they came', async () => {
    const server = await h2Server((stream) => {
      for (const status of [105, 102, 103]) stream.additionalHeaders({ ':status': status, link: '</a.css>' });
      stream.respond({ ':status': 200, 'set-cookie': ['a=1', 'b=2'] });
      stream.end('ok');
    });
    const recorder = await rigFor(server.port, h2()).start().recorder.ended;
    expect(recorder.events).toEqual(['connected', 'informational 102', 'informational 103', 'head 200', 'end']);
    expect(recorder.headers?.getAll('set-cookie')).toEqual(['a=1', 'b=2']);
  });
});

const MiB = 1024 * 1024;

it('moves fifty megabytes each way through streams that are stopped at times, and loses nothing', async () => {
  const server = await h2Server((stream) => {
    stream.respond({ ':status': 200 });
    stream.pipe(stream);
  });
  const { recorder, exchange } = rigFor(server.port, h2()).start({
    method: 'POST',
    hasBody: true,
    bodyLength: 50 * MiB,
  });
  const [sent, received] = [createHash('sha256'), createHash('sha256')];
  let [written, bytes, pauses] = [0, 0, 0];
  const fill = (): void => {
    while (written < 50 * MiB) {
      const chunk = Buffer.alloc(64 * 1024, written / MiB);
      sent.update(chunk);
      written += chunk.length;
      if (!exchange.write(chunk)) return;
    }
    exchange.end();
  };
  recorder.onWritable = fill;
  recorder.onChunk = (chunk) => {
    received.update(chunk);
    bytes += chunk.length;
    if (bytes / (10 * MiB) <= pauses + 1) return;
    pauses++;
    exchange.pause();
    setTimeout(() => {
      // Stopped, nothing runs ahead by more than the windows.
      expect(written - bytes).toBeLessThan(8 * MiB);
      exchange.resume();
    }, 20);
  };
  fill();
  await recorder.ended;
  expect([recorder.failure, bytes, pauses]).toEqual([undefined, 50 * MiB, 4]);
  expect(received.digest('hex')).toBe(sent.digest('hex'));
});

describe('how HTTP/2 answers fail', () => {
  const cases: readonly (readonly [
    name: string,
    frames: readonly Buffer[],
    reason: string,
    status?: number | undefined,
    finish?: 'end' | 'reset',
  ])[] = [
    ['REFUSED_STREAM', [reset(7)], 'remote-refused-stream'],
    ['CANCEL', [reset(8)], 'remote-reset'],
    ['INTERNAL_ERROR', [reset(2)], 'remote-reset'],
    ['ENHANCE_YOUR_CALM', [reset(11)], 'remote-reset'],
    ['NO_ERROR before an answer', [reset(0)], 'remote-reset'],
    ['PROTOCOL_ERROR', [reset(1)], 'protocol-error'],
    ['a reset in the middle', [response(false), data('some'), reset(8)], 'remote-reset', 200],
    ['NO_ERROR in the middle, which is no end', [response(false), data('some'), reset(0)], 'remote-reset', 200],
    ['the connection closed before an answer', [], 'connection-termination', undefined, 'end'],
    ['the connection reset before an answer', [], 'connection-termination', undefined, 'reset'],
    ['the connection closed in the middle', [response(false), data('some')], 'connection-termination', 200, 'end'],
    ['GOAWAY that leaves the request out', [goaway(0)], 'remote-refused-stream'],
    ['GOAWAY with an error', [goaway(1, 2)], 'connection-termination'],
    [
      'frames that are none',
      [Buffer.from('this is not HTTP/2 in the least, whatever one makes of it')],
      'protocol-error',
    ],
    ['a head without a status', [frame(1, 5, 1, [0, 1, 97, 1, 98])], 'remote-reset'],
    [
      'more than its length',
      [frame(1, 4, 1, [STATUS_200, 0x0f, 0x0d, 1, 50]), data('four', true)],
      'protocol-error',
      200,
    ],
  ];

  it.each(cases.map((row) => [row[0], row] as const))('%s', async (_name, [name, frames, reason, status, finish]) => {
    const server = await framesServer(frames, finish);
    const recorder = await rigFor(server.port, h2()).start().recorder.ended;
    // A stream error that nghttp2 finds itself is PROTOCOL_ERROR on our side.
    const wanted = name === 'a head without a status' ? 'protocol-error' : reason;
    expect([recorder.failure?.reason, recorder.status]).toEqual([wanted, status]);
    expect(recorder.failure?.nothingSent).toBe(false);
  });

  it('a server that speaks HTTP/1.1', async () => {
    const server = await rawServer((socket) => {
      socket.once('data', () => socket.end('HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n'));
    });
    expect((await rigFor(server.port, h2()).start().recorder.ended).failure?.reason).toBe('protocol-error');
  });

  it('an HTTP/2 server spoken to in HTTP/1.1', async () => {
    const server = await h2Server(() => {});
    expect((await rigFor(server.port).start().recorder.ended).failure?.reason).toBe('protocol-error');
  });

  const many = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, i) => [`x-${i}`, '1']));

  it('a head that is one header larger than one of 100, the status among them', async () => {
    // Node adds a date.
    const server = await h2Server((stream) => {
      stream.respond({ ':status': 200, ...many(98) });
      stream.end();
    });
    expect((await rigFor(server.port, h2()).start().recorder.ended).status).toBe(200);
  });

  it.each([
    ['too many headers', many(99)],
    ['too large a head', { 'x-big': 'b'.repeat(61 * 1024) }],
  ])('%s', async (_title, headers) => {
    const server = await h2Server((stream) => stream.respond({ ':status': 200, ...headers }), {
      maxSendHeaderBlockLength: 200_000,
    });
    const recorder = await rigFor(server.port, h2()).start().recorder.ended;
    expect([recorder.failure?.reason, recorder.status]).toEqual(['protocol-error', undefined]);
  });

  it.each([
    ['too long', ['four', 'more']],
    ['too short', ['on']],
  ])('a request body that is %s', async (_title, parts) => {
    let code: number | undefined;
    let whole = false;
    const server = await h2Server((stream) => {
      stream.on('end', () => {
        whole = stream.rstCode === 0 && !stream.aborted;
      });
      stream.on('close', () => {
        code = stream.rstCode;
      });
      stream.resume();
    });
    const recorder = await rigFor(server.port, h2()).start({ bodyLength: 4 }, parts).recorder.ended;
    expect(recorder.failure?.reason).toBe('local-reset');
    await until(() => code !== undefined);
    expect([code, whole]).toEqual([http2.constants.NGHTTP2_CANCEL, false]);
  });

  it('an upgrade is not asked for', async () => {
    const server = await h2Server((stream) => stream.respond({ ':status': 200 }, { endStream: true }));
    const recorder = await rigFor(server.port, h2()).start({ upgrade: 'websocket' }).recorder.ended;
    expect(recorder.failure).toMatchObject({ reason: 'protocol-error', nothingSent: true });
  });
});

describe('HTTP/2 connections', () => {
  it('carry many requests at a time, and one that is cancelled alone is reset', async () => {
    const streams: http2.ServerHttp2Stream[] = [];
    const server = await h2Server((stream) => streams.push(stream));
    const rig = rigFor(server.port, h2());
    const started = Array.from({ length: 20 }, () => rig.start());
    await until(() => streams.length === 20);
    started[0]?.exchange.cancel();
    await until(() => streams[0]?.rstCode === http2.constants.NGHTTP2_CANCEL);
    for (const stream of streams.slice(1)) stream.respond({ ':status': 200 }, { endStream: true });
    for (const { recorder } of started.slice(1)) expect((await recorder.ended).status).toBe(200);
    expect(server.accepted()).toBe(1);
    expect(rig.upstreams.snapshot()[0]).toMatchObject({ activeRequests: 0, activeConnections: 1 });
    expect(started[0]?.recorder.events).toEqual(['connected']);
  });

  it.each([
    ['by the cluster', { maxConcurrentStreams: 2 }, {}],
    ['by the server', {}, { settings: { maxConcurrentStreams: 2 } }],
  ])('take no more at a time than is said %s', async (_title, connections, options) => {
    const streams: http2.ServerHttp2Stream[] = [];
    const server = await h2Server((stream) => streams.push(stream), options);
    const rig = rigFor(server.port, h2(connections));
    const first = rig.start();
    await until(() => streams.length === 1);
    await pause(10);
    const others = Array.from({ length: 4 }, () => rig.start());
    await until(() => streams.length === 5);
    expect(server.accepted()).toBe(3);
    for (const stream of streams) stream.respond({ ':status': 200 }, { endStream: true });
    for (const { recorder } of [first, ...others]) expect((await recorder.ended).status).toBe(200);
  });

  it.each([
    ['active requests, on one connection', { maxConnections: 1, maxRequests: 2 }, 6, 2],
    ['streams, the rest waits', { maxConnections: 1, maxConcurrentStreams: 2 }, 6, 6],
    ['waiting requests', { maxConnections: 1, maxConcurrentStreams: 2, maxPendingRequests: 1 }, 6, 3],
  ])('are limited in their %s', async (_title, connections, requests, answered) => {
    const streams: http2.ServerHttp2Stream[] = [];
    const server = await h2Server((stream) => streams.push(stream));
    const rig = rigFor(server.port, h2(connections));
    const first = rig.start();
    await until(() => streams.length === 1);
    const all = [first, ...Array.from({ length: requests - 1 }, () => rig.start())];
    let done = 0;
    for (const { recorder } of all) void recorder.ended.then(() => done++);
    while (done < requests) {
      for (const stream of streams.splice(0)) stream.respond({ ':status': 200 }, { endStream: true });
      await pause(2);
    }
    expect(all.filter(({ recorder }) => recorder.status === 200).length).toBe(answered);
    expect(all.filter(({ recorder }) => recorder.failure?.reason === 'overflow').length).toBe(requests - answered);
  });

  it('that are told to go away finish what they have, and others take what comes', async () => {
    const streams: http2.ServerHttp2Stream[] = [];
    const server = await h2Server((stream) => streams.push(stream));
    const rig = rigFor(server.port, h2());
    const first = rig.start();
    await until(() => streams.length === 1);
    streams[0]?.session?.goaway(0);
    await pause(10);
    const second = rig.start();
    await until(() => streams.length === 2);
    for (const stream of streams) stream.respond({ ':status': 200 }, { endStream: true });
    expect((await first.recorder.ended).status).toBe(200);
    expect((await second.recorder.ended).status).toBe(200);
    expect(server.accepted()).toBe(2);
    await until(() => rig.upstreams.snapshot()[0]?.activeConnections === 1);
  });

  it('that died while they were idle are the keep-alive race', async () => {
    const server = await h2Server((stream) => {
      if (stream.id === 1) stream.respond({ ':status': 200 }, { endStream: true });
      else stream.session?.destroy();
    });
    const rig = rigFor(server.port, h2());
    await rig.start().recorder.ended;
    await pause(10);
    const second = await rig.start().recorder.ended;
    expect(second.failure).toMatchObject({ reason: 'connection-termination', reusedConnection: true });
    expect(second.failure?.idleMs).toBeGreaterThan(5);
  });

  it('are closed when a ping is not answered', async () => {
    const server = await framesServer([]);
    const rig = rigFor(server.port, h2({ http2KeepAlive: { intervalMs: 10, timeoutMs: 20 } }));
    const recorder = await rig.start().recorder.ended;
    expect(recorder.failure?.reason).toBe('connection-termination');
  });

  it('live on when pings are answered, and end when they are idle', async () => {
    const server = await h2Server((stream) =>
      setTimeout(() => stream.respond({ ':status': 200 }, { endStream: true }), 60),
    );
    const rig = rigFor(server.port, h2({ http2KeepAlive: { intervalMs: 5, timeoutMs: 20_000 }, idleTimeoutMs: 30 }));
    expect((await rig.start().recorder.ended).status).toBe(200);
    await until(() => server.sessions.size === 0);
  });

  it('serve as many requests as they may', async () => {
    const server = await h2Server((stream) => stream.respond({ ':status': 200 }, { endStream: true }));
    const rig = rigFor(server.port, h2({ maxRequestsPerConnection: 2 }));
    for (let i = 0; i < 5; i++) await rig.start().recorder.ended;
    expect(server.accepted()).toBe(3);
  });

  it('end with the gateway', async () => {
    const server = await h2Server(() => {});
    const rig = rigFor(server.port, h2());
    const { recorder } = rig.start();
    await until(() => server.sessions.size === 1);
    await rig.upstreams.close(5);
    expect((await recorder.ended).failure?.reason).toBe('connection-termination');
    await until(() => server.sessions.size === 0);
  });
});

describe('a cluster that speaks as its clients do', () => {
  it('keeps connections of either protocol', async () => {
    const one = await rawServer(answering(() => OK));
    const two = await h2Server((stream) => {
      stream.respond({ ':status': 200 });
      stream.end('ok');
    });
    const both = net.createServer((socket) => {
      socket.once('readable', () => {
        const first = socket.read() as Buffer;
        socket.unshift(first);
        const target = net.connect(first.toString('latin1', 0, 3) === 'PRI' ? two.port : one.port, '127.0.0.1');
        target.on('error', () => {});
        socket.on('error', () => {});
        socket.pipe(target).pipe(socket);
      });
    });
    const port = await listen(both);
    later(() => new Promise((resolve) => both.close(() => resolve())));
    const rig = rigFor(port, clusterOf({ protocol: 'client' }));
    for (const protocol of ['HTTP/1.1', 'HTTP/2', 'HTTP/1.1', 'HTTP/2'] as const) {
      const recorder = new Recorder();
      rig.cluster.start(rig.host(), headOf(), recorder, protocol);
      expect((await recorder.ended).body).toBe('ok');
    }
    expect([one.accepted(), two.accepted()]).toEqual([1, 1]);
    await rig.upstreams.close(0);
  });
});
