import { createHash, X509Certificate } from 'node:crypto';
import http2 from 'node:http2';
import net from 'node:net';
import { Duplex } from 'node:stream';
import tls from 'node:tls';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { SocketTunnel } from '../../../../src/dataplane/downstream/tcp.ts';
import type { Tunnel } from '../../../../src/dataplane/stream.ts';
import type {
  Credential,
  CredentialTable,
  Listener,
  TcpRoute,
  TlsServer,
  TlsTermination,
} from '../../../../src/table/model.ts';
import { createAuthority, type Pair } from './certificates.ts';
import {
  parseAnswers,
  reply,
  sendRaw,
  startToy,
  type Toy,
  type ToyOptions,
  termination,
  toyPassage,
} from './harness.ts';

const servers = createAuthority('servers');
const clients = createAuthority('clients');
const others = createAuthority('others');
const pairs = {
  shop: servers.issue({ subject: '/CN=shop', names: 'DNS:shop.example.com,URI:spiffe://example.com/gateway' }),
  api: servers.issue({ subject: '/CN=api' }),
  rsa: servers.issue({ subject: '/CN=rsa', key: 'rsa' }),
};
const orders = clients.issue({
  subject: '/C=DE/O=Orders, Inc./CN=orders',
  names: 'URI:spiffe://example.com/orders,DNS:orders.example.com',
  usage: 'clientAuth',
});
const billing = clients.issue({ subject: '/CN=billing', names: 'DNS:*.example.com', usage: 'clientAuth' });
const expired = clients.issue({ subject: '/CN=expired', usage: 'clientAuth', expired: true });
const wrongUse = clients.issue({ subject: '/CN=server', usage: 'serverAuth' });
const foreign = others.issue({ subject: '/CN=foreign', usage: 'clientAuth' });

const pair = (of: Pair): Credential => ({ kind: 'pair', ...of });
const credentials: CredentialTable = {
  revision: '1',
  credentials: {
    shop: pair(pairs.shop),
    api: pair(pairs.api),
    rsa: pair(pairs.rsa),
    mismatch: { kind: 'pair', certificatePem: pairs.shop.certificatePem, keyPem: pairs.api.keyPem },
    garbage: { kind: 'pair', certificatePem: 'garbage', keyPem: 'garbage' },
    clients: { kind: 'ca', certificatesPem: clients.certificatePem, crlPem: undefined },
  },
};

const web = (name: string, changes: Partial<TlsTermination> = {}): TlsServer => ({
  id: `ns/gateway/${name}`,
  serverNames: [name],
  handling: { kind: 'http', termination: termination(changes), routeConfig: `https.443.${name}` },
});

const mutual = (name: string, changes: Partial<TlsTermination> = {}): TlsServer =>
  web(name, { clientCertificate: 'required', clientCa: 'clients', ...changes });

let toy: Toy;
const start = async (
  chains: readonly TlsServer[],
  options: ToyOptions & { plaintext?: Listener['plaintext'] } = {},
): Promise<void> => {
  toy = await startToy({
    credentials,
    listeners: (port) => [{ port, bind: undefined, plaintext: options.plaintext, tls: chains }],
    ...options,
  });
  toy.handler = (request) => reply(request, 200, request.routeConfig);
};
afterEach(async () => toy.close());

interface Visit {
  readonly peer: string | undefined;
  readonly alpn: string | false | null;
  readonly version: string | null;
  readonly resumed: boolean;
  readonly answers: ReturnType<typeof parseAnswers>;
  readonly session: Buffer | undefined;
}

