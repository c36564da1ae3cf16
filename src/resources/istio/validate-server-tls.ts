import type { FieldPath } from '../../diagnostics/index.ts';
import { inQuotes } from '../describe.ts';
import type { Findings } from '../findings.ts';
import type { ServerTLSSettings } from '../generated/gateway.ts';
import { CIPHER_SUITES } from './cipher-suites.ts';

const isSet = (text: string | undefined): boolean => text !== undefined && text !== '';
const isFilled = (list: readonly unknown[] | undefined): boolean => list !== undefined && list.length > 0;

/** istio-semantics §10.2. */
export function validateServerTls(tls: ServerTLSSettings, path: FieldPath, findings: Findings): void {
  const mode = tls.mode ?? 'PASSTHROUGH';
  warnOfVersionsAndCiphers(tls, path, findings);
  if (mode === 'ISTIO_MUTUAL') {
    for (const field of CERTIFICATE_FIELDS.filter((name) => isGiven(tls, name))) {
      findings.conflict(
        [...path, field],
        `With mode ISTIO_MUTUAL the certificates are the mesh's: ${field} cannot be set.`,
      );
    }
    return;
  }
  const passthrough = mode === 'PASSTHROUGH' || mode === 'AUTO_PASSTHROUGH';
  if (passthrough && (isSet(tls.caCrl) || CERTIFICATE_FIELDS.some((name) => isGiven(tls, name)))) {
    findings.warning(path, `With mode ${mode} TLS is not ended here: certificates are ignored.`, {
      code: 'ignored-field',
    });
  }
  const sources = [
    isSet(tls.serverCertificate) && isSet(tls.privateKey),
    isSet(tls.credentialName),
    isFilled(tls.credentialNames),
    isFilled(tls.tlsCertificates),
  ].filter(Boolean).length;
  if (sources > 1) {
    findings.conflict(
      path,
      'Only one of credentialName, credentialNames, tlsCertificates and serverCertificate with privateKey can be given.',
    );
  }
  const fromSecret = isSet(tls.credentialName) || isFilled(tls.credentialNames);
  if (fromSecret && !passthrough) return;
  if (!passthrough) validateFiles(tls, mode, path, findings);
  validateRevocation(tls, path, findings);
}

const CERTIFICATE_FIELDS = [
  'serverCertificate',
  'privateKey',
  'caCertificates',
  'tlsCertificates',
  'credentialName',
  'credentialNames',
] as const;

function isGiven(tls: ServerTLSSettings, field: (typeof CERTIFICATE_FIELDS)[number]): boolean {
  const value = tls[field];
  return typeof value === 'string' ? value !== '' : isFilled(value);
}

function validateFiles(tls: ServerTLSSettings, mode: string, path: FieldPath, findings: Findings): void {
  if (mode !== 'SIMPLE' && !isSet(tls.caCertificates))
    findings.missing([...path, 'caCertificates'], `Mode ${mode} needs caCertificates, or a credentialName.`);
  const listed = tls.tlsCertificates ?? [];
  if (listed.length > 2)
    findings.warning([...path, 'tlsCertificates'], 'At most two certificates can be given, one RSA and one ECDSA.');
  const certificates =
    listed.length > 0
      ? listed.map((pair, i) => [pair, [...path, 'tlsCertificates', i]] as const)
      : [[tls, path] as const];
  for (const [pair, at] of certificates) {
    if (!isSet(pair.serverCertificate))
      findings.missing([...at, 'serverCertificate'], `Mode ${mode} needs a serverCertificate, or a credentialName.`);
    if (!isSet(pair.privateKey))
      findings.missing([...at, 'privateKey'], `Mode ${mode} needs a privateKey, or a credentialName.`);
  }
}

function validateRevocation(tls: ServerTLSSettings, path: FieldPath, findings: Findings): void {
  if (!isSet(tls.caCrl)) return;
  if (isSet(tls.credentialName))
    findings.conflict(
      [...path, 'caCrl'],
      'With a credentialName the revocation list belongs into the Secret, as ca.crl.',
    );
  if (tls.mode === 'SIMPLE')
    findings.conflict([...path, 'caCrl'], 'With mode SIMPLE no client certificate is asked for: caCrl cannot be set.');
}

function warnOfVersionsAndCiphers(tls: ServerTLSSettings, path: FieldPath, findings: Findings): void {
  const suites = tls.cipherSuites ?? [];
  if ((tls.minProtocolVersion === 'TLSV1_0' || tls.minProtocolVersion === 'TLSV1_1') && suites.length === 0) {
    findings.warning(
      [...path, 'minProtocolVersion'],
      'TLS below 1.2 needs cipherSuites that it can use: the default ones are none.',
    );
  }
  for (const [index, suite] of suites.entries()) {
    const at = [...path, 'cipherSuites', index];
    if (!isCipherSuite(suite))
      findings.warning(at, `The cipher suite ${inQuotes(suite)} is not known, and is ignored.`, {
        code: 'ignored-field',
      });
    else if (suites.indexOf(suite) < index)
      findings.warning(at, `The cipher suite ${inQuotes(suite)} is given twice.`, { code: 'ignored-field' });
  }
}

/** Expressions such as `-ALL` are taken unread. */
const isCipherSuite = (suite: string): boolean =>
  suite === '' || suite === 'ALL' || /^[^\p{L}\p{N}]/u.test(suite) || CIPHER_SUITES.has(suite);
