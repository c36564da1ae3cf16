import http2 from 'node:http2';
import net from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { HeaderList } from '../../../../src/contract/headers.ts';
import type { RawRequest } from '../../../../src/dataplane/downstream/port.ts';
import { reply, startToy, type Toy, type ToyOptions } from './harness.ts';
import { Frames, frame, Http2Wire, headerBlock } from './http2-wire.ts';

let toy: Toy;
let session: http2.ClientHttp2Session;
const start = async (handler?: (request: RawRequest) => void, options: ToyOptions = {}): Promise<void> => {
  toy = await startToy(options);
  if (handler !== undefined) toy.handler = handler;
  session = http2.connect(`http://127.0.0.1:${toy.port}`);
  session.on('error', () => {});
};
afterEach(async () => {
  session.destroy();
  await toy.close();
});
const until = async (condition: () => boolean): Promise<void> => {
  for (let i = 0; i < 400 && !condition(); i++) await new Promise((next) => setTimeout(next, 5));
  expect(condition()).toBe(true);
};

interface Got {
  readonly status: number | undefined;
  readonly headers: Record<string, unknown>;
  readonly body: string;
  readonly trailers: Record<string, unknown> | undefined;
  readonly informational: readonly number[];
  /** The answer's head ended the stream. */
  readonly endedByHead: boolean;
  readonly rstCode: number;
  /** name, value, … of the head. */
  readonly raw: readonly string[];
}

function ask(
  headers: http2.OutgoingHttpHeaders,
  options: {
    readonly body?: string | readonly Buffer[];
    readonly trailers?: Record<string, string>;
    readonly hold?: boolean;
  } = {},
): { readonly stream: http2.ClientHttp2Stream; readonly got: Promise<Got> } {
  const stream = session.request(
    { ':path': '/', ':authority': 'a.example.com', ...headers },
    {
      endStream: options.body === undefined && options.trailers === undefined && options.hold !== true,
      waitForTrailers: options.trailers !== undefined,
    },
  );
  const got = new Promise<Got>((resolve) => {
    let status: number | undefined;
    let answer: Record<string, unknown> = {};
    let body = '';
    let trailers: Record<string, unknown> | undefined;
    let endedByHead = false;
    const informational: number[] = [];
    stream.on('headers', (head) => informational.push(Number(head[':status'])));
    let raw: readonly string[] = [];
    stream.on('response', (head, flags, lines?: readonly string[]) => {
      raw = lines ?? [];
      status = head[':status'];
      answer = head;
      endedByHead = (flags & 1) !== 0;
    });
    stream.on('trailers', (head) => {
      trailers = { ...head };
    });
    stream.setEncoding('latin1');
    stream.on('data', (chunk) => {
      body += chunk;
    });
    stream.on('error', () => {});
    stream.on('wantTrailers', () => stream.sendTrailers(options.trailers ?? {}));
    stream.on('close', () =>
      resolve({
        status,
        headers: answer,
        body,
        trailers,
        informational,
        endedByHead,
        rstCode: stream.rstCode ?? -1,
        raw,
      }),
    );
  });
  if (typeof options.body === 'string') stream.end(options.body);
  else if (options.trailers !== undefined) stream.end();
  return { stream, got };
}

