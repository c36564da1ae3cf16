import net from 'node:net';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { HeaderList } from '../../../../src/contract/headers.ts';
import type { RawRequest } from '../../../../src/dataplane/downstream/port.ts';
import type { Tunnel } from '../../../../src/dataplane/stream.ts';
import { headerOf, parseAnswers, reply, sendRaw, startToy, type Toy, type ToyOptions } from './harness.ts';

const H = 'Host: a.example.com\r\n';
const GET = `GET / HTTP/1.1\r\n${H}\r\n`;
const until = async (condition: () => boolean): Promise<void> => {
  for (let i = 0; i < 400 && !condition(); i++) await new Promise((next) => setTimeout(next, 5));
  expect(condition()).toBe(true);
};

/** Every behaviour is held to in both lanes. */
const LANES = [
  { lane: 'the fast lane', fastLane: true },
  { lane: 'the Fastify lane', fastLane: false },
] as const;

let toy: Toy;
let fastLane: boolean;
const start = async (handler: (request: RawRequest) => void, options: ToyOptions = {}): Promise<void> => {
  toy = await startToy({ fastLane, ...options });
  toy.handler = handler;
};
afterEach(async () => toy.close());

/** A client that keeps what it gets. */
async function connect(): Promise<{ socket: net.Socket; raw: () => string; closed: () => boolean }> {
  const socket = net.connect({ port: toy.port, host: '127.0.0.1', allowHalfOpen: true });
  let raw = '';
  let closed = false;
  socket.on('data', (chunk) => {
    raw += chunk.toString('latin1');
  });
  socket.on('error', () => {});
  socket.on('end', () => socket.end());
  socket.on('close', () => {
    closed = true;
  });
  await new Promise((resolve) => socket.once('connect', resolve));
  return { socket, raw: () => raw, closed: () => closed };
}

