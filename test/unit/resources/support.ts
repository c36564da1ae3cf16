import type { Diagnostic } from '../../../src/diagnostics/index.ts';
import { formatFieldPath } from '../../../src/diagnostics/index.ts';
import { type DecodedObject, decodeObject } from '../../../src/resources/index.ts';
import { parseYaml } from '../../../src/sources/yaml.ts';

/** The first document of a text, decoded in the namespace `shops`. */
export function decodeText(text: string, namespace = 'shops'): DecodedObject {
  const { documents, diagnostics } = parseYaml(text, 'a.yaml');
  const [document] = documents;
  if (document === undefined) throw new Error(`no document: ${JSON.stringify(diagnostics)}`);
  return decodeObject(document.value, document.origin, namespace);
}

/** A document of a kind, its spec given as YAML at the left margin. */
export function withSpec(kind: string, spec: string, name = 'x'): string {
  const group = ['RequestAuthentication', 'AuthorizationPolicy'].includes(kind)
    ? 'security.istio.io/v1'
    : 'networking.istio.io/v1';
  const ours = ['RateLimit', 'EdgePolicy', 'PolicyExemption'].includes(kind);
  const apiVersion = ours ? 'banyan.dev/v1alpha1' : group;
  const indented = spec
    .trim()
    .split('\n')
    .map((line) => `  ${line}`);
  return [`apiVersion: ${apiVersion}`, `kind: ${kind}`, `metadata: {name: ${name}}`, 'spec:', ...indented, ''].join(
    '\n',
  );
}

/** `code field`, in order. */
export const brief = (findings: readonly Diagnostic[]): string[] =>
  findings.map(({ code, field = [] }) => `${code} ${formatFieldPath(field)}`);

export const refusals = (decoded: DecodedObject): string[] =>
  brief(decoded.diagnostics.filter(({ refused }) => refused));
export const warnings = (decoded: DecodedObject): string[] =>
  brief(decoded.diagnostics.filter(({ refused }) => !refused));