describe('requests over HTTP/2', () => {
  test('pseudo headers, lines and body come as they were sent', async () => {
    await start();
    const { got } = ask(
      { ':method': 'POST', ':path': '/x?y', 'x-a': ['1', '2'], 'content-length': '4' },
      { body: 'body' },
    );
    expect(JSON.parse((await got).body)).toMatchObject({
      method: 'POST',
      target: '/x?y',
      protocol: 'HTTP/2',
      scheme: 'http',
      authority: 'a.example.com',
      headers: ['x-a', '1', 'x-a', '2', 'content-length', '4'],
      body: 'body',
    });
    expect(toy.requests[0]).toMatchObject({
      listenerPort: toy.port,
      routeConfig: 'http.80',
      peerAddress: '127.0.0.1',
      tls: undefined,
    });
  });

  test('cookies in pieces become one line', async () => {
    await start();
    const { got } = ask({ 'x-a': '1', cookie: ['a=1', 'b=2', 'c=3'], 'x-b': '2' });
    const { headers } = JSON.parse((await got).body);
    expect(headers).toEqual(['x-a', '1', 'cookie', 'a=1; b=2; c=3', 'x-b', '2']);
  });

  test('trailers come after the body, without those that pose as headers', async () => {
    await start();
    const { got } = ask(
      { ':method': 'POST' },
      { body: 'body', trailers: { 'x-sum': '42', authorization: 'Bearer x', 'x-forwarded-for': '10.0.0.1' } },
    );
    expect(JSON.parse((await got).body)).toMatchObject({ body: 'body', trailers: ['x-sum', '42'] });
  });

  test('trailers without a body', async () => {
    await start();
    const { got } = ask({ ':method': 'POST' }, { trailers: { 'x-sum': '42' } });
    expect(JSON.parse((await got).body)).toMatchObject({ body: '', trailers: ['x-sum', '42'] });
  });

  test('any token is a method', async () => {
    await start();
    const answers = await Promise.all(
      ['get', 'BREW', 'M-SEARCH', 'TRACE'].map((method) => ask({ ':method': method }).got),
    );
    expect(answers.map(({ body }) => JSON.parse(body).method)).toEqual(['get', 'BREW', 'M-SEARCH', 'TRACE']);
  });

  test('OPTIONS * is a request', async () => {
    await start();
    const { got } = ask({ ':method': 'OPTIONS', ':path': '*' });
    expect(JSON.parse((await got).body).target).toBe('*');
  });

  test('te: trailers is kept', async () => {
    await start();
    const { got } = ask({ te: 'trailers' });
    expect(JSON.parse((await got).body).headers).toEqual(['te', 'trailers']);
  });

  test('a request without :authority has its Host', async () => {
    await start();
    const stream = session.request({ ':path': '/', host: 'b.example.com' }, { endStream: true });
    let body = '';
    stream.setEncoding('utf8').on('data', (chunk) => {
      body += chunk;
    });
    await new Promise((resolve) => stream.on('close', resolve));
    expect(JSON.parse(body)).toMatchObject({ headers: ['host', 'b.example.com'] });
  });

  test('100 header lines pass, the four of the request line among them, 101 reset the stream', async () => {
    await start();
    const lines = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, i) => [`x-${i}`, '1']));
    expect((await ask(lines(96)).got).status).toBe(200);
    expect(await ask(lines(97)).got).toMatchObject({ status: undefined });
    expect(await ask(lines(300)).got).toMatchObject({ status: undefined });
    expect((await ask({}).got).status).toBe(200);
  });

  test('H-04 60 kB of headers pass, 61 KiB reset the stream', async () => {
    await start();
    expect((await ask({ 'x-pad': 'p'.repeat(60_000) }).got).status).toBe(200);
    expect(await ask({ 'x-pad': 'p'.repeat(61 * 1024) }).got).toMatchObject({ status: undefined });
    expect((await ask({}).got).status).toBe(200);
  });

  test('F-27 the 100 is passed on, an unknown expectation is 417', async () => {
    await start((request) => {
      request.writer.informational(100, HeaderList.empty());
      request.body.start({ onData: () => {}, onEnd: () => reply(request, 200, 'done'), onAbort: () => {} });
    });
    let continued = false;
    const { stream, got } = ask({ ':method': 'POST', expect: '100-continue' }, { hold: true });
    stream.on('continue', () => {
      continued = true;
      stream.end('body');
    });
    expect(await got).toMatchObject({ status: 200, body: 'done' });
    expect(continued).toBe(true);
    expect(await ask({ ':method': 'POST', expect: 'junk' }, { body: 'x' }).got).toMatchObject({ status: 417 });
    expect(toy.rejected.at(-1)).toMatchObject({ status: 417, protocol: 'HTTP/2' });
  });

  test('CONNECT gets 404', async () => {
    await start();
    const stream = session.request({ ':method': 'CONNECT', ':authority': 'a.example.com:443' });
    stream.on('error', () => {});
    const status = await new Promise((resolve) => stream.on('response', (head) => resolve(head[':status'])));
    expect(status).toBe(404);
    expect(toy.requests).toEqual([]);
  });
});

