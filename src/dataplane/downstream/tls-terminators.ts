import { constants, createHash } from 'node:crypto';
import type { Socket } from 'node:net';
import { createSecureContext, createServer, type Server, type TLSSocket, type TlsOptions } from 'node:tls';
import type { TlsFacts } from '../../contract/exchange.ts';
import { filesOf } from '../../table/index.ts';
import type { CredentialTable, TlsServer, TlsTermination } from '../../table/model.ts';
import { describeCertificate, mayEnter } from './client-certificate.ts';
import type { ClientHello } from './client-hello.ts';

/** The server's order wins (istio-semantics §1.1, ALPN). */
const PROTOCOLS = ['h2', 'http/1.1'];

/**
 * Forward secret and authenticated only (edge-security T-01): Envoy's own list for a server. None of them is any use below
 * TLS 1.2, so a Gateway that allows so old a version has to name ciphers too (istio-semantics, validation).
 */
const DEFAULT_CIPHERS = [
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-CHACHA20-POLY1305',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
];

/** Ends TLS for one server of the table. */
export interface Terminator {
  /**
   * `raw` holds the hello unread. Calls `done` once, with the decrypted side, or with undefined when the handshake failed or
   * the client may not enter; the socket is closed then.
   */
  accept(raw: Socket, hello: ClientHello, done: (side: TLSSocket | undefined, facts: TlsFacts) => void): void;
}

export interface UnusableServer {
  readonly serverId: string;
  /** For the operators; names credentials, never shows key material. */
  readonly reason: string;
}

interface Entry {
  readonly termination: TlsTermination;
  readonly material: Material | string;
  /** '' or why no handshake can succeed. */
  readonly reason: string;
  /** Made with the first handshake: many servers never see one, and a context costs as much as a few requests. */
  terminator: Terminator | undefined;
}

interface Material {
  readonly pairs: readonly { readonly cert: string; readonly key: string }[];
  readonly ca: string | undefined;
  readonly crl: string | undefined;
}

/**
 * The TLS servers of a table with their contexts. One context a server: session tickets are sealed with keys of its own,
 * so that a ticket of one server opens nothing at another (edge-security T-06). A context lives until its server's settings
 * or key material change; handshakes under way keep the one they began with.
 */
export class Terminators {
  readonly #handshakeTimeoutMs: number;
  #byId: ReadonlyMap<string, Entry> = new Map();

  constructor(handshakeTimeoutMs: number) {
    this.#handshakeTimeoutMs = handshakeTimeoutMs;
  }

