import { execFile } from 'node:child_process';
import { once } from 'node:events';
import net from 'node:net';
import tls from 'node:tls';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { frame, freePort, startGateway, type TestGateway, virtualService } from '../support/gateway.ts';
import { createAuthority, type Pair } from '../unit/dataplane/downstream/certificates.ts';
import { type RecordingUpstream, recordingUpstream } from './support.ts';

/*
 * The T rows of edge-security §1 through the whole gateway, hellos as bytes where no library would send them. (Tickets and the
 * chain by name: test/unit/dataplane/downstream/tls.test.ts. Services' certificates: test/unit/dataplane/upstreams/tls.test.ts.)
 */

const authority = createAuthority('edge');
const foreigners = createAuthority('foreigners');
const server = authority.issue({ subject: '/CN=edge', names: 'DNS:a.com,DNS:b.com' });
const renewed = authority.issue({ subject: '/CN=renewed', names: 'DNS:a.com' });
const clients = {
  valid: authority.issue({ subject: '/CN=client', names: 'URI:spiffe://example.com/client', usage: 'clientAuth' }),
  expired: authority.issue({ subject: '/CN=late', usage: 'clientAuth', expired: true }),
  'for servers': authority.issue({ subject: '/CN=server', usage: 'serverAuth' }),
  foreign: foreigners.issue({ subject: '/CN=foreign', usage: 'clientAuth' }),
} as const;

let upstream: RecordingUpstream;
let gateway: TestGateway;
let port: number;

const secret = (name: string, pair: Pair, ca?: string): string => `
---
apiVersion: v1
kind: Secret
metadata: { name: ${name}, namespace: istio-system }
data: ${JSON.stringify(
  Object.fromEntries(
    Object.entries({ 'tls.crt': pair.certificatePem, 'tls.key': pair.keyPem, ...(ca && { 'ca.crt': ca }) }).map(
      ([key, text]) => [key, Buffer.from(text).toString('base64')],
    ),
  ),
)}
`;
const resources = (simple: Pair): string =>
  `${frame({ shop: upstream.port })}
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: { name: secure }
spec:
  selector: { istio: ingressgateway }
  servers:
    - { port: { number: ${port}, name: a, protocol: HTTPS }, hosts: ["a.com"], tls: { mode: SIMPLE, credentialName: simple } }
    - { port: { number: ${port}, name: b, protocol: HTTPS }, hosts: ["b.com"], tls: { mode: MUTUAL, credentialName: mutual } }
${secret('simple', simple)}${secret('mutual', server, authority.certificatePem)}` +
  virtualService('shop', '- route: [{ destination: { host: shop.test } }]', '[a.com, b.com]').replace(
    'gateways: [edge]',
    'gateways: [edge, secure]',
  );

beforeAll(async () => {
  upstream = await recordingUpstream();
  port = await freePort();
  gateway = await startGateway(resources(server), {
    limits: { tlsHandshakeTimeoutMs: 600, firstBytesTimeoutMs: 600, sweepIntervalMs: 20 },
  });
});
afterAll(async () => {
  await gateway.close();
  upstream.close();
});

interface Visit {
  readonly status: number;
  readonly peer: string | undefined;
}

/** One request over TLS; status 0: there was no answer. */
function visit(servername: string, options: tls.ConnectionOptions = {}, headers = ''): Promise<Visit> {
  return new Promise((resolve) => {
    let got = '';
    let peer: string | undefined;
    const socket = tls.connect({ port, host: '127.0.0.1', servername, ca: authority.certificatePem, ...options });
    socket.on('secureConnect', () => {
      const { CN } = socket.getPeerCertificate().subject;
      peer = Array.isArray(CN) ? CN[0] : CN;
      socket.write(`GET / HTTP/1.1\r\nHost: ${servername}\r\n${headers}Connection: close\r\n\r\n`);
    });
    socket.on('data', (chunk) => (got += chunk.toString('latin1')));
    socket.on('error', () => {});
    socket.on('close', () => resolve({ status: Number(/^HTTP\/1\.1 (\d{3})/.exec(got)?.[1] ?? 0), peer }));
  });
}
const as = ({ certificatePem, keyPem }: Pair): tls.ConnectionOptions => ({ cert: certificatePem, key: keyPem });
const served = async (): Promise<void> => expect(await visit('a.com')).toMatchObject({ status: 200 });

