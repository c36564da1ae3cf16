import { once } from 'node:events';
import http2 from 'node:http2';
import net from 'node:net';
import tls from 'node:tls';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { SocketTunnel, type TcpClient } from '../../../../src/dataplane/downstream/tcp.ts';
import type { Tunnel } from '../../../../src/dataplane/stream.ts';
import type { Listener, TcpRoute } from '../../../../src/table/model.ts';
import { binaryHeader, CALLER, type Ends, extension, textHeader } from '../../../support/proxy-header.ts';
import { createAuthority } from './certificates.ts';
import {
  httpListener,
  parseAnswers,
  reply,
  sendRaw,
  startToy,
  type Toy,
  type ToyOptions,
  termination,
  toyPassage,
} from './harness.ts';

const GET = 'GET /a HTTP/1.1\r\nHost: shop\r\n\r\n';
const LOCAL = binaryHeader({ command: 0, ends: undefined });
const latin1 = (bytes: Buffer): string => bytes.toString('latin1');

let toy: Toy;
const closing: { close(): unknown }[] = [];
afterEach(async () => {
  await toy.close();
  for (const one of closing.splice(0)) one.close();
});

/** A listener behind a load balancer; requests are answered with the addresses that they are known by. */
async function start(changes: Partial<Listener> = {}, options: ToyOptions = {}): Promise<void> {
  toy = await startToy({
    listeners: (port) => [{ ...httpListener(port), proxyProtocol: true, ...changes }],
    ...options,
  });
  toy.handler = (request) => {
    const { peerAddress, remoteAddress, remotePort, localAddress, localPort, listenerPort, destinationPort } = request;
    const own = listenerPort === toy.port ? 'own' : listenerPort;
    const all = [peerAddress, remoteAddress, remotePort, localAddress, localPort, own, destinationPort];
    reply(request, 200, all.join(' '));
  };
}

const seenFor = ({ sourceAddress, sourcePort, destinationAddress, destinationPort }: Ends): string =>
  `127.0.0.1 ${sourceAddress} ${sourcePort} ${destinationAddress} ${destinationPort} own ${destinationPort}`;
const refusals = (): number => toy.downstream.connections().badProxyHeaders;
const gone = (): Promise<void> => vi.waitFor(() => expect(toy.downstream.openConnections()).toBe(0), { interval: 5 });

const CALLER_V6: Ends = {
  sourceAddress: '2001:db8::7',
  sourcePort: 7,
  destinationAddress: '2001:db8::1',
  destinationPort: 80,
};

