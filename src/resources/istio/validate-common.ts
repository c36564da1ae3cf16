import type { FieldPath } from '../../diagnostics/index.ts';
import { parseDurationMs } from '../../kernel/duration.ts';
import { inQuotes } from '../describe.ts';
import type { Findings } from '../findings.ts';
import { parseCidr, parseIp } from '../ip.ts';
import { regexMistake } from '../regex.ts';
import { domainMistake, isDnsLabel, labelMistake, wildcardDomainMistake } from './names.ts';

/* Rules that several kinds share (istio-semantics §10.1). */

export function checkPort(number: number | undefined, path: FieldPath, findings: Findings): void {
  if (number === undefined || number < 1 || number > 65_535) {
    findings.error(path, `A port number must be between 1 and 65535, not ${number ?? 0}.`);
  }
}

/** At least a millisecond, and whole ones. */
export function checkDuration(text: string | undefined, path: FieldPath, findings: Findings): void {
  const parsed = text === undefined ? undefined : parseDurationMs(text);
  if (parsed === undefined || !parsed.ok) return;
  if (parsed.value < 1) findings.error(path, `The duration ${inQuotes(text ?? '')} is shorter than 1ms.`);
  else if (!Number.isInteger(roundedToNanoseconds(parsed.value))) {
    findings.error(path, `The duration ${inQuotes(text ?? '')} is not a whole number of milliseconds.`);
  }
}

/** Sums of fractions come out a hair off (0.3s = 300.00000000000006): nothing below a nanosecond was ever written. */
export const roundedToNanoseconds = (ms: number): number => Math.round(ms * 1e6) / 1e6;

export function checkWildcardDomain(domain: string, path: FieldPath, findings: Findings): boolean {
  const mistake = wildcardDomainMistake(domain);
  if (mistake !== undefined) findings.error(path, sentence(mistake));
  return mistake === undefined;
}

/** An address, or a network with its length. */
export function checkSubnet(text: string, path: FieldPath, findings: Findings): void {
  const isNetwork = text.split('/').length === 2;
  if (isNetwork ? parseCidr(text) === undefined : parseIp(text) === undefined) {
    findings.error(path, `${inQuotes(text)} is ${isNetwork ? 'no network such as 10.0.0.0/8' : 'no IP address'}.`);
  }
}

export function checkUnixPath(path: string, field: FieldPath, findings: Findings): void {
  if (path.startsWith('@')) return;
  if (!path.startsWith('/') || path.endsWith('/'))
    findings.error(field, `${inQuotes(path)} is no absolute path of a file.`);
}

export function checkLabels(
  labels: Readonly<Record<string, string>> | undefined,
  path: FieldPath,
  findings: Findings,
): void {
  for (const [key, value] of Object.entries(labels ?? {})) {
    const mistake = labelMistake(key, value);
    if (mistake !== undefined) findings.error([...path, key], sentence(mistake));
  }
}

/** Selectors of workloads: keys must be there, and `*` is no wildcard. Otherwise anything goes, as recorded. */
export function checkSelector(
  labels: Readonly<Record<string, string>> | undefined,
  path: FieldPath,
  findings: Findings,
): void {
  const entries = Object.entries(labels ?? {});
  for (const [key, value] of entries) {
    if (key === '') findings.error(path, 'A selector has an empty key.', { of: 'key' });
    if (key.includes('*') || value.includes('*')) findings.error([...path, key], 'Selectors take no wildcards.');
  }
  if (entries.length === 0) findings.warning(path, 'The selector has no labels, and so selects every workload.');
}

export function checkRegex(pattern: string, path: FieldPath, findings: Findings): void {
  const mistake = regexMistake(pattern);
  if (mistake !== undefined)
    findings.error(path, `The pattern ${inQuotes(pattern)} ${mistake}.`, { code: 'invalid-regex' });
}

interface Text {
  readonly exact?: string;
  readonly prefix?: string;
  readonly regex?: string;
}

export function stringMatchKind(match: Text): 'exact' | 'prefix' | 'regex' | 'present' {
  if (match.regex !== undefined) return 'regex';
  if (match.prefix !== undefined) return 'prefix';
  return match.exact !== undefined ? 'exact' : 'present';
}