/** A whole visit: handshake, one request, the answer; undefined: the connection was closed without one. */
function visit(options: tls.ConnectionOptions): Promise<Visit | undefined> {
  return new Promise((resolve) => {
    const socket = tls.connect({ port: toy.port, host: '127.0.0.1', rejectUnauthorized: false, ...options }, () =>
      socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n'),
    );
    let raw = '';
    let session: Buffer | undefined;
    socket.on('session', (ticket) => {
      session = ticket;
    });
    socket.on('error', () => {});
    socket.on('close', () => resolve(undefined));
    socket.on('data', (chunk) => {
      raw += chunk.toString('latin1');
      const answers = parseAnswers(raw);
      if (answers.length === 0) return;
      const { CN: peer } = socket.getPeerCertificate().subject ?? {};
      resolve({
        peer: Array.isArray(peer) ? peer[0] : peer,
        alpn: socket.alpnProtocol,
        version: socket.getProtocol(),
        resumed: socket.isSessionReused(),
        answers,
        session,
      });
      socket.destroy();
    });
  });
}
const body = async (options: tls.ConnectionOptions): Promise<string | undefined> =>
  (await visit(options))?.answers[0]?.body;

describe('the chain is chosen by the name that is asked for', () => {
  const chains = [
    web('shop.example.com'),
    web('*.example.com', { credentials: ['api'] }),
    web('*.eu.example.com', { credentials: ['rsa'] }),
  ];

  test.each([
    ['an exact name', 'shop.example.com', 'shop', 'https.443.shop.example.com'],
    ['in any case', 'SHOP.example.COM', 'shop', 'https.443.shop.example.com'],
    ['a wildcard', 'api.example.com', 'api', 'https.443.*.example.com'],
    ['a wildcard of many levels', 'a.b.example.com', 'api', 'https.443.*.example.com'],
    ['the longer wildcard', 'fr.eu.example.com', 'rsa', 'https.443.*.eu.example.com'],
  ])('%s', async (_name, servername, peer, routeConfig) => {
    await start(chains);
    const got = await visit({ servername });
    expect(got).toMatchObject({ peer, answers: [{ status: 200, body: routeConfig }] });
    expect(toy.requests[0]?.tls).toMatchObject({ serverName: servername.toLowerCase(), client: undefined });
  });

  test.each([
    ['no name', undefined],
    ['an unknown name', 'shop.example.org'],
    ['the suffix of a wildcard itself', 'example.com'],
    ['a name with a dot at its end', 'shop.example.com.'],
  ])('%s: closed, and no request comes of it', async (_name, servername) => {
    await start(chains);
    expect(await visit(servername === undefined ? {} : { servername })).toBeUndefined();
    expect(toy.requests).toEqual([]);
    expect(toy.downstream.connections().noChain).toBe(1);
  });

  test('a server for every name takes what no other has', async () => {
    await start([web('shop.example.com'), web('*', { credentials: ['api'] })]);
    expect(await body({})).toBe('https.443.*');
    expect(await body({ servername: 'else.example.org' })).toBe('https.443.*');
    expect(await body({ servername: 'shop.example.com' })).toBe('https.443.shop.example.com');
  });

  test('a hello that comes byte by byte is read all the same', async () => {
    await start(chains);
    const raw = net.connect(toy.port, '127.0.0.1').setNoDelay(true);
    const slow = new Duplex({
      read() {},
      write(chunk: Buffer, _encoding, done) {
        const next = (at: number): void => {
          if (at >= chunk.length) done();
          else raw.write(chunk.subarray(at, at + 7), () => setImmediate(() => next(at + 7)));
        };
        next(0);
      },
    });
    raw.on('data', (chunk) => slow.push(chunk));
    raw.on('close', () => slow.destroy());
    expect(await body({ socket: slow, servername: 'shop.example.com' })).toBe('https.443.shop.example.com');
    raw.destroy();
  });

  test.each([
    ['half a record', '160301'],
    ['no hello', '16030100050100000100'],
    ['a hello without an end', `1603014000${'01003fff'}${'00'.repeat(200)}`],
    ['a name with a line feed', helloWithName('a\nb')],
    ['an empty name', helloWithName('')],
    ['a name of 300 bytes', helloWithName('a'.repeat(300))],
    [
      'an extension that is longer than the hello',
      '16030100350100003103030000000000000000000000000000000000000000000000000000000000000000000000021301010000ff0000',
    ],
  ])('T-04, T-05 %s is closed, the process lives', async (_name, hex) => {
    await start(chains, { limits: { firstBytesTimeoutMs: 60 } });
    const socket = net.connect(toy.port, '127.0.0.1');
    socket.on('error', () => {});
    socket.write(Buffer.from(hex, 'hex'));
    await new Promise((resolve) => socket.on('close', resolve));
    expect(await body({ servername: 'shop.example.com' })).toBe('https.443.shop.example.com');
  });
});

