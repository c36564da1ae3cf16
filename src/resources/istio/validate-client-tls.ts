import type { FieldPath } from '../../diagnostics/index.ts';
import type { Findings } from '../findings.ts';
import type { ClientTLSSettings } from '../generated/destination-rule.ts';

const CONFIG_MAP = 'configmap://';
const isSet = (text: string | undefined): boolean => text !== undefined && text !== '';

/** istio-semantics §10.4. What DISABLE, SIMPLE and ISTIO_MUTUAL do not read may be written, as recorded. */
export function validateClientTls(
  tls: ClientTLSSettings | undefined,
  namespace: string,
  path: FieldPath,
  findings: Findings,
): void {
  if (tls === undefined) return;
  const { mode = 'DISABLE', credentialName = '' } = tls;
  if (credentialName.startsWith(CONFIG_MAP))
    validateConfigMap(credentialName, namespace, [...path, 'credentialName'], findings);
  if (tls.insecureSkipVerify === true) validateSkip(tls, mode, path, findings);
  const byCertificate = mode === 'SIMPLE' || mode === 'MUTUAL';
  if (byCertificate && credentialName !== '') {
    for (const field of ['clientCertificate', 'privateKey', 'caCertificates', 'caCrl'] as const) {
      if (isSet(tls[field]))
        findings.conflict(
          [...path, field],
          `With a credentialName certificates come from the Secret: ${field} cannot be set.`,
        );
    }
    return;
  }
  if (mode !== 'MUTUAL') return;
  for (const field of ['clientCertificate', 'privateKey'] as const) {
    if (!isSet(tls[field])) findings.missing([...path, field], `Mode MUTUAL needs ${field}, or a credentialName.`);
  }
}

function validateSkip(tls: ClientTLSSettings, mode: string, path: FieldPath, findings: Findings): void {
  if (mode !== 'SIMPLE' && mode !== 'MUTUAL') return;
  const checked = [
    isSet(tls.caCertificates) ? 'caCertificates' : '',
    (tls.subjectAltNames?.length ?? 0) > 0 ? 'subjectAltNames' : '',
    mode === 'SIMPLE' && isSet(tls.credentialName) ? 'credentialName' : '',
  ];
  for (const field of checked.filter((name) => name !== '')) {
    findings.conflict([...path, field], `With insecureSkipVerify nothing is verified: ${field} cannot be set.`);
  }
}

/** `configmap://name` or `configmap://namespace/name`. */
function validateConfigMap(credentialName: string, namespace: string, path: FieldPath, findings: Findings): void {
  const parts = credentialName.slice(CONFIG_MAP.length).split('/');
  if (parts.some((part) => part === '') || parts.length > 2)
    findings.error(path, 'A configmap:// name is configmap://name or configmap://namespace/name.');
  else if (parts.length === 2 && parts[0] !== namespace)
    findings.error(path, `A configmap:// name must be of the own namespace, ${namespace}.`);
}