/** `emptyPrefix`: fine for paths alone. */
export function checkStringMatch(
  match: Text | undefined,
  path: FieldPath,
  findings: Findings,
  emptyPrefix: 'allowed' | 'refused',
): void {
  if (match === undefined) return;
  const kind = stringMatchKind(match);
  if (kind === 'regex') checkRegex(match.regex ?? '', [...path, 'regex'], findings);
  if (kind === 'prefix' && match.prefix === '' && emptyPrefix === 'refused') {
    findings.error(
      [...path, 'prefix'],
      'An empty prefix matches everything: leave the condition out, or write {} for "is there".',
    );
  }
}

/** `shares`: hundredths, 0 or at least a ten-thousandth (istio-semantics §2.10). */
export function checkPercent(value: number | undefined, path: FieldPath, findings: Findings): void {
  if (value === undefined) return;
  if (value < 0 || value > 100 || (value > 0 && value < 0.0001)) {
    findings.error(path, `A percentage must be 0, or between 0.0001 and 100, not ${value}.`);
  }
}

/**
 * `.` is the object's own namespace, `*` is everybody and stands alone; `~`, nobody, is for ServiceEntries and stands
 * alone too (istio-semantics §10.1).
 */
export function checkExportTo(
  exportTo: readonly string[] | undefined,
  namespace: string,
  findings: Findings,
  kind: 'service-entry' | 'selected-destination-rule' | 'other' = 'other',
): void {
  const seen = new Set<string>();
  for (const [index, entry] of (exportTo ?? []).entries()) {
    const path = ['spec', 'exportTo', index];
    const target = entry === '.' ? namespace : entry;
    if (seen.has(target))
      findings.error(
        path,
        `exportTo has ${inQuotes(target)} twice${entry === '.' ? ' (`.` is the own namespace)' : ''}.`,
      );
    else if (target === '~' && kind !== 'service-entry')
      findings.error(path, 'exportTo: `~` (nobody) is for ServiceEntries only.');
    else if (target !== '*' && target !== '~' && !isDnsLabel(target)) {
      findings.error(path, `exportTo: ${inQuotes(entry)} is neither \`.\`, nor \`*\`, nor a namespace.`);
    } else seen.add(target);
  }
  const path = ['spec', 'exportTo'];
  if (kind === 'selected-destination-rule' && seen.size > 0 && !(seen.has(namespace) && seen.size === 1)) {
    findings.error(path, 'A DestinationRule with a workloadSelector can be exported to its own namespace only.');
  }
  const alone = (exportTo?.length ?? 0) <= 1;
  if (seen.has('*') && !alone) findings.conflict(path, 'exportTo: `*` (everybody) must stand alone.');
  if (seen.has('~') && !alone) findings.conflict(path, 'exportTo: `~` (nobody) must stand alone.');
}

/**
 * `namespace/name`, or a name alone. Istio looks at no further name once it has met one without a namespace: what is
 * wrong behind it is a warning here, as the document passes there.
 */
export function checkGatewayNames(names: readonly string[] | undefined, path: FieldPath, findings: Findings): void {
  let unread = false;
  for (const [index, name] of (names ?? []).entries()) {
    const mistake = gatewayNameMistake(name);
    const at = [...path, index];
    if (mistake !== undefined && unread) findings.warning(at, mistake);
    else if (mistake !== undefined) findings.error(at, mistake);
    if (name.includes('/')) continue;
    unread = true;
    const [gateway, namespace] = name.split('.');
    if (namespace === undefined) continue;
    findings.warning(at, `${inQuotes(name)} is the old form of a gateway's name.`, {
      code: 'deprecated-field',
      remedy: `Write ${namespace}/${gateway}.`,
    });
  }
}

function gatewayNameMistake(name: string): string | undefined {
  const slash = name.indexOf('/');
  if (slash === -1) {
    const mistake = domainMistake(name);
    return mistake === undefined ? undefined : sentence(mistake);
  }
  const [namespace, gateway] = [name.slice(0, slash), name.slice(slash + 1)];
  if (!isDnsLabel(namespace)) return `${inQuotes(name)}: ${inQuotes(namespace)} is no namespace.`;
  return isDnsLabel(gateway) ? undefined : `${inQuotes(name)}: ${inQuotes(gateway)} is no name of a Gateway.`;
}

/** Starts with a capital, unless with a quotation, and ends with a full stop. */
export const sentence = (text: string): string => `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