describe.each(LANES)('answers over HTTP/1.1, $lane', (of) => {
  beforeAll(() => {
    fastLane = of.fastLane;
  });

  test('header lines leave in their order, repeated ones too, with a date and nothing of node’s own', async () => {
    await start((request) =>
      reply(request, 200, 'body', [
        ['x-b', '1'],
        ['set-cookie', 'a=1'],
        ['x-a', '2'],
        ['set-cookie', 'b=2'],
      ]),
    );
    const { answers } = await sendRaw(toy.port, GET);
    expect(answers[0]?.headers.map(([name]) => name)).toEqual([
      'x-b',
      'set-cookie',
      'x-a',
      'set-cookie',
      'content-length',
      'date',
    ]);
  });

  test('a date of the service is kept', async () => {
    await start((request) => reply(request, 200, '', [['date', 'Thu, 01 Jan 1970 00:00:00 GMT']]));
    const { answers } = await sendRaw(toy.port, GET);
    expect(answers[0]?.headers.filter(([name]) => name === 'date')).toEqual([
      ['date', 'Thu, 01 Jan 1970 00:00:00 GMT'],
    ]);
  });

  test('a body of unknown length is chunked, trailers are left out', async () => {
    await start((request) => {
      request.writer.head(200, HeaderList.from([['trailer', 'x-sum']]), undefined);
      request.writer.write(Buffer.from('one'));
      request.writer.write(Buffer.from('two'));
      request.writer.end(HeaderList.from([['x-sum', '42']]));
    });
    const { answers, raw } = await sendRaw(toy.port, GET);
    expect(answers[0]?.body).toBe('onetwo');
    expect(headerOf(answers[0] as never, 'trailer')).toBe('x-sum');
    expect(raw).not.toContain('42');
  });

  test('F-36 announced trailers beside a length are taken out of the head', async () => {
    await start((request) => reply(request, 200, 'body', [['trailer', 'x-sum']]));
    const { answers } = await sendRaw(toy.port, GET);
    expect(answers[0]?.status).toBe(200);
    expect(headerOf(answers[0] as never, 'trailer')).toBeUndefined();
  });

  test.each([
    ['HEAD with a length', 'HEAD', 200, 7, '7'],
    ['HEAD without', 'HEAD', 200, undefined, undefined],
    ['204', 'GET', 204, 0, undefined],
    ['304', 'GET', 304, 0, undefined],
    ['304 with a length', 'GET', 304, 7, '7'],
    ['200 and nothing', 'GET', 200, 0, '0'],
  ] as const)('no body follows: %s', async (_name, method, status, length, expected) => {
    await start((request) => {
      request.writer.head(status, HeaderList.empty(), length);
      request.writer.write(Buffer.from(length === 0 ? '' : 'ignored'));
      request.writer.end();
    });
    const { answers, raw } = await sendRaw(
      toy.port,
      `${method} / HTTP/1.1\r\n${H}\r\n${method} / HTTP/1.1\r\n${H}\r\n`,
      { answers: 2, heads: [method, method] },
    );
    expect(answers.map((answer) => answer.status)).toEqual([status, status]);
    expect(headerOf(answers[0] as never, 'content-length')).toBe(expected);
    expect(headerOf(answers[0] as never, 'transfer-encoding')).toBeUndefined();
    expect(raw).not.toContain('ignored');
  });

  test('a head leaves at once, though its body is long in coming', async () => {
    await start((request) =>
      request.writer.head(200, HeaderList.from([['content-type', 'text/event-stream']]), undefined),
    );
    const client = await connect();
    client.socket.write(GET);
    await until(() => client.raw().includes('text/event-stream'));
    client.socket.destroy();
  });

  test('an answer that breaks off cuts the connection without an end', async () => {
    await start((request) => {
      request.writer.head(200, HeaderList.empty(), undefined);
      request.writer.write(Buffer.from('half'));
      setTimeout(() => request.writer.abort(), 20);
    });
    const { raw, closed } = await sendRaw(toy.port, GET);
    expect(closed).toBe(true);
    expect(raw).toContain('half');
    expect(raw).not.toContain('\r\n0\r\n');
  });

  test('a value that would make lines of its own costs the answer, not the process', async () => {
    await start((request) => reply(request, 200, 'x', [['x-evil', 'a\r\nset-cookie: b=1']]));
    const { answers, closed } = await sendRaw(toy.port, GET);
    expect(answers).toEqual([]);
    expect(closed).toBe(true);
  });

  test('calls after the end, or without a head, do nothing worse than cut', async () => {
    await start((request) => {
      if (request.target === '/headless') {
        request.writer.end();
        return;
      }
      reply(request, 200, 'one');
      request.writer.write(Buffer.from('two'));
      request.writer.end();
      request.writer.abort();
      request.writer.head(500, HeaderList.empty(), 0);
    });
    const { answers } = await sendRaw(toy.port, `${GET}${GET}`, { answers: 2 });
    expect(answers.map((answer) => answer.body)).toEqual(['one', 'one']);
    expect(await sendRaw(toy.port, `GET /headless HTTP/1.1\r\n${H}\r\n`)).toMatchObject({ answers: [], closed: true });
  });

  test('the client’s Connection: close is kept, and said', async () => {
    await start((request) => reply(request, 200, 'x'));
    const { answers, closed } = await sendRaw(toy.port, `GET / HTTP/1.1\r\n${H}Connection: close\r\n\r\n`);
    expect(headerOf(answers[0] as never, 'connection')).toBe('close');
    expect(closed).toBe(true);
  });

  test('the last of the allowed requests closes the connection', async () => {
    await start((request) => reply(request, 200, 'x'), { limits: { maxRequestsPerConnection: 2 } });
    const { answers, closed } = await sendRaw(toy.port, `${GET}${GET}${GET}`, { answers: 3 });
    expect(answers.map((answer) => headerOf(answer, 'connection'))).toEqual([undefined, 'close']);
    expect(closed).toBe(true);
  });
});

