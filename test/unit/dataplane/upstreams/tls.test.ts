import { mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import http2 from 'node:http2';
import type { Server, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import tls from 'node:tls';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { authorityHost, parseAltNames } from '../../../../src/dataplane/upstreams/tls.ts';
import type { Cluster, Credential, UpstreamTls } from '../../../../src/table/model.ts';
import { type Authority, createAuthority, type Pair } from '../downstream/certificates.ts';
import { answering, cleanUp, clusterOf, endpointOf, later, listen, OK, rawServer, rigFor, until } from './support.ts';

afterEach(cleanUp);

let authority: Authority;
let stranger: Authority;
let served: Pair;
let client: Pair;
let secrets: Record<string, Credential>;

beforeAll(() => {
  authority = createAuthority('Backends');
  stranger = createAuthority('Strangers');
  served = authority.issue({
    subject: '/CN=ledger',
    names: 'DNS:ledger.bank.example,DNS:*.vendor.example,URI:spiffe://example/ledger,IP:127.0.0.1',
  });
  client = authority.issue({ subject: '/CN=gateway', usage: 'clientAuth' });
  secrets = {
    ca: { kind: 'ca', certificatesPem: authority.certificatePem, crlPem: undefined },
    stranger: { kind: 'ca', certificatesPem: stranger.certificatePem, crlPem: undefined },
    client: { kind: 'pair', ...client },
    broken: { kind: 'ca', certificatesPem: 'nothing', crlPem: undefined },
    empty: { kind: 'ca', certificatesPem: '', crlPem: undefined },
  };
});

const settings = (changes: Partial<UpstreamTls> = {}): UpstreamTls => ({
  sni: undefined,
  subjectAltNames: [],
  verifyHost: false,
  verify: true,
  ca: 'ca',
  clientCredential: undefined,
  ...changes,
});
const secured = (changes: Partial<UpstreamTls>, rest: Partial<Omit<Cluster, 'connections'>> = {}): Cluster =>
  clusterOf({ tls: settings(changes), ...rest });

interface Seen {
  readonly serverName: string | false | null;
  readonly client: string | undefined;
  readonly alpn: string | false | null;
  readonly resumed: boolean;
}

/** Answers over TLS; keeps what each handshake said. */
async function tlsServer(options: tls.TlsOptions = {}) {
  const seen: Seen[] = [];
  const sockets = new Set<Socket>();
  const server = tls.createServer({ cert: served.certificatePem, key: served.keyPem, ...options }, (socket) => {
    seen.push({
      serverName: socket.servername,
      client: socket.getPeerCertificate().subject?.CN as string | undefined,
      alpn: socket.alpnProtocol,
      resumed: socket.isSessionReused(),
    });
    socket.on('error', () => {});
    answering(() => OK)(socket);
  });
  server.on('tlsClientError', () => {});
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => {});
  });
  const port = await listen(server as Server);
  later(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
  return { port, seen, sockets };
}

async function ask(changes: Partial<UpstreamTls>, host: string, options: tls.TlsOptions = {}) {
  const server = await tlsServer(options);
  const rig = rigFor(server.port, secured(changes), {}, secrets);
  const recorder = await rig.start({ authority: host, scheme: 'https' }).recorder.ended;
  return { recorder, seen: server.seen[0], failure: recorder.failure };
}

