import { once } from 'node:events';
import http2 from 'node:http2';
import net, { type AddressInfo, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { frame, startGateway, type TestGateway, virtualService } from '../support/gateway.ts';

/*
 * F-33, F-35 to F-37 of edge-security §1: a service that answers what it should not. The gateway lives, the client gets an
 * answer of ours or a stream that visibly broke, nothing of one client reaches another, and the next request is served.
 * (Every malformed answer by itself stands with the HTTP/1.1 client: test/unit/dataplane/upstreams/http1-answers.test.ts.)
 */

type Expected = { readonly status: number; readonly body?: string } | 'broken off';

interface Case {
  readonly name: string;
  readonly bytes: string;
  /** What becomes of the service's connection; default: it stays open. */
  readonly finish?: 'end' | 'reset';
  /** One byte at a time. */
  readonly drip?: true;
  readonly expect: Expected;
}

const OK = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok';
const head = (lines: string, status = '200 OK'): string => `HTTP/1.1 ${status}\r\n${lines}\r\n\r\n`;
const REFUSED: Expected = { status: 502 };

const CASES: readonly Case[] = [
  {
    name: 'F-35 a length and chunks',
    bytes: `${head('content-length: 2\r\ntransfer-encoding: chunked')}ok`,
    expect: REFUSED,
  },
  { name: 'F-35 two lengths', bytes: `${head('content-length: 2\r\ncontent-length: 3')}ok`, expect: REFUSED },
  { name: 'F-35 a carriage return in a value', bytes: `${head('x-a: b\rc\r\ncontent-length: 2')}ok`, expect: REFUSED },
  { name: 'F-35 NUL in a value', bytes: `${head('x-a: b\0c\r\ncontent-length: 2')}ok`, expect: REFUSED },
  { name: 'F-35 status 000', bytes: head('content-length: 0', '000 Nothing'), expect: REFUSED },
  { name: 'F-35 a status of two digits', bytes: head('content-length: 0', '20 OK'), expect: REFUSED },
  { name: 'F-35 HTTP/0.9', bytes: 'just some text\n', finish: 'end', expect: REFUSED },
  { name: 'F-35 a head of 70 kB', bytes: head(`x-a: ${'a'.repeat(70_000)}\r\ncontent-length: 0`), expect: REFUSED },
  // Istio takes up to 60 KiB, in requests and in answers (istio-semantics §7.3).
  {
    name: 'F-35 a head of 40 kB',
    bytes: `${head(`x-a: ${'a'.repeat(40_000)}\r\ncontent-length: 2`)}ok`,
    expect: { status: 200, body: 'ok' },
  },
  { name: 'F-35 garbage', bytes: '\xff\xfe\x00\x01\r\n\r\n', expect: REFUSED },
  { name: 'F-35 a reset before any answer', bytes: '', finish: 'reset', expect: { status: 503 } },
  { name: 'F-35 an end before any answer', bytes: '', finish: 'end', expect: { status: 503 } },
  {
    name: 'F-35 half a head, then a reset',
    bytes: 'HTTP/1.1 200 OK\r\nconte',
    finish: 'reset',
    expect: { status: 503 },
  },
  {
    name: 'F-35 a body cut by a reset',
    bytes: `${head('content-length: 100')}part`,
    finish: 'reset',
    expect: 'broken off',
  },
  {
    name: 'F-35 a body cut by half-closing',
    bytes: `${head('content-length: 100')}part`,
    finish: 'end',
    expect: 'broken off',
  },
  {
    name: 'F-35 chunks cut short',
    bytes: `${head('transfer-encoding: chunked')}4\r\npart\r\n`,
    finish: 'end',
    expect: 'broken off',
  },
  {
    name: 'F-35 a chunk that is none',
    bytes: `${head('transfer-encoding: chunked')}4\r\npart\r\nzz\r\n`,
    expect: 'broken off',
  },
  {
    name: 'F-36 Trailer beside a length',
    bytes: `${head('trailer: x-sum\r\ncontent-length: 2')}ok`,
    expect: { status: 200, body: 'ok' },
  },
  {
    name: 'F-33 a switch that nobody asked for',
    bytes: head('connection: upgrade\r\nupgrade: websocket', '101 Switching Protocols'),
    expect: REFUSED,
  },
  {
    name: 'F-33 2,000 interim answers',
    bytes: `${'HTTP/1.1 100 Continue\r\n\r\n'.repeat(2_000)}${OK}`,
    expect: REFUSED,
  },
  {
    name: 'F-37 a 103 before the answer',
    bytes: `HTTP/1.1 103 Early Hints\r\nlink: </a.css>\r\n\r\n${OK}`,
    expect: { status: 200, body: 'ok' },
  },
  {
    name: 'F-37 a 103, then a reset',
    bytes: 'HTTP/1.1 103 Early Hints\r\nlink: </a.css>\r\n\r\n',
    finish: 'reset',
    expect: { status: 503 },
  },
  { name: 'half-closed after a whole answer', bytes: OK, finish: 'end', expect: { status: 200, body: 'ok' } },
  { name: 'a whole answer byte by byte', bytes: OK, drip: true, expect: { status: 200, body: 'ok' } },
  {
    name: 'a head that comes too slowly',
    bytes: head(`x-a: ${'a'.repeat(5_000)}`),
    drip: true,
    expect: { status: 504 },
  },
  {
    name: 'a body that comes too slowly',
    bytes: `${head('content-length: 5000')}${'b'.repeat(5_000)}`,
    drip: true,
    expect: 'broken off',
  },
  { name: 'no answer at all', bytes: '', expect: { status: 504 } },
];

/** Answers `/N` as case N says, and everything else in good order. */
function answer(socket: Socket, target: string): void {
  const row = CASES[Number(target.slice(1))];
  if (target === '/ok' || row === undefined) {
    socket.write(OK);
    return;
  }
  const end = (): void => {
    if (row.finish === 'end') socket.end();
    else if (row.finish === 'reset') setTimeout(() => socket.resetAndDestroy(), 20);
  };
  if (row.drip !== undefined) void drip(socket, row.bytes);
  else if (row.bytes === '') end();
  else socket.write(row.bytes, 'latin1', end);
}

async function drip(socket: Socket, bytes: string): Promise<void> {
  for (const byte of bytes) {
    if (socket.destroyed) return;
    socket.write(byte, 'latin1');
    await pause(2);
  }
}

const sockets = new Set<Socket>();
let service: net.Server;
let gateway: TestGateway;

beforeAll(async () => {
  service = net.createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    let read = '';
    socket.on('data', (chunk) => {
      read += chunk.toString('latin1');
      for (let end = read.indexOf('\r\n\r\n'); end >= 0; end = read.indexOf('\r\n\r\n')) {
        const target = read.split(' ')[1] ?? '';
        read = read.slice(end + 4);
        answer(socket, target);
      }
    });
  });
  service.listen(0, '127.0.0.1');
  await once(service, 'listening');
  gateway = await startGateway(
    frame({ shop: (service.address() as AddressInfo).port }) +
      virtualService(
        'shop',
        '- route: [{ destination: { host: shop.test } }]\n  timeout: 500ms\n  retries: { attempts: 0 }',
      ),
  );
});
afterAll(async () => {
  await gateway.close();
  for (const socket of sockets) socket.destroy();
  service.close();
});

