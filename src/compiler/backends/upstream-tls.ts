import type { ClientTLSSettings } from '../../resources/kinds.ts';
import type { TlsDefaults } from '../../resources/mesh-config.ts';
import { fileCa, filePair } from '../../table/index.ts';
import type { UpstreamTls } from '../../table/model.ts';
import type { ClusterAddress } from './names.ts';

/** Names in the CredentialTable that stand for no Secret, nor for files; whoever has a mesh identity fills them in. */
export const MESH_PAIR = 'mesh:pair';
export const MESH_CA = 'mesh:ca';
/** Istio's word for the CAs of the operating system. */
const SYSTEM_CAS = 'system';

/** The Secret that holds the CA of a credential, looked for as servers do (istio-semantics §1.1, §3.6). */
export const caOfCredential = (credentialName: string): string => `${credentialName}-cacert`;

/** istio-semantics §3.6; undefined: plaintext. `entryNames`: the ServiceEntry's own subjectAltNames. */
export function upstreamTlsOf(
  settings: ClientTLSSettings | undefined,
  address: ClusterAddress,
  entryNames: readonly string[],
  { cipherSuites, ecdhCurves }: TlsDefaults,
): UpstreamTls | undefined {
  if (settings === undefined) return undefined;
  const ruleNames = settings.subjectAltNames ?? [];
  switch (settings.mode ?? 'DISABLE') {
    case 'DISABLE':
      return undefined;
    case 'ISTIO_MUTUAL':
      return {
        sni: settings.sni || `outbound_.${address.port}_.${address.subset ?? ''}_.${address.host}`,
        subjectAltNames: ruleNames,
        verifyHost: false,
        verify: true,
        ca: MESH_CA,
        clientCredential: MESH_PAIR,
      };
    case 'SIMPLE':
    case 'MUTUAL': {
      const verify = settings.insecureSkipVerify !== true;
      const subjectAltNames = ruleNames.length > 0 ? ruleNames : entryNames;
      return {
        sni: settings.sni || undefined,
        subjectAltNames: verify ? subjectAltNames : [],
        verifyHost: verify && !settings.sni && ruleNames.length === 0,
        verify,
        ca: verify ? caName(settings) : undefined,
        clientCredential: settings.mode === 'MUTUAL' ? pairName(settings) : undefined,
        ...(cipherSuites.length > 0 && { cipherSuites }),
        ...(ecdhCurves.length > 0 && { ecdhCurves }),
      };
    }
  }
}

function caName({ credentialName, caCertificates, caCrl }: ClientTLSSettings): string | undefined {
  if (credentialName) return caOfCredential(credentialName);
  return caCertificates && caCertificates !== SYSTEM_CAS ? fileCa(caCertificates, caCrl) : undefined;
}

const pairName = ({ credentialName, clientCertificate, privateKey }: ClientTLSSettings): string =>
  credentialName || filePair(clientCertificate ?? '', privateKey ?? '');