/** A ClientHello, as hexadecimal text, that asks for a name no library would send. */
function helloWithName(name: string): string {
  const sized = (size: number, bytes: Buffer): Buffer => {
    const length = Buffer.alloc(size);
    length.writeUIntBE(bytes.length, 0, size);
    return Buffer.concat([length, bytes]);
  };
  const entry = Buffer.concat([Buffer.from([0]), sized(2, Buffer.from(name, 'latin1'))]);
  const extension = Buffer.concat([Buffer.from([0, 0]), sized(2, sized(2, entry))]);
  const hello = Buffer.concat([
    Buffer.from([3, 3]),
    Buffer.alloc(32),
    Buffer.from([0]),
    sized(2, Buffer.from([0x13, 1])),
    sized(1, Buffer.from([0])),
    sized(2, extension),
  ]);
  return Buffer.concat([
    Buffer.from([0x16, 3, 1]),
    sized(2, Buffer.concat([Buffer.from([1]), sized(3, hello)])),
  ]).toString('hex');
}

describe('what the handshake settles', () => {
  test.each<[string, string[] | undefined, string | false]>([
    ['h2 before http/1.1', ['h2', 'http/1.1'], 'h2'],
    ['h2 before http/1.1, whatever the client prefers', ['http/1.1', 'h2'], 'h2'],
    ['http/1.1 alone', ['http/1.1'], 'http/1.1'],
    ['http/1.1 among others', ['acme-tls/1', 'http/1.1'], 'http/1.1'],
    ['nothing offered', undefined, false],
    ['nothing in common', ['acme-tls/1'], false],
  ])('%s', async (_name, offered, agreed) => {
    await start([web('shop.example.com')]);
    const options = { port: toy.port, host: '127.0.0.1', rejectUnauthorized: false, servername: 'shop.example.com' };
    const socket = tls.connect({ ...options, ...(offered === undefined ? {} : { ALPNProtocols: offered }) });
    await new Promise((resolve, reject) => socket.once('secureConnect', resolve).once('error', reject));
    expect(socket.alpnProtocol).toBe(agreed);
    socket.destroy();
  });

  test('HTTP/2 after ALPN, and by its preface where nothing was agreed on', async () => {
    await start([web('shop.example.com')]);
    for (const ALPNProtocols of [['h2'], []]) {
      const socket = tls.connect({
        port: toy.port,
        host: '127.0.0.1',
        rejectUnauthorized: false,
        servername: 'shop.example.com',
        ALPNProtocols,
      });
      await new Promise((resolve) => socket.once('secureConnect', resolve));
      const session = http2.connect('https://shop.example.com', { createConnection: () => socket });
      const stream = session.request({ ':path': '/' });
      const status = await new Promise((resolve) => stream.on('response', (head) => resolve(head[':status'])));
      expect(status).toBe(200);
      session.destroy();
    }
    expect(toy.requests.map(({ protocol, scheme }) => [protocol, scheme])).toEqual([
      ['HTTP/2', 'https'],
      ['HTTP/2', 'https'],
    ]);
  });

  test('HTTP/1.1 after h2 was agreed on gets no answer', async () => {
    await start([web('shop.example.com')]);
    expect(await visit({ servername: 'shop.example.com', ALPNProtocols: ['h2'] })).toBeUndefined();
    expect(toy.requests).toEqual([]);
  });

  test('versions and ciphers are those of the server', async () => {
    await start([
      web('modern.example.com', { minVersion: 'TLSv1.3' }),
      web('older.example.com', { maxVersion: 'TLSv1.2' }),
      web('strict.example.com', { cipherSuites: ['ECDHE-ECDSA-AES256-GCM-SHA384'] }),
      web('old.example.com', { minVersion: 'TLSv1.1', cipherSuites: ['ECDHE-ECDSA-AES128-SHA'] }),
      web('unsaid.example.com', { minVersion: 'TLSv1.1' }),
      web('default.example.com'),
    ]);
    const version = async (servername: string, maxVersion: tls.SecureVersion, more: tls.ConnectionOptions = {}) =>
      (await visit({ servername, maxVersion, ...more }))?.version;
    const old = { minVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' } as const;
    expect(await version('modern.example.com', 'TLSv1.2')).toBeUndefined();
    expect(await version('modern.example.com', 'TLSv1.3')).toBe('TLSv1.3');
    expect(await version('older.example.com', 'TLSv1.3')).toBe('TLSv1.2');
    expect(
      await version('strict.example.com', 'TLSv1.2', { ciphers: 'ECDHE-ECDSA-AES128-GCM-SHA256' }),
    ).toBeUndefined();
    expect(await version('strict.example.com', 'TLSv1.2')).toBe('TLSv1.2');
    expect(await version('strict.example.com', 'TLSv1.3')).toBe('TLSv1.3');
    expect(await version('old.example.com', 'TLSv1.1', old)).toBe('TLSv1.1');
    expect(await version('unsaid.example.com', 'TLSv1.1', old)).toBeUndefined();
    expect(await version('unsaid.example.com', 'TLSv1.2')).toBe('TLSv1.2');
    expect(await version('default.example.com', 'TLSv1.1', old)).toBeUndefined();
    expect(await version('default.example.com', 'TLSv1.2', { ciphers: 'ECDHE-ECDSA-AES128-SHA' })).toBeUndefined();
  });

  test('curves are those of the server', async () => {
    await start([web('one.example.com', { ecdhCurves: ['P-256'] }), web('any.example.com')]);
    const met = async (servername: string, ecdhCurve: string) =>
      (await visit({ servername, ecdhCurve }))?.version !== undefined;
    expect([await met('one.example.com', 'P-256'), await met('one.example.com', 'X25519')]).toEqual([true, false]);
    expect([await met('any.example.com', 'P-256'), await met('any.example.com', 'X25519')]).toEqual([true, true]);
  });

  test('of two certificates the client gets the one it can use', async () => {
    await start([web('shop.example.com', { credentials: ['rsa', 'shop'] })]);
    const options = { servername: 'shop.example.com', maxVersion: 'TLSv1.2' } as const;
    expect(await visit({ ...options, ciphers: 'ECDHE-RSA-AES128-GCM-SHA256' })).toMatchObject({ peer: 'rsa' });
    expect(await visit({ ...options, ciphers: 'ECDHE-ECDSA-AES128-GCM-SHA256' })).toMatchObject({ peer: 'shop' });
    expect(await visit({ servername: 'shop.example.com' })).toMatchObject({ peer: 'shop', version: 'TLSv1.3' });
  });

  test('T-06 a ticket opens the server that gave it, and no other', async () => {
    await start([web('shop.example.com'), web('api.example.com')]);
    const first = await visit({ servername: 'shop.example.com', maxVersion: 'TLSv1.2' });
    const session = first?.session ?? Buffer.alloc(0);
    expect(session.length).toBeGreaterThan(0);
    expect(await visit({ servername: 'shop.example.com', maxVersion: 'TLSv1.2', session })).toMatchObject({
      resumed: true,
    });
    expect(await visit({ servername: 'api.example.com', maxVersion: 'TLSv1.2', session })).toMatchObject({
      resumed: false,
    });
  });

  test.each(['missing', 'mismatch', 'garbage'])(
    'a credential that is %s costs its own server alone, and is reported',
    async (name) => {
      await start([web('shop.example.com'), web('broken.example.com', { credentials: [name] })]);
      expect(await visit({ servername: 'broken.example.com' })).toBeUndefined();
      expect(await body({ servername: 'shop.example.com' })).toBe('https.443.shop.example.com');
      expect(toy.downstream.listeners()[0]).toMatchObject({
        state: 'listening',
        unusable: [{ serverId: 'ns/gateway/broken.example.com' }],
      });
      expect(toy.downstream.connections().failedHandshakes).toBe(1);
    },
  );

  test('T-10 a new certificate is shown to new connections; an open one goes on', async () => {
    await start([web('shop.example.com')]);
    const [listener] =
      toy.requests.length === 0
        ? [{ port: toy.port, bind: undefined, plaintext: undefined, tls: [web('shop.example.com')] }]
        : [];
    const socket = tls.connect({
      port: toy.port,
      host: '127.0.0.1',
      rejectUnauthorized: false,
      servername: 'shop.example.com',
    });
    await new Promise((resolve) => socket.once('secureConnect', resolve));
    const rotated = { revision: '2', credentials: { ...credentials.credentials, shop: pair(pairs.api) } };
    await toy.downstream.apply([listener as Listener], rotated);
    expect(await visit({ servername: 'shop.example.com' })).toMatchObject({ peer: 'api' });
    let raw = '';
    socket.on('data', (chunk) => {
      raw += chunk.toString('latin1');
    });
    socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    for (let i = 0; i < 100 && parseAnswers(raw).length === 0; i++) await new Promise((next) => setTimeout(next, 5));
    expect(parseAnswers(raw)).toMatchObject([{ status: 200, body: 'https.443.shop.example.com' }]);
    expect(socket.getPeerCertificate().subject.CN).toBe('shop');
    socket.destroy();
  });

  test('a handshake that stands still is ended', async () => {
    await start([web('shop.example.com')], { limits: { tlsHandshakeTimeoutMs: 60 } });
    const socket = net.connect(toy.port, '127.0.0.1');
    socket.on('error', () => {});
    socket.resume();
    // What the gateway answers never reaches the client, so that it has nothing to go on with.
    const deaf = new Duplex({ read() {}, write: (chunk, _encoding, done) => void socket.write(chunk, done) });
    tls.connect({ socket: deaf, servername: 'shop.example.com' }).on('error', () => {});
    await new Promise((resolve) => socket.on('close', resolve));
    await vi.waitFor(() => expect(toy.downstream.connections()).toMatchObject({ open: 0, failedHandshakes: 1 }));
    deaf.destroy();
  });
});

describe('client certificates', () => {
  const as = (client: Pair): tls.ConnectionOptions => ({ cert: client.certificatePem, key: client.keyPem });

  test.each<[string, tls.ConnectionOptions, boolean]>([
    ['of the CA', as(orders), true],
    ['none', {}, false],
    ['of another CA', as(foreign), false],
    ['that has expired', as(expired), false],
    ['that is for servers', as(wrongUse), false],
  ])('T-02 mutual: %s', async (_name, options, enters) => {
    await start([mutual('a.example.com')]);
    for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const)
      expect((await visit({ servername: 'a.example.com', maxVersion, ...options })) !== undefined).toBe(enters);
    expect(toy.requests.length).toBe(enters ? 2 : 0);
  });

  test.each<[string, tls.ConnectionOptions, boolean]>([
    ['none', {}, true],
    ['of the CA', as(orders), true],
    ['of another CA', as(foreign), false],
    ['that has expired', as(expired), false],
  ])('optional: %s', async (_name, options, enters) => {
    await start([web('a.example.com', { clientCertificate: 'optional', clientCa: 'clients' })]);
    expect((await visit({ servername: 'a.example.com', ...options })) !== undefined).toBe(enters);
  });

  const x509 = new X509Certificate(orders.certificatePem);
  const hash = x509.fingerprint256;
  const pin = createHash('sha256')
    .update(x509.publicKey.export({ type: 'spki', format: 'der' }))
    .digest('base64');
  test.each<[string, Partial<TlsTermination>, boolean, boolean]>([
    ['one of the names', { subjectAltNames: ['x', 'spiffe://example.com/orders'] }, true, false],
    ['a name of DNS', { subjectAltNames: ['orders.example.com'] }, true, false],
    ['a wildcard is a name like any other', { subjectAltNames: ['*.example.com'] }, false, true],
    ['the hash', { certificateHashes: [hash] }, true, false],
    ['the hash without colons', { certificateHashes: [hash.replaceAll(':', '').toLowerCase()] }, true, false],
    ['the key', { spkiPins: [pin] }, true, false],
    ['hash or key', { spkiPins: ['x'], certificateHashes: [hash] }, true, false],
    ['neither', { spkiPins: ['x'], certificateHashes: ['y'] }, false, false],
    ['nothing in particular', {}, true, true],
  ])('beyond the chain: %s', async (_name, changes, ordersEnter, billingEnters) => {
    await start([
      mutual('a.example.com', changes),
      web('b.example.com', { ...changes, clientCertificate: 'optional', clientCa: 'clients' }),
    ]);
    expect((await visit({ servername: 'a.example.com', ...as(orders) })) !== undefined).toBe(ordersEnter);
    expect((await visit({ servername: 'a.example.com', ...as(billing) })) !== undefined).toBe(billingEnters);
    // Without a certificate none of this can hold, not even where one is optional.
    expect((await visit({ servername: 'b.example.com' })) !== undefined).toBe(Object.keys(changes).length === 0);
  });

  test.each<[string, Partial<TlsTermination>]>([
    ['no CA is named', { clientCa: undefined }],
    ['the CA is missing', { clientCa: 'missing' }],
    ['what is named is no CA', { clientCa: 'shop' }],
  ])('nobody gets in when %s', async (_name, changes) => {
    await start([mutual('a.example.com', changes)]);
    expect(await visit({ servername: 'a.example.com', ...as(orders) })).toBeUndefined();
    expect(toy.downstream.listeners()[0]?.unusable).toHaveLength(1);
  });

  test('what is known of the certificate comes with the request', async () => {
    await start([mutual('a.example.com')]);
    await visit({ servername: 'a.example.com', ...as(orders) });
    expect(toy.requests[0]?.tls).toEqual({
      serverName: 'a.example.com',
      version: 'TLSv1.3',
      cipher: expect.stringMatching(/^TLS_/),
      client: {
        pem: orders.certificatePem,
        hash: hash.replaceAll(':', '').toLowerCase(),
        subject: 'CN=orders,O=Orders\\, Inc.,C=DE',
        uris: ['spiffe://example.com/orders'],
        dnsNames: ['orders.example.com'],
        serverUri: 'spiffe://example.com/gateway',
      },
    });
  });

  test('a certificate that nobody asked for is not looked at', async () => {
    await start([web('a.example.com')]);
    await visit({ servername: 'a.example.com', ...as(orders) });
    expect(toy.requests[0]?.tls?.client).toBeUndefined();
  });
});