describe.each(LANES)('request bodies over HTTP/1.1, $lane', (of) => {
  beforeAll(() => {
    fastLane = of.fastLane;
  });

  test('F-25 an early answer says close, and the rest of the body is read away so that the answer arrives', async () => {
    await start((request) => reply(request, 403, 'no'));
    const body = 'x'.repeat(300_000);
    const { answers, closed } = await sendRaw(toy.port, [
      `POST / HTTP/1.1\r\n${H}Content-Length: ${body.length}\r\n\r\n`,
      body,
      GET,
    ]);
    expect(answers.map((answer) => answer.status)).toEqual([403]);
    expect(headerOf(answers[0] as never, 'connection')).toBe('close');
    expect(closed).toBe(true);
    expect(toy.requests).toHaveLength(1);
  });

  test('F-25 a body without end is cut', async () => {
    await start((request) => reply(request, 403, 'no'), { limits: { lingerBytes: 10_000, lingerMs: 60_000 } });
    const client = await connect();
    client.socket.write(`POST / HTTP/1.1\r\n${H}Content-Length: 99999999\r\n\r\n`);
    const flood = setInterval(() => client.socket.write('x'.repeat(5_000)), 5);
    await until(client.closed);
    clearInterval(flood);
    expect(client.raw()).toContain('403');
  });

  test('a client that says nothing more after an early answer is let go', async () => {
    await start((request) => reply(request, 403, 'no'), { limits: { lingerMs: 50 } });
    const client = await connect();
    client.socket.removeAllListeners('end');
    client.socket.write(`POST / HTTP/1.1\r\n${H}Content-Length: 10\r\n\r\n`);
    await until(() => toy.downstream.openConnections() === 0);
    client.socket.destroy();
  });

  test('a body that nobody reads, but has come, does not cost the connection', async () => {
    await start((request) => setTimeout(() => reply(request, 200, request.target), 20));
    const { answers } = await sendRaw(toy.port, `POST /1 HTTP/1.1\r\n${H}Content-Length: 2\r\n\r\nok${GET}`, {
      answers: 2,
    });
    expect(answers.map((answer) => answer.body)).toEqual(['/1', '/']);
  });

  test('F-27 the 100 comes when it is asked for behind the lane, and once', async () => {
    await start((request) => {
      expect(request.expectContinue).toBe(true);
      request.writer.informational(103, HeaderList.from([['link', '</a>; rel=preload']]));
      request.writer.informational(100, HeaderList.empty());
      request.writer.informational(100, HeaderList.empty());
      request.body.start({ onData: () => {}, onEnd: () => reply(request, 200, 'done'), onAbort: () => {} });
    });
    const client = await connect();
    client.socket.write(`POST / HTTP/1.1\r\n${H}Content-Length: 2\r\nExpect: 100-continue\r\n\r\n`);
    await until(() => client.raw().includes('100 Continue'));
    client.socket.write('ok');
    await until(() => client.raw().includes('done'));
    expect(parseAnswers(client.raw()).map((answer) => answer.status)).toEqual([103, 100, 200]);
    expect(headerOf(parseAnswers(client.raw())[2] as never, 'connection')).toBeUndefined();
    client.socket.destroy();
  });

  test('F-27 an answer without the 100 ends the connection', async () => {
    await start((request) => reply(request, 401, 'who?'));
    const { answers, closed } = await sendRaw(
      toy.port,
      `POST / HTTP/1.1\r\n${H}Content-Length: 2\r\nExpect: 100-continue\r\n\r\n`,
    );
    expect(answers.map((answer) => answer.status)).toEqual([401]);
    expect(headerOf(answers[0] as never, 'connection')).toBe('close');
    expect(closed).toBe(true);
  });

  test('F-37 interim answers go before the answer, without what belongs to one hop', async () => {
    await start((request) => {
      const hints = HeaderList.from([
        ['link', '</a>; rel=preload'],
        ['content-length', '5'],
        ['transfer-encoding', 'chunked'],
        ['trailer', 'x-sum'],
      ]);
      request.writer.informational(103, hints);
      request.writer.informational(102, HeaderList.empty());
      request.writer.informational(101, HeaderList.empty());
      request.writer.informational(103, HeaderList.from([['link', 'a\r\nx-smuggled: 1']]));
      reply(request, 200, 'x');
      request.writer.informational(103, hints);
    });
    const { raw, answers } = await sendRaw(toy.port, `GET / HTTP/1.1\r\n${H}\r\nGET / HTTP/1.1\r\n${H}\r\n`, {
      answers: 6,
    });
    expect(answers.map((answer) => answer.status)).toEqual([103, 102, 200, 103, 102, 200]);
    expect(raw.startsWith('HTTP/1.1 103 Early Hints\r\nlink: </a>; rel=preload\r\n\r\nHTTP/1.1 102')).toBe(true);
    expect(raw).not.toContain('smuggled');
  });

  test('nobody who waits for the next request hears of a 100 that was not asked for', async () => {
    await start((request) => {
      request.writer.informational(100, HeaderList.empty());
      reply(request, 200, 'x');
    });
    const { answers } = await sendRaw(toy.port, GET);
    expect(answers.map((answer) => answer.status)).toEqual([200]);
  });

  test('X-09 the client leaves: the request is over in the same turn, body or not', async () => {
    const gone: string[] = [];
    await start((request) => {
      request.onGone(() => gone.push('gone'));
      if (!request.body.empty)
        request.body.start({ onData: () => {}, onEnd: () => gone.push('end'), onAbort: (reason) => gone.push(reason) });
    });
    for (const bytes of [GET, `POST / HTTP/1.1\r\n${H}Content-Length: 9\r\n\r\nhalf`]) {
      const client = await connect();
      client.socket.write(bytes);
      const before = toy.requests.length;
      await until(() => toy.requests.length > before - 1 && toy.requests.length > 0);
      await new Promise((next) => setTimeout(next, 20));
      client.socket.destroy();
      await until(() => gone.includes('gone'));
    }
    await until(() => gone.length === 3);
    expect(gone).toEqual(['gone', 'client-gone', 'gone']);
  });

  test('nobody is told of a client that leaves after its answer', async () => {
    const gone: string[] = [];
    await start((request) => {
      request.onGone(() => gone.push('gone'));
      reply(request, 200, 'x');
    });
    await sendRaw(toy.port, GET);
    await until(() => toy.downstream.openConnections() === 0);
    expect(gone).toEqual([]);
  });

  test('X-02 a body that stands still is given up: 408, and the request behind the lane is over', async () => {
    const seen: string[] = [];
    await start(
      (request) => {
        request.onGone(() => seen.push('gone'));
        request.body.start({ onData: () => {}, onEnd: () => seen.push('end'), onAbort: (reason) => seen.push(reason) });
      },
      { limits: { bodyIdleTimeoutMs: 60 } },
    );
    const { answers, closed } = await sendRaw(toy.port, `POST / HTTP/1.1\r\n${H}Content-Length: 9\r\n\r\nhalf`);
    expect(answers.map((answer) => answer.status)).toEqual([408]);
    expect(closed).toBe(true);
    expect(seen).toEqual(['client-gone', 'gone']);
  });

  test('a body that is held back on purpose is not given up', async () => {
    await start(
      (request) => {
        request.body.start({ onData: () => {}, onEnd: () => reply(request, 200, 'all'), onAbort: () => {} });
        request.body.pause();
        setTimeout(() => request.body.resume(), 250);
      },
      { limits: { bodyIdleTimeoutMs: 60 } },
    );
    const { answers } = await sendRaw(toy.port, `POST / HTTP/1.1\r\n${H}Content-Length: 4\r\n\r\nfull`);
    expect(answers.map((answer) => answer.body)).toEqual(['all']);
  });

  test('X-03 a client that does not read its answer is cut', async () => {
    const seen: string[] = [];
    await start(
      (request) => {
        request.onGone(() => seen.push('gone'));
        request.writer.head(200, HeaderList.empty(), undefined);
        const more = (): void => {
          while (request.writer.write(Buffer.alloc(65_536)));
        };
        request.writer.onDrain = more;
        more();
      },
      { limits: { stalledWriteTimeoutMs: 100 } },
    );
    const client = await connect();
    client.socket.write(GET);
    client.socket.pause();
    await until(() => seen.length === 1);
    client.socket.destroy();
  });

  test('X-01 a head that never ends is answered 408', async () => {
    await start((request) => reply(request, 200, 'x'), { limits: { headersTimeoutMs: 100 } });
    const { answers, closed } = await sendRaw(toy.port, `GET / HTTP/1.1\r\n${H}`);
    expect(answers.map((answer) => answer.status)).toEqual([408]);
    expect(closed).toBe(true);
  });

  test('a connection that never says a word is closed', async () => {
    await start((request) => reply(request, 200, 'x'), { limits: { firstBytesTimeoutMs: 50 } });
    const client = await connect();
    await until(client.closed);
    expect(client.raw()).toBe('');
  });
});

