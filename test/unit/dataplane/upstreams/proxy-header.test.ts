import tls from 'node:tls';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { ClientEnds } from '../../../../src/dataplane/stream.ts';
import { proxyHeader } from '../../../../src/dataplane/upstreams/proxy-header.ts';
import type { Cluster } from '../../../../src/table/model.ts';
import { type Authority, createAuthority, type Pair } from '../downstream/certificates.ts';
import { answering, cleanUp, clusterOf, OK, rawServer, rigFor, until } from './support.ts';

afterEach(cleanUp);

const ends = (remoteAddress: string, remotePort: number, localAddress: string, localPort: number): ClientEnds => ({
  remoteAddress,
  remotePort,
  localAddress,
  localPort,
});
const CALLER = ends('192.0.2.7', 40_000, '198.51.100.1', 443);
const SIGNATURE = '0d0a0d0a000d0a515549540a';

describe('the header', () => {
  it.each<[string, ClientEnds, string, string]>([
    ['IPv4', CALLER, 'PROXY TCP4 192.0.2.7 198.51.100.1 40000 443\r\n', `2111000c c0000207 c6336401 9c40 01bb`],
    [
      'IPv6',
      ends('2001:db8::7', 1, '::1', 65_535),
      'PROXY TCP6 2001:db8::7 ::1 1 65535\r\n',
      `21210024 20010db8000000000000000000000007 00000000000000000000000000000001 0001 ffff`,
    ],
    [
      'IPv6 without gaps, and with an IPv4 address at its end',
      ends('1:2:3:4:5:6:7:8', 1, '64:ff9b::192.0.2.7', 2),
      'PROXY TCP6 1:2:3:4:5:6:7:8 64:ff9b::192.0.2.7 1 2\r\n',
      `21210024 00010002000300040005000600070008 0064ff9b0000000000000000c0000207 0001 0002`,
    ],
    [
      'both: IPv4 within IPv6',
      ends('192.0.2.7', 1, '2001:db8::', 2),
      'PROXY TCP6 ::ffff:192.0.2.7 2001:db8:: 1 2\r\n',
      `21210024 00000000000000000000ffffc0000207 20010db8000000000000000000000000 0001 0002`,
    ],
    ['neither: it speaks for nobody', ends('', 0, '', 0), 'PROXY UNKNOWN\r\n', '20000000'],
  ])('of %s', (_, client, text, binary) => {
    expect(proxyHeader(1, client).toString('latin1')).toBe(text);
    expect(proxyHeader(2, client).toString('hex')).toBe(SIGNATURE + binary.replaceAll(' ', ''));
  });
});

const LINE = 'PROXY TCP4 192.0.2.7 198.51.100.1 40000 443\r\n';
const proxied = (changes: Partial<Omit<Cluster, 'connections'>> = {}): Cluster =>
  clusterOf({ proxyProtocol: 1, ...changes });

/** Answers requests, each connection after its header, which is kept. */
async function service() {
  const headers: string[] = [];
  const server = await rawServer((socket) => {
    socket.once('data', (first: Buffer) => {
      const text = first.toString('latin1');
      const end = text.indexOf('\r\n') + 2;
      headers.push(text.slice(0, end));
      answering(() => OK)(socket);
      socket.emit('data', first.subarray(end));
    });
  });
  return { ...server, headers };
}