interface Got {
  readonly status: number;
  readonly body: string;
  readonly headers: string;
  readonly whole: boolean;
}

async function overHttp1(target: string): Promise<Got> {
  const socket = net.connect(gateway.port, '127.0.0.1');
  let raw = '';
  socket.on('error', () => {});
  socket.on('data', (chunk) => (raw += chunk.toString('latin1')));
  socket.write(`GET ${target} HTTP/1.1\r\nHost: shop.example.com\r\nConnection: close\r\n\r\n`);
  await once(socket, 'close');
  const final = raw.replace(/^(?:HTTP\/1\.1 1\d\d [\s\S]*?\r\n\r\n)+/, '');
  const split = final.indexOf('\r\n\r\n');
  const headers = final.slice(0, split).toLowerCase();
  const body = final.slice(split + 4);
  const length = /content-length: (\d+)/.exec(headers)?.[1];
  const whole = length === undefined ? body.endsWith('0\r\n\r\n') : body.length === Number(length);
  return { status: Number(final.split(' ')[1] ?? 0), headers, body, whole };
}

async function overHttp2(target: string): Promise<Got> {
  const session = http2.connect(`http://127.0.0.1:${gateway.port}`);
  const stream = session.request({ ':path': target, ':authority': 'shop.example.com' });
  let status = 0;
  let headers = '';
  let body = '';
  stream.on('response', (lines) => {
    status = Number(lines[':status']);
    headers = JSON.stringify(lines);
  });
  stream.setEncoding('latin1').on('data', (chunk) => (body += chunk));
  stream.on('error', () => {});
  await new Promise((resolve) => stream.on('close', resolve));
  session.destroy();
  return { status, headers, body, whole: stream.rstCode === 0 };
}