describe('answers over HTTP/2', () => {
  test('lines leave in their order, repeated ones too', async () => {
    await start((request) =>
      reply(request, 200, 'body', [
        ['x-b', '1'],
        ['set-cookie', 'a=1'],
        ['content-type', 'x'],
        ['set-cookie', 'b=2'],
        ['content-type', 'y'],
        ['connection', 'x'],
        ['keep-alive', '1'],
      ]),
    );
    const { raw } = await ask({}).got;
    expect(raw.filter((_, i) => i % 2 === 0)).toEqual([
      ':status',
      'x-b',
      'set-cookie',
      'content-type',
      'set-cookie',
      'content-type',
      'content-length',
      'date',
    ]);
  });

  test('trailers end the stream', async () => {
    await start((request) => {
      request.writer.head(200, HeaderList.from([['content-type', 'application/grpc']]), undefined);
      request.writer.write(Buffer.from('message'));
      request.writer.end(
        HeaderList.from([
          ['grpc-status', '0'],
          ['x-cost', '1'],
          ['x-cost', '2'],
        ]),
      );
    });
    const answer = await ask({}).got;
    expect(answer).toMatchObject({ body: 'message', trailers: { 'grpc-status': '0', 'x-cost': '1, 2' } });
  });

  test('gRPC’s trailers-only answer is one HEADERS frame', async () => {
    await start((request) => {
      request.writer.head(200, HeaderList.from([['grpc-status', '12']]), 0);
      request.writer.end();
    });
    expect(await ask({}).got).toMatchObject({ endedByHead: true, headers: { 'grpc-status': '12' } });
  });

  test('a head that was said to be all may still be followed by trailers', async () => {
    await start((request) => {
      request.writer.head(200, HeaderList.empty(), 0);
      request.writer.end(HeaderList.from([['grpc-status', '5']]));
    });
    expect(await ask({}).got).toMatchObject({ endedByHead: false, trailers: { 'grpc-status': '5' } });
  });

  test.each([
    ['HEAD', 'HEAD', 200, 7, '7'],
    ['204', 'GET', 204, 0, undefined],
    ['304', 'GET', 304, 0, undefined],
    ['200 and nothing', 'GET', 200, 0, '0'],
  ] as const)('no body follows: %s', async (_name, method, status, length, expected) => {
    await start((request) => {
      request.writer.head(status, HeaderList.empty(), length);
      request.writer.write(Buffer.from(length === 0 ? '' : 'ignored'));
      request.writer.end();
    });
    const answer = await ask({ ':method': method }).got;
    expect(answer).toMatchObject({ status, body: '', endedByHead: true });
    expect(answer.headers['content-length']).toBe(expected);
  });

  test('103 is passed on', async () => {
    await start((request) => {
      request.writer.informational(103, HeaderList.from([['link', '</a.css>; rel=preload']]));
      reply(request, 200, 'x');
    });
    expect(await ask({}).got).toMatchObject({ informational: [103], status: 200 });
  });

  test('interim answers are left out where a client takes nothing, and the answer is not', async () => {
    const LINKS = HeaderList.from([['link', 'x'.repeat(15_000)]]);
    const MOST = 3_000;
    let sent = 0;
    await start(async (request) => {
      for (; sent < MOST; sent++) {
        request.writer.informational(103, LINKS);
        await new Promise(setImmediate);
      }
      reply(request, 200, 'done');
    });
    const wire = await Http2Wire.connect(toy.port);
    wire.request(1, usual, true);
    await wire.next('HEADERS');
    wire.pause();
    await until(() => sent === MOST);
    wire.resume();
    let heads = 1;
    for (let ended = false; !ended; ) {
      const { type, flags } = await wire.next('HEADERS', 'DATA');
      if (type === Frames.HEADERS) heads += 1;
      ended = (flags & 1) === 1;
    }
    wire.close();
    expect(heads).toBeGreaterThan(100);
    expect(heads).toBeLessThan(MOST);
  });

  test('an answer that breaks off resets the stream, and that stream alone', async () => {
    await start((request) => {
      if (request.target !== '/broken') {
        reply(request, 200, 'x');
        return;
      }
      request.writer.head(200, HeaderList.empty(), undefined);
      request.writer.write(Buffer.from('half'));
      setTimeout(() => request.writer.abort(), 20);
    });
    expect(await ask({ ':path': '/broken' }).got).toMatchObject({
      status: 200,
      rstCode: http2.constants.NGHTTP2_INTERNAL_ERROR,
    });
    expect((await ask({}).got).status).toBe(200);
  });

  test('what HTTP/2 cannot carry costs the stream, not the process', async () => {
    await start((request) =>
      reply(request, request.target === '/status' ? 99 : 200, 'x', [
        ['x-evil', request.target === '/value' ? 'a\0b' : 'ok'],
      ]),
    );
    expect(await ask({ ':path': '/value' }).got).toMatchObject({ status: undefined });
    expect(await ask({ ':path': '/status' }).got).toMatchObject({ status: undefined });
    expect((await ask({}).got).status).toBe(200);
  });

  test('F-25 an early answer is complete, and the client is asked to stop its body', async () => {
    await start((request) => reply(request, 403, 'no'), { limits: { lingerMs: 40 } });
    const { got, stream } = ask({ ':method': 'POST' }, { hold: true });
    stream.write('some');
    expect(await got).toMatchObject({ status: 403, body: 'no', rstCode: http2.constants.NGHTTP2_NO_ERROR });
  });

  test('an early answer of some length arrives whole, though the request goes on', async () => {
    await start((request) => reply(request, 200, 'x'.repeat(500_000)), { limits: { lingerMs: 40 } });
    const { got } = ask({ ':method': 'POST' }, { hold: true });
    expect((await got).body).toHaveLength(500_000);
  });
});