describe('raw connections', () => {
  const route: TcpRoute = {
    id: 'ns/db/tcp/0',
    owner: { namespace: 'ns', kind: 'VirtualService', name: 'db', delegate: undefined, file: 'f', line: 1 },
    destinations: [],
    hashSource: false,
    idleTimeoutMs: undefined,
    maxDurationMs: undefined,
  };
  const backends: net.Server[] = [];
  afterEach(() => {
    for (const backend of backends.splice(0)) backend.close();
  });
  const asked: unknown[] = [];
  /** Of the test's own connections: why each ended, and what had passed by then. */
  let ends: unknown[] = [];
  const endOf = async (): Promise<unknown> => {
    await vi.waitFor(() => expect(ends).not.toEqual([]), { interval: 5 });
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(ends).toHaveLength(1);
    return ends[0];
  };
  /** Connects every route to a backend of the test. */
  const to = async (serve: (socket: net.Socket) => void): Promise<NonNullable<ToyOptions['openTcp']>> => {
    const backend = net.createServer({ allowHalfOpen: true }, serve);
    backends.push(backend);
    await new Promise<void>((resolve) => backend.listen(0, '127.0.0.1', resolve));
    const { port } = backend.address() as net.AddressInfo;
    asked.length = 0;
    const mine: unknown[] = [];
    ends = mine;
    return (wanted, client) => {
      asked.push([wanted, client.tls?.serverName]);
      const connect = (): Promise<Tunnel> =>
        new Promise((resolve) => {
          const socket = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true }, () =>
            resolve(new SocketTunnel(socket)),
          );
        });
      const passage: ReturnType<typeof toyPassage> = toyPassage(
        connect,
        (why) => void mine.push({ why, ...passage.record }),
      );
      return passage;
    };
  };
  const shout = (socket: net.Socket): void => {
    socket.on('data', (chunk) => socket.write(chunk.toString('latin1').toUpperCase()));
    socket.on('end', () => socket.end('BYE'));
    socket.on('error', () => {});
  };

  test('a TCP server passes bytes and ends on, the first ones too', async () => {
    const openTcp = await to(shout);
    await start([], { plaintext: { kind: 'tcp', route }, openTcp });
    const socket = net.connect({ port: toy.port, host: '127.0.0.1', allowHalfOpen: true });
    let raw = '';
    socket.on('data', (chunk) => {
      raw += chunk.toString();
    });
    socket.end('GET / HTTP/1.1\r\n\r\n');
    await new Promise((resolve) => socket.on('end', resolve));
    expect(raw).toBe('GET / HTTP/1.1\r\n\r\nBYE');
    expect(asked).toEqual([[route, undefined]]);
    await vi.waitFor(() =>
      expect(toy.downstream.connections()).toMatchObject({ tunnelBytesIn: 18, tunnelBytesOut: 21 }),
    );
  });

  test('a service that speaks first is heard', async () => {
    const openTcp = await to((socket) => socket.end('hello'));
    await start([], { plaintext: { kind: 'tcp', route }, openTcp });
    const socket = net.connect(toy.port, '127.0.0.1');
    const first = await new Promise((resolve) => socket.once('data', (chunk) => resolve(chunk.toString())));
    expect(first).toBe('hello');
    socket.destroy();
  });

  test('passthrough gives the hello itself to the service', async () => {
    const backend = tls.createServer({ cert: pairs.api.certificatePem, key: pairs.api.keyPem }, (socket) => {
      socket.on('error', () => {});
      socket.on('data', () =>
        socket.end(
          `HTTP/1.1 200 OK\r\ncontent-length: ${(socket as { servername?: string }).servername?.length ?? 0}\r\n\r\n${(socket as { servername?: string }).servername}`,
        ),
      );
    });
    const openTcp = await to((socket) => backend.emit('connection', socket));
    await start([{ id: 'ns/g/bank', serverNames: ['bank.example.com'], handling: { kind: 'passthrough', route } }], {
      openTcp,
    });
    expect(await visit({ servername: 'bank.example.com' })).toMatchObject({
      peer: 'api',
      answers: [{ body: 'bank.example.com' }],
    });
    expect(asked).toEqual([[route, 'bank.example.com']]);
  });

  test('TLS can end here and the bytes go on as they are', async () => {
    const openTcp = await to(shout);
    await start(
      [
        {
          id: 'ns/g/db',
          serverNames: ['db.example.com'],
          handling: { kind: 'tcp', termination: termination(), route },
        },
      ],
      { openTcp },
    );
    const socket = tls.connect({
      port: toy.port,
      host: '127.0.0.1',
      rejectUnauthorized: false,
      servername: 'db.example.com',
    });
    socket.write('ping');
    const first = await new Promise((resolve) => socket.once('data', (chunk) => resolve(chunk.toString())));
    expect(first).toBe('PING');
    socket.destroy();
  });

  test.each<[string, string, { readonly idleTimeoutMs?: number }, (socket: tls.TLSSocket) => void]>([
    ['its client is done', 'finished', {}, (socket) => socket.end()],
    ['its client leaves without a word of TLS', 'finished', {}, (socket) => socket.destroy()],
    ['nothing passes', 'idle-timeout', { idleTimeoutMs: 80 }, () => {}],
    ['the gateway drains', 'drained', {}, () => void toy.downstream.drain(10)],
    ['the gateway closes', 'drained', {}, () => void toy.downstream.close()],
  ])('where TLS ends here it is told once that %s', async (_name, why, times, end) => {
    const openTcp = await to(shout);
    const handling = { kind: 'tcp', termination: termination(), route: { ...route, ...times } } as const;
    await start([{ id: 'ns/g/db', serverNames: ['db.example.com'], handling }], { openTcp });
    const { port } = toy;
    const socket = tls.connect({ port, host: '127.0.0.1', rejectUnauthorized: false, servername: 'db.example.com' });
    socket.on('error', () => {});
    socket.write('ping');
    await new Promise((resolve) => socket.once('data', resolve));
    end(socket);
    expect(await endOf()).toMatchObject({ why, bytesReceived: 4 });
  });

  test.each<[string, TcpRoute | undefined, () => Promise<Tunnel | undefined>]>([
    ['no route', undefined, async () => undefined],
    ['no connection', route, async () => undefined],
    ['a failure', route, async () => Promise.reject(new Error('failed'))],
  ])('%s closes the connection', async (_name, leading, connect) => {
    const mine: unknown[] = [];
    ends = mine;
    const openTcp = (): ReturnType<typeof toyPassage> => toyPassage(connect, () => void mine.push('ended'));
    await start([], { plaintext: { kind: 'tcp', route: leading }, openTcp });
    const socket = net.connect(toy.port, '127.0.0.1');
    socket.on('error', () => {});
    await new Promise((resolve) => socket.on('close', resolve));
    await vi.waitFor(() => expect(toy.downstream.openConnections()).toBe(0));
    expect(await endOf()).toBe('ended');
  });

  test('a tunnel that nothing goes through is closed after a while', async () => {
    const openTcp = await to(shout);
    await start([], { plaintext: { kind: 'tcp', route }, openTcp, limits: { tunnelIdleTimeoutMs: 80 } });
    const socket = net.connect(toy.port, '127.0.0.1');
    await new Promise((resolve) => socket.on('close', resolve));
  });

  test.each([
    ['after the idle time of its destination', { idleTimeoutMs: 80 }],
    ['when it has lasted as long as its destination lets it', { maxDurationMs: 80 }],
  ])('it is closed %s', async (_when, times) => {
    const openTcp = await to(shout);
    await start([], { plaintext: { kind: 'tcp', route: { ...route, ...times } }, openTcp });
    const socket = net.connect(toy.port, '127.0.0.1');
    await new Promise((resolve) => socket.on('close', resolve));
  });

  test('it stays where its destination knows no idle time', async () => {
    const openTcp = await to(shout);
    const endless = { plaintext: { kind: 'tcp', route: { ...route, idleTimeoutMs: 0 } }, openTcp } as const;
    await start([], { ...endless, limits: { tunnelIdleTimeoutMs: 1 } });
    const socket = net.connect(toy.port, '127.0.0.1');
    const closed = new Promise((resolve) => socket.on('close', () => resolve('closed')));
    // Some looks later.
    const later = new Promise((resolve) => setTimeout(resolve, 200, 'open'));
    expect(await Promise.race([closed, later])).toBe('open');
    socket.destroy();
  });
});

describe('plain bytes and TLS on one port', () => {
  test('each goes to its own server', async () => {
    await start([web('shop.example.com')], { plaintext: { kind: 'http', routeConfig: 'http.443' } });
    expect(await body({ servername: 'shop.example.com' })).toBe('https.443.shop.example.com');
    const { answers } = await sendRaw(toy.port, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    expect(answers).toMatchObject([{ status: 200, body: 'http.443' }]);
    const session = http2.connect(`http://127.0.0.1:${toy.port}`);
    const stream = session.request({ ':path': '/' });
    expect(await new Promise((resolve) => stream.on('response', (head) => resolve(head[':status'])))).toBe(200);
    session.destroy();
  });

  test('plain bytes where only TLS is spoken are closed without an answer', async () => {
    await start([web('shop.example.com')]);
    expect(await sendRaw(toy.port, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n')).toMatchObject({ raw: '', closed: true });
    expect(toy.downstream.connections().noChain).toBe(1);
  });

  test('TLS where only plain bytes are spoken is closed without an answer', async () => {
    await start([], { plaintext: { kind: 'http', routeConfig: 'http.80' } });
    expect(await visit({ servername: 'shop.example.com' })).toBeUndefined();
  });
});
