import { X509Certificate } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { certificateFacts } from '../../../src/dataplane/certificate-format.ts';
import { describeCertificate } from '../../../src/dataplane/downstream/client-certificate.ts';
import { type FormatFacts, formatHeaderValue } from '../../../src/dataplane/header-format.ts';
import { createAuthority } from './downstream/certificates.ts';

const { certificatePem } = createAuthority('clients').issue({
  subject: '/O=Orders/CN=orders',
  names: 'email:ops@example.net,IP:192.0.2.7,DNS:orders.example.com',
  usage: 'clientAuth',
});
const x509 = new X509Certificate(certificatePem);
const said = (format: string, present = true): string =>
  formatHeaderValue(format, {
    clientCertificate: present ? describeCertificate(x509, undefined) : undefined,
  } as unknown as FormatFacts);

/** As Envoy writes them (istio-semantics §2.11). */
describe('operators on the client’s certificate', () => {
  it.each([
    ['%DOWNSTREAM_PEER_SUBJECT%', 'CN=orders,O=Orders'],
    ['%DOWNSTREAM_PEER_ISSUER%', 'CN=clients'],
    ['%DOWNSTREAM_PEER_SERIAL%', x509.serialNumber.toLowerCase()],
    ['%DOWNSTREAM_PEER_FINGERPRINT_1%', x509.fingerprint.replaceAll(':', '').toLowerCase()],
    ['%DOWNSTREAM_PEER_FINGERPRINT_256%', x509.fingerprint256.replaceAll(':', '').toLowerCase()],
    ['%DOWNSTREAM_PEER_EMAIL_SAN%', 'ops@example.net'],
    ['%DOWNSTREAM_PEER_IP_SAN%', '192.0.2.7'],
    ['%DOWNSTREAM_PEER_CERT_V_END%', new Date(x509.validTo).toISOString()],
    ['%DOWNSTREAM_PEER_CERT_V_START(%Y)%', String(new Date(x509.validFrom).getUTCFullYear())],
    ['%DOWNSTREAM_PEER_CERT%', encodeURIComponent(certificatePem)],
  ])('%s gives %s', (format, value) => {
    expect(said(format)).toBe(value);
    expect(said(`[${format}]`, false)).toBe('[]');
  });

  it('read a certificate once for all that is asked of it, and not for another', () => {
    const mine = describeCertificate(x509, undefined);
    const other = describeCertificate(
      new X509Certificate(
        createAuthority('others').issue({ subject: '/CN=other', usage: 'clientAuth' }).certificatePem,
      ),
      undefined,
    );
    expect(certificateFacts(mine)).toBe(certificateFacts(mine));
    expect([mine, other, mine].map((one) => certificateFacts(one).issuer)).toEqual([
      'CN=clients',
      'CN=others',
      'CN=clients',
    ]);
  });
});
