import { once } from 'node:events';
import http2 from 'node:http2';
import net, { type AddressInfo, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startGateway, type TestGateway, virtualService, frame as yaml } from '../support/gateway.ts';
import { askGateway } from '../support/upstreams.ts';
import { Frames, frame, headerBlock } from '../unit/dataplane/downstream/http2-wire.ts';

/*
 * F-33 and F-35 of edge-security §1 from a service that speaks HTTP/2: frames that no service should send. The gateway lives, the
 * client gets an answer of ours or a stream that visibly broke, and whoever comes next is served.
 */

type Expected = 'refused' | 'broken off' | 'served' | 'whatever';
type Step = Buffer | 'end' | 'reset';

interface Case {
  readonly name: string;
  readonly send: (stream: number) => readonly Step[];
  readonly expect: Expected;
}

type Lines = readonly (readonly [string, string])[];
const OK: Lines = [[':status', '200']];
const END_STREAM = 1;
const END_HEADERS = 4;

const headers = (stream: number, lines: Lines, flags = 0): Buffer =>
  frame(Frames.HEADERS, END_HEADERS | flags, stream, headerBlock(lines));
const data = (stream: number, bytes: string, flags = END_STREAM): Buffer =>
  frame(Frames.DATA, flags, stream, Buffer.from(bytes));
const settings = (...pairs: readonly (readonly [number, number])[]): Buffer => {
  const payload = Buffer.alloc(pairs.length * 6);
  for (const [i, [id, value]] of pairs.entries()) {
    payload.writeUInt16BE(id, i * 6);
    payload.writeUInt32BE(value, i * 6 + 2);
  }
  return frame(Frames.SETTINGS, 0, 0, payload);
};
const uint32 = (...values: readonly number[]): Buffer => {
  const bytes = Buffer.alloc(values.length * 4);
  for (const [i, value] of values.entries()) bytes.writeUInt32BE(value, i * 4);
  return bytes;
};
const times = (count: number, bytes: Buffer): Buffer => Buffer.concat(Array.from({ length: count }, () => bytes));
const served = (stream: number): Buffer[] => [headers(stream, OK), data(stream, 'ok')];
const begun = (stream: number): Buffer[] => [headers(stream, OK), data(stream, 'part', 0)];
const answeredWith = (name: string, lines: Lines, expected: Expected = 'refused'): Case => ({
  name,
  send: (stream) => [headers(stream, lines), data(stream, 'ok')],
  expect: expected,
});

