import { X509Certificate } from 'node:crypto';
import type { ClientCertificate } from '../contract/exchange.ts';
import { rfc2253Name, subjectAltNames } from './downstream/client-certificate.ts';

/** What `%DOWNSTREAM_PEER_…%` says of a client certificate beyond what is known of it anyway (istio-semantics §2.11). */
export interface CertificateFacts {
  readonly issuer: string;
  /** Hexadecimal, lower case. */
  readonly serial: string;
  readonly sha1: string;
  readonly emails: string;
  readonly addresses: string;
  readonly validFromMs: number;
  readonly validToMs: number;
}

let last: { readonly certificate: ClientCertificate; readonly facts: CertificateFacts } | undefined;

/** Reading costs as much as a whole request, and routes that ask for one of these ask for several: the last one is kept. */
export function certificateFacts(certificate: ClientCertificate): CertificateFacts {
  if (last?.certificate !== certificate) last = { certificate, facts: readFacts(certificate) };
  return last.facts;
}

function readFacts({ pem }: ClientCertificate): CertificateFacts {
  const certificate = new X509Certificate(pem);
  const names = subjectAltNames(certificate);
  const ofType = (type: string): string =>
    names
      .filter((name) => name.type === type)
      .map((name) => name.value)
      .join(',');
  return {
    issuer: rfc2253Name(certificate.issuer),
    serial: certificate.serialNumber.toLowerCase(),
    sha1: certificate.fingerprint.replaceAll(':', '').toLowerCase(),
    emails: ofType('email'),
    addresses: ofType('IP Address'),
    validFromMs: Date.parse(certificate.validFrom),
    validToMs: Date.parse(certificate.validTo),
  };
}
