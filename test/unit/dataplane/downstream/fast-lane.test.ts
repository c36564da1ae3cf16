import net from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { FastRequest } from '../../../../src/dataplane/downstream/fast-request.ts';
import type { RawRequest } from '../../../../src/dataplane/downstream/port.ts';
import { headerOf, reply, sendRaw, startToy, type Toy, type ToyOptions } from './harness.ts';

const H = 'Host: a\r\n';
const get = (target: string, more = ''): string => `GET ${target} HTTP/1.1\r\n${H}${more}\r\n`;

let toy: Toy;
const start = async (handler: (request: RawRequest) => void, options: ToyOptions = {}): Promise<void> => {
  toy = await startToy(options);
  toy.handler = handler;
};
afterEach(async () => toy.close());

const ok = (request: RawRequest): void => reply(request, 200, request.target);
const lanes = (): readonly string[] =>
  toy.requests.map((request) => `${request.target} ${request instanceof FastRequest ? 'fast' : 'Fastify'}`);

describe('which lane a request takes', () => {
  test.each([
    ['an ordinary one', get('/a'), '/a fast'],
    ['one with a length', `POST /a HTTP/1.1\r\n${H}Content-Length: 2\r\n\r\nab`, '/a fast'],
    ['one in pieces', ['GET /a HTTP/1.1\r\nHo', 'st: a\r\n', '\r\n'], '/a fast'],
    ['a chunked one', `POST /a HTTP/1.1\r\n${H}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n`, '/a Fastify'],
    ['an absolute target', get('http://a/b'), 'http://a/b Fastify'],
    ['an upgrade to something', get('/a', 'Connection: upgrade\r\nUpgrade: foo\r\n'), '/a Fastify'],
    ['an empty line before it', `\r\n${get('/a')}`, '/a Fastify'],
  ])('%s', async (_what, bytes, lane) => {
    await start(ok);
    const { answers } = await sendRaw(toy.port, bytes);
    expect(answers.map((answer) => answer.status)).toEqual([200]);
    expect(lanes()).toEqual([lane]);
  });

  test('is the Fastify lane for good after the first odd request, and no byte is lost or read twice', async () => {
    await start((request) => {
      if (request.body.empty) ok(request);
      else request.body.start({ onData: () => {}, onEnd: () => ok(request), onAbort: () => {} });
    });
    const odd = `POST /3 HTTP/1.1\r\n${H}Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n`;
    const { answers } = await sendRaw(toy.port, get('/1') + get('/2') + odd + get('/4'), { answers: 4 });
    expect(answers.map((answer) => answer.body)).toEqual(['/1', '/2', '/3', '/4']);
    expect(lanes()).toEqual(['/1 fast', '/2 fast', '/3 Fastify', '/4 Fastify']);
  });

  test('is the Fastify lane for all once a plugin hooks into requests there', async () => {
    await start(ok, { prepare: (fastify) => void fastify.addHook('onSend', async () => undefined) });
    await sendRaw(toy.port, get('/a'));
    expect(lanes()).toEqual(['/a Fastify']);
  });

  test('is not changed by hooks that see no requests', async () => {
    await start(ok, { prepare: (fastify) => void fastify.addHook('onClose', async () => undefined) });
    await sendRaw(toy.port, get('/a'));
    expect(lanes()).toEqual(['/a fast']);
  });
});