  /** undefined: no handshake can succeed there; the connection is closed, other servers are not concerned. */
  get(serverId: string): Terminator | undefined {
    const entry = this.#byId.get(serverId);
    if (entry === undefined || entry.reason !== '' || typeof entry.material === 'string') return undefined;
    entry.terminator ??= createTerminator(
      { ...contextOptions(serverId, entry.termination, entry.material), handshakeTimeout: this.#handshakeTimeoutMs },
      entry.termination,
    );
    return entry.terminator;
  }

  update(servers: readonly TlsServer[], credentials: CredentialTable): void {
    const next = new Map<string, Entry>();
    const checked = new Map<string, string>();
    for (const { id, handling } of servers) {
      if (handling.kind === 'passthrough') continue;
      const { termination } = handling;
      const material = collectMaterial(termination, credentials);
      const before = this.#byId.get(id);
      const unchanged = before !== undefined && isUnchanged(before, termination, material);
      next.set(
        id,
        unchanged
          ? before
          : { termination, material, terminator: undefined, reason: check(termination, material, checked) },
      );
    }
    this.#byId = next;
  }

  unusable(serverIds: readonly string[]): readonly UnusableServer[] {
    return serverIds.flatMap((serverId) => {
      const reason = this.#byId.get(serverId)?.reason ?? '';
      return reason === '' ? [] : [{ serverId, reason }];
    });
  }
}

function isUnchanged(before: Entry, termination: TlsTermination, material: Material | string): boolean {
  if (JSON.stringify(before.termination) !== JSON.stringify(termination)) return false;
  if (typeof material === 'string' || typeof before.material === 'string') return material === before.material;
  const { pairs, ca, crl } = before.material;
  return (
    ca === material.ca &&
    crl === material.crl &&
    pairs.length === material.pairs.length &&
    pairs.every((pair, at) => pair.cert === material.pairs[at]?.cert && pair.key === material.pairs[at]?.key)
  );
}

/** Can a context be made of it? Asked once for servers that have all in common, as those of one wildcard certificate do. */
function check(termination: TlsTermination, material: Material | string, checked: Map<string, string>): string {
  if (typeof material === 'string') return material;
  const key = JSON.stringify([termination, material]);
  let reason = checked.get(key);
  if (reason === undefined) {
    reason = '';
    try {
      createSecureContext(contextOptions('', termination, material));
    } catch (error) {
      reason = `the key material cannot be used (${(error as NodeJS.ErrnoException).code ?? 'unreadable'})`;
    }
    checked.set(key, reason);
  }
  return reason;
}

function collectMaterial(termination: TlsTermination, table: CredentialTable): Material | string {
  const pairs: { cert: string; key: string }[] = [];
  for (const name of termination.credentials) {
    const credential = table.credentials[name];
    if (credential?.kind !== 'pair') return `${credentialText(name)} is missing or unusable`;
    pairs.push({ cert: credential.certificatePem, key: credential.keyPem });
  }
  if (pairs.length === 0) return 'no credential is named';
  if (termination.clientCertificate === 'none') return { pairs, ca: undefined, crl: undefined };
  // Without a CA of its own OpenSSL would trust every public one: nobody gets in instead (istio-semantics §1.1).
  if (termination.clientCa === undefined) return 'no CA for client certificates is named';
  const ca = table.credentials[termination.clientCa];
  if (ca?.kind !== 'ca') return `the CA for clients, ${credentialText(termination.clientCa)}, is missing or unusable`;
  return { pairs, ca: ca.certificatesPem, crl: ca.crlPem };
}

/** Of `file-pair:/certificate|/key` the files are meant, else a Secret. */
const credentialText = (name: string): string =>
  name.includes(':') ? `what ${filesOf(name).join(' and ')} should hold` : `the credential '${name}'`;

function contextOptions(id: string, termination: TlsTermination, material: Material): TlsOptions {
  const old = termination.minVersion === 'TLSv1' || termination.minVersion === 'TLSv1.1';
  const ciphers = termination.cipherSuites.length > 0 ? termination.cipherSuites : DEFAULT_CIPHERS;
  const mutual = termination.clientCertificate !== 'none';
  return {
    cert: material.pairs.map((pair) => pair.cert),
    key: material.pairs.map((pair) => pair.key),
    ...(material.ca === undefined ? {} : { ca: material.ca }),
    ...(material.crl === undefined ? {} : { crl: material.crl }),
    requestCert: mutual,
    rejectUnauthorized: termination.clientCertificate === 'required',
    minVersion: termination.minVersion,
    maxVersion: termination.maxVersion,
    ...(termination.ecdhCurves !== undefined && { ecdhCurve: termination.ecdhCurves.join(':') }),
    // OpenSSL offers SHA-1 signatures, which TLS 1.0 and 1.1 need, at its lowest security level alone.
    ciphers: [...ciphers, ...(old ? ['@SECLEVEL=0'] : [])].join(':'),
    honorCipherOrder: true,
    sessionIdContext: createHash('sha256').update(id).digest('hex').slice(0, 32),
    // A client certificate is looked at in every handshake: its chain, its dates and the revocation list of now.
    secureOptions: constants.SSL_OP_NO_RENEGOTIATION | (mutual ? constants.SSL_OP_NO_TICKET : 0),
  };
}

/**
 * A TLS server of node's that never listens: connections are put in by the documented `connection` event. It says
 * nothing about which connection a decrypted socket came from, so the two ends of the connection, which no two have
 * alike, tell.
 */
function createTerminator(options: TlsOptions, termination: TlsTermination): Terminator {
  const waiting = new Map<string, (side: TLSSocket) => void>();
  const serverWith = (alpn: readonly string[] | undefined): Server => {
    const server = createServer({ ...options, ...(alpn === undefined ? {} : { ALPNProtocols: [...alpn] }) });
    server.on('secureConnection', (side) => {
      const arrived = waiting.get(endsOf(side));
      if (arrived === undefined) side.destroy();
      else arrived(side);
    });
    // Reported by the closing of the raw socket; without a listener node would only destroy it, which it does anyway.
    server.on('tlsClientError', (_error, side) => side.destroy());
    return server;
  };
  const withAlpn = serverWith(PROTOCOLS);
  let withoutAlpn: Server | undefined;
  return {
    accept(raw, hello, done) {
      const ends = endsOf(raw);
      const facts: TlsFacts = { serverName: hello.serverName, client: undefined };
      const failed = (): void => {
        if (waiting.delete(ends)) done(undefined, facts);
      };
      raw.once('close', failed);
      waiting.set(ends, (side) => {
        waiting.delete(ends);
        raw.removeListener('close', failed);
        side.on('error', () => side.destroy());
        admit(side, termination, facts, done);
      });
      // With nothing in common the handshake goes on without ALPN (istio-semantics §1.1); OpenSSL alone would refuse it.
      const common = hello.alpn.some((protocol) => PROTOCOLS.includes(protocol));
      if (!common) withoutAlpn ??= serverWith(undefined);
      (common ? withAlpn : (withoutAlpn as Server)).emit('connection', raw);
    },
  };
}

const endsOf = (socket: Socket): string =>
  `${socket.remoteAddress} ${socket.remotePort} ${socket.localAddress} ${socket.localPort}`;

function admit(
  side: TLSSocket,
  termination: TlsTermination,
  facts: TlsFacts,
  done: (side: TLSSocket | undefined, facts: TlsFacts) => void,
): void {
  const spoken: TlsFacts = { ...facts, version: side.getProtocol() ?? undefined, cipher: side.getCipher().name };
  if (termination.clientCertificate === 'none') {
    done(side, spoken);
    return;
  }
  const certificate = side.getPeerX509Certificate();
  const verified = certificate === undefined ? termination.clientCertificate === 'optional' : side.authorized;
  if (!verified || !mayEnter(certificate, termination)) {
    side.destroy();
    done(undefined, facts);
    return;
  }
  const client = certificate === undefined ? undefined : describeCertificate(certificate, side.getX509Certificate());
  done(side, { ...spoken, client });
}
