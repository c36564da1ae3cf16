import { readFileSync, statSync } from 'node:fs';
import { isIP } from 'node:net';
import tls from 'node:tls';
import { isDeepStrictEqual } from 'node:util';
import { err, ok, type Result } from '../../kernel/result.ts';
import type { Credential, CredentialTable, UpstreamTls } from '../../table/model.ts';

/** What one connection needs of TLS. */
export interface TlsDial {
  readonly context: tls.SecureContext;
  /** '' sends none. */
  readonly serverName: string;
  readonly verify: boolean;
  /** Why the server's certificate is not for whom we want to speak to; undefined: it is. */
  readonly checkNames: (certificate: { readonly subjectaltname?: string | undefined }) => string | undefined;
}

/** Key material by name, and the contexts made of it: one for each combination, made anew when its material changes. */
export class UpstreamCredentials {
  readonly #listed = new Map<string, { readonly credential: Credential; readonly version: number }>();
  readonly #contexts = new Map<string, CachedContext>();
  #versions = 0;

  update(table: CredentialTable): void {
    const { credentials } = table;
    for (const name of [...this.#listed.keys()]) if (!Object.hasOwn(credentials, name)) this.#listed.delete(name);
    for (const [name, credential] of Object.entries(credentials)) {
      const before = this.#listed.get(name);
      if (before !== undefined && isDeepStrictEqual(before.credential, credential)) continue;
      this.#listed.set(name, { credential, version: ++this.#versions });
    }
    for (const [key, cached] of this.#contexts)
      if (cached.stamp !== this.fingerprint(cached.settings)) this.#contexts.delete(key);
  }

  /** Changes whenever other material would be used: connections that were made with what was before end their days. */
  fingerprint({ ca, clientCredential }: Parts): string {
    return `${this.#stamp(ca)}\n${this.#stamp(clientCredential)}`;
  }

  /** The error says which credential is missing or why it cannot be used: this destination alone suffers from it (istio-semantics §3.6). */
  context(settings: Parts): Result<tls.SecureContext, string> {
    const key = JSON.stringify([settings.ca, settings.clientCredential, settings.cipherSuites, settings.ecdhCurves]);
    const stamp = this.fingerprint(settings);
    const cached = this.#contexts.get(key);
    if (cached?.stamp === stamp) return cached.context;
    const context = this.#create(settings);
    this.#contexts.set(key, { settings, stamp, context });
    return context;
  }

  #create(settings: Parts): Result<tls.SecureContext, string> {
    const options: tls.SecureContextOptions = {
      minVersion: 'TLSv1.2',
      maxVersion: 'TLSv1.3',
      ...(settings.cipherSuites !== undefined && { ciphers: settings.cipherSuites.join(':') }),
      ...(settings.ecdhCurves !== undefined && { ecdhCurve: settings.ecdhCurves.join(':') }),
    };
    if (settings.ca === undefined) {
      const system = systemCas();
      if (system.length > 0) options.ca = system;
    } else {
      const found = this.#find(settings.ca);
      if (!found.ok) return found;
      if (found.value.kind !== 'ca') return err(`the credential ${settings.ca} is not a CA`);
      // OpenSSL skips what is no certificate, and Node would take an empty text for "the usual CAs".
      if (!HAS_CERTIFICATE.test(found.value.certificatesPem)) return err(`the CA ${settings.ca} holds no certificate`);
      options.ca = found.value.certificatesPem;
      if (found.value.crlPem !== undefined) options.crl = found.value.crlPem;
    }
    if (settings.clientCredential !== undefined) {
      const found = this.#find(settings.clientCredential);
      if (!found.ok) return found;
      if (found.value.kind !== 'pair')
        return err(`the credential ${settings.clientCredential} is not a certificate with its key`);
      options.cert = found.value.certificatePem;
      options.key = found.value.keyPem;
    }
    try {
      return ok(tls.createSecureContext(options));
    } catch (error) {
      return err(`the credentials cannot be used: ${(error as Error).message}`);
    }
  }

  #find(name: string): Result<Credential, string> {
    const listed = this.#listed.get(name);
    if (listed !== undefined) return ok(listed.credential);
    try {
      const fromFile = readCredential(name);
      if (fromFile !== undefined) return ok(fromFile);
    } catch (error) {
      return err(`the credential ${name} cannot be read: ${(error as NodeJS.ErrnoException).code ?? 'unreadable'}`);
    }
    return err(`the credential ${name} is missing`);
  }

  /** Identity of the material: a version of the table's, or the state of its files. */
  #stamp(name: string | undefined): string {
    if (name === undefined) return '';
    const listed = this.#listed.get(name);
    if (listed !== undefined) return `${listed.version}`;
    return filesOf(name)?.map(fileStamp).join(' ') ?? 'missing';
  }
}