type Lines = readonly (readonly [string, string])[];
const usual: Lines = [
  [':method', 'GET'],
  [':path', '/'],
  [':scheme', 'http'],
  [':authority', 'a.example.com'],
];
const replaced = (name: string, value: string): Lines => usual.map((line) => (line[0] === name ? [name, value] : line));

describe('streams that end before their time', () => {
  test('X-09 a reset by the client is told to those behind the lane', async () => {
    const seen: string[] = [];
    await start((request) => {
      request.onGone(() => seen.push('gone'));
      if (!request.body.empty)
        request.body.start({ onData: () => {}, onEnd: () => seen.push('end'), onAbort: (reason) => seen.push(reason) });
    });
    const wire = await Http2Wire.connect(toy.port);
    const reset = (id: number): void => wire.send(frame(Frames.RST_STREAM, 0, id, Buffer.from([0, 0, 0, 8])));
    wire.request(1, usual, true);
    await until(() => toy.requests.length === 1);
    reset(1);
    await until(() => seen.length === 1);
    wire.request(3, replaced(':method', 'POST'), false);
    wire.send(frame(Frames.DATA, 0, 3, Buffer.from('half')));
    await until(() => toy.requests.length === 2);
    reset(3);
    await until(() => seen.length === 3);
    wire.close();
    expect(seen).toEqual(['gone', 'client-gone', 'gone']);
  });

  test('a connection that breaks ends all its streams', async () => {
    const seen: string[] = [];
    await start((request) => request.onGone(() => seen.push(request.target)));
    ask({ ':path': '/1' });
    ask({ ':path': '/2' });
    await until(() => toy.requests.length === 2);
    session.destroy();
    await until(() => seen.length === 2);
  });

  test('X-02 a body that stands still is given up, unless it is a call of gRPC', async () => {
    const seen: string[] = [];
    await start(
      (request) =>
        request.body.start({ onData: () => {}, onEnd: () => seen.push('end'), onAbort: (reason) => seen.push(reason) }),
      { limits: { bodyIdleTimeoutMs: 60 } },
    );
    const plain = ask({ ':method': 'POST' }, { hold: true });
    const grpc = ask({ ':method': 'POST', 'content-type': 'application/grpc' }, { hold: true });
    expect((await plain.got).status).toBe(408);
    grpc.stream.end('now');
    await until(() => seen.length === 2);
    expect(seen).toEqual(['client-gone', 'end']);
  });

  test('H-15 a client that grants no window is cut off', async () => {
    const seen: string[] = [];
    await start(
      (request) => {
        request.onGone(() => seen.push('gone'));
        request.writer.head(200, HeaderList.empty(), undefined);
        const more = (): void => {
          while (request.writer.write(Buffer.alloc(16_384)));
        };
        request.writer.onDrain = more;
        more();
      },
      { limits: { stalledWriteTimeoutMs: 80 } },
    );
    const { stream, got } = ask({});
    stream.pause();
    expect((await got).rstCode).toBe(http2.constants.NGHTTP2_CANCEL);
    await until(() => seen.length === 1);
  });
});