const CASES: readonly Case[] = [
  { name: 'a whole answer', send: served, expect: 'served' },
  { name: 'GOAWAY instead of an answer', send: () => [frame(Frames.GOAWAY, 0, 0, uint32(0, 0))], expect: 'refused' },
  {
    name: 'GOAWAY in the middle of an answer that goes on',
    send: (stream) => [
      headers(stream, OK),
      data(stream, 'o', 0),
      frame(Frames.GOAWAY, 0, 0, uint32(stream, 0)),
      data(stream, 'k'),
    ],
    expect: 'served',
  },
  {
    name: 'GOAWAY in the middle of an answer, and the end',
    send: (stream) => [...begun(stream), frame(Frames.GOAWAY, 0, 0, uint32(stream, 1)), 'end'],
    expect: 'broken off',
  },
  ...[0, 1, 2, 7, 8, 11, 13].flatMap((code): Case[] => [
    {
      name: `RST_STREAM ${code} instead of an answer`,
      send: (stream) => [frame(Frames.RST_STREAM, 0, stream, uint32(code))],
      expect: 'refused',
    },
    {
      name: `RST_STREAM ${code} in the middle of one`,
      send: (stream) => [...begun(stream), frame(Frames.RST_STREAM, 0, stream, uint32(code))],
      expect: 'broken off',
    },
  ]),
  {
    name: 'a head of 200 kB',
    send: (stream) => [
      frame(Frames.HEADERS, 0, stream, headerBlock(OK)),
      times(14, frame(9, 0, stream, headerBlock([['x-a', 'a'.repeat(15_000)]]))),
      frame(9, END_HEADERS | END_STREAM, stream, headerBlock([['x-b', '1']])),
      data(stream, 'ok'),
    ],
    expect: 'refused',
  },
  {
    name: 'CONTINUATION without end',
    send: (stream) => [
      frame(Frames.HEADERS, 0, stream, headerBlock(OK)),
      times(200, frame(9, 0, stream, headerBlock([['x-a', 'a'.repeat(15_000)]]))),
    ],
    expect: 'refused',
  },
  answeredWith('300 fields', [...OK, ...Array.from({ length: 300 }, (_, i) => [`x-${i}`, '1'] as const)]),
  answeredWith('a length that is too great', [...OK, ['content-length', '9']], 'broken off'),
  answeredWith('a length that is too small', [...OK, ['content-length', '1']], 'broken off'),
  answeredWith('no status', [['x-a', '1']]),
  ...['000', '20', '2000', 'abc', '101', '1 0'].map((status) =>
    answeredWith(`status '${status}'`, [[':status', status]]),
  ),
  answeredWith('two statuses', [...OK, [':status', '500']]),
  answeredWith('a status behind other fields', [['x-a', '1'], ...OK]),
  answeredWith('a pseudo header of requests', [...OK, [':path', '/']]),
  answeredWith('Connection', [...OK, ['connection', 'close']]),
  answeredWith('Transfer-Encoding', [...OK, ['transfer-encoding', 'chunked']]),
  answeredWith('a name in upper case', [...OK, ['X-A', '1']]),
  {
    name: 'trailers with a pseudo header',
    send: (stream) => [...begun(stream), headers(stream, [[':status', '500']], END_STREAM)],
    expect: 'broken off',
  },
  {
    name: 'trailers that end nothing',
    send: (stream) => [...begun(stream), headers(stream, [['x-a', '1']]), data(stream, 'more')],
    expect: 'broken off',
  },
  { name: 'DATA before a head', send: (stream) => [data(stream, 'ok')], expect: 'refused' },
  { name: 'HEADERS of no stream', send: () => [headers(0, OK)], expect: 'refused' },
  {
    name: 'HPACK that is none',
    send: (stream) => [frame(Frames.HEADERS, 4, stream, Buffer.from('fffefdfc', 'hex'))],
    expect: 'refused',
  },
  {
    name: 'no HTTP/2 at all',
    send: () => [Buffer.from('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok')],
    expect: 'refused',
  },
  {
    name: 'a push that nobody wants',
    send: (stream) => [
      frame(
        5,
        4,
        stream,
        Buffer.concat([
          uint32(2),
          headerBlock([
            [':method', 'GET'],
            [':path', '/'],
            [':scheme', 'http'],
            [':authority', 'x'],
          ]),
        ]),
      ),
      ...served(stream),
    ],
    expect: 'refused',
  },
  {
    name: 'a window beyond its greatest size',
    send: () => [times(2, frame(Frames.WINDOW_UPDATE, 0, 0, uint32(0x7fffffff)))],
    expect: 'refused',
  },
  { name: 'a setting out of range', send: () => [settings([4, 0x80000000])], expect: 'refused' },
  { name: 'no more streams, from now on', send: (stream) => [settings([3, 0]), ...served(stream)], expect: 'served' },
  {
    name: 'no room for bodies, from now on',
    send: (stream) => [settings([4, 0]), ...served(stream)],
    expect: 'served',
  },
  { name: '20,000 SETTINGS', send: (stream) => [times(20_000, settings()), ...served(stream)], expect: 'whatever' },
  {
    name: '20,000 PING',
    send: (stream) => [times(20_000, frame(Frames.PING, 0, 0, Buffer.alloc(8))), ...served(stream)],
    expect: 'whatever',
  },
  {
    name: '20,000 empty DATA',
    send: (stream) => [headers(stream, OK), times(20_000, data(stream, '', 0)), data(stream, 'ok')],
    expect: 'whatever',
  },
  {
    name: '2,000 interim answers',
    send: (stream) => [times(2_000, headers(stream, [[':status', '103']])), ...served(stream)],
    expect: 'refused',
  },
  {
    name: 'a 103 before the answer',
    send: (stream) => [
      headers(stream, [
        [':status', '103'],
        ['link', '</a.css>'],
      ]),
      ...served(stream),
    ],
    expect: 'served',
  },
  {
    name: 'a 103 that is all',
    send: (stream) => [headers(stream, [[':status', '103']], END_STREAM)],
    expect: 'refused',
  },
  { name: 'a second answer', send: (stream) => [...served(stream), ...served(stream)], expect: 'served' },
  {
    name: 'half a frame, and the end',
    send: (stream) => [headers(stream, OK).subarray(0, 12), 'end'],
    expect: 'refused',
  },
  { name: 'the end', send: () => ['end'], expect: 'refused' },
  { name: 'a reset', send: () => ['reset'], expect: 'refused' },
  { name: 'part of a body, and the end', send: (stream) => [...begun(stream), 'end'], expect: 'broken off' },
  { name: 'part of a body, and a reset', send: (stream) => [...begun(stream), 'reset'], expect: 'broken off' },
];