const HAS_CERTIFICATE = /-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----/;

type Parts = Pick<UpstreamTls, 'ca' | 'clientCredential' | 'cipherSuites' | 'ecdhCurves'>;

interface CachedContext {
  readonly settings: Parts;
  readonly stamp: string;
  readonly context: Result<tls.SecureContext, string>;
}

/** `file-ca:/path` and `file-pair:/certificate|/key`: files of the gateway's own machine (`caCertificates`, `clientCertificate`). */
function filesOf(name: string): string[] | undefined {
  if (name.startsWith('file-ca:')) return [name.slice('file-ca:'.length)];
  if (name.startsWith('file-pair:')) return name.slice('file-pair:'.length).split('|');
  return undefined;
}

function readCredential(name: string): Credential | undefined {
  const [first, second] = filesOf(name) ?? [];
  if (first === undefined) return undefined;
  if (name.startsWith('file-ca:'))
    return { kind: 'ca', certificatesPem: readFileSync(first, 'utf8'), crlPem: undefined };
  if (second === undefined) return undefined;
  return { kind: 'pair', certificatePem: readFileSync(first, 'utf8'), keyPem: readFileSync(second, 'utf8') };
}

function fileStamp(path: string): string {
  const stat = statSync(path, { throwIfNoEntry: false });
  return stat === undefined ? 'none' : `${stat.mtimeMs}:${stat.size}:${stat.ino}`;
}

/** The machine's own list; empty: it has none, and Node's is used. */
function systemCas(): string[] {
  try {
    return tls.getCACertificates('system');
  } catch {
    return [];
  }
}

/** The host part of an authority, as SNI and certificates have it: lower case, no port, no final dot. */
export function authorityHost(authority: string): string {
  const host = authority.startsWith('[') ? authority.slice(1, authority.indexOf(']')) : authority.replace(/:\d*$/, '');
  return host.toLowerCase().replace(/\.$/, '');
}

/** Requests of one cluster may share a connection only if these agree: its handshake was made for them. */
export function tlsIdentity(settings: UpstreamTls, authority: string): string {
  return settings.sni === undefined || settings.verifyHost ? authorityHost(authority) : '';
}

/** `authority` undefined: a connection of raw bytes, which belong to no Host. Its TLS has a name only where the rule says one (Envoy's `auto_sni`, `auto_san_validation` are the HTTP router's). */
export function tlsDial(settings: UpstreamTls, context: tls.SecureContext, authority: string | undefined): TlsDial {
  const host = authority === undefined ? undefined : authorityHost(authority);
  // The rule's own word as it is written, as Envoy sends it.
  const serverName = settings.sni ?? host ?? '';
  return {
    context,
    // An address is no server name (RFC 6066 §3).
    serverName: isIP(serverName) === 0 ? serverName : '',
    verify: settings.verify,
    checkNames: (certificate) => checkNames(settings, host, certificate.subjectaltname),
  };
}

/** istio-semantics §3.6: one of the rule's names, and the Host besides where it counts; with neither any name will do. */
function checkNames(
  settings: UpstreamTls,
  host: string | undefined,
  subjectAltName: string | undefined,
): string | undefined {
  const names = parseAltNames(subjectAltName ?? '');
  const fits = (wanted: string): boolean => names.some((name) => nameFits(wanted, name));
  if (settings.subjectAltNames.length > 0 && !settings.subjectAltNames.some(fits))
    return 'none of the subjectAltNames is in the certificate';
  if (settings.verifyHost && host !== undefined && !fits(host)) return `the certificate is not for ${host}`;
  return undefined;
}

interface AltName {
  readonly kind: string;
  readonly value: string;
}

function nameFits(wanted: string, { kind, value }: AltName): boolean {
  if (kind !== 'DNS') return wanted === value;
  const name = wanted.toLowerCase();
  const pattern = value.toLowerCase();
  if (name === pattern) return true;
  // The wildcard is the certificate's, and stands for one label (RFC 9525 §6.3).
  const dot = name.indexOf('.');
  return pattern.startsWith('*.') && dot > 0 && !name.startsWith('*') && name.slice(dot) === pattern.slice(1);
}

/** `DNS:a, IP Address:1.2.3.4, URI:x`, where Node writes a value that could be misread as a JSON string. */
export function parseAltNames(text: string): AltName[] {
  const names: AltName[] = [];
  for (const [, kind, quoted, plain] of text.matchAll(/(?:^|, )([A-Za-z ]+):(?:("(?:[^"\\]|\\.)*")|([^,]*))/g)) {
    const value = quoted === undefined ? (plain ?? '') : (JSON.parse(quoted) as string);
    names.push({ kind: kind as string, value });
  }
  return names;
}