describe('HTTP/2 that breaks the rules (edge-security H)', () => {
  test.each<[string, Lines]>([
    ['H-09 transfer-encoding', [...usual, ['transfer-encoding', 'chunked']]],
    ['H-09 connection', [...usual, ['connection', 'close']]],
    ['H-09 keep-alive', [...usual, ['keep-alive', '1']]],
    ['H-09 upgrade', [...usual, ['upgrade', 'h2c']]],
    ['H-09 proxy-connection', [...usual, ['proxy-connection', 'close']]],
    ['H-09 te: gzip', [...usual, ['te', 'gzip']]],
    ['H-11 a blank before a value', [...usual, ['x-a', ' a']]],
    ['H-11 a tab behind a value', [...usual, ['x-a', 'a\t']]],
    ['H-11 nothing but a blank', [...usual, ['x-a', ' ']]],
    ['H-11 a blank behind a path', replaced(':path', '/ ')],
    ['H-10 a length, and no body', [...usual, ['content-length', '5']]],
    ['H-10 two lengths', [...usual, ['content-length', '0'], ['content-length', '0']]],
    ['H-10 a length that is no number', [...usual, ['content-length', '+0']]],
    ['H-12 a path with a blank', replaced(':path', '/a b')],
    ['H-12 a path with CRLF', replaced(':path', '/a\r\nx: y')],
    ['H-12 an empty path', replaced(':path', '')],
    ['H-12 * without OPTIONS', replaced(':path', '*')],
    ['H-12 an absolute path', replaced(':path', 'http://a.example.com/')],
    ['H-12 a path without a slash', replaced(':path', 'admin')],
    ['H-12 a path outside ASCII', replaced(':path', '/caf\xe9')],
    ['H-12 an odd method', replaced(':method', 'GE T')],
    ['H-12 an empty method', replaced(':method', '')],
    ['H-12 an odd scheme', replaced(':scheme', 'ht tp')],
    ['H-12 another scheme', replaced(':scheme', 'ftp')],
    ['H-12 a path twice', [...usual, [':path', '/b']]],
    ['H-12 an unknown pseudo header', [...usual, [':x', '1']]],
    ['H-12 a pseudo header after the others', [...usual.slice(0, 3), ['x-a', '1'], [':authority', 'a']]],
    ['H-12 no path', usual.filter(([name]) => name !== ':path')],
    ['H-12 no method', usual.filter(([name]) => name !== ':method')],
    ['H-12 extended CONNECT', [[':method', 'CONNECT'], [':protocol', 'websocket'], ...usual.slice(1)]],
    ['H-13 a user part', replaced(':authority', 'u@a.example.com')],
    ['H-13 an empty authority', replaced(':authority', '')],
    ['H-13 neither authority nor Host', usual.filter(([name]) => name !== ':authority')],
  ])('%s resets the stream, and nothing behind the lane hears of it', async (_name, lines) => {
    await start();
    const wire = await Http2Wire.connect(toy.port);
    wire.request(1, lines, true);
    const ended = await wire.next('RST_STREAM', 'GOAWAY');
    expect(ended.type).toBe(Frames.RST_STREAM);
    wire.request(3, usual, true);
    expect((await wire.next('HEADERS')).stream).toBe(3);
    expect(toy.requests.map(({ target }) => target)).toEqual(['/']);
    wire.close();
  });

  test('H-10 a body that is shorter or longer than its length is no complete request', async () => {
    const ended: (number | undefined)[] = [];
    await start((request) =>
      request.body.start({
        onData: () => {},
        onEnd: () => {
          ended.push(request.body.length);
          reply(request, 200, '');
        },
        onAbort: (reason) => toy.events.push(`abort ${reason}`),
      }),
    );
    const wire = await Http2Wire.connect(toy.port);
    const send = async (id: number, bytes: string): Promise<void> => {
      const before = toy.requests.length;
      wire.request(id, [...replaced(':method', 'POST'), ['content-length', '5']], false);
      await until(() => toy.requests.length > before);
      wire.send(frame(Frames.DATA, 1, id, Buffer.from(bytes)));
    };
    await send(1, 'abc');
    expect((await wire.next('RST_STREAM')).stream).toBe(1);
    await send(3, 'abcde');
    await wire.next('HEADERS');
    // node makes this an error of the connection.
    await send(5, 'abcdefg');
    await wire.closed();
    expect(toy.events).toContain('abort malformed');
    expect(ended).toEqual([5]);
    wire.close();
  });

  test.each([0, 8])('H-10 a body without a length that is reset with code %i is no complete request', async (code) => {
    await start();
    const wire = await Http2Wire.connect(toy.port);
    wire.request(1, replaced(':method', 'POST'), false);
    wire.send(frame(Frames.DATA, 0, 1, Buffer.from('a')));
    wire.send(frame(Frames.PING, 0, 0, Buffer.alloc(8)));
    await wire.next('PING');
    wire.send(frame(Frames.RST_STREAM, 0, 1, Buffer.from([0, 0, 0, code])));
    await until(() => toy.events.length === 2);
    expect(toy.events.toSorted()).toEqual(['abort client-gone', 'gone']);
    wire.close();
  });

  test('H-10 a length of 0 is no complete request before it has ended without DATA', async () => {
    await start((request) => {
      expect(request.body.empty).toBe(true);
      reply(request, 200, '');
    });
    const wire = await Http2Wire.connect(toy.port);
    const announced = [...replaced(':method', 'POST'), ['content-length', '0'] as const];
    wire.request(1, announced, false);
    wire.request(3, usual, true);
    expect((await wire.next('HEADERS')).stream).toBe(3);
    expect(toy.requests.map(({ method }) => method)).toEqual(['GET']);
    wire.send(frame(Frames.DATA, 1, 1, Buffer.alloc(0)));
    expect((await wire.next('HEADERS')).stream).toBe(1);
    expect(toy.requests.map(({ method }) => method)).toEqual(['GET', 'POST']);
    wire.request(5, announced, false);
    wire.send(frame(Frames.DATA, 1, 5, Buffer.from('a')));
    await wire.next('RST_STREAM', 'GOAWAY');
    expect(toy.requests).toHaveLength(2);
    wire.close();
  });

  test.each([
    ['resets it without an error', (wire: Http2Wire) => wire.send(frame(Frames.RST_STREAM, 0, 1, Buffer.alloc(4)))],
    ['resets it', (wire: Http2Wire) => wire.send(frame(Frames.RST_STREAM, 0, 1, Buffer.from([0, 0, 0, 8])))],
    ['leaves', (wire: Http2Wire) => wire.close()],
  ])('H-10 a length of 0 is no request either where the client %s', async (what, stop) => {
    await start((request) => reply(request, 200, ''));
    const wire = await Http2Wire.connect(toy.port);
    wire.request(1, [...replaced(':method', 'POST'), ['content-length', '0']], false);
    wire.send(frame(Frames.PING, 0, 0, Buffer.alloc(8)));
    await wire.next('PING');
    stop(wire);
    wire.send(frame(Frames.PING, 0, 0, Buffer.alloc(8)));
    if (what !== 'leaves') await wire.next('PING');
    wire.close();
    await until(() => toy.downstream.openConnections() <= 1);
    expect(toy.requests).toEqual([]);
  });

  test('H-10 one that never ends is given up', async () => {
    await start((request) => reply(request, 200, ''), { limits: { bodyIdleTimeoutMs: 50 } });
    const wire = await Http2Wire.connect(toy.port);
    wire.request(1, [...replaced(':method', 'POST'), ['content-length', '0']], false);
    expect((await wire.next('RST_STREAM')).stream).toBe(1);
    expect(toy.requests).toEqual([]);
    wire.close();
  });

  test('R-21 who is turned away while a body is on its way has an answer, and is to stop sending', async () => {
    await start((request) => {
      request.turnAway();
      reply(request, 503, 'no room');
    });
    const wire = await Http2Wire.connect(toy.port);
    wire.request(1, replaced(':method', 'POST'), false);
    const answer = await wire.next('HEADERS');
    expect([answer.stream, answer.flags & 1]).toEqual([1, 1]);
    const reset = await wire.next('RST_STREAM');
    expect([reset.stream, reset.payload.readUInt32BE(0)]).toEqual([1, http2.constants.NGHTTP2_NO_ERROR]);
    wire.request(3, usual, true);
    expect((await wire.next('HEADERS')).flags & 1).toBe(0);
    expect((await wire.next('DATA')).payload.toString()).toBe('no room');
    wire.close();
  });

  test('R-21 after a few of one host the others of it are refused without an answer, and nobody else', async () => {
    await start(
      (request) => {
        if (request.authority === 'crowd.example.com') request.turnAway();
        reply(request, request.authority === 'crowd.example.com' ? 503 : 200, '');
      },
      { limits: { sweepIntervalMs: 300 } },
    );
    const wire = await Http2Wire.connect(toy.port);
    const crowd = replaced(':authority', 'crowd.example.com');
    let id = 1;
    // However the sweeps fall, they are not between all of these.
    for (; id < 41; id += 2) wire.request(id, crowd, true);
    wire.request(41, usual, true);
    const ends = [];
    for (let at = 1; at <= 41; at += 2) ends.push(await wire.next('HEADERS', 'RST_STREAM'));
    const refused = ends.filter(({ type }) => type === Frames.RST_STREAM);
    expect(refused.length).toBeGreaterThan(10);
    expect(new Set(refused.map(({ payload }) => payload.readUInt32BE(0)))).toEqual(
      new Set([http2.constants.NGHTTP2_REFUSED_STREAM]),
    );
    expect(ends.some(({ stream, type }) => stream === 41 && type === Frames.HEADERS)).toBe(true);
    expect(toy.rejected.map(({ cause, flag }) => [cause, flag])).toEqual(
      refused.map(() => ['gateway-overloaded', 'OM']),
    );
    // Room may have come meanwhile.
    for (let type = -1; type !== Frames.HEADERS; ) {
      id += 2;
      wire.request(id, crowd, true);
      ({ type } = await wire.next('HEADERS', 'RST_STREAM'));
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    wire.close();
  });

  test('R-21 refuses no more of a host once one of it is over, as there is room then', async () => {
    const admitted: RawRequest[] = [];
    await start(
      (request) => {
        if (request.target === '/room') admitted.push(request);
        else {
          request.turnAway();
          reply(request, 503, '');
        }
      },
      { limits: { sweepIntervalMs: 600_000 } },
    );
    const wire = await Http2Wire.connect(toy.port);
    wire.request(1, replaced(':path', '/room'), true);
    for (let id = 3; id < 11; id += 2) wire.request(id, usual, true);
    const ends = [];
    for (let at = 3; at < 11; at += 2) ends.push((await wire.next('HEADERS', 'RST_STREAM')).type);
    expect(ends.filter((type) => type === Frames.RST_STREAM)).toHaveLength(1);
    reply(admitted[0] as RawRequest, 200, '');
    expect((await wire.next('HEADERS')).stream).toBe(1);
    wire.request(11, usual, true);
    expect(await wire.next('HEADERS', 'RST_STREAM')).toMatchObject({ stream: 11, type: Frames.HEADERS });
    wire.close();
  });

  test('H-01 rapid resets end the connection', async () => {
    await start();
    const wire = await Http2Wire.connect(toy.port);
    for (let id = 1; id < 4_000; id += 2) {
      wire.request(id, usual, true);
      wire.send(frame(Frames.RST_STREAM, 0, id, Buffer.from([0, 0, 0, 8])));
    }
    const goaway = await wire.next('GOAWAY');
    expect(goaway.payload.readUInt32BE(4)).not.toBe(http2.constants.NGHTTP2_NO_ERROR);
    await wire.closed();
  });

  test('H-02 CONTINUATION without end is cut', async () => {
    await start();
    const wire = await Http2Wire.connect(toy.port);
    wire.send(frame(Frames.HEADERS, 0, 1, headerBlock(usual)));
    const filler = headerBlock([['x-a', 'p'.repeat(8_000)]]);
    for (let i = 0; i < 130; i++) wire.send(frame(Frames.CONTINUATION, 0, 1, filler));
    await wire.next('GOAWAY', 'RST_STREAM');
    wire.close();
    expect(toy.requests).toEqual([]);
  });

  test('H-05 3 000 pieces of cookie are too many', async () => {
    await start();
    const wire = await Http2Wire.connect(toy.port);
    wire.request(1, [...usual, ...Array.from({ length: 3_000 }, () => ['cookie', 'a'] as const)], true);
    await wire.next('RST_STREAM', 'GOAWAY');
    expect(toy.requests).toEqual([]);
    wire.close();
  });

  test('H-06 a flood of PING or SETTINGS ends the connection', async () => {
    for (const flood of [frame(Frames.PING, 0, 0, Buffer.alloc(8)), frame(Frames.SETTINGS, 0, 0, Buffer.alloc(0))]) {
      await start();
      const wire = await Http2Wire.connect(toy.port);
      wire.send(Buffer.concat(Array.from({ length: 3_000 }, () => flood)));
      await wire.closed();
      session.destroy();
      await toy.close();
    }
    await start();
  });

  test('H-08 garbage ends the connection, the process lives', async () => {
    await start();
    const wire = await Http2Wire.connect(toy.port);
    wire.send(frame(Frames.HEADERS, 4, 1, Buffer.from('ffffffffffffffffffffff', 'hex')));
    await wire.next('GOAWAY');
    await wire.closed();
    expect((await ask({}).got).status).toBe(200);
  });

  test('more streams than allowed are refused', async () => {
    await start(() => {}, { limits: { maxConcurrentStreams: 3 } });
    const wire = await Http2Wire.connect(toy.port);
    for (let id = 1; id <= 9; id += 2) wire.request(id, usual, true);
    await wire.next('RST_STREAM', 'GOAWAY');
    expect(toy.requests.length).toBeLessThanOrEqual(3);
    wire.close();
  });

  test('HTTP/1.1 after half a preface is refused', async () => {
    await start();
    const socket = net.connect(toy.port, '127.0.0.1');
    let raw = '';
    socket.on('data', (chunk) => {
      raw += chunk.toString('latin1');
    });
    socket.write('PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n');
    await new Promise((resolve) => socket.on('close', resolve));
    expect(raw).toMatch(/^HTTP\/1\.1 400 /);
  });
});

describe('the end of an HTTP/2 connection', () => {
  test('draining says GOAWAY, lets streams finish and takes none', async () => {
    let finish: (() => void) | undefined;
    await start((request) => {
      finish = () => reply(request, 200, 'late');
    });
    const { got } = ask({});
    await until(() => finish !== undefined);
    let goaway = false;
    session.on('goaway', () => {
      goaway = true;
    });
    const drained = toy.downstream.drain(2_000);
    await until(() => goaway);
    finish?.();
    expect(await got).toMatchObject({ status: 200, body: 'late' });
    await drained;
    expect(toy.downstream.openConnections()).toBe(0);
  });

  test('a connection without streams is closed after a while', async () => {
    await start(undefined, { limits: { http2IdleTimeoutMs: 80 } });
    expect((await ask({}).got).status).toBe(200);
    await new Promise((resolve) => session.on('close', resolve));
  });
});