let current: Case | undefined;
const sockets = new Set<Socket>();
let service: net.Server;
let gateway: TestGateway;

const PREFACE_BYTES = 24;

/** Reads frames just well enough to know where requests are; answers the first as the case says, and all others in good order. */
function serve(socket: Socket): void {
  sockets.add(socket);
  socket.on('error', () => {});
  let unread: Buffer = Buffer.alloc(0);
  let skipped = false;
  socket.on('data', (chunk: Buffer) => {
    unread = Buffer.concat([unread, chunk]);
    if (!skipped) {
      if (unread.length < PREFACE_BYTES) return;
      unread = unread.subarray(PREFACE_BYTES);
      skipped = true;
      socket.write(settings());
    }
    while (unread.length >= 9 && unread.length >= 9 + unread.readUIntBE(0, 3)) {
      const [type, flags] = [unread[3], unread[4]];
      const stream = unread.readUInt32BE(5);
      unread = unread.subarray(9 + unread.readUIntBE(0, 3));
      if (type === Frames.SETTINGS && flags === 0) socket.write(frame(Frames.SETTINGS, 1, 0, Buffer.alloc(0)));
      if (type === Frames.HEADERS) answer(socket, stream);
    }
  });
}

function answer(socket: Socket, stream: number): void {
  const steps = (current?.send ?? served)(stream);
  current = undefined;
  for (const step of steps) {
    if (step === 'end') socket.end();
    else if (step === 'reset') setTimeout(() => socket.resetAndDestroy(), 20);
    else socket.write(step);
  }
}

beforeAll(async () => {
  service = net.createServer(serve);
  service.listen(0, '127.0.0.1');
  await once(service, 'listening');
  const rule = '- route: [{ destination: { host: shop.test } }]\n  timeout: 1s\n  retries: { attempts: 0 }';
  gateway = await startGateway(
    yaml({ shop: (service.address() as AddressInfo).port }, 'HTTP2') + virtualService('shop', rule),
  );
});
afterAll(async () => {
  await gateway.close();
  for (const socket of sockets) socket.destroy();
  service.close();
});

interface Got {
  /** 0: none came. */
  readonly status: number;
  readonly body: string;
  readonly whole: boolean;
}

const overHttp1 = (): Promise<Got> =>
  askGateway(gateway.port, '/').then(
    ({ status, body }) => ({ status, body, whole: true }),
    () => ({ status: 0, body: '', whole: false }),
  );

async function overHttp2(): Promise<Got> {
  const session = http2.connect(`http://127.0.0.1:${gateway.port}`);
  const stream = session.request({ ':path': '/', ':authority': 'shop.example.com' });
  let status = 0;
  let body = '';
  stream.on('response', (lines) => {
    status = Number(lines[':status']);
  });
  stream.setEncoding('latin1').on('data', (chunk) => (body += chunk));
  stream.on('error', () => {});
  await new Promise((resolve) => stream.on('close', resolve));
  session.destroy();
  return { status, body, whole: stream.rstCode === 0 };
}

describe.each([
  ['HTTP/1.1', overHttp1],
  ['HTTP/2', overHttp2],
])('a service that is hostile over HTTP/2, to a client of %s', (_protocol, ask) => {
  it.each(CASES.map((row) => [row.name, row] as const))('%s', async (_name, row) => {
    current = row;
    const got = await ask();
    if (row.expect === 'served') expect(got).toEqual({ status: 200, body: 'ok', whole: true });
    else if (row.expect === 'broken off') expect(got.whole).toBe(false);
    else if (row.expect === 'refused') {
      expect(got).toMatchObject({ whole: true });
      expect([502, 503]).toContain(got.status);
      expect(got.body).toMatch(/"type":"urn:banyan:cause:/);
    }
    current = undefined;
    expect(await ask()).toEqual({ status: 200, body: 'ok', whole: true });
    expect(gateway.errors).toEqual([]);
  });
});