describe('a server is trusted (edge-security T-07, T-08)', () => {
  it.each([
    ['by its CA alone, where no name is asked', {}, 'unrelated.example'],
    ['by one of the names asked', { subjectAltNames: ['other.example', 'ledger.bank.example'] }, 'unrelated.example'],
    ['by a name in another case', { subjectAltNames: ['LEDGER.bank.Example'] }, 'unrelated.example'],
    ['by the wildcard of its certificate', { subjectAltNames: ['pay.vendor.example'] }, 'unrelated.example'],
    ['by a URI', { subjectAltNames: ['spiffe://example/ledger'] }, 'unrelated.example'],
    ['by the Host that is sent', { verifyHost: true }, 'ledger.bank.example'],
    ['by the Host without its port, in any case', { verifyHost: true }, 'Ledger.Bank.example:8443'],
    ['by the Host, an address', { verifyHost: true }, '127.0.0.1:443'],
    [
      'by the Host besides the names',
      { verifyHost: true, subjectAltNames: ['ledger.bank.example'] },
      'a.vendor.example',
    ],
    ['by nothing, where nothing is verified', { verify: false, ca: undefined }, 'unrelated.example'],
    [
      'by nothing, whatever is asked besides',
      { verify: false, ca: 'stranger', subjectAltNames: ['x'] },
      'unrelated.example',
    ],
  ])('%s', async (_title, changes, host) => {
    const { recorder } = await ask(changes, host);
    expect([recorder.failure, recorder.body]).toEqual([undefined, 'ok']);
  });

  it.each([
    ['with another CA', { ca: 'stranger' }, 'ledger.bank.example', 'tls-failure'],
    ['with the CAs of the machine, which do not know it', { ca: undefined }, 'ledger.bank.example', 'tls-failure'],
    ['without any of the names', { subjectAltNames: ['someone.example'] }, 'ledger.bank.example', 'tls-failure'],
    ['with a name below the wildcard’s label', { subjectAltNames: ['a.b.vendor.example'] }, 'x', 'tls-failure'],
    ['with the bare domain of the wildcard', { subjectAltNames: ['vendor.example'] }, 'x', 'tls-failure'],
    ['with a wildcard asked, which is none here', { subjectAltNames: ['*.bank.example'] }, 'x', 'tls-failure'],
    ['with a URI in another case', { subjectAltNames: ['spiffe://Example/ledger'] }, 'x', 'tls-failure'],
    ['with the common name', { subjectAltNames: ['ledger'] }, 'x', 'tls-failure'],
    ['with another Host', { verifyHost: true }, 'unrelated.example', 'tls-failure'],
    [
      'with another Host besides a name that fits',
      { verifyHost: true, subjectAltNames: ['ledger.bank.example'] },
      'unrelated.example',
      'tls-failure',
    ],
    [
      'with another name besides a Host that fits',
      { verifyHost: true, subjectAltNames: ['someone.example'] },
      'ledger.bank.example',
      'tls-failure',
    ],
    ['with a CA that is missing', { ca: 'missing' }, 'ledger.bank.example', 'connect-failure'],
    ['with a CA that is unusable', { ca: 'broken' }, 'ledger.bank.example', 'connect-failure'],
    ['with a CA that is empty', { ca: 'empty' }, 'ledger.bank.example', 'connect-failure'],
    ['with a pair for a CA', { ca: 'client' }, 'ledger.bank.example', 'connect-failure'],
    ['with a client certificate that is missing', { clientCredential: 'missing' }, 'x', 'connect-failure'],
    ['with a CA for a pair', { clientCredential: 'ca' }, 'x', 'connect-failure'],
  ])('but not %s', async (_title, changes, host, reason) => {
    const { failure, recorder } = await ask(changes, host);
    expect([failure?.reason, failure?.nothingSent, recorder.status]).toEqual([reason, true, undefined]);
    expect(failure?.detail).toBeTruthy();
    expect(failure?.detail).not.toContain('PRIVATE KEY');
  });

  it.each([
    ['by a cipher of ours', { cipherSuites: ['ECDHE-ECDSA-AES256-GCM-SHA384'] }, true],
    ['by a curve of ours', { ecdhCurves: ['P-256'] }, true],
    ['by none of our ciphers', { cipherSuites: ['ECDHE-ECDSA-AES128-GCM-SHA256'] }, false],
    ['by none of our curves', { ecdhCurves: ['X25519'] }, false],
  ])('%s: %j', async (_title, changes, meet) => {
    const asked = { maxVersion: 'TLSv1.2', ciphers: 'ECDHE-ECDSA-AES256-GCM-SHA384', ecdhCurve: 'P-256' } as const;
    const { recorder } = await ask({ ...changes, verifyHost: true }, 'ledger.bank.example', asked);
    expect(recorder.failure?.reason).toBe(meet ? undefined : 'tls-failure');
  });

  it('but not after its last day, nor without any name in its certificate', async () => {
    const expired = authority.issue({ subject: '/CN=x', names: 'DNS:ledger.bank.example', expired: true });
    const nameless = authority.issue({ subject: '/CN=ledger.bank.example' });
    for (const pair of [expired, nameless]) {
      const options = { cert: pair.certificatePem, key: pair.keyPem };
      const { failure } = await ask({ verifyHost: true }, 'ledger.bank.example', options);
      expect(failure?.reason).toBe('tls-failure');
    }
  });

  it('but not for want of TLS', async () => {
    const server = await rawServer((socket) =>
      socket.once('data', () => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')),
    );
    const rig = rigFor(server.port, secured({}), {}, secrets);
    expect((await rig.start().recorder.ended).failure?.reason).toBe('tls-failure');
  });
});

describe('the server name', () => {
  it.each([
    ['is the rule’s, as written', { sni: 'Ledger.Bank.example' }, 'any.example', 'Ledger.Bank.example'],
    ['else the Host, lower case, without port', {}, 'AUTO.example.com:80', 'auto.example.com'],
    ['else the Host without its last dot', {}, 'auto.example.com.', 'auto.example.com'],
    ['and none for an address', {}, '10.0.0.1:80', false],
    ['nor for one of IPv6', {}, '[2001:db8::1]:80', false],
    ['nor one that is too long for TLS', {}, `${'a'.repeat(300)}.example`, false],
  ])('%s', async (_title, changes, host, serverName) => {
    expect((await ask(changes, host)).seen?.serverName).toBe(serverName);
  });

  it('decides which requests share a connection', async () => {
    const server = await tlsServer();
    const rig = rigFor(server.port, secured({}), {}, secrets);
    for (const host of ['a.example', 'A.example:80', 'b.example', 'a.example']) {
      await rig.start({ authority: host }).recorder.ended;
    }
    expect(server.seen.map(({ serverName }) => serverName)).toEqual(['a.example', 'b.example']);
    const fixed = rigFor(server.port, secured({ sni: 'c.example' }), {}, secrets);
    for (const host of ['a.example', 'b.example']) await fixed.start({ authority: host }).recorder.ended;
    expect(server.seen.length).toBe(3);
  });
});

describe('a client certificate', () => {
  const asking = (): tls.TlsOptions => ({ requestCert: true, rejectUnauthorized: true, ca: authority.certificatePem });

  it('is shown where the rule names one', async () => {
    const { seen, recorder } = await ask({ clientCredential: 'client' }, 'x.example', asking());
    expect([recorder.body, seen?.client]).toEqual(['ok', 'gateway']);
  });

  it('that is not shown is a failure of the handshake, whichever TLS notices it first', async () => {
    for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
      const { failure } = await ask({}, 'x.example', { ...asking(), maxVersion });
      expect(failure?.reason).toBe(maxVersion === 'TLSv1.2' ? 'tls-failure' : 'connection-termination');
    }
  });
});

