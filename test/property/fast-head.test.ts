import { createServer, type IncomingMessage } from 'node:http';
import { Duplex } from 'node:stream';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { type FastHead, readFastHead } from '../../src/dataplane/downstream/fast-head.ts';

/* What the fast lane takes for a request must be one for node's strict parser too: the same, and ending at the same byte. */

interface Seen {
  readonly method: string;
  readonly target: string;
  readonly headers: readonly string[];
  readonly body: string;
}

const server = createServer({ insecureHTTPParser: false, requireHostHeader: false, maxHeaderSize: 64 * 1024 });
const seenBy = new WeakMap<object, Seen[]>();
server.on('request', (message: IncomingMessage, response) => {
  const chunks: Buffer[] = [];
  message.on('data', (chunk: Buffer) => chunks.push(chunk));
  message.on('end', () => {
    seenBy.get(message.socket)?.push({
      method: message.method ?? '',
      target: message.url ?? '',
      headers: message.rawHeaders.map((text, i) => (i % 2 === 0 ? text.toLowerCase() : text)),
      body: Buffer.concat(chunks).toString('latin1'),
    });
    response.end();
  });
});
server.on('clientError', (_error, socket) => socket.destroy());
afterAll(() => {
  server.close();
});

/** What node makes of the bytes of a connection, up to its end. */
function asNodeReads(bytes: Buffer): Promise<readonly Seen[]> {
  const seen: Seen[] = [];
  const connection = new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() });
  seenBy.set(connection, seen);
  return new Promise((resolve) => {
    connection.on('close', () => resolve(seen));
    connection.on('error', () => {});
    server.emit('connection', connection);
    connection.push(bytes);
    connection.push(null);
    setImmediate(() => setImmediate(() => setImmediate(() => connection.destroy())));
  });
}

const MARKER = 'GET /the-next-one HTTP/1.1\r\nhost: m\r\nconnection: close\r\n\r\n';

/** Words that heads are made of, right ones and almost right ones. */
const word = (...words: readonly string[]): fc.Arbitrary<string> => fc.constantFrom(...words);
const method = word('GET', 'POST', 'HEAD', 'PUT', 'get', 'GETT', 'DELETE', 'CONNECT', 'PRI', ' GET', '');
const target = fc.oneof(
  word('/', '/a?b', '*', 'http://a/b', '/a b', '/\u00e4', '/a\t', '', '/%00', '/a#b', '//', '/a\u0000'),
  fc.string({ maxLength: 6, unit: 'binary-ascii' }),
);
const version = word('HTTP/1.1', 'HTTP/1.0', 'HTTP/1.2', 'http/1.1', 'HTTP/1.1 ', 'HTTP/2.0', '');
const name = fc.oneof(
  word('Host', 'host', 'X-A', 'x-b', 'Content-Length', 'content-length', 'Connection', 'X-Long-Name-Of-A-Header'),
  word('X A', 'X(A)', '', ' x', 'x\t', 'Transfer-Encoding', 'transfer-encoding', 'Upgrade', 'Expect', 'x_y', '\u00e4'),
  fc.string({ maxLength: 3, unit: 'binary-ascii' }),
);
const value = fc.oneof(
  word('a', ' a', '\ta ', 'close', 'keep-alive', 'Keep-Alive, Close', 'x, close', '3', ' 3', '0', '+3', '0x3', '3 3'),
  word('', ' ', '\u00ff', 'a\rb', 'a\nb', 'a\u0000b', 'chunked', 'a\r\n b', '99999999999999999999', 'upgrade', '-1'),
  fc.string({ maxLength: 4, unit: 'binary-ascii' }),
);
const lineEnd = fc.oneof({ weight: 20, arbitrary: word('\r\n') }, { weight: 1, arbitrary: word('\n', '\r', '\r\r\n') });
const space = fc.oneof({ weight: 20, arbitrary: word(' ') }, { weight: 1, arbitrary: word('  ', '\t', '') });

const likelyHead = fc
  .tuple(method, target, version, fc.array(fc.tuple(name, value, lineEnd), { maxLength: 5 }), lineEnd, space)
  .map(
    ([m, t, v, fields, end, gap]) =>
      `${m}${gap}${t} ${v}${end}${fields.map(([n, val, e]) => `${n}:${val}${e}`).join('')}\r\n`,
  );

/** Right, but for some bytes. */
const spoiled = fc
  .tuple(
    fc.array(fc.tuple(word('host', 'X-A', 'accept', 'connection'), word('a', ' b ', 'keep-alive', 'x\ty')), {
      maxLength: 4,
    }),
    fc.array(fc.tuple(fc.nat(), fc.nat({ max: 255 })), { maxLength: 2 }),
    fc.option(fc.nat({ max: 5 }), { nil: undefined }),
  )
  .map(([fields, edits, length]) => {
    const lines = fields.map(([n, v]) => `${n}: ${v}\r\n`).join('');
    const framing = length === undefined ? '' : `Content-Length: ${length}\r\n`;
    const bytes = Buffer.from(`POST /path HTTP/1.1\r\n${lines}${framing}\r\n`, 'latin1');
    for (const [at, byte] of edits) bytes[at % bytes.length] = byte;
    return bytes.toString('latin1');
  });

