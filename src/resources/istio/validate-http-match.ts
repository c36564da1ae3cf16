import type { FieldPath } from '../../diagnostics/index.ts';
import { inQuotes } from '../describe.ts';
import type { Findings } from '../findings.ts';
import type { HTTPMatchRequest } from '../generated/virtual-service.ts';
import { isDnsLabel, isMatchableHeader } from './names.ts';
import { checkGatewayNames, checkLabels, checkPort, checkStringMatch } from './validate-common.ts';

/** One entry of `match` (istio-semantics §10.3). An empty prefix is fine for paths alone. */
export function validateHttpMatch(match: HTTPMatchRequest, path: FieldPath, findings: Findings): void {
  checkStringMatch(match.uri, [...path, 'uri'], findings, 'allowed');
  checkStringMatch(match.scheme, [...path, 'scheme'], findings, 'refused');
  checkStringMatch(match.method, [...path, 'method'], findings, 'refused');
  checkStringMatch(match.authority, [...path, 'authority'], findings, 'refused');
  for (const [name, value] of Object.entries(match.headers ?? {})) {
    const at = [...path, 'headers', name];
    checkHeaderName(name, at, findings);
    checkStringMatch(value, at, findings, 'refused');
  }
  for (const [name, value] of Object.entries(match.withoutHeaders ?? {})) {
    const at = [...path, 'withoutHeaders', name];
    checkHeaderName(name, at, findings);
    // No regular expression, but Istio's way to say "is there" (istio-semantics §2.3).
    if (value.regex !== '*') checkStringMatch(value, at, findings, 'refused');
  }
  for (const [name, value] of Object.entries(match.queryParams ?? {})) {
    checkStringMatch(value, [...path, 'queryParams', name], findings, 'refused');
  }
  if ((match.port ?? 0) !== 0) checkPort(match.port, [...path, 'port'], findings);
  checkLabels(match.sourceLabels, [...path, 'sourceLabels'], findings);
  checkGatewayNames(match.gateways, [...path, 'gateways'], findings);
  const { sourceNamespace = '' } = match;
  if (sourceNamespace !== '' && !isDnsLabel(sourceNamespace)) {
    findings.error([...path, 'sourceNamespace'], `${inQuotes(sourceNamespace)} is no namespace.`);
  }
}

function checkHeaderName(name: string, path: FieldPath, findings: Findings): void {
  if (isMatchableHeader(name)) return;
  findings.error(path, name === '' ? 'A header must have a name.' : `${inQuotes(name)} is no name of a header.`, {
    of: 'key',
  });
}
