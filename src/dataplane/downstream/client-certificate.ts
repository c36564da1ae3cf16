import { createHash, type X509Certificate } from 'node:crypto';
import type { ClientCertificate } from '../../contract/exchange.ts';
import type { TlsTermination } from '../../table/model.ts';

export interface SubjectAltName {
  /** As node names it: `DNS`, `URI`, `IP Address`, `email`. */
  readonly type: string;
  readonly value: string;
}

/**
 * Splits node's one-line form of the subject alternative names. A value with a comma or a quote in it is written as a
 * JSON string there (CVE-2021-44532), so that no name can pose as two.
 */
export function subjectAltNames(certificate: X509Certificate): readonly SubjectAltName[] {
  const text = certificate.subjectAltName ?? '';
  const names: SubjectAltName[] = [];
  for (let at = 0; at < text.length; ) {
    const colon = text.indexOf(':', at);
    if (colon < 0) break;
    const type = text.slice(at, colon);
    const quoted = text[colon + 1] === '"' ? /^"(?:[^"\\]|\\.)*"/.exec(text.slice(colon + 1)) : null;
    const end = quoted === null ? endOfPlain(text, colon + 1) : colon + 1 + quoted[0].length;
    const raw = text.slice(colon + 1, end);
    names.push({ type, value: quoted === null ? raw : (JSON.parse(raw) as string) });
    at = end + ', '.length;
  }
  return names;
}

function endOfPlain(text: string, from: number): number {
  const comma = text.indexOf(', ', from);
  return comma < 0 ? text.length : comma;
}

/**
 * A subject or an issuer: node's lines (`C=DE`, `O=…`, each value escaped by RFC 2253 already) in the order and with the
 * separators of RFC 2253: the last first. What is not ASCII is written as escaped bytes, as Envoy does (istio-semantics §7.2).
 */
export function rfc2253Name(lines: string): string {
  return lines
    .split('\n')
    .filter((line) => line !== '')
    .reverse()
    .map((line) => line.replaceAll(' + ', '+'))
    .join(',')
    .replace(/[^\x20-\x7e]+/g, (text) =>
      [...Buffer.from(text, 'utf8')].map((byte) => `\\${byte.toString(16).toUpperCase().padStart(2, '0')}`).join(''),
    );
}

/** What is known of a verified client certificate. */
export function describeCertificate(certificate: X509Certificate, own: X509Certificate | undefined): ClientCertificate {
  const names = subjectAltNames(certificate);
  const ofType = (type: string): string[] => names.filter((name) => name.type === type).map((name) => name.value);
  return {
    pem: certificate.toString(),
    hash: certificateHash(certificate),
    subject: rfc2253Name(certificate.subject),
    uris: ofType('URI'),
    dnsNames: ofType('DNS'),
    serverUri: own === undefined ? undefined : subjectAltNames(own).find((name) => name.type === 'URI')?.value,
  };
}

const certificateHash = (certificate: X509Certificate): string =>
  certificate.fingerprint256.replaceAll(':', '').toLowerCase();

const keyPin = (certificate: X509Certificate): string =>
  createHash('sha256')
    .update(certificate.publicKey.export({ type: 'spki', format: 'der' }))
    .digest('base64');

/**
 * The checks beyond the chain of trust (istio-semantics §1.1): one of the names exactly, of whatever type, `*` being no
 * wildcard; one of the pins or hashes. Without a certificate only a server that asks for none of these is content.
 */
export function mayEnter(certificate: X509Certificate | undefined, asked: TlsTermination): boolean {
  const pinned = asked.spkiPins.length > 0 || asked.certificateHashes.length > 0;
  if (certificate === undefined) return asked.subjectAltNames.length === 0 && !pinned;
  if (asked.subjectAltNames.length > 0) {
    const names = subjectAltNames(certificate);
    if (!names.some((name) => asked.subjectAltNames.includes(name.value))) return false;
  }
  if (!pinned) return true;
  const hash = certificateHash(certificate);
  return (
    asked.spkiPins.includes(keyPin(certificate)) ||
    asked.certificateHashes.some((wanted) => wanted.replaceAll(':', '').toLowerCase() === hash)
  );
}