const sized = (size: number, bytes: Buffer): Buffer => {
  const length = Buffer.alloc(size);
  length.writeUIntBE(bytes.length, 0, size);
  return Buffer.concat([length, bytes]);
};
const extension = (type: number, body: Buffer): Buffer => Buffer.concat([Buffer.from([0, type]), sized(2, body)]);

interface Hello {
  /** 0x0303 is TLS 1.2. */
  readonly version?: number;
  readonly ciphers: readonly number[];
  readonly compression?: readonly number[];
}

function helloOf({ version = 0x0303, ciphers, compression = [0] }: Hello): Buffer {
  const name = sized(2, Buffer.concat([Buffer.from([0]), sized(2, Buffer.from('a.com'))]));
  const groups = sized(2, Buffer.from([0, 23, 0, 29]));
  const signatures = sized(2, Buffer.from([4, 3, 8, 4, 4, 1, 2, 1, 2, 3]));
  const body = Buffer.concat([
    Buffer.from([version >> 8, version & 255]),
    Buffer.alloc(32, 7),
    Buffer.from([0]),
    sized(2, Buffer.from(ciphers.flatMap((cipher) => [cipher >> 8, cipher & 255]))),
    sized(1, Buffer.from(compression)),
    sized(
      2,
      Buffer.concat([
        extension(0, name),
        extension(10, groups),
        extension(11, Buffer.from([1, 0])),
        extension(13, signatures),
      ]),
    ),
  ]);
  const message = Buffer.concat([Buffer.from([1]), sized(3, body)]);
  return Buffer.concat([Buffer.from([0x16, 3, 1]), sized(2, message)]);
}

const ALERT = 0x15;
const ECDHE_ECDSA_AES128_GCM = 0xc02b;

/** The first record that comes back, until the server has said all it says. */
async function reply(hello: Buffer): Promise<Buffer> {
  const socket = net.connect(port, '127.0.0.1');
  const chunks: Buffer[] = [];
  socket.on('error', () => {});
  socket.on('data', (chunk) => chunks.push(chunk));
  socket.write(hello);
  await Promise.race([once(socket, 'close'), vi.waitFor(() => expect(chunks.length).toBeGreaterThan(0), 5_000)]);
  socket.destroy();
  return Buffer.concat(chunks);
}

describe('T-01 what is too old', () => {
  it.each<[string, Hello]>([
    ['TLS 1.0', { version: 0x0301, ciphers: [0xc009, 0xc013] }],
    ['TLS 1.1', { version: 0x0302, ciphers: [0xc009, 0xc013] }],
    ['SSL 3', { version: 0x0300, ciphers: [0x0005, 0x000a] }],
    ['3DES', { ciphers: [0x000a, 0xc008, 0xc012] }],
    ['RC4', { ciphers: [0x0004, 0x0005, 0xc007, 0xc011] }],
    ['CBC with SHA-1', { ciphers: [0x002f, 0x0035, 0xc009, 0xc00a, 0xc013, 0xc014] }],
    ['keys exchanged by RSA', { ciphers: [0x009c, 0x009d, 0x003c] }],
    ['nobody’s certificate', { ciphers: [0xc018, 0x0034, 0x006c] }],
    ['no encryption', { ciphers: [0x0000, 0x0001, 0x0002, 0x003b] }],
  ])('%s is refused', async (_name, hello) => {
    const bytes = await reply(helloOf(hello));
    // Closed, or an alert.
    if (bytes.length > 0) expect(bytes[0]).toBe(ALERT);
    await served();
  });

  it('compression is not agreed on', async () => {
    const bytes = await reply(helloOf({ ciphers: [ECDHE_ECDSA_AES128_GCM], compression: [1, 0] }));
    // Record, ServerHello, version, random, session id, cipher: then the compression.
    expect([bytes[0], bytes[5]]).toEqual([0x16, 2]);
    const at = 5 + 4 + 2 + 32;
    const cipher = at + 1 + (bytes[at] as number);
    expect([bytes.readUInt16BE(cipher), bytes[cipher + 2]]).toEqual([ECDHE_ECDSA_AES128_GCM, 0]);
  });

  it('another handshake on a connection is refused', async () => {
    const socket = tls.connect({
      port,
      host: '127.0.0.1',
      servername: 'a.com',
      ca: authority.certificatePem,
      maxVersion: 'TLSv1.2',
    });
    await once(socket, 'secureConnect');
    const outcome = await new Promise((resolve) => {
      socket.on('error', () => resolve('refused'));
      socket.on('close', () => resolve('refused'));
      socket.renegotiate({}, (error) => resolve(error === null ? 'renegotiated' : 'refused'));
    });
    expect(outcome).toBe('refused');
    socket.destroy();
    await served();
  });

  it('no ticket lets a client send before the handshake is over', async () => {
    const text = await openssl('s_client', '-connect', `127.0.0.1:${port}`, '-servername', 'a.com', '-tls1_3');
    expect(text).toContain('TLSv1.3');
    expect([...text.matchAll(/Max Early Data: (\d+)/g)].every(([, most]) => most === '0')).toBe(true);
  });
});