describe('requests that wait for each other', () => {
  test('hundreds that are answered at once are answered in their order, without a stack that grows', async () => {
    await start(ok);
    const targets = Array.from({ length: 1_500 }, (_, i) => `/${i}`);
    const { answers } = await sendRaw(toy.port, targets.map((target) => get(target)).join(''), {
      answers: targets.length,
    });
    expect(answers.map((answer) => answer.body)).toEqual(targets);
  });

  test('a body that came with its head, and the request behind it, stay apart', async () => {
    const bodies: string[] = [];
    await start((request) => {
      let body = '';
      if (request.body.empty) ok(request);
      else
        setTimeout(() => {
          request.body.start({
            onData: (chunk) => {
              body += Buffer.from(chunk).toString('latin1');
            },
            onEnd: () => {
              bodies.push(body);
              ok(request);
            },
            onAbort: () => {},
          });
        }, 10);
    });
    const post = (target: string, body: string): string =>
      `POST ${target} HTTP/1.1\r\n${H}Content-Length: ${body.length}\r\n\r\n${body}`;
    const { answers } = await sendRaw(
      toy.port,
      [`${post('/1', 'GET /smuggled HTTP/1.1\r\n\r\n')}${get('/2')}${post('/3', 'abc').slice(0, -1)}`, `c${get('/4')}`],
      { answers: 4 },
    );
    expect(answers.map((answer) => answer.body)).toEqual(['/1', '/2', '/3', '/4']);
    expect(bodies).toEqual(['GET /smuggled HTTP/1.1\r\n\r\n', 'abc']);
  });

  test('a client that takes no answers gets no more of its requests done than fit into the buffers', async () => {
    const big = 'x'.repeat(200_000);
    await start((request) => reply(request, 200, big));
    const client = net.connect(toy.port, '127.0.0.1');
    client.pause();
    client.write(get('/').repeat(500));
    await new Promise((next) => setTimeout(next, 200));
    const done = toy.requests.length;
    expect(done).toBeLessThan(100);
    client.resume();
    for (let i = 0; i < 200 && toy.requests.length < 500; i++) await new Promise((next) => setTimeout(next, 20));
    expect(toy.requests.length).toBe(500);
    client.destroy();
  });
});

describe('what is kept of a read, while others are read into the same memory', () => {
  const post = (body: string): string => `POST /kept HTTP/1.1\r\n${H}Content-Length: ${body.length}\r\n\r\n${body}`;

  test.each([
    ['the beginning of a head', get('/kept').slice(0, 10), get('/kept').slice(10), ['GET /kept ']],
    ['the beginning of a body', post('one two three').slice(0, -6), ' three', ['POST /kept one two three']],
    [
      'what waits behind a request',
      `${post('one')}${get('/next').slice(0, 9)}`,
      get('/next').slice(9),
      ['POST /kept one', 'GET /next '],
    ],
    [
      'what the Fastify lane goes on with',
      `POST /odd HTTP/1.1\r\n${H}Transfer-Encoding: chunked\r\n\r\n3\r\non`,
      'e\r\n0\r\n\r\n',
      ['POST /odd one'],
    ],
  ])('%s', async (_what, first, rest, expected) => {
    const seen: string[] = [];
    await start((request) => {
      if (request.target === '/other') {
        ok(request);
        return;
      }
      const chunks: Uint8Array[] = [];
      const answer = (): void => {
        seen.push(`${request.method} ${request.target} ${Buffer.concat(chunks).toString('latin1')}`);
        ok(request);
      };
      // A turn later, as when an upstream is connected to first.
      setTimeout(() => {
        if (request.body.empty) answer();
        else request.body.start({ onData: (chunk) => chunks.push(chunk), onEnd: answer, onAbort: () => {} });
      }, 5);
    });
    const client = net.connect(toy.port, '127.0.0.1');
    client.on('data', () => {});
    client.write(get('/other'));
    for (let i = 0; i < 200 && toy.requests.length === 0; i++) await new Promise((next) => setTimeout(next, 5));
    client.write(first);
    for (let i = 0; i < 3; i++) await sendRaw(toy.port, `GET /other HTTP/1.1\r\n${H}X: ${'~'.repeat(4_000)}\r\n\r\n`);
    client.write(rest);
    for (let i = 0; i < 200 && seen.length < expected.length; i++) await new Promise((next) => setTimeout(next, 5));
    client.destroy();
    expect(seen).toEqual(expected);
  });
});

