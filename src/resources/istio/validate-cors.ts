import type { FieldPath } from '../../diagnostics/index.ts';
import { parseDurationMs } from '../../kernel/duration.ts';
import { inQuotes } from '../describe.ts';
import type { Findings } from '../findings.ts';
import type { CorsPolicy } from '../generated/virtual-service.ts';
import { isHeaderToken } from './names.ts';
import { checkDuration, checkRegex, roundedToNanoseconds, stringMatchKind } from './validate-common.ts';

const METHODS: ReadonlySet<string> = new Set([
  'GET',
  'HEAD',
  'POST',
  'PUT',
  'PATCH',
  'DELETE',
  'CONNECT',
  'OPTIONS',
  'TRACE',
  '*',
]);

/** istio-semantics §10.3, §2.12. */
export function validateCors(policy: CorsPolicy | undefined, path: FieldPath, findings: Findings): void {
  if (policy === undefined) return;
  for (const [index, origin] of (policy.allowOrigins ?? []).entries()) {
    const at = [...path, 'allowOrigins', index];
    const kind = stringMatchKind(origin);
    const value = kind === 'present' ? '' : (origin[kind] ?? '');
    if (value === '') findings.error(at, 'An allowed origin must have a non-empty exact, prefix or regex.');
    else if (kind === 'regex') checkRegex(value, [...at, 'regex'], findings);
  }
  if ((policy.allowOrigin?.length ?? 0) > 0)
    findings.warning([...path, 'allowOrigin'], 'allowOrigin is given up.', {
      code: 'deprecated-field',
      remedy: 'Use allowOrigins.',
      of: 'key',
    });
  for (const [index, method] of (policy.allowMethods ?? []).entries()) {
    if (!METHODS.has(method))
      findings.error([...path, 'allowMethods', index], `${inQuotes(method)} is none of ${[...METHODS].join(', ')}.`);
  }
  for (const field of ['allowHeaders', 'exposeHeaders'] as const) {
    for (const [index, name] of (policy[field] ?? []).entries()) {
      if (name !== '*' && !isHeaderToken(name))
        findings.error([...path, field, index], `${inQuotes(name)} is no name of a header.`);
    }
  }
  validateMaxAge(policy.maxAge, [...path, 'maxAge'], findings);
}

function validateMaxAge(maxAge: string | undefined, path: FieldPath, findings: Findings): void {
  checkDuration(maxAge, path, findings);
  const parsed = parseDurationMs(maxAge ?? '0');
  if (parsed.ok && parsed.value > 0 && roundedToNanoseconds(parsed.value) % 1000 !== 0)
    findings.error(path, 'maxAge must be whole seconds.');
}