describe.each([
  ['HTTP/1.1', overHttp1],
  ['HTTP/2', overHttp2],
])('a hostile service, to a client of %s', (_protocol, ask) => {
  it.each(CASES.map((row, i) => [row.name, row, i] as const))('%s', async (_name, row, i) => {
    const got = await ask(`/${i}`);
    if (row.expect === 'broken off') {
      expect(got.whole).toBe(false);
    } else {
      expect({ status: got.status, whole: got.whole }).toEqual({ status: row.expect.status, whole: true });
      if (row.expect.body !== undefined) expect(got.body).toBe(row.expect.body);
      else expect(got.body).toMatch(/"type":"urn:banyan:cause:/);
    }
    expect(got.headers).not.toContain('x-sum');
    expect(await ask('/ok')).toMatchObject({ status: 200, body: 'ok', whole: true });
    expect(gateway.errors).toEqual([]);
  });
});

it('F-33 an answer that nobody asked for reaches nobody', async () => {
  expect((await overHttp1('/ok')).status).toBe(200);
  for (const socket of sockets)
    if (!socket.destroyed) socket.write('HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\npoison');
  await pause(50);
  for (let i = 0; i < 5; i++) expect(await overHttp1('/ok')).toMatchObject({ status: 200, body: 'ok' });
});

describe('what a service says before its answer', () => {
  const raw = async (target: string): Promise<string> => {
    const socket = net.connect(gateway.port, '127.0.0.1');
    let got = '';
    socket.on('data', (chunk) => (got += chunk.toString('latin1')));
    socket.write(`GET ${target} HTTP/1.1\r\nHost: shop.example.com\r\nConnection: close\r\n\r\n`);
    await once(socket, 'close');
    return got;
  };
  const caseOf = (name: string): string => `/${CASES.findIndex((row) => row.name === name)}`;
  const detailsOf = async (name: string): Promise<string | undefined> => {
    const before = gateway.records.length;
    await raw(caseOf(name));
    return gateway.records[before]?.details;
  };

  it('F-37 reaches clients of HTTP/1.1, before the answer', async () => {
    expect(await raw(caseOf('F-37 a 103 before the answer'))).toMatch(
      /^HTTP\/1\.1 103 Early Hints\r\nlink: <\/a\.css>\r\n\r\nHTTP\/1\.1 200 OK\r\n/,
    );
  });

  it.each([
    ['F-35 a reset before any answer', 'upstream_reset_before_response_started{connection_termination}'],
    ['F-35 two lengths', 'upstream_reset_before_response_started{protocol_error}'],
    ['F-37 a 103, then a reset', 'upstream_reset_after_response_started{connection_termination}'],
    ['F-35 a body cut by a reset', 'upstream_reset_after_response_started{connection_termination}'],
    ['F-35 a chunk that is none', 'upstream_reset_after_response_started{protocol_error}'],
    ['no answer at all', 'response_timeout'],
    ['a body that comes too slowly', 'response_timeout'],
    ['F-37 a 103 before the answer', 'via_upstream'],
  ])('%s stands in the log as %s', async (name, details) => {
    expect(await detailsOf(name)).toBe(details);
  });
});

describe('a gateway that keeps interim answers from clients of HTTP/1.1', () => {
  it('passes them on over HTTP/2 alone, and such a request may be tried again', async () => {
    const shop = frame({ shop: (service.address() as AddressInfo).port });
    const quiet = await startGateway(
      shop +
        virtualService(
          'shop',
          '- route: [{ destination: { host: shop.test } }]\n  retries: { attempts: 1, retryOn: reset }',
        ),
      { interimOverHttp1: false },
    );
    const target = `/${CASES.findIndex((row) => row.name === 'F-37 a 103, then a reset')}`;
    const socket = net.connect(quiet.port, '127.0.0.1');
    let got = '';
    socket.on('data', (chunk) => (got += chunk.toString('latin1')));
    socket.write(`GET ${target} HTTP/1.1\r\nHost: shop.example.com\r\nConnection: close\r\n\r\n`);
    await once(socket, 'close');
    expect(got).toMatch(/^HTTP\/1\.1 503 /);
    expect(quiet.records[0]).toMatchObject({ upstreamAttempts: 2, flags: ['URX', 'UC'] });
    const session = http2.connect(`http://127.0.0.1:${quiet.port}`);
    const stream = session.request({ ':path': target, ':authority': 'shop.example.com' });
    const interim: unknown[] = [];
    stream.on('headers', (head) => interim.push(head[':status']));
    stream.resume();
    await once(stream, 'close');
    session.destroy();
    expect(interim).toEqual([103]);
    await quiet.close();
  });
});
