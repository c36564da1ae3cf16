import { memoizeByIdentity } from '../../kernel/memo.ts';
import type { ResourceOf } from '../../resources/kinds.ts';
import type { Credential } from '../../table/model.ts';

/** What a Secret has to offer for one purpose. */
export type Found =
  | { readonly kind: 'credential'; readonly credential: Credential }
  /** It is there, and of no use: says why, never what it holds. */
  | { readonly kind: 'unusable'; readonly reason: string };

interface SecretContent {
  readonly pair: Found;
  readonly ca: Found;
}

/** Both forms that Istio reads; the generic one wins (istio-semantics §1.1). */
const PAIR_KEYS = [
  ['cert', 'key'],
  ['tls.crt', 'tls.key'],
] as const;
const CA_KEYS = [
  ['cacert', 'crl'],
  ['ca.crt', 'ca.crl'],
] as const;

/** The shape only: whether key and certificate belong together shows when TLS loads them. */
export const readSecret = memoizeByIdentity(
  (secret: ResourceOf<'Secret'>): SecretContent => ({ pair: readPair(secret), ca: readCa(secret) }),
);

function readPair(secret: ResourceOf<'Secret'>): Found {
  const keys = PAIR_KEYS.find(([certificate, key]) => hasValue(secret, certificate) && hasValue(secret, key));
  if (keys === undefined) return unusable('has neither tls.crt with tls.key nor cert with key');
  const [certificateKey, keyKey] = keys;
  const certificatePem = textOf(secret, certificateKey);
  const keyPem = textOf(secret, keyKey);
  if (!isPem(certificatePem, CERTIFICATES)) return unusable(`has no PEM certificate in ${certificateKey}`);
  if (!isPem(keyPem, PRIVATE_KEYS)) return unusable(`has no unencrypted PEM private key in ${keyKey}`);
  return { kind: 'credential', credential: { kind: 'pair', certificatePem, keyPem } };
}

function readCa(secret: ResourceOf<'Secret'>): Found {
  const keys = CA_KEYS.find(([certificates]) => hasValue(secret, certificates));
  if (keys === undefined) return unusable('has neither ca.crt nor cacert');
  const [caKey, crlKey] = keys;
  const certificatesPem = textOf(secret, caKey);
  if (!isPem(certificatesPem, CERTIFICATES)) return unusable(`has no PEM certificate in ${caKey}`);
  const crlPem = textOf(secret, crlKey);
  if (crlPem !== undefined && !isPem(crlPem, REVOCATIONS)) return unusable(`has no PEM revocation list in ${crlKey}`);
  return { kind: 'credential', credential: { kind: 'ca', certificatesPem, crlPem } };
}

const unusable = (reason: string): Found => ({ kind: 'unusable', reason });

const hasValue = ({ body }: ResourceOf<'Secret'>, key: string): boolean =>
  (body.stringData?.[key] ?? body.data?.[key] ?? '') !== '';

/** `stringData` is taken over `data`, as the API server does; undefined: absent, empty, or no base64. */
function textOf({ body }: ResourceOf<'Secret'>, key: string): string | undefined {
  const plain = body.stringData?.[key];
  if (plain !== undefined) return plain === '' ? undefined : plain;
  try {
    return atob(body.data?.[key] ?? '') || undefined;
  } catch {
    return undefined;
  }
}

const CERTIFICATES = ['CERTIFICATE', 'X509 CERTIFICATE', 'TRUSTED CERTIFICATE'];
const PRIVATE_KEYS = ['PRIVATE KEY', 'RSA PRIVATE KEY', 'EC PRIVATE KEY'];
const REVOCATIONS = ['X509 CRL'];

/** At least one complete block of one of those labels. */
const isPem = (text: string | undefined, labels: readonly string[]): text is string =>
  text !== undefined &&
  labels.some((label) => {
    const begin = text.indexOf(`-----BEGIN ${label}-----`);
    return begin >= 0 && text.indexOf(`-----END ${label}-----`, begin) > begin;
  });