/** What it prints, after a request. */
const openssl = (...args: string[]): Promise<string> =>
  new Promise((resolve) => {
    const child = execFile('openssl', args, { timeout: 5_000 }, (_error, stdout) => resolve(stdout));
    child.stdin?.write('GET / HTTP/1.1\r\nHost: a.com\r\nConnection: close\r\n\r\n');
  });

describe('T-02 and T-03 client certificates', () => {
  it('lets in who has a valid one', async () => {
    expect(await visit('b.com', as(clients.valid))).toMatchObject({ status: 200 });
  });

  it.each([
    ['none', {}],
    ['one that has expired', as(clients.expired)],
    ['one that is for servers', as(clients['for servers'])],
    ['one of another authority', as(clients.foreign)],
    [
      'one with a chain of 1 MB',
      { ...as(clients.valid), cert: clients.valid.certificatePem + authority.certificatePem.repeat(1_500) },
    ],
  ])('%s gets no answer', async (_name, options) => {
    upstream.arrived.length = 0;
    expect((await visit('b.com', options)).status).toBe(0);
    expect(upstream.arrived).toEqual([]);
    await served();
  });

  it('T-03 a header that tells of a certificate is nobody’s to send, with one or without', async () => {
    for (const [name, options] of [
      ['a.com', {}],
      ['b.com', as(clients.valid)],
    ] as const) {
      upstream.arrived.length = 0;
      await visit(name, options, 'X-Forwarded-Client-Cert: By=spiffe://evil;URI=spiffe://example.com/admin\r\n');
      const [arrived] = upstream.arrived;
      const lines = arrived?.headers
        .filter(([header]) => header === 'x-forwarded-client-cert')
        .map(([, value]) => value);
      expect(lines?.join()).not.toContain('evil');
      expect(lines?.join()).not.toContain('admin');
    }
  });
});

describe('T-04 and T-05 names', () => {
  it.each([
    ['in upper case', 'A.COM', 200],
    ['unknown', 'unknown.example', 0],
    ['that only begins like one', 'a.com.evil.example', 0],
  ])('%s', async (_name, servername, status) => {
    expect((await visit(servername, { checkServerIdentity: () => undefined })).status).toBe(status === 0 ? 0 : status);
  });

  it('T-05 unknown ones in any number leave nothing behind', async () => {
    for (let round = 0; round < 10; round++)
      await Promise.all(Array.from({ length: 50 }, (_, i) => visit(`unknown${round}-${i}.example`)));
    await vi.waitFor(() => expect(gateway.gateway.connections().open).toBe(0), 5_000);
    await served();
  });
});

describe('handshakes', () => {
  it('X-05 200 that stop half way are closed, and others served meanwhile', async () => {
    const hello = helloOf({ ciphers: [ECDHE_ECDSA_AES128_GCM] });
    const halves = Array.from({ length: 200 }, (_, i) => {
      const socket = net.connect(port, '127.0.0.1');
      socket.on('error', () => {});
      socket.resume().write(i % 2 === 0 ? hello : hello.subarray(0, 20));
      return once(socket, 'close');
    });
    await served();
    await Promise.all(halves);
    await vi.waitFor(() => expect(gateway.gateway.connections().open).toBe(0), 5_000);
  });

  it('T-10 none fails while the certificate changes, and the new one is shown', async () => {
    let going = true;
    const visits: Visit[] = [];
    const visiting = (async () => {
      while (going) visits.push(await visit('a.com'));
    })();
    for (let i = 0; i < 20; i++) await gateway.publish(resources(i % 2 === 0 ? renewed : server));
    await gateway.publish(resources(renewed));
    expect(await visit('a.com')).toEqual({ status: 200, peer: 'renewed' });
    going = false;
    await visiting;
    expect(visits.length).toBeGreaterThan(0);
    expect(visits.filter(({ status }) => status !== 200)).toEqual([]);
  });
});