describe('a connection that a load balancer passes on', () => {
  const HEADERS: readonly [string, string, Ends][] = [
    ['version 1', textHeader(), CALLER],
    ['version 1, IPv6', textHeader(CALLER_V6), CALLER_V6],
    ['version 2', latin1(binaryHeader()), CALLER],
    ['version 2, IPv6', latin1(binaryHeader({ ends: CALLER_V6 })), CALLER_V6],
    ['version 2 with extensions', latin1(binaryHeader({ extensions: extension(0xea, [1, 2, 3]) })), CALLER],
  ];

  test.each(HEADERS)('%s: requests have the addresses of the client', async (_name, header, ends) => {
    await start();
    const { answers } = await sendRaw(toy.port, header + GET + GET, { answers: 2 });
    expect(answers.map(({ body }) => body)).toEqual([seenFor(ends), seenFor(ends)]);
    expect(refusals()).toBe(0);
  });

  test.each(HEADERS)('%s, byte by byte', async (_name, header, ends) => {
    await start();
    const { answers } = await sendRaw(toy.port, [...header, ...GET.slice(0, 5), GET.slice(5)]);
    expect(answers.map(({ body }) => body)).toEqual([seenFor(ends)]);
  });

  test.each([
    ['in the middle of the header', 20],
    ['at its end', textHeader().length],
    ['in the middle of the request', textHeader().length + 9],
  ])('in two parts, cut %s', async (_name, at) => {
    await start();
    const bytes = textHeader() + GET;
    const { answers } = await sendRaw(toy.port, [bytes.slice(0, at), bytes.slice(at)]);
    expect(answers.map(({ body }) => body)).toEqual([seenFor(CALLER)]);
  });

  test('what follows is not lost, however much it is', async () => {
    await start();
    toy.handler = (request) => {
      let bytes = 0;
      request.body.start({
        onData: (chunk) => {
          bytes += chunk.length;
        },
        onEnd: () => reply(request, 200, String(bytes)),
        onAbort: () => {},
      });
    };
    const post = `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 300000\r\n\r\n${'x'.repeat(300_000)}`;
    const { answers } = await sendRaw(toy.port, textHeader() + post + post, { answers: 2 });
    expect(answers.map(({ body }) => body)).toEqual(['300000', '300000']);
  });

  test.each([
    ['LOCAL', latin1(LOCAL)],
    ['LOCAL with addresses', latin1(binaryHeader({ command: 0 }))],
    ['UNKNOWN', 'PROXY UNKNOWN\r\n'],
  ])('%s: the load balancer speaks for itself', async (_name, header) => {
    await start();
    const { answers } = await sendRaw(toy.port, header + GET);
    expect(answers[0]?.body).toMatch(new RegExp(`^127.0.0.1 127.0.0.1 \\d+ 127.0.0.1 ${toy.port} own ${toy.port}$`));
  });

  test('a second header is no request', async () => {
    await start();
    const { answers } = await sendRaw(toy.port, textHeader() + textHeader() + GET);
    expect(answers.map(({ status }) => status)).toEqual([400]);
    expect(toy.requests).toEqual([]);
    expect(toy.rejected).toMatchObject([{ peerAddress: '127.0.0.1', remoteAddress: CALLER.sourceAddress }]);
  });

  test('HTTP/2 is spoken behind it', async () => {
    await start();
    const socket = net.connect(toy.port, '127.0.0.1');
    socket.write(binaryHeader());
    const session = http2.connect('http://shop', { createConnection: () => socket });
    closing.push(session);
    const stream = session.request({ ':path': '/' });
    let body = '';
    stream.setEncoding('utf8').on('data', (chunk) => {
      body += chunk;
    });
    await once(stream, 'end');
    expect(body).toBe(seenFor(CALLER));
    // What is refused before it is a request is somebody's, too.
    session.request({ ':method': 'CONNECT', ':authority': 'a' }).on('error', () => {});
    await vi.waitFor(() => expect(toy.rejected).toMatchObject([{ remoteAddress: CALLER.sourceAddress }]));
  });
});

