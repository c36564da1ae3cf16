import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { headerOf, sendRaw, startToy, type Toy } from './harness.ts';

/**
 * The F rows of edge-security §1, and those of S and P that are the lane's: bytes as they are sent, and what comes back.
 * Statuses are those recorded of Istio (test/istio) where it refuses too, and edge-security's where it does not.
 */
interface Row {
  readonly id: string;
  readonly send: string | readonly string[];
  readonly status: number | readonly number[];
  /** The connection is closed after the last answer; default: it is when the status is an error of the lane. */
  readonly closed?: boolean;
  /** Part of the last answer's body. */
  readonly body?: string;
  /** Requests that got through to what lies behind the lane. */
  readonly handled?: number;
}

const H = 'Host: a.example.com\r\n';
const get = (headers: string, body = ''): string => `GET / HTTP/1.1\r\n${H}${headers}\r\n${body}`;
const post = (headers: string, body = ''): string => `POST / HTTP/1.1\r\n${H}${headers}\r\n${body}`;
const chunked = (body: string): string => post('Transfer-Encoding: chunked\r\n', body);
const line = (text: string): string => `${text}\r\n${H}\r\n`;
const many = (count: number): string => Array.from({ length: count }, (_, i) => `x-${i}: 1\r\n`).join('');

const refused = (id: string, send: string | readonly string[], status = 400): Row => ({
  id,
  send,
  status,
  closed: true,
  handled: 0,
});
const passed = (id: string, send: string | readonly string[], body = '"method"'): Row => ({
  id,
  send,
  status: 200,
  body,
  handled: 1,
});

