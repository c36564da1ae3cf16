import { createPrivateKey, X509Certificate } from 'node:crypto';
import { credentialUses, withoutScheme } from '../compiler/backends/credential-uses.ts';
import { type Compilation, NOTICE_MS } from '../compiler/index.ts';
import { type Diagnostic, report } from '../diagnostics/index.ts';
import type { ResourceSet } from '../resources/index.ts';
import type { Credential } from '../table/model.ts';

interface Trouble {
  readonly code: 'credential-invalid' | 'certificate-expires';
  readonly message: string;
  readonly remedy: string;
}

/** What the compiler, which has no cryptography and no clock, cannot see: does the key fit, and is the certificate still good? */
export function credentialFindings(
  { credentials }: Compilation,
  resources: ResourceSet,
  nowMs: number,
): readonly Diagnostic[] {
  const all = credentialUses(resources.ofKind('Gateway'), resources.ofKind('DestinationRule'));
  return Object.entries(credentials.credentials).flatMap(([name, credential]) => {
    const trouble = troubleOf(name, credential, nowMs);
    if (trouble === undefined) return [];
    const { code, message, remedy } = trouble;
    const uses = all.get(withoutScheme(name)) ?? [];
    return uses.map(({ resource, field }) =>
      report(code, {
        message,
        remedy,
        object: resource.ref,
        field,
        location: resource.origin.locate(field),
        ...(code === 'credential-invalid' &&
          resource.kind === 'DestinationRule' && {
            consequence: 'Requests to this destination are answered 503; others are not affected.',
          }),
      }),
    );
  });
}

function troubleOf(name: string, credential: Credential, nowMs: number): Trouble | undefined {
  if (credential.kind !== 'pair') return undefined;
  const invalid = (what: string, remedy: string): Trouble => ({
    code: 'credential-invalid',
    message: `Secret ${withoutScheme(name)} has ${what}`,
    remedy,
  });
  const certificate = attempt(() => new X509Certificate(credential.certificatePem));
  if (certificate === undefined)
    return invalid(
      'a certificate that cannot be read',
      'Put a certificate in PEM into it, its own before those of its issuers.',
    );
  const key = attempt(() => createPrivateKey(credential.keyPem));
  if (key === undefined) return invalid('a key that cannot be read', 'Put the key in PEM into it, without a password.');
  if (!certificate.checkPrivateKey(key))
    return invalid(
      'a key that is not that of its certificate',
      'Put the key into it that the certificate was made for; the certificate has to come before those of its issuers.',
    );
  const endMs = certificate.validToDate.getTime();
  if (endMs - nowMs > NOTICE_MS) return undefined;
  const day = certificate.validToDate.toISOString().slice(0, 10);
  return {
    code: 'certificate-expires',
    message: `the certificate of Secret ${withoutScheme(name)} ${endMs > nowMs ? 'expires' : 'expired'} on ${day}`,
    remedy: 'Renew it.',
  };
}

function attempt<T>(call: () => T): T | undefined {
  try {
    return call();
  } catch {
    return undefined;
  }
}
