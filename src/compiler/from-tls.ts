import { type ServerTLSSettings, type TlsDefaults, usableCipherSuites } from '../resources/index.ts';
import { fileCa, filePair, type TlsTermination } from '../table/index.ts';
import { caOfCredential, MESH_CA, MESH_PAIR } from './backends/index.ts';

type TerminatingMode = 'SIMPLE' | 'MUTUAL' | 'ISTIO_MUTUAL' | 'OPTIONAL_MUTUAL';

/** How a server ends TLS (istio-semantics §1.1, rows `tls.*`). */
export function translateTermination(
  tls: ServerTLSSettings,
  mode: TerminatingMode,
  defaults: TlsDefaults,
): TlsTermination {
  const subjectAltNames = tls.subjectAltNames ?? [];
  return {
    clientCertificate: clientCertificate(mode, subjectAltNames.length > 0),
    credentials: mode === 'ISTIO_MUTUAL' ? [MESH_PAIR] : serverCredentials(tls, mode),
    clientCa: mode === 'SIMPLE' ? undefined : mode === 'ISTIO_MUTUAL' ? MESH_CA : clientCa(tls),
    subjectAltNames: mode === 'SIMPLE' ? [] : subjectAltNames,
    spkiPins: mode === 'SIMPLE' ? [] : (tls.verifyCertificateSpki ?? []),
    certificateHashes:
      mode === 'SIMPLE' ? [] : (tls.verifyCertificateHash ?? []).map((hash) => hash.replaceAll(':', '').toLowerCase()),
    ...protocolsOf(tls, mode, defaults),
  };
}

type Protocols = Pick<TlsTermination, 'minVersion' | 'maxVersion' | 'cipherSuites' | 'ecdhCurves'>;

/** What the server does not say is the mesh's; under ISTIO_MUTUAL neither has a say. */
function protocolsOf(tls: ServerTLSSettings, mode: TerminatingMode, defaults: TlsDefaults): Protocols {
  if (mode === 'ISTIO_MUTUAL') return { minVersion: 'TLSv1.2', maxVersion: 'TLSv1.3', cipherSuites: [] };
  const own = usableCipherSuites(tls.cipherSuites ?? []);
  return {
    minVersion: VERSIONS[tls.minProtocolVersion ?? 'TLS_AUTO'] ?? defaults.minVersion,
    maxVersion: VERSIONS[tls.maxProtocolVersion ?? 'TLS_AUTO'] ?? 'TLSv1.3',
    cipherSuites: own.length > 0 ? own : defaults.cipherSuites,
    ...(defaults.ecdhCurves.length > 0 && { ecdhCurves: defaults.ecdhCurves }),
  };
}

const VERSIONS: Readonly<Record<string, TlsTermination['minVersion']>> = {
  TLSV1_0: 'TLSv1',
  TLSV1_1: 'TLSv1.1',
  TLSV1_2: 'TLSv1.2',
  TLSV1_3: 'TLSv1.3',
};

/** Names to check against make even an optional certificate needed (istio-semantics §1.1, OPTIONAL_MUTUAL). */
function clientCertificate(mode: TerminatingMode, hasNames: boolean): TlsTermination['clientCertificate'] {
  if (mode === 'SIMPLE') return 'none';
  return mode === 'OPTIONAL_MUTUAL' && !hasNames ? 'optional' : 'required';
}

/**
 * Secrets by name, or files by their paths. Names to check under
 * SIMPLE make Envoy refuse the whole listener; here that server alone has no certificate, so its handshakes fail.
 */
function serverCredentials(tls: ServerTLSSettings, mode: TerminatingMode): readonly string[] {
  if (mode === 'SIMPLE' && (tls.subjectAltNames ?? []).length > 0) return [];
  const names = secretNames(tls);
  if (names.length > 0) return names;
  const pairs = tls.tlsCertificates ?? [tls];
  return pairs.flatMap(({ serverCertificate, privateKey }) =>
    serverCertificate && privateKey ? [filePair(serverCertificate, privateKey)] : [],
  );
}

function secretNames(tls: ServerTLSSettings): readonly string[] {
  const names = tls.credentialName ? [tls.credentialName] : (tls.credentialNames ?? []);
  return names.map(secretName);
}

const secretName = (name: string): string => name.replace(/^kubernetes:\/\//, '');

/** Of several certificates, only the first brings a CA; `caCertCredentialName` overrides it as it stands (istio-semantics §1.1). */
function clientCa(tls: ServerTLSSettings): string | undefined {
  if (tls.caCertCredentialName) return secretName(tls.caCertCredentialName);
  const [first] = secretNames(tls);
  if (first !== undefined) return caOfCredential(first);
  const file = tls.caCertificates || tls.tlsCertificates?.[0]?.caCertificates;
  return file ? fileCa(file, tls.caCrl) : undefined;
}
