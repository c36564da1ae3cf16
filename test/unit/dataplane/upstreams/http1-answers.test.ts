import { afterEach, describe, expect, it } from 'vitest';
import { answering, cleanUp, OK, type Recorder, rawServer, rigFor, until } from './support.ts';

afterEach(cleanUp);

interface Case {
  readonly name: string;
  readonly bytes: string;
  /** How the server ends: in order, with a reset, or not at all. */
  readonly finish?: 'end' | 'reset' | 'stay';
  readonly method?: string;
  readonly expect: Outcome;
}

type Outcome =
  | { readonly failed: string; readonly status?: number }
  | { readonly status: number; readonly body?: string; readonly headers?: readonly (readonly [string, string])[] };

const head = (lines: string): string => `HTTP/1.1 200 OK\r\n${lines}\r\n\r\n`;
const many = (n: number): string => Array.from({ length: n }, (_, i) => `x-n-${i}: 1\r\n`).join('');
const REFUSED = { failed: 'protocol-error' };

const REFUSED_CASES: readonly (readonly [name: string, bytes: string])[] = [
  ['garbage', 'this is not HTTP at all\r\n\r\n'],
  ['garbage without a line end', '\0\0\x12\x04\0\0\0\0\0'],
  ['HTTP/0.9', '<html>hello</html>'],
  ['a head cut short', 'HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncont'],
  ['a head cut in the status line', 'HTTP/1.1 20'],
  ['a line without a colon', head('no colon here\r\ncontent-length: 2')],
  ['a space in a name', head('bad name: 1\r\ncontent-length: 0')],
  ['a space before the colon', head('x-odd : 1\r\ncontent-length: 0')],
  ['an empty name', head(': 1\r\ncontent-length: 0')],
  ['a folded line with nothing before it', head(' folded\r\ncontent-length: 0')],
  ['NUL in a value', head('x-odd: a\0b\r\ncontent-length: 0')],
  ['DEL in a value', head('x-odd: a\x7fb\r\ncontent-length: 0')],
  ['a lone CR in a value', head('x-odd: a\rx-evil: 1\r\ncontent-length: 0')],
  ['a length that is no number', `${head('content-length: two')}ok`],
  ['a negative length', head('content-length: -1')],
  ['a signed length', `${head('content-length: +2')}ok`],
  ['a hexadecimal length', `${head('content-length: 0x2')}ok`],
  ['an empty length', head('content-length:')],
  ['a list of lengths', `${head('content-length: 2, 2')}ok`],
  ['a length beyond 2^53', head('content-length: 18446744073709551618')],
  ['two different lengths', `${head('content-length: 2\r\ncontent-length: 3')}ok`],
  ['length and chunked', `${head('content-length: 2\r\ntransfer-encoding: chunked')}2\r\nok\r\n0\r\n\r\n`],
  ['gzip, chunked', head('transfer-encoding: gzip, chunked')],
  ['identity', head('transfer-encoding: identity\r\ncontent-length: 0')],
  ['chunked twice', head('transfer-encoding: chunked\r\ntransfer-encoding: chunked')],
  ['xchunked', head('transfer-encoding: xchunked')],
  ['a status of letters', 'HTTP/1.1 abc Odd\r\ncontent-length: 0\r\n\r\n'],
  ['status 000', 'HTTP/1.1 000 Odd\r\ncontent-length: 0\r\n\r\n'],
  ['status 99', 'HTTP/1.1 99 Odd\r\ncontent-length: 0\r\n\r\n'],
  ['status 1000', 'HTTP/1.1 1000 Odd\r\ncontent-length: 0\r\n\r\n'],
  ['HTTP/3.7', 'HTTP/3.7 200 OK\r\ncontent-length: 0\r\n\r\n'],
  ['HTTP/1.2', 'HTTP/1.2 200 OK\r\ncontent-length: 0\r\n\r\n'],
  ['a small http', 'http/1.1 200 OK\r\ncontent-length: 0\r\n\r\n'],
  ['a tab in the status line', 'HTTP/1.1\t200 OK\r\ncontent-length: 0\r\n\r\n'],
  ['a head of 80 kB', head(`x-big: ${'b'.repeat(81_920)}\r\ncontent-length: 0`)],
  ['80 kB of line ends', '\r\n'.repeat(40_960)],
  ['101 headers', head(`${many(100)}content-length: 0`)],
  ['a switch that nobody asked for', 'HTTP/1.1 101 Switching Protocols\r\nupgrade: other\r\n\r\n'],
  ['101 interim answers', `${'HTTP/1.1 100 Continue\r\n\r\n'.repeat(101)}${OK}`],
  ['chunked in a 204', 'HTTP/1.1 204 No Content\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n'],
  ['a length in a 204', 'HTTP/1.1 204 No Content\r\ncontent-length: 2\r\n\r\n'],
  ['a length in a 103', `HTTP/1.1 103 Early Hints\r\ncontent-length: 2\r\n\r\n${OK}`],
];

