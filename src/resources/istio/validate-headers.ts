import type { FieldPath } from '../../diagnostics/index.ts';
import { inQuotes } from '../describe.ts';
import type { Findings } from '../findings.ts';
import type { HeaderOperations, Headers } from '../generated/virtual-service.ts';
import { headerValueMistake } from './header-value.ts';

/** Operations on headers, of a rule or of a destination (istio-semantics §10.1). */
export function validateHeaders(headers: Headers | undefined, path: FieldPath, findings: Findings): void {
  validateOperations(headers?.request, 'request', [...path, 'request'], findings);
  validateOperations(headers?.response, 'response', [...path, 'response'], findings);
}

function validateOperations(
  operations: HeaderOperations | undefined,
  side: 'request' | 'response',
  path: FieldPath,
  findings: Findings,
): void {
  if (operations === undefined) return;
  for (const operation of ['set', 'add'] as const) {
    for (const [name, value] of Object.entries(operations[operation] ?? {})) {
      const at = [...path, operation, name];
      checkName(name, side === 'request', at, 'key', findings);
      const mistake = headerValueMistake(value);
      if (mistake !== undefined) findings.error(at, `The value ${inQuotes(value)} ${mistake}.`);
    }
  }
  for (const [index, name] of (operations.remove ?? []).entries())
    checkName(name, false, [...path, 'remove', index], 'value', findings);
}

/** Only emptiness and names of the request line are looked at; of these a request may set its authority. */
function checkName(
  name: string,
  authorityAllowed: boolean,
  path: FieldPath,
  of: 'key' | 'value',
  findings: Findings,
): void {
  const isHost = name.toLowerCase() === 'host';
  if (name === '') findings.error(path, 'A header must have a name.', { of });
  else if (authorityAllowed && isAuthority(name)) return;
  else if (isHost) findings.error(path, 'The Host header can only be set or added on the request.', { of });
  else if (name.startsWith(':'))
    findings.error(path, `${inQuotes(name)} is a part of the request line, and cannot be changed as a header.`, { of });
}

export const isAuthority = (name: string): boolean => /^(?:host|:authority)$/i.test(name);
