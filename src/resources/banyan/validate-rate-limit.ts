import { inQuotes } from '../describe.ts';
import type { Findings } from '../findings.ts';
import type { RateLimitBody, RateLimitMatch } from '../generated/rate-limit.ts';
import { isHeaderToken, wildcardDomainMistake } from '../istio/names.ts';
import { checkDuration, sentence } from '../istio/validate-common.ts';

/** Our own kind's rules; see rate-limit.schema.ts for what it means. */
export function validateRateLimit(body: RateLimitBody, findings: Findings): void {
  const names = new Set<string>();
  for (const [index, { name, per, match, limits }] of body.spec.rules.entries()) {
    const path = ['spec', 'rules', index];
    if (names.has(name)) findings.error([...path, 'name'], `Two rules are named ${inQuotes(name)}.`);
    names.add(name);
    if (typeof per === 'object' && 'header' in per && !isHeaderToken(per.header))
      findings.error([...path, 'per', 'header'], `${inQuotes(per.header)} is no name of a header.`);
    if (match !== undefined) validateMatch(match, [...path, 'match'], findings);
    for (const [number, limit] of limits.entries()) {
      const at = [...path, 'limits', number];
      checkDuration(limit.window, [...at, 'window'], findings);
      if (limit.burst !== undefined && limit.requests === 0)
        findings.conflict([...at, 'burst'], 'With requests 0 nothing passes: burst cannot be set.');
    }
  }
}

function validateMatch(
  { hosts = [], paths = [], methods = [] }: RateLimitMatch,
  path: readonly (string | number)[],
  findings: Findings,
): void {
  for (const [index, host] of hosts.entries()) {
    const mistake = wildcardDomainMistake(host);
    if (mistake !== undefined) findings.error([...path, 'hosts', index], sentence(mistake));
  }
  for (const [index, { exact, prefix }] of paths.entries()) {
    const at = [...path, 'paths', index];
    if ((exact === undefined) === (prefix === undefined))
      findings.error(at, 'A path must have exact or prefix, and one of them only.');
    else if (!(exact ?? prefix ?? '').startsWith('/'))
      findings.error(at, `The path ${inQuotes(exact ?? prefix ?? '')} must begin with a slash.`);
  }
  for (const [index, method] of methods.entries()) {
    if (!isHeaderToken(method)) findings.error([...path, 'methods', index], `${inQuotes(method)} is no method.`);
    else if (method !== method.toUpperCase())
      findings.warning(
        [...path, 'methods', index],
        `Methods are compared letter by letter: ${inQuotes(method)} is not ${method.toUpperCase()}.`,
      );
  }
}
