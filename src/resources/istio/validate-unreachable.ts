import type { FieldPath } from '../../diagnostics/index.ts';
import { inQuotes } from '../describe.ts';
import type { Findings } from '../findings.ts';
import type { HTTPMatchRequest, HTTPRoute, StringMatch, VirtualServiceBody } from '../generated/virtual-service.ts';

/** IST0130 and IST0131: rules and matches that earlier ones of the same object leave nothing to (istio-semantics §10.3). */
export function warnOfUnreachableRules(spec: VirtualServiceBody['spec'], findings: Findings): void {
  for (const protocol of ['http', 'tls', 'tcp'] as const)
    warnOfRepetition(spec[protocol] ?? [], ['spec', protocol], findings);
  warnOfCoveredPrefixes(spec.http ?? [], findings);
}

interface Rule {
  readonly name?: string;
  readonly match?: readonly object[];
}

function warnOfRepetition(rules: readonly Rule[], path: FieldPath, findings: Findings): void {
  const seen = new Map<string, number>();
  let matchless: number | undefined;
  for (const [index, { match = [] }] of rules.entries()) {
    const at = [...path, index];
    if (match.length === 0) {
      if (matchless !== undefined)
        findings.warning(
          at,
          `Only the last rule can do without match: ${ruleName(rules, matchless)} takes everything before this one.`,
          { code: 'ineffective-rule' },
        );
      matchless ??= index;
      continue;
    }
    for (const [number, condition] of match.entries()) {
      const key = conditionKey(condition);
      const earlier = seen.get(key);
      if (earlier === undefined) seen.set(key, index);
      else
        findings.warning([...at, 'match', number], `${ruleName(rules, earlier)} has the same match.`, {
          code: 'ineffective-rule',
        });
    }
  }
}

const ruleName = (rules: readonly Rule[], index: number): string => {
  const name = rules[index]?.name ?? '';
  return name === '' ? `Rule ${index + 1}` : `Rule ${inQuotes(name)}`;
};

/** Equal for equal conditions, whatever their names and the order of their fields. */
const conditionKey = (condition: object): string =>
  canonical(Object.fromEntries(Object.entries(condition).filter(([field]) => field !== 'name')));

function canonical(value: unknown): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([key, item]) => `${JSON.stringify(key)}:${canonical(item)}`).join(',')}}`;
}

interface PrefixMatch {
  readonly rule: number;
  readonly match: number;
  readonly prefix: string;
  readonly request: HTTPMatchRequest;
}

/** Comparing each with each is for objects of a size that people write. */
const MAX_COMPARED = 200;

function warnOfCoveredPrefixes(rules: readonly HTTPRoute[], findings: Findings): void {
  const prefixes = rules
    .flatMap(({ match = [] }, rule) => match.flatMap((request, index) => prefixOf(request, rule, index)))
    .slice(0, MAX_COMPARED);
  for (const [index, later] of prefixes.entries()) {
    const earlier = prefixes
      .slice(0, index)
      .find((candidate) => candidate.prefix !== later.prefix && covers(candidate, later));
    if (earlier === undefined) continue;
    findings.warning(
      ['spec', 'http', later.rule, 'match', later.match],
      `The prefix ${inQuotes(later.prefix)} is covered by ${inQuotes(earlier.prefix)} of ${ruleName(rules, earlier.rule)}.`,
      { code: 'ineffective-rule' },
    );
  }
}

const prefixOf = (request: HTTPMatchRequest, rule: number, match: number): readonly PrefixMatch[] => {
  const { prefix = '', regex } = request.uri ?? {};
  return prefix === '' || regex !== undefined ? [] : [{ rule, match, prefix, request }];
};

/** Every condition of the earlier match holds whenever the later one does. (Istio's own comparison takes `x-1` for a part of `x`.) */
function covers(earlier: PrefixMatch, later: PrefixMatch): boolean {
  const [a, b] = [earlier.request, later.request];
  return (
    later.prefix.startsWith(earlier.prefix) &&
    (['method', 'scheme', 'authority'] as const).every((field) => isImplied(a[field], b[field])) &&
    (['headers', 'queryParams'] as const).every((field) =>
      Object.entries(a[field] ?? {}).every(([key, match]) => isImplied(match, ownValue(b[field], key))),
    ) &&
    SAME_OR_OPEN.every((field) => a[field] === undefined || canonical(a[field]) === canonical(b[field] ?? null)) &&
    (a.ignoreUriCase ?? false) === (b.ignoreUriCase ?? false)
  );
}

/** Conditions that are only compared as a whole. */
const SAME_OR_OPEN = ['port', 'withoutHeaders', 'gateways', 'sourceLabels', 'sourceNamespace'] as const;

const ownValue = (map: Readonly<Record<string, StringMatch>> | undefined, key: string): StringMatch | undefined =>
  map !== undefined && Object.hasOwn(map, key) ? map[key] : undefined;

function isImplied(condition: StringMatch | undefined, by: StringMatch | undefined): boolean {
  if (condition === undefined) return true;
  if (by === undefined) return false;
  const { prefix } = condition;
  const text = by.regex === undefined ? (by.exact ?? by.prefix) : undefined;
  if (Object.keys(condition).length === 0) return true;
  return (
    canonical(condition) === canonical(by) ||
    (condition.regex === undefined && prefix !== undefined && text?.startsWith(prefix) === true)
  );
}