describe.each(LANES)('upgrades, $lane', (of) => {
  beforeAll(() => {
    fastLane = of.fastLane;
  });

  const UPGRADE = `GET /ws HTTP/1.1\r\n${H}Connection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\n\r\n`;

  test('F-30 early bytes wait for the 101, then flow both ways, and an end is passed on', async () => {
    let tunnel: Tunnel | undefined;
    const got: string[] = [];
    await start((request) => {
      expect(request.upgrade?.value).toBe('WebSocket');
      expect(request.body.empty).toBe(true);
      setTimeout(() => {
        tunnel = request.upgrade?.accept(
          HeaderList.from([
            ['sec-websocket-accept', 'x'],
            ['upgrade', 'websocket'],
          ]),
        );
        if (tunnel === undefined) return;
        tunnel.onData = (chunk) => {
          got.push(Buffer.from(chunk).toString());
          tunnel?.write(Buffer.from(`<${Buffer.from(chunk).toString()}>`));
        };
        tunnel.onEnd = () => tunnel?.end();
        tunnel.onClose = () => got.push('closed');
        tunnel.resume();
      }, 30);
    });
    const client = await connect();
    client.socket.write(`${UPGRADE}early`);
    await until(() => client.raw().includes('<early>'));
    expect(client.raw()).toMatch(
      /^HTTP\/1\.1 101 Switching Protocols\r\nconnection: Upgrade\r\nsec-websocket-accept: x\r\nupgrade: websocket\r\n\r\n<early>$/,
    );
    client.socket.write('GET / HTTP/1.1\r\n\r\n');
    await until(() => client.raw().includes('<GET / HTTP/1.1\r\n\r\n>'));
    client.socket.end();
    await until(() => got.includes('closed'));
    expect(toy.requests).toHaveLength(1);
  });

  test('F-28 an answer instead of the 101 is an answer like any other, and what was smuggled behind goes nowhere', async () => {
    await start((request) => setTimeout(() => reply(request, 200, 'plain'), 20));
    const { answers, closed } = await sendRaw(toy.port, `${UPGRADE}${GET}`);
    expect(answers.map((answer) => [answer.status, answer.body])).toEqual([[200, 'plain']]);
    expect(headerOf(answers[0] as never, 'connection')).toBe('close');
    expect(closed).toBe(true);
    expect(toy.requests).toHaveLength(1);
  });

  test('a client that leaves before the 101 is noticed', async () => {
    const seen: string[] = [];
    await start((request) => request.onGone(() => seen.push('gone')));
    const client = await connect();
    client.socket.write(UPGRADE);
    await until(() => toy.requests.length === 1);
    client.socket.end();
    await until(() => seen.length === 1);
  });

  test('an upgrade to something else cannot be accepted, and leaves the connection usable', async () => {
    await start((request) => {
      if (request.upgrade !== undefined) expect(() => request.upgrade?.accept(HeaderList.empty())).toThrow('mqtt');
      reply(request, 403, '');
    });
    const mqtt = `GET / HTTP/1.1\r\n${H}Connection: Upgrade\r\nUpgrade: mqtt\r\n\r\n`;
    const { answers } = await sendRaw(toy.port, `${mqtt}${GET}`, { answers: 2 });
    expect(answers.map((answer) => answer.status)).toEqual([403, 403]);
  });

  test('a tunnel that is silent for too long is closed', async () => {
    await start((request) => void request.upgrade?.accept(HeaderList.empty()).resume(), {
      limits: { tunnelIdleTimeoutMs: 80 },
    });
    const client = await connect();
    client.socket.write(UPGRADE);
    await until(client.closed);
    expect(client.raw()).toContain('upgrade: WebSocket');
  });
});

