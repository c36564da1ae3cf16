import { inQuotes } from '../describe.ts';
import type { Findings } from '../findings.ts';
import type { RateLimitBody, RateLimitMatch, RateLimitRule } from '../generated/rate-limit.ts';
import { isHeaderToken, wildcardDomainMistake } from '../istio/names.ts';
import { checkDuration, sentence } from '../istio/validate-common.ts';

/** Our own kind's rules; see rate-limit.schema.ts for what it means. */
export function validateRateLimit({ spec }: RateLimitBody, findings: Findings): void {
  const names = new Set<string>();
  const asked = spec.scope === 'service';
  if (asked && spec.service === undefined)
    findings.missing(['spec', 'service'], 'With scope service it must be said whom to ask.');
  if (!asked && spec.service !== undefined)
    findings.conflict(['spec', 'service'], 'A service is asked with scope service alone.');
  if (spec.service?.timeout !== undefined)
    checkDuration(spec.service.timeout, ['spec', 'service', 'timeout'], findings);
  for (const [index, rule] of spec.rules.entries()) {
    const path = ['spec', 'rules', index];
    if (names.has(rule.name)) findings.error([...path, 'name'], `Two rules are named ${inQuotes(rule.name)}.`);
    names.add(rule.name);
    if (rule.match !== undefined) validateMatch(rule.match, [...path, 'match'], findings);
    if (asked) validateAsked(rule, path, findings);
    else validateCounted(rule, path, findings);
  }
}

type Path = readonly (string | number)[];

/** A rule that the gateway counts itself. */
function validateCounted({ per, limits, descriptor }: RateLimitRule, path: Path, findings: Findings): void {
  if (per === undefined) findings.missing([...path, 'per'], 'It must be said whose requests are counted together.');
  if (limits === undefined) findings.missing([...path, 'limits'], 'There must be at least one limit.');
  if (descriptor !== undefined)
    findings.conflict([...path, 'descriptor'], 'A descriptor is for the service, with scope service.');
  if (typeof per === 'object') validateHeader(per, [...path, 'per'], findings);
  for (const [number, limit] of (limits ?? []).entries()) {
    const at = [...path, 'limits', number];
    checkDuration(limit.window, [...at, 'window'], findings);
    if (limit.burst !== undefined && limit.requests === 0)
      findings.conflict([...at, 'burst'], 'With requests 0 nothing passes: burst cannot be set.');
  }
}

/** A rule that the service counts. */
function validateAsked({ per, limits, descriptor }: RateLimitRule, path: Path, findings: Findings): void {
  if (per !== undefined)
    findings.conflict([...path, 'per'], 'With scope service the descriptor says whose requests are counted together.');
  if (limits !== undefined) findings.conflict([...path, 'limits'], 'With scope service the limits are the service’s.');
  if (descriptor === undefined)
    findings.missing([...path, 'descriptor'], 'With scope service there must be a descriptor.');
  for (const [number, { key, value, from }] of (descriptor ?? []).entries()) {
    const at = [...path, 'descriptor', number];
    if ((value === undefined) === (from === undefined))
      findings.error(at, `The entry ${inQuotes(key)} must have value or from, and one of them only.`);
    if (typeof from === 'object') validateHeader(from, [...at, 'from'], findings);
  }
}

function validateHeader(
  source: { readonly header: string } | { readonly claim: string },
  path: Path,
  findings: Findings,
): void {
  if ('header' in source && !isHeaderToken(source.header))
    findings.error([...path, 'header'], `${inQuotes(source.header)} is no name of a header.`);
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