const CASES: readonly Case[] = [
  ...REFUSED_CASES.map(([name, bytes]): Case => ({ name, bytes, expect: REFUSED })),
  { name: 'nothing at all', bytes: '', expect: { failed: 'connection-termination' } },
  { name: 'a reset', bytes: '', finish: 'reset', expect: { failed: 'connection-termination' } },
  {
    name: 'an interim answer, then nothing',
    bytes: 'HTTP/1.1 100 Continue\r\n\r\n',
    expect: { failed: 'connection-termination' },
  },
  // Broken off after the head.
  {
    name: 'a body cut short',
    bytes: `${head('content-length: 100')}ten bytes.`,
    expect: { failed: 'connection-termination', status: 200 },
  },
  {
    name: 'a body cut by a reset',
    bytes: `${head('content-length: 100')}ten bytes.`,
    finish: 'reset',
    expect: { failed: 'connection-termination', status: 200 },
  },
  {
    name: 'chunks cut short',
    bytes: `${head('transfer-encoding: chunked')}a\r\nten bytes.\r\n`,
    expect: { failed: 'connection-termination', status: 200 },
  },
  {
    name: 'an endless body cut by a reset',
    bytes: `${head('connection: close')}until`,
    finish: 'reset',
    expect: { failed: 'connection-termination', status: 200 },
  },
  ...[
    'zz\r\nten bytes.\r\n0\r\n\r\n',
    '0x2\r\nok\r\n0\r\n\r\n',
    '2 \r\nok\r\n0\r\n\r\n',
    '2\nok\r\n0\r\n\r\n',
    '2\r\nokay\r\n0\r\n\r\n',
    '12345678901234567\r\nok',
    '-1\r\nok',
    '\r\nok',
    '2;a\nb\r\nok\r\n0\r\n\r\n',
    `2;${'x'.repeat(70_000)}\r\nok\r\n0\r\n\r\n`,
    '2\r\nok\n0\r\n\r\n',
    '0\r\nbad trailer: 1\r\n\r\n',
  ].map(
    (body): Case => ({
      name: `the chunk ${JSON.stringify(body.slice(0, 20))}`,
      bytes: head('transfer-encoding: chunked') + body,
      finish: 'stay',
      expect: { failed: 'protocol-error', status: 200 },
    }),
  ),
  // Passed, as Envoy passes them.
  { name: 'status 299', bytes: 'HTTP/1.1 299 Odd\r\ncontent-length: 2\r\n\r\nok', expect: { status: 299, body: 'ok' } },
  { name: 'status 999', bytes: 'HTTP/1.1 999 Odd\r\ncontent-length: 2\r\n\r\nok', expect: { status: 999, body: 'ok' } },
  {
    name: 'no reason phrase',
    bytes: 'HTTP/1.1 200\r\ncontent-length: 2\r\n\r\nok',
    expect: { status: 200, body: 'ok' },
  },
  {
    name: 'an empty reason phrase',
    bytes: 'HTTP/1.1 200 \r\ncontent-length: 2\r\n\r\nok',
    expect: { status: 200, body: 'ok' },
  },
  {
    name: 'bare LF',
    bytes: 'HTTP/1.1 200 OK\nx-a: 1\ncontent-length: 2\n\nok',
    expect: { status: 200, body: 'ok', headers: [['x-a', '1']] },
  },
  { name: 'line ends before the status line', bytes: `\r\n\r\n${OK}`, expect: { status: 200, body: 'ok' } },
  {
    name: 'a folded line',
    bytes: `${head('x-odd: one\r\n  two\r\ncontent-length: 2')}ok`,
    expect: { status: 200, body: 'ok', headers: [['x-odd', 'one  two']] },
  },
  { name: 'HTTP/1.0', bytes: 'HTTP/1.0 200 OK\r\n\r\nold but fine\n', expect: { status: 200, body: 'old but fine\n' } },
  {
    name: 'until close',
    bytes: 'HTTP/1.1 200 OK\r\n\r\nuntil the end\n',
    expect: { status: 200, body: 'until the end\n' },
  },
  { name: 'an empty body until close', bytes: 'HTTP/1.1 200 OK\r\n\r\n', expect: { status: 200, body: '' } },
  {
    name: 'equal lengths twice',
    bytes: `${head('content-length: 2\r\ncontent-length: 2')}ok`,
    expect: { status: 200, body: 'ok', headers: [['content-length', '2']] },
  },
  {
    name: 'Trailer beside a length',
    bytes: `${head('trailer: x-sum\r\ncontent-length: 2')}ok`,
    expect: { status: 200, body: 'ok' },
  },
  {
    name: 'upper case and white space',
    bytes: `${head('X-ODD: \t v \t\r\nContent-Length:2')}ok`,
    expect: { status: 200, body: 'ok', headers: [['x-odd', 'v']] },
  },
  {
    name: 'Latin-1 in a value',
    bytes: `${head('x-odd: caf\xe9\r\ncontent-length: 0')}`,
    expect: { status: 200, headers: [['x-odd', 'caf\xe9']] },
  },
  {
    name: 'names of objects',
    bytes: head('__proto__: 1\r\nconstructor: 2\r\ncontent-length: 0'),
    expect: {
      status: 200,
      headers: [
        ['__proto__', '1'],
        ['constructor', '2'],
      ],
    },
  },
  { name: '100 headers', bytes: head(`${many(99)}content-length: 0`), expect: { status: 200 } },
  {
    name: 'chunks',
    bytes: `${head('transfer-encoding: Chunked')}2\r\nok\r\n1;a=b\r\n!\r\n0\r\n\r\n`,
    expect: { status: 200, body: 'ok!' },
  },
  {
    name: 'a 204 with a length of 0',
    bytes: 'HTTP/1.1 204 No Content\r\ncontent-length: 0\r\n\r\n',
    expect: { status: 204, body: '' },
  },
  { name: 'a 204 with a body', bytes: 'HTTP/1.1 204 No Content\r\n\r\nsurprise', expect: { status: 204, body: '' } },
  {
    name: 'a 304 with a length',
    bytes: 'HTTP/1.1 304 Not Modified\r\ncontent-length: 5\r\n\r\n',
    finish: 'stay',
    expect: { status: 304, body: '', headers: [['content-length', '5']] },
  },
  {
    name: 'an answer to HEAD',
    bytes: head('content-length: 5'),
    finish: 'stay',
    method: 'HEAD',
    expect: { status: 200, body: '', headers: [['content-length', '5']] },
  },
  {
    name: 'a chunked answer to HEAD',
    bytes: head('transfer-encoding: chunked'),
    finish: 'stay',
    method: 'HEAD',
    expect: { status: 200, body: '' },
  },
  {
    name: 'more than the length',
    bytes: `${head('content-length: 2')}ok and more`,
    expect: { status: 200, body: 'ok' },
  },
  {
    name: 'interim answers',
    bytes: `HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </a.css>\r\n\r\n${OK}`,
    expect: { status: 200, body: 'ok' },
  },
  {
    name: '100 interim answers',
    bytes: `${'HTTP/1.1 102 Processing\r\n\r\n'.repeat(100)}${OK}`,
    expect: { status: 200, body: 'ok' },
  },
];