describe('what is no header', () => {
  test.each([
    ['a request', GET],
    ['a hello of TLS', '\x16\x03\x01\x02\x00\x01\x00'],
    ['the preface of HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
    ['a bad line', 'PROXY TCP4 shop example 1 2\r\n'],
    ['a line without end', `PROXY UNKNOWN ${'x'.repeat(120)}`],
    ['a version that is not known', latin1(binaryHeader({ version: 3 }))],
    ['a socket of UNIX', latin1(binaryHeader({ family: 3, ends: undefined, extensions: Array<number>(216).fill(0) }))],
    ['broken extensions', latin1(binaryHeader({ extensions: [9] }))],
    ['a good one after a space', ` ${textHeader()}`],
  ])('%s: closed without a word, and counted', async (_name, bytes) => {
    await start();
    const { closed, raw } = await sendRaw(toy.port, bytes + GET);
    expect({ closed, raw }).toEqual({ closed: true, raw: '' });
    await gone();
    expect([refusals(), toy.requests, toy.rejected]).toEqual([1, [], []]);
  });

  test.each([
    ['half a line', 'PROXY TCP4 192.0'],
    ['half of version 2', latin1(binaryHeader().subarray(0, 20))],
    ['its first byte', '\r'],
  ])('%s, and then the end: closed and counted', async (_name, bytes) => {
    await start();
    net.connect({ port: toy.port, host: '127.0.0.1', allowHalfOpen: true }).end(Buffer.from(bytes, 'latin1')).resume();
    await vi.waitFor(() => expect(refusals()).toBe(1));
    await gone();
  });

  test('half a line, and then silence: closed after a while, and counted', async () => {
    await start({}, { limits: { firstBytesTimeoutMs: 60 } });
    const { closed } = await sendRaw(toy.port, 'PROXY TCP4 192.0');
    expect(closed).toBe(true);
    await vi.waitFor(() => expect(refusals()).toBe(1));
  });

  test.each<[string, (socket: net.Socket) => unknown]>([
    ['leaves without a word', (socket) => socket.end()],
    ['breaks off without a word', (socket) => socket.resetAndDestroy()],
    ['says that it speaks for itself and leaves', (socket) => socket.end(LOCAL)],
    ['says for whom it speaks and leaves', (socket) => socket.end(textHeader())],
  ])('a check of health that %s has done nothing wrong', async (_name, check) => {
    await start();
    const socket = net.connect(toy.port, '127.0.0.1').on('error', () => {});
    await once(socket, 'connect');
    await vi.waitFor(() => expect(toy.downstream.connections().accepted).toBe(1));
    check(socket.resume());
    await gone();
    expect([refusals(), toy.requests, toy.rejected]).toEqual([0, [], []]);
  });

  test('a header where the listener does not have the protocol is no request', async () => {
    await start({ proxyProtocol: undefined } as never);
    const { answers } = await sendRaw(toy.port, textHeader() + GET);
    expect(answers.map(({ status }) => status)).toEqual([400]);
    expect([refusals(), toy.requests]).toEqual([0, []]);
  });
});

describe('where the load balancers are named', () => {
  test('they are believed, and must send a header', async () => {
    await start({}, { proxyProtocolFrom: ['10.0.0.0/8', '127.0.0.0/8'] });
    expect((await sendRaw(toy.port, textHeader() + GET)).answers[0]?.body).toBe(seenFor(CALLER));
    expect((await sendRaw(toy.port, GET)).raw).toBe('');
    expect(refusals()).toBe(1);
  });

  test('others are clients of their own, whose word is not taken', async () => {
    await start({}, { proxyProtocolFrom: ['10.0.0.0/8', '127.0.0.2', '::/0'] });
    expect((await sendRaw(toy.port, GET)).answers[0]?.body).toMatch(/^127\.0\.0\.1 127\.0\.0\.1 /);
    expect((await sendRaw(toy.port, textHeader() + GET)).answers.map(({ status }) => status)).toEqual([400]);
    expect((await sendRaw(toy.port, latin1(binaryHeader()) + GET)).answers.map(({ status }) => status)).toEqual([400]);
    expect([refusals(), toy.requests.length]).toEqual([0, 1]);
  });
});

describe('behind the header of a load balancer', () => {
  const authority = createAuthority('servers');
  const credentials = {
    revision: '1',
    credentials: { shop: { kind: 'pair', ...authority.issue({ subject: '/CN=shop' }) } },
  } as const;
  const route: TcpRoute = {
    id: 'ns/db/tcp/0',
    owner: { namespace: 'ns', kind: 'VirtualService', name: 'db', delegate: undefined, file: 'f', line: 1 },
    destinations: [],
    hashSource: false,
    idleTimeoutMs: undefined,
    maxDurationMs: undefined,
  };
  const chains: Listener['tls'] = [
    {
      id: 'web',
      serverNames: ['shop'],
      handling: { kind: 'http', termination: termination(), routeConfig: 'https.443.shop' },
    },
    { id: 'db', serverNames: ['db'], handling: { kind: 'tcp', termination: termination(), route } },
    { id: 'through', serverNames: ['through'], handling: { kind: 'passthrough', route } },
  ];
  const clients: TcpClient[] = [];

  /** Whom raw connections lead to. */
  async function service(serve: (socket: net.Socket) => void): Promise<NonNullable<ToyOptions['openTcp']>> {
    const server = net.createServer((socket) => serve(socket.on('error', () => {})));
    closing.push(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as net.AddressInfo;
    clients.length = 0;
    return (_route, client) => {
      clients.push(client);
      return toyPassage(async () => {
        const socket = net.connect(port, '127.0.0.1');
        await once(socket, 'connect');
        return new SocketTunnel(socket) as Tunnel;
      });
    };
  }
  const ends = {
    peerAddress: '127.0.0.1',
    remoteAddress: CALLER.sourceAddress,
    localAddress: CALLER.destinationAddress,
    destinationPort: CALLER.destinationPort,
  };
  const echo = (socket: net.Socket): unknown => socket.pipe(socket);

  /** TLS over a connection that begins with a header, in pieces of that size. */
  async function overTls(servername: string, ALPNProtocols: string[], piece = Number.POSITIVE_INFINITY) {
    const raw = net.connect(toy.port, '127.0.0.1');
    await once(raw, 'connect');
    raw.setNoDelay(true);
    const header = binaryHeader({ extensions: extension(4, [0x16, 3, 1]) });
    for (let at = 0; at < header.length; at += piece) {
      raw.write(header.subarray(at, at + piece));
      if (piece < header.length) await new Promise((next) => setTimeout(next, 2));
    }
    const socket = tls.connect({ socket: raw, servername, ALPNProtocols, rejectUnauthorized: false });
    socket.on('error', () => {});
    await new Promise((resolve) => socket.once('secureConnect', resolve).once('close', resolve));
    return socket;
  }

  test.each([Number.POSITIVE_INFINITY, 1])('HTTP/1.1 over TLS, its header in pieces of %s', async (piece) => {
    await start({ plaintext: undefined, tls: chains }, { credentials });
    const socket = await overTls('shop', ['http/1.1'], piece);
    socket.write(GET);
    let raw = '';
    while (parseAnswers(raw).length === 0) raw += ((await once(socket, 'data')) as [Buffer])[0].toString('latin1');
    socket.destroy();
    expect(parseAnswers(raw)[0]?.body).toBe(seenFor(CALLER));
  });

  test('HTTP/2 over TLS', async () => {
    await start({ plaintext: undefined, tls: chains }, { credentials });
    const socket = await overTls('shop', ['h2']);
    const session = http2.connect('https://shop', { createConnection: () => socket });
    closing.push(session);
    const stream = session.request({ ':path': '/' }).setEncoding('utf8');
    const [body] = (await once(stream, 'data')) as [string];
    expect(body).toBe(seenFor(CALLER));
  });

  test('a name that no chain has is counted as such', async () => {
    await start({ plaintext: undefined, tls: chains }, { credentials });
    await overTls('other', ['h2']);
    await gone();
    expect(toy.downstream.connections()).toMatchObject({ noChain: 1, badProxyHeaders: 0 });
  });

  test('TLS without a header has no handshake', async () => {
    await start({ plaintext: undefined, tls: chains }, { credentials });
    const socket = tls.connect({ port: toy.port, host: '127.0.0.1', servername: 'shop', rejectUnauthorized: false });
    const [error] = (await once(socket, 'error')) as [NodeJS.ErrnoException];
    expect(error.code).toBe('ECONNRESET');
    await vi.waitFor(() =>
      expect(toy.downstream.connections()).toMatchObject({ failedHandshakes: 0, badProxyHeaders: 1 }),
    );
  });

  test('a raw connection whose TLS ends here', async () => {
    await start({ plaintext: undefined, tls: chains }, { credentials, openTcp: await service(echo) });
    const socket = await overTls('db', []);
    socket.write('ping');
    const [answer] = (await once(socket, 'data')) as [Buffer];
    socket.destroy();
    expect(answer.toString()).toBe('ping');
    expect(clients).toMatchObject([ends]);
  });

  test('TLS that goes on as it came, without the header', async () => {
    let said: Buffer = Buffer.alloc(0);
    const openTcp = await service((socket) => {
      socket.once('data', (bytes) => {
        said = bytes;
        socket.destroy();
      });
    });
    await start({ plaintext: undefined, tls: chains }, { credentials, openTcp });
    await overTls('through', []);
    expect([said[0], said.includes('through')]).toEqual([0x16, true]);
    expect(clients).toMatchObject([ends]);
  });

  test.each([
    ['what came with it', [`${textHeader()}ping`]],
    ['what came after it', [textHeader(), 'ping']],
    ['what came after its last byte', [textHeader().slice(0, -1), '\n', 'ping']],
  ])('a raw connection: %s goes on, and no more', async (_name, parts) => {
    await start({ plaintext: { kind: 'tcp', route } }, { openTcp: await service(echo) });
    const socket = net.connect(toy.port, '127.0.0.1').setNoDelay(true);
    for (const part of parts) {
      socket.write(part);
      await new Promise((next) => setTimeout(next, 5));
    }
    let raw = '';
    socket.on('data', (chunk) => {
      raw += chunk.toString();
    });
    await vi.waitFor(() => expect(raw).toBe('ping'), { interval: 5 });
    socket.destroy();
    expect(clients).toMatchObject([ends]);
  });

  test('a service that speaks first is heard, though its client says no more than the header', async () => {
    const openTcp = await service((socket) => socket.write('hello'));
    await start({ plaintext: { kind: 'tcp', route } }, { openTcp });
    const socket = net.connect(toy.port, '127.0.0.1');
    socket.write(binaryHeader());
    const [first] = (await once(socket, 'data')) as [Buffer];
    expect(first.toString()).toBe('hello');
    socket.destroy();
  });

  test('a raw connection without a header leads nowhere', async () => {
    await start({ plaintext: { kind: 'tcp', route } }, { openTcp: await service(echo) });
    expect((await sendRaw(toy.port, 'ping')).raw).toBe('');
    expect([refusals(), clients]).toEqual([1, []]);
  });
});