describe('the protocol', () => {
  it('is offered as HTTP/1.1', async () => {
    expect((await ask({}, 'x.example', { ALPNProtocols: ['h2', 'http/1.1'] })).seen?.alpn).toBe('http/1.1');
  });

  it('must be h2 where HTTP/2 is to be spoken', async () => {
    const cluster = secured({}, { protocol: 'http2' });
    for (const ALPNProtocols of [undefined, ['http/1.1']]) {
      const server = await tlsServer(ALPNProtocols === undefined ? {} : { ALPNProtocols });
      const recorder = await rigFor(server.port, cluster, {}, secrets).start().recorder.ended;
      expect(['connect-failure', 'tls-failure']).toContain(recorder.failure?.reason);
    }
  });

  it('is HTTP/2 where the server agrees', async () => {
    const server = http2.createSecureServer({ cert: served.certificatePem, key: served.keyPem });
    const sessions = new Set<http2.ServerHttp2Session>();
    server.on('session', (session) => sessions.add(session));
    server.on('stream', (stream) => {
      stream.respond({ ':status': 200 });
      stream.end('ok');
    });
    const port = await listen(server as unknown as Server);
    later(async () => {
      for (const session of sessions) session.destroy();
      await new Promise((resolve) => server.close(resolve));
    });
    const rig = rigFor(port, secured({ verifyHost: true }, { protocol: 'http2' }), {}, secrets);
    const recorder = await rig.start({ authority: 'ledger.bank.example', scheme: 'https' }).recorder.ended;
    expect([recorder.failure, recorder.body]).toEqual([undefined, 'ok']);
  });

  it('is none for raw connections', async () => {
    expect((await speak({})).seen?.alpn).toBe(false);
  });
});

/** Over a raw connection; undefined: none was to be had. */
async function speak(
  changes: Partial<UpstreamTls>,
): Promise<{ readonly said: string; readonly seen: Seen | undefined }> {
  const server = await tlsServer();
  const rig = rigFor(server.port, secured(changes, { host: 'db.bank.svc.cluster.local' }), {}, secrets);
  const tunnel = await rig.cluster.connectRaw(rig.host());
  let said = '';
  if (tunnel !== undefined) {
    tunnel.onData = (chunk) => {
      said += Buffer.from(chunk).toString();
    };
    tunnel.write(Buffer.from('GET / HTTP/1.1\r\n\r\n'));
    await until(() => said === OK);
    tunnel.destroy();
  }
  return { said, seen: server.seen[0] };
}