/** A server that answers so on each connection; in two writes, cut in the middle, when `split`. */
async function play({ bytes, finish = 'end', method = 'GET' }: Case, split: boolean): Promise<Recorder> {
  const server = await rawServer((socket) => {
    socket.once('data', async () => {
      const middle = split ? Math.floor(bytes.length / 2) : bytes.length;
      if (middle > 0) await new Promise((resolve) => socket.write(bytes.slice(0, middle), 'latin1', resolve));
      if (split) await new Promise((resolve) => setTimeout(resolve, 3));
      if (middle < bytes.length) await new Promise((resolve) => socket.write(bytes.slice(middle), 'latin1', resolve));
      if (finish === 'end') socket.end();
      else if (finish === 'reset') setTimeout(() => socket.resetAndDestroy(), 5);
    });
  });
  const { recorder } = rigFor(server.port).start({ method });
  return await recorder.ended;
}

describe.each([
  ['in one piece', false],
  ['in two pieces', true],
])('answers of odd servers, %s', (_title, split) => {
  it.each(CASES.map((row) => [row.name, row] as const))('%s', async (_name, row) => {
    const recorder = await play(row, split);
    const wanted = row.expect;
    expect(recorder.failure?.reason).toBe('failed' in wanted ? wanted.failed : undefined);
    expect(recorder.status).toBe(wanted.status);
    if ('failed' in wanted) return;
    if (wanted.body !== undefined) expect(recorder.body).toBe(wanted.body);
    for (const [name, value] of wanted.headers ?? []) expect(recorder.headers?.getAll(name)).toEqual([value]);
  });
});