let taken = 0;

async function agrees(text: string): Promise<void> {
  const head = readFastHead(Buffer.from(text, 'latin1'), 100);
  if (typeof head === 'string') return;
  taken += 1;
  const length = head.bodyLength ?? 0;
  if (length > 100) return;
  const body = 'b'.repeat(length);
  // Behind a request that is the last of its connection node takes bytes for an error, and hangs up on both.
  const next = head.closes ? '' : MARKER;
  const bytes = Buffer.from(text.slice(0, head.end) + body + next, 'latin1');
  const seen = await asNodeReads(bytes);
  const expected: Seen = { method: head.method, target: head.target, headers: head.headers, body };
  expect(seen[0], JSON.stringify(text)).toEqual(expected);
  if (!head.closes) expect(seen[1]?.target, JSON.stringify(text)).toBe('/the-next-one');
  else expect(seen.length, JSON.stringify(text)).toBe(1);
}

describe('a head that the fast lane takes', () => {
  it('is the same request for node, and ends at the same byte, whatever bytes come', async () => {
    taken = 0;
    await fc.assert(fc.asyncProperty(likelyHead, agrees), { numRuns: 4_000 });
    await fc.assert(fc.asyncProperty(spoiled, agrees), { numRuns: 2_000 });
    // Not for want of heads.
    expect(taken).toBeGreaterThan(200);
  });
});

const take = (text: string): FastHead | 'incomplete' | 'odd' => readFastHead(Buffer.from(text, 'latin1'), 3);

describe('reading a head', () => {
  it.each([
    ['no header', 'GET / HTTP/1.1\r\n\r\n', [], undefined, false],
    ['names in any case', 'GET / HTTP/1.1\r\nHost: A\r\nX-B:c\r\n\r\n', ['host', 'A', 'x-b', 'c'], undefined, false],
    ['white space around values', 'GET / HTTP/1.1\r\na:\t b c \t\r\n\r\n', ['a', 'b c'], undefined, false],
    ['an empty value', 'GET / HTTP/1.1\r\na:\r\n\r\n', ['a', ''], undefined, false],
    ['a length', 'PUT / HTTP/1.1\r\ncontent-length: 7\r\n\r\n', ['content-length', '7'], 7, false],
    ['a close', 'GET / HTTP/1.1\r\nconnection: x, Close\r\n\r\n', ['connection', 'x, Close'], undefined, true],
    ['bytes above 127', 'GET / HTTP/1.1\r\na: \u00e4\r\n\r\n', ['a', '\u00e4'], undefined, false],
  ])('takes %s', (_what, text, headers, bodyLength, closes) => {
    expect(take(text)).toMatchObject({ headers, bodyLength, closes, end: text.length });
  });

  it.each([
    ['HTTP/1.0', 'GET / HTTP/1.0\r\n\r\n'],
    ['an unknown method', 'FOO / HTTP/1.1\r\n\r\n'],
    ['CONNECT', 'CONNECT a:1 HTTP/1.1\r\n\r\n'],
    ['two spaces', 'GET  / HTTP/1.1\r\n\r\n'],
    ['a bare line feed', 'GET / HTTP/1.1\na: b\r\n\r\n'],
    ['a folded line', 'GET / HTTP/1.1\r\na: b\r\n c\r\n\r\n'],
    ['a space before the colon', 'GET / HTTP/1.1\r\na : b\r\n\r\n'],
    ['a line without a colon', 'GET / HTTP/1.1\r\nabc\r\n\r\n'],
    ['NUL', 'GET / HTTP/1.1\r\na: b\u0000\r\n\r\n'],
    ['two lengths', 'PUT / HTTP/1.1\r\ncontent-length: 1\r\ncontent-length: 1\r\n\r\n'],
    ['a length that is no number', 'PUT / HTTP/1.1\r\ncontent-length: +1\r\n\r\n'],
    ['a transfer coding', 'PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n'],
    ['an upgrade', 'GET / HTTP/1.1\r\nUpgrade: websocket\r\n\r\n'],
    ['an expectation', 'PUT / HTTP/1.1\r\nexpect: 100-continue\r\n\r\n'],
    ['more headers than allowed', 'GET / HTTP/1.1\r\na: 1\r\nb: 2\r\nc: 3\r\nd: 4\r\n\r\n'],
    ['a large head', `GET / HTTP/1.1\r\na: ${'x'.repeat(17_000)}\r\n\r\n`],
    ['an unfinished head with a bare line feed', 'GET / HTTP/1.1\r\na: b\n'],
    ['an unfinished head of another version', 'GET /\r\n'],
    ['an empty line before it', '\r\nGET / HTTP/1.1\r\n\r\n'],
  ])('calls %s odd', (_what, text) => {
    expect(take(text)).toBe('odd');
  });

  it.each(['G', 'GET / HTT', 'GET / HTTP/1.1\r', 'GET / HTTP/1.1\r\nhost: a\r\n', 'GET / HTTP/1.1\r\n\r'])(
    'waits for the rest of %j',
    (text) => {
      expect(take(text)).toBe('incomplete');
    },
  );
});