describe('raw connections', () => {
  it.each([
    ['say no name and ask for none where the rule has neither', { verifyHost: true }, OK, false],
    ['say the name of the rule', { sni: 'ledger.bank.example' }, OK, 'ledger.bank.example'],
    ['ask for the names of the rule', { subjectAltNames: ['ledger.bank.example'] }, OK, false],
    [
      'ask for them besides the Host, which they have not',
      { verifyHost: true, subjectAltNames: ['ledger.bank.example'] },
      OK,
      false,
    ],
    ['are refused for want of the names', { subjectAltNames: ['db.bank.svc.cluster.local'] }, '', undefined],
    ['are refused where the authority is a stranger', { verifyHost: true, ca: 'stranger' }, '', undefined],
  ])('%s', async (_, changes, said, serverName) => {
    const { seen, said: heard } = await speak(changes);
    expect(heard).toBe(said);
    if (serverName !== undefined) expect(seen?.serverName).toBe(serverName);
  });
});

describe('other key material', () => {
  it('ends the use of connections that were made with the former', async () => {
    const server = await tlsServer();
    const rig = rigFor(server.port, secured({}), {}, secrets);
    expect((await rig.start().recorder.ended).body).toBe('ok');
    rig.update(secured({}), [endpointOf(server.port)], structuredClone(secrets));
    expect((await rig.start().recorder.ended).connection?.reused).toBe(true);
    rig.update(secured({}), [endpointOf(server.port)], { ...secrets, ca: secrets['stranger'] as Credential });
    expect((await rig.start().recorder.ended).failure?.reason).toBe('tls-failure');
    rig.update(secured({}), [endpointOf(server.port)], secrets);
    expect((await rig.start().recorder.ended).body).toBe('ok');
    rig.update(secured({}), [endpointOf(server.port)], {});
    expect((await rig.start().recorder.ended).failure).toMatchObject({ reason: 'connect-failure' });
    expect(server.seen.every(({ resumed }) => !resumed)).toBe(true);
  });

  it('may lie in files, and is read again when they change', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'trust-'));
    later(() => rmSync(directory, { recursive: true }));
    const [ca, certificate, key] = ['ca.pem', 'client.pem', 'client.key'].map((name) => join(directory, name)) as [
      string,
      string,
      string,
    ];
    writeFileSync(ca, stranger.certificatePem);
    writeFileSync(certificate, client.certificatePem);
    writeFileSync(key, client.keyPem);
    const server = await tlsServer({ requestCert: true, rejectUnauthorized: false });
    const rig = rigFor(
      server.port,
      secured({ ca: `file-ca:${ca}`, clientCredential: `file-pair:${certificate}|${key}` }),
    );
    expect((await rig.start().recorder.ended).failure?.reason).toBe('tls-failure');
    writeFileSync(ca, authority.certificatePem);
    utimesSync(ca, 1, 1);
    expect((await rig.start().recorder.ended).body).toBe('ok');
    expect(server.seen.at(-1)?.client).toBe('gateway');
    rmSync(ca);
    const missing = (await rig.start().recorder.ended).failure;
    expect([missing?.reason, missing?.detail]).toEqual(['connect-failure', expect.stringContaining('ENOENT')]);
  });
});

describe('names', () => {
  it.each([
    ['', []],
    ['DNS:a.example', [['DNS', 'a.example']]],
    [
      'DNS:a.example, IP Address:10.0.0.1, URI:spiffe://a/b',
      [
        ['DNS', 'a.example'],
        ['IP Address', '10.0.0.1'],
        ['URI', 'spiffe://a/b'],
      ],
    ],
    // What must not be taken for two names.
    [
      'DNS:"good.example\\u002c DNS:evil.example", DNS:b',
      [
        ['DNS', 'good.example, DNS:evil.example'],
        ['DNS', 'b'],
      ],
    ],
    ['DNS:"a\\u0000.evil.example"', [['DNS', 'a\0.evil.example']]],
  ])('of a certificate are read from %j', (text, wanted) => {
    expect(parseAltNames(text).map(({ kind, value }) => [kind, value])).toEqual(wanted);
  });

  it.each([
    ['a.example', 'a.example'],
    ['A.example:80', 'a.example'],
    ['a.example.:80', 'a.example'],
    ['10.0.0.1:80', '10.0.0.1'],
    ['[::1]:80', '::1'],
    ['[::1]', '::1'],
    ['', ''],
  ])('are taken from the authority %j', (authorityText, wanted) => {
    expect(authorityHost(authorityText)).toBe(wanted);
  });
});