describe.each(LANES)('requests of one connection, $lane', (of) => {
  beforeAll(() => {
    fastLane = of.fastLane;
  });

  test('the second waits for the answer to the first', async () => {
    const waiting: RawRequest[] = [];
    await start((request) => void waiting.push(request));
    const client = await connect();
    client.socket.write(`${GET}GET /2 HTTP/1.1\r\n${H}\r\nGET /3 HTTP/1.1\r\n${H}\r\n`);
    for (const target of ['/', '/2', '/3']) {
      await until(() => waiting.length > 0);
      await new Promise((next) => setTimeout(next, 20));
      expect(waiting.map((request) => request.target)).toEqual([target]);
      reply(waiting.pop() as RawRequest, 200, target);
    }
    await until(() => client.raw().includes('\r\n\r\n/3'));
    client.socket.destroy();
  });

  test('a broken body is told to those behind the lane, and their answer is the last', async () => {
    await start((request) => {
      request.body.start({
        onData: () => {},
        onEnd: () => reply(request, 200, 'all'),
        onAbort: (reason) => setTimeout(() => reply(request, 400, reason), 10),
      });
    });
    const { answers, closed } = await sendRaw(
      toy.port,
      `POST / HTTP/1.1\r\n${H}Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\nzz\r\n${GET}`,
    );
    expect(answers.map((answer) => [answer.status, answer.body])).toEqual([[400, 'malformed']]);
    expect(closed).toBe(true);
  });

  test('a body that broke before anybody read it says so when somebody does', async () => {
    const seen: string[] = [];
    await start((request) => {
      setTimeout(
        () =>
          request.body.start({
            onData: () => {},
            onEnd: () => {},
            onAbort: (reason) => {
              seen.push(reason);
              reply(request, 400, reason);
            },
          }),
        30,
      );
    });
    const { answers } = await sendRaw(toy.port, `POST / HTTP/1.1\r\n${H}Transfer-Encoding: chunked\r\n\r\nzz\r\n`);
    expect(answers.map((answer) => answer.status)).toEqual([400]);
    expect(seen).toEqual(['malformed']);
  });
});