describe('connections that begin with it', () => {
  it('are used again for requests of the same connection of a client, and for nobody else', async () => {
    const server = await service();
    const rig = rigFor(server.port, proxied());
    const other = { ...CALLER, remotePort: 40_001 };
    for (const client of [CALLER, CALLER, other, { ...CALLER }, other])
      expect((await rig.start({ client }).recorder.ended).body).toBe('ok');
    expect(server.headers).toEqual([LINE, LINE.replace('40000', '40001')]);
  });

  it('speak for the gateway itself where it is its own request', async () => {
    const server = await service();
    expect((await rigFor(server.port, proxied()).start().recorder.ended).body).toBe('ok');
    expect(server.headers).toEqual([
      expect.stringMatching(new RegExp(`^PROXY TCP4 127\\.0\\.0\\.1 127\\.0\\.0\\.1 \\d+ ${server.port}\r\n$`)),
    ]);
  });

  it('have none where the cluster does not say so', async () => {
    const seen: string[] = [];
    const server = await rawServer((socket) =>
      answering((request) => {
        seen.push(request);
        return OK;
      })(socket),
    );
    const rig = rigFor(server.port);
    for (const client of [CALLER, { ...CALLER, remotePort: 1 }])
      expect((await rig.start({ client }).recorder.ended).body).toBe('ok');
    expect([server.accepted(), seen[0]?.startsWith('GET / HTTP/1.1\r\n')]).toEqual([1, true]);
  });

  it('are raw too', async () => {
    let heard = '';
    const server = await rawServer((socket) => socket.on('data', (data) => (heard += data.toString('latin1'))));
    const rig = rigFor(server.port, proxied());
    const tunnel = await rig.cluster.connectRaw(rig.host(), undefined, CALLER);
    tunnel?.write(Buffer.from('bytes'));
    await until(() => heard === `${LINE}bytes`);
    tunnel?.destroy();
  });

  it('that nobody takes fail as any other', async () => {
    const server = await rawServer(() => {});
    const rig = rigFor(1, proxied());
    expect((await rig.start({ client: CALLER }).recorder.ended).failure?.reason).toBe('connect-failure');
    expect(server.accepted()).toBe(0);
  });
});

describe('under TLS', () => {
  let authority: Authority;
  let served: Pair;
  beforeAll(() => {
    authority = createAuthority('Backends');
    served = authority.issue({ subject: '/CN=ledger', names: 'DNS:ledger.bank.example' });
  });
  const secured = (ca: string): Cluster =>
    proxied({
      tls: { sni: undefined, subjectAltNames: [], verifyHost: true, verify: true, ca, clientCredential: undefined },
    });
  const secrets = () => ({ ca: { kind: 'ca', certificatesPem: authority.certificatePem, crlPem: undefined } }) as const;

  /** Reads the line in the clear, and then speaks TLS. */
  async function tlsService() {
    const headers: string[] = [];
    const context = tls.createSecureContext({ cert: served.certificatePem, key: served.keyPem });
    const server = await rawServer((socket) => {
      socket.once('readable', () => {
        const first = socket.read() as Buffer;
        const end = first.indexOf('\r\n') + 2;
        headers.push(first.toString('latin1', 0, end));
        if (first.length > end) socket.unshift(first.subarray(end));
        const secure = new tls.TLSSocket(socket, { isServer: true, secureContext: context });
        secure.on('error', () => {});
        answering(() => OK)(secure);
      });
    });
    return { ...server, headers };
  }

  it('it goes first, in the clear', async () => {
    const server = await tlsService();
    const rig = rigFor(server.port, secured('ca'), {}, secrets());
    const recorder = await rig.start({ client: CALLER, authority: 'ledger.bank.example', scheme: 'https' }).recorder
      .ended;
    expect([recorder.failure, recorder.body]).toEqual([undefined, 'ok']);
    expect(server.headers).toEqual([LINE]);
  });

  it('a handshake that fails, and a port that nobody has, are told as ever', async () => {
    const server = await tlsService();
    const rig = rigFor(server.port, secured('ca'), {}, secrets());
    const wrong = rig.start({ client: CALLER, authority: 'other.example', scheme: 'https' });
    expect((await wrong.recorder.ended).failure?.reason).toBe('tls-failure');
    const nobody = rigFor(1, secured('ca'), {}, secrets());
    const refused = nobody.start({ client: CALLER, authority: 'ledger.bank.example', scheme: 'https' });
    expect((await refused.recorder.ended).failure?.reason).toBe('connect-failure');
  });
});