const ROWS: readonly Row[] = [
  passed('a plain request', get('')),
  passed('F-01 neither length nor coding', post('')),
  refused('F-01 length and coding', post('Content-Length: 5\r\nTransfer-Encoding: chunked\r\n', '0\r\n\r\n')),
  refused('F-01 coding and length', post('Transfer-Encoding: chunked\r\nContent-Length: 5\r\n', '0\r\n\r\n')),
  refused('F-02 two different lengths', post('Content-Length: 5\r\nContent-Length: 6\r\n', 'hello')),
  refused('F-02 two equal lengths', post('Content-Length: 5\r\nContent-Length: 5\r\n', 'hello')),
  refused('F-03 a list of lengths', post('Content-Length: 2, 2\r\n', 'ok')),
  refused('F-03 a length with a sign', post('Content-Length: +2\r\n', 'ok')),
  refused('F-03 a negative length', post('Content-Length: -1\r\n')),
  refused('F-03 a hexadecimal length', post('Content-Length: 0x2\r\n', 'ok')),
  refused('F-05 a length beyond 64 bits', post('Content-Length: 18446744073709551618\r\n', 'ok')),
  refused(
    'F-05 a length that would be another one when it is passed on',
    post('Content-Length: 9007199254740993\r\n', 'ok'),
  ),
  refused('F-05 an empty length', post('Content-Length: \r\n')),
  passed('F-05 a length with blanks around', post('Content-Length:  2 \r\n', 'ok'), '"body":"ok"'),
  refused('F-04 a blank before the colon', get('X-A : 1\r\n')),
  refused('F-04 a blank before the first header', `GET / HTTP/1.1\r\n X-A: 1\r\n${H}\r\n`),
  refused('F-06 a folded line', get('X-A: 1\r\n  more\r\n')),
  refused('F-06 a folded Host', 'GET / HTTP/1.1\r\nHost:\r\n a.example.com\r\n\r\n'),
  refused('F-10 bare line feeds', 'GET / HTTP/1.1\nHost: a.example.com\n\n'),
  refused('F-10 a bare line feed after a header', 'GET / HTTP/1.1\r\nHost: a.example.com\n\r\n'),
  refused('F-10 a bare line feed at the end of the head', `GET / HTTP/1.1\r\n${H}\n`),
  refused('F-10 a bare line feed before the request', `\n${get('')}`),
  refused('F-11 a carriage return in a value', get('X-A: a\rb\r\n')),
  refused('F-13 a carriage return after the head', get('\r\rX: a\r\n')),
  refused('F-13 brackets in a name', get('X(A): 1\r\n')),
  refused('F-13 an empty name', get(': 1\r\n')),
  refused('F-13 a name outside ASCII', get('x\xe9: 1\r\n')),
  refused('F-13 a line without a colon', get('nonsense\r\n')),
  refused('F-22 NUL in a value', get('X-A: a\0b\r\n')),
  refused('F-22 NUL in the target', line('GET /\0 HTTP/1.1')),
  refused('F-22 a control character in a value', get('X-A: a\x01b\r\n')),
  passed('F-22 a tab in a value', get('X-A: a\tb\r\n')),
  passed('F-22 a value outside ASCII', get('X-A: caf\xe9\r\n')),
  refused('F-07 an unknown coding', post('Transfer-Encoding: xchunked\r\n', '0\r\n\r\n'), 501),
  refused('F-07 chunked and identity', post('Transfer-Encoding: chunked, identity\r\n', '0\r\n\r\n'), 501),
  refused('F-07 chunked twice', post('Transfer-Encoding: chunked, chunked\r\n', '0\r\n\r\n'), 501),
  refused(
    'F-07 two coding lines',
    post('Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n', '0\r\n\r\n'),
    501,
  ),
  refused('F-07 a vertical tab before chunked', post('Transfer-Encoding: \x0bchunked\r\n', '0\r\n\r\n')),
  refused('F-07 no coding in the line', post('Transfer-Encoding:\r\n', '0\r\n\r\n'), 501),
  refused('F-09 identity and length', post('Transfer-Encoding: identity\r\nContent-Length: 2\r\n', 'ok')),
  refused('F-09 length and identity', post('Content-Length: 2\r\nTransfer-Encoding: identity\r\n', 'ok')),
  refused('F-08 gzip', post('Transfer-Encoding: gzip\r\n', 'x'), 501),
  refused('F-08 gzip and chunked', post('Transfer-Encoding: gzip, chunked\r\n', '0\r\n\r\n'), 501),
  refused(
    'F-08 gzip and chunked in two lines',
    post('Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n', '0\r\n\r\n'),
    501,
  ),
  passed('F-08 chunked in any case', post('Transfer-Encoding: Chunked\r\n', '2\r\nok\r\n0\r\n\r\n'), '"body":"ok"'),
  {
    id: 'F-12 a chunk size ended by a line feed',
    send: chunked('2\nok\r\n0\r\n\r\n'),
    status: 400,
    closed: true,
    handled: 1,
  },
  { id: 'F-12 a chunk size with 0x', send: chunked('0x2\r\nok\r\n0\r\n\r\n'), status: 400, closed: true, handled: 1 },
  {
    id: 'F-12 a chunk size of 17 digits',
    send: chunked('10000000000000002\r\nok\r\n0\r\n\r\n'),
    status: 400,
    closed: true,
    handled: 1,
  },
  ...['00000000000000002', '000000000000000000000000000002', 'ffffffffffffffff', '20000000000000'].map((size) => ({
    id: `F-12 a chunk size of ${size}`,
    send: chunked(`${size}\r\nok\r\n0\r\n\r\n`),
    status: 400,
    closed: true,
    handled: 1,
  })),
  passed('F-12 a chunk size of 16 digits', chunked('0000000000000002\r\nok\r\n0\r\n\r\n'), '"body":"ok"'),
  {
    id: 'F-12 a blank after the chunk size',
    send: chunked('2 \r\nok\r\n0\r\n\r\n'),
    status: 400,
    closed: true,
    handled: 1,
  },
  { id: 'F-12 no number', send: chunked('zz\r\nok\r\n0\r\n\r\n'), status: 400, closed: true, handled: 1 },
  { id: 'F-12 an empty chunk size', send: chunked('\r\nok\r\n0\r\n\r\n'), status: 400, closed: true, handled: 1 },
  {
    id: 'F-15 more data than the chunk has',
    send: chunked('2\r\nokXX\r\n0\r\n\r\n'),
    status: 400,
    closed: true,
    handled: 1,
  },
  { id: 'F-15 data ended by a line feed', send: chunked('2\r\nok\n0\r\n\r\n'), status: 400, closed: true, handled: 1 },
  {
    id: 'F-15 a line feed in an extension',
    send: chunked('2;a\nb\r\nok\r\n0\r\n\r\n'),
    status: 400,
    closed: true,
    handled: 1,
  },
  passed('F-14 a chunk extension', chunked('2;a=b\r\nok\r\n0\r\n\r\n'), '"body":"ok"'),
  {
    id: 'F-19 a chunk extension of 70 kB',
    send: chunked(`2;${'a'.repeat(70_000)}\r\nok\r\n0\r\n\r\n`),
    status: 400,
    closed: true,
    handled: 1,
  },
  refused(
    'F-16 HTTP/1.0 with a coding',
    'POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\nConnection: keep-alive\r\n\r\n0\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n',
  ),
  refused('F-17 HTTP/0.9', 'GET /x\r\n', 426),
  refused('F-17 HTTP/0.9 and an empty line', 'GET /x\r\n\r\n', 426),
  refused('F-17 HTTP/1.0', 'GET / HTTP/1.0\r\nHost: a\r\n\r\n', 426),
  refused('F-17 HTTP/1.0 without Host', 'GET / HTTP/1.0\r\n\r\n', 426),
  refused('F-18 HTTP/1.2', line('GET / HTTP/1.2'), 426),
  refused('F-18 HTTP/2.0', line('GET / HTTP/2.0'), 426),
  refused('F-18 HTTP/3.0', line('GET / HTTP/3.0'), 426),
  refused('F-18 http/1.1', line('GET / http/1.1')),
  refused('F-18 HTTP/1.10', line('GET / HTTP/1.10')),
  refused('F-18 RTSP/1.1', line('GET / RTSP/1.1')),
  refused('F-18 ICE/1.1', line('SOURCE / ICE/1.1')),
  refused('F-20 two blanks before the target', line('GET  / HTTP/1.1')),
  refused('F-20 two blanks after the target', line('GET /  HTTP/1.1')),
  refused('F-20 a blank at the end', line('GET / HTTP/1.1 ')),
  refused('F-20 a blank at the beginning', line(' GET / HTTP/1.1')),
  refused('F-20 a tab before the target', line('GET\t/ HTTP/1.1')),
  refused('F-20 a tab after the target', line('GET /\tHTTP/1.1')),
  refused('F-20 a blank in the target', line('GET /a b HTTP/1.1')),
  refused('F-20 no target', line('GET  HTTP/1.1')),
  refused('F-20 two blanks, sent in pieces', ['GET', ' ', ' / HT', `TP/1.1\r\n${H}\r\n`]),
  refused('P-09 a byte outside ASCII in the target', line('GET /caf\xe9 HTTP/1.1')),
  refused('P-09 DEL in the target', line('GET /\x7f HTTP/1.1')),
  passed('an empty line before the request', `\r\n${get('')}`),
  passed('an empty line before the request, in pieces', ['\r', '\n', get('')]),
  refused('many empty lines before the request', `${'\r\n'.repeat(5)}${get('')}`),
  passed('a request byte by byte', [...get('X-A: 1\r\n')]),
  refused('a method in lower case', line('get / HTTP/1.1')),
  refused('a method nobody knows', line('BREW / HTTP/1.1')),
  refused('M-SEARCH', line('M-SEARCH / HTTP/1.1')),
  passed('PROPFIND', line('PROPFIND / HTTP/1.1')),
  passed('PURGE', line('PURGE / HTTP/1.1')),
  passed('QUERY', line('QUERY / HTTP/1.1')),
  passed('SEARCH', line('SEARCH / HTTP/1.1')),
  passed('DELETE', line('DELETE / HTTP/1.1')),
  passed('a malformed escape in the target', line('GET /a/%zz HTTP/1.1'), '"target":"/a/%zz"'),
  passed('dots in the target', line('GET /a/../b#c?d HTTP/1.1'), '"target":"/a/../b#c?d"'),
  passed(
    'an absolute target without Host',
    'GET http://a.example.com/x HTTP/1.1\r\n\r\n',
    '"target":"http://a.example.com/x"',
  ),
  {
    id: 'F-21 a length among the trailers',
    send: chunked('2\r\nok\r\n0\r\nContent-Length: 5\r\n\r\n'),
    status: 400,
    closed: true,
    handled: 1,
  },
  passed(
    'F-21 trailers that pose as headers',
    chunked('2\r\nok\r\n0\r\nAuthorization: x\r\nx-user-id: q\r\n\r\n'),
    '"headers":["host","a.example.com","transfer-encoding","chunked"]',
  ),
  passed('F-23 50 kB of header', get(`X-A: ${'p'.repeat(50_000)}\r\n`)),
  passed('F-23 60 kB of header', get(`X-A: ${'p'.repeat(60_000)}\r\n`)),
  refused('F-23 61 KiB of header', get(`X-A: ${'p'.repeat(61 * 1024)}\r\n`), 431),
  refused('F-23 61 KiB of target', line(`GET /${'p'.repeat(61 * 1024)} HTTP/1.1`), 431),
  refused('F-23 100 kB that never end', `GET /${'p'.repeat(100_000)}`, 431),
  passed('F-24 100 header lines', get(many(99))),
  refused('F-24 101 header lines', get(many(100)), 431),
  refused('F-24 2 100 header lines', get(many(2_100)), 431),
  passed('F-26 GET with a body', get('Content-Length: 2\r\n', 'ok'), '"body":"ok"'),
  passed('F-26 DELETE with a body', `DELETE / HTTP/1.1\r\n${H}Content-Length: 2\r\n\r\nok`, '"body":"ok"'),
  refused('F-27 an unknown expectation', post('Expect: junk\r\nContent-Length: 2\r\n', 'ok'), 417),
  refused('F-27 two expectations', post('Expect: 100-continue, junk\r\nContent-Length: 2\r\n', 'ok'), 417),
  refused(
    'F-29 an upgrade with a length',
    get('Connection: upgrade\r\nUpgrade: websocket\r\nContent-Length: 5\r\n', 'EARLY'),
  ),
  refused(
    'F-29 an upgrade with chunks',
    get('Connection: upgrade\r\nUpgrade: websocket\r\nTransfer-Encoding: chunked\r\n', '0\r\n\r\n'),
  ),
  passed(
    'F-31 Upgrade: h2c is no upgrade',
    post('Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMA\r\nContent-Length: 2\r\n', 'ok'),
    '"body":"ok"',
  ),
  passed('F-32 a lone Keep-Alive', get('Keep-Alive: timeout=9\r\n')),
  passed('F-32 a lone Upgrade', get('Upgrade: websocket\r\n')),
  passed('another upgrade is told of', get('Connection: Upgrade\r\nUpgrade: mqtt\r\n'), '"upgrade":"mqtt"'),
  {
    id: 'F-31 the HTTP/2 preface in an HTTP/1.1 connection',
    send: `${get('')}PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n`,
    status: [200, 400],
    closed: true,
    handled: 1,
  },
  passed(
    'F-34 __proto__ and constructor',
    get('__proto__: 1\r\nconstructor: 2\r\n'),
    '"__proto__","1","constructor","2"',
  ),
  refused(
    'F-38 CONNECT to an authority',
    'CONNECT a.example.com:443 HTTP/1.1\r\nHost: a.example.com:443\r\n\r\nbytes',
    404,
  ),
  refused('F-38 CONNECT to a path', 'CONNECT /x HTTP/1.1\r\nHost: a.example.com\r\n\r\n'),
  refused('F-38 CONNECT without a port', 'CONNECT a.example.com HTTP/1.1\r\nHost: a.example.com\r\n\r\n'),
  passed('TRACE is for those behind the lane', line('TRACE / HTTP/1.1')),
  refused('garbage', '\xff\xfe\xfd\r\n\r\n'),
  { id: 'a TLS hello on a plain port', send: '\x16\x03\x01\x00\x02\x01\x00', status: [], closed: true, handled: 0 },
  {
    id: 'pipelined requests, one after the other',
    send: `${get('')}${post('Content-Length: 2\r\n', 'ok')}${chunked('2\r\nok\r\n0\r\nA: b\r\n\r\n')}${get('X-Last: 1\r\n')}`,
    status: [200, 200, 200, 200],
    body: 'x-last',
    handled: 4,
  },
  {
    id: 'F-20 two blanks in the second request',
    send: `${post('Content-Length: 2\r\n', 'ok')}${line('GET  /2 HTTP/1.1')}${get('')}`,
    status: [200, 400],
    closed: true,
    handled: 1,
  },
  {
    id: 'nothing after Connection: close',
    send: `${get('Connection: close\r\n')}${get('')}`,
    status: 200,
    closed: true,
    handled: 1,
  },
];

describe('HTTP/1.1 framing', () => {
  let toy: Toy;
  beforeAll(async () => {
    toy = await startToy();
  });
  afterAll(async () => toy.close());

  test.each(ROWS)('$id', async (row) => {
    const expected = typeof row.status === 'number' ? [row.status] : row.status;
    const handledBefore = toy.requests.length;
    const { answers, closed } = await sendRaw(toy.port, row.send, { answers: Math.max(1, expected.length) });
    expect(answers.map((answer) => answer.status)).toEqual(expected);
    expect(closed).toBe(row.closed ?? false);
    expect(toy.requests.length - handledBefore).toBe(row.handled);
    const last = answers.at(-1);
    if (row.body !== undefined) expect(last?.body).toContain(row.body);
    if (last !== undefined && row.handled === 0) {
      expect(headerOf(last, 'connection')).toBe('close');
      expect(headerOf(last, 'content-type')).toBe('application/problem+json');
      expect(JSON.parse(last.body)).toMatchObject({ status: last.status, side: 'client', title: expect.any(String) });
      expect(toy.rejected.at(-1)?.status).toBe(last.status);
    }
  });
});