describe('what goes on to the client', () => {
  it('has no hop-by-hop headers, nor those that Connection names', async () => {
    const lines =
      'connection: close, x-secret\r\nx-secret: 1\r\nkeep-alive: timeout=5\r\nproxy-connection: x\r\nupgrade: h2c\r\nx-kept: 1\r\ncontent-length: 0';
    const server = await rawServer(answering(() => head(lines)));
    const recorder = await rigFor(server.port).start().recorder.ended;
    expect([...(recorder.headers ?? [])]).toEqual([
      ['x-kept', '1'],
      ['content-length', '0'],
    ]);
  });

  it('has trailers, but none that would change the message', async () => {
    const body = '2\r\nok\r\n0\r\nX-Sum: 42\r\nContent-Length: 9\r\nTransfer-Encoding: gzip\r\n\r\n';
    const server = await rawServer(answering(() => head('trailer: x-sum\r\ntransfer-encoding: chunked') + body));
    const recorder = await rigFor(server.port).start().recorder.ended;
    expect(recorder.headers?.get('trailer')).toBe('x-sum');
    expect([...(recorder.trailers ?? [])]).toEqual([['x-sum', '42']]);
  });

  it('has 100, 102, 103 and 104, and no other interim answers', async () => {
    const interim = [100, 105, 102, 199, 103, 104]
      .map((status) => `HTTP/1.1 ${status} Interim\r\nlink: </a.css>\r\n\r\n`)
      .join('');
    const server = await rawServer(answering(() => interim + OK));
    const recorder = await rigFor(server.port).start().recorder.ended;
    const passed = [100, 102, 103, 104].map((status) => `informational ${status}`);
    expect(recorder.events).toEqual(['connected', ...passed, 'head 200', 'end']);
    expect(recorder.informational[2]?.[1].get('link')).toBe('</a.css>');
  });

  it('says with the head when nothing follows', async () => {
    const server = await rawServer(answering((_request, i) => (i === 0 ? head('content-length: 0') : OK)));
    const rig = rigFor(server.port);
    expect((await rig.start().recorder.ended).endStream).toBe(true);
    expect((await rig.start().recorder.ended).endStream).toBe(false);
  });
});

describe('a connection is used again', () => {
  const again = async (first: string): Promise<{ readonly reused: boolean; readonly body: string }> => {
    const server = await rawServer(answering((_request, i) => (i === 0 ? first : OK)));
    const rig = rigFor(server.port);
    await rig.start().recorder.ended;
    await new Promise((resolve) => setTimeout(resolve, 10));
    const second = await rig.start().recorder.ended;
    return { reused: second.connection?.reused === true, body: second.body };
  };

  it.each([
    ['after a length', OK, true],
    ['after chunks', `${head('transfer-encoding: chunked')}2\r\nok\r\n0\r\n\r\n`, true],
    ['after nothing', 'HTTP/1.1 204 No Content\r\n\r\n', true],
    [
      'after HTTP/1.0 that keeps alive',
      'HTTP/1.0 200 OK\r\nconnection: keep-alive\r\ncontent-length: 2\r\n\r\nok',
      true,
    ],
    ['not after Connection: close', head('connection: close\r\ncontent-length: 0'), false],
    ['not after HTTP/1.0', 'HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok', false],
    ['not after bytes too many', `${OK}HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\npoison`, false],
  ])('%s', async (_title, first, reused) => {
    const second = await again(first);
    expect(second).toEqual({ reused, body: second.reused ? 'ok' : second.body });
    expect(second.body).not.toContain('poison');
  });

  it('unless the server speaks unasked', async () => {
    const server = await rawServer((socket) => {
      answering(() => OK)(socket);
      setTimeout(() => socket.write('HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\npoison'), 15);
    });
    const rig = rigFor(server.port);
    expect((await rig.start().recorder.ended).body).toBe('ok');
    await until(() => server.sockets.size === 0);
    const second = await rig.start().recorder.ended;
    expect([second.connection?.reused, second.body]).toEqual([false, 'ok']);
  });
});