describe('how an answer is written', () => {
  test('as one piece, whatever it is written in, and each later turn as it comes', async () => {
    await start((request) => {
      request.writer.head(200, toy.requests[0]?.headers ?? request.headers, undefined);
      request.writer.write(Buffer.from('one'));
      request.writer.write(Buffer.from('two'));
      setTimeout(() => {
        request.writer.write(Buffer.alloc(20_000, 'L'));
        request.writer.end();
      }, 30);
    });
    const client = net.connect(toy.port, '127.0.0.1');
    const pieces: string[] = [];
    client.on('data', (chunk) => pieces.push(chunk.toString('latin1')));
    client.write(get('/'));
    for (let i = 0; i < 200 && !pieces.join('').endsWith('0\r\n\r\n'); i++)
      await new Promise((next) => setTimeout(next, 5));
    client.destroy();
    expect(pieces[0]).toMatch(/^HTTP\/1\.1 200 OK\r\n[\s\S]*\r\n\r\n3\r\none\r\n3\r\ntwo\r\n$/);
    expect(pieces.slice(1).join('')).toBe(`4e20\r\n${'L'.repeat(20_000)}\r\n0\r\n\r\n`);
  });

  test('a status without a name has one all the same', async () => {
    await start((request) => reply(request, 299, ''));
    const { raw } = await sendRaw(toy.port, get('/'));
    expect(raw).toMatch(/^HTTP\/1\.1 299 unknown\r\n/);
  });

  test.each([
    ['shorter', 'abc'],
    ['longer', 'abcdef'],
  ])('a body that is %s than its head says cuts the connection', async (_what, body) => {
    await start((request) => {
      request.writer.head(200, request.headers, 5);
      request.writer.write(Buffer.from(body));
      request.writer.end();
    });
    const { answers, closed, raw } = await sendRaw(toy.port, get('/') + get('/'), { answers: 2 });
    expect(closed).toBe(true);
    expect(answers).toEqual([]);
    expect(raw).not.toContain('def');
    expect(toy.requests.length).toBe(1);
  });

  test('an answer to HEAD has its length and no body', async () => {
    await start((request) => reply(request, 200, 'body'));
    const { answers, raw } = await sendRaw(toy.port, `HEAD / HTTP/1.1\r\n${H}\r\n`, { heads: ['HEAD'] });
    expect(headerOf(answers[0] as never, 'content-length')).toBe('4');
    expect(raw.endsWith('\r\n\r\n')).toBe(true);
  });
});

describe('connections of the fast lane', () => {
  test('are closed when no request came for long', async () => {
    await start(ok, { limits: { keepAliveTimeoutMs: 60 } });
    const { closed } = await sendRaw(toy.port, get('/'), { settleMs: 300 });
    expect(closed).toBe(true);
  });

  test('stay open until then', async () => {
    await start(ok, { limits: { keepAliveTimeoutMs: 60_000 } });
    const { closed } = await sendRaw(toy.port, get('/'), { settleMs: 150 });
    expect(closed).toBe(false);
  });

  test('are closed quietly while the gateway drains, and say so with an answer before', async () => {
    // By then the gateway drains.
    await start((request) => (request.target === '/2' ? setTimeout(() => ok(request), 500) : ok(request)));
    const client = net.connect(toy.port, '127.0.0.1');
    let raw = '';
    client.on('data', (chunk) => {
      raw += chunk.toString('latin1');
    });
    const ended = new Promise((resolve) => client.once('close', resolve));
    client.write(get('/1'));
    for (let i = 0; i < 200 && !raw.includes('/1'); i++) await new Promise((next) => setTimeout(next, 5));
    expect(raw).not.toContain('connection: close');
    client.write(get('/2'));
    for (let i = 0; i < 200 && toy.requests.length < 2; i++) await new Promise((next) => setTimeout(next, 5));
    const drained = toy.downstream.drain(5_000);
    await ended;
    await drained;
    expect(raw).toContain('connection: close');
    expect(raw.endsWith('/2')).toBe(true);
  });

  test('an end of the client’s side takes its request with it', async () => {
    await start((request) => request.onGone(() => toy.events.push('gone')));
    const client = net.connect({ port: toy.port, host: '127.0.0.1', allowHalfOpen: true });
    client.on('error', () => {});
    client.end(get('/'));
    for (let i = 0; i < 200 && toy.events.length === 0; i++) await new Promise((next) => setTimeout(next, 5));
    expect(toy.events).toEqual(['gone']);
    client.destroy();
  });
});
