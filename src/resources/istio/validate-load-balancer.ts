import type { FieldPath } from '../../diagnostics/index.ts';
import { inQuotes } from '../describe.ts';
import type { Findings } from '../findings.ts';
import type {
  ConsistentHashLB,
  LoadBalancerSettings,
  LocalityLoadBalancerSetting,
  WarmupConfiguration,
} from '../generated/destination-rule.ts';
import { checkDuration } from './validate-common.ts';

/** istio-semantics §10.4. */
export function validateLoadBalancer(
  settings: LoadBalancerSettings | undefined,
  hasOutlierDetection: boolean,
  path: FieldPath,
  findings: Findings,
): void {
  if (settings === undefined) return;
  const { consistentHash, localityLbSetting, zoneAwareLbSetting, warmup } = settings;
  if (consistentHash !== undefined) validateHash(consistentHash, [...path, 'consistentHash'], findings);
  if (localityLbSetting !== undefined) {
    validateLocality(localityLbSetting, [...path, 'localityLbSetting'], findings);
    const fails = (localityLbSetting.failover?.length ?? 0) + (localityLbSetting.failoverPriority?.length ?? 0) > 0;
    if (fails && !hasOutlierDetection)
      findings.warning([...path, 'localityLbSetting'], 'Failover does something only together with outlierDetection.', {
        code: 'ignored-field',
      });
    if (zoneAwareLbSetting !== undefined)
      findings.conflict(
        [...path, 'zoneAwareLbSetting'],
        'localityLbSetting and zoneAwareLbSetting exclude one another.',
      );
  }
  if (warmup !== undefined) validateWarmup(warmup, [...path, 'warmup'], findings);
  if (settings.warmupDurationSecs === undefined) return;
  const at = [...path, 'warmupDurationSecs'];
  if (warmup === undefined)
    findings.warning(at, 'warmupDurationSecs is given up.', {
      code: 'deprecated-field',
      remedy: 'Use warmup.duration.',
      of: 'key',
    });
  // A rule of the CRD's, which the webhook does not have (istio-semantics §10.4).
  else
    findings.warning(at, 'warmup counts, and not warmupDurationSecs; the API server refuses both together.', {
      code: 'ignored-field',
      of: 'key',
    });
}

const MAX_TABLE = 5_000_011;

function validateHash(hash: ConsistentHashLB, path: FieldPath, findings: Findings): void {
  const { httpCookie, minimumRingSize = 0, maglev, ringHash } = hash;
  if (httpCookie !== undefined && (httpCookie.name ?? '') === '')
    findings.missing([...path, 'httpCookie', 'name'], 'A cookie must have a name.');
  const attributes = new Set<string>();
  for (const [index, { name = '' }] of (httpCookie?.attributes ?? []).entries()) {
    if (attributes.has(name))
      findings.error(
        [...path, 'httpCookie', 'attributes', index, 'name'],
        `The cookie's attribute ${inQuotes(name)} is given twice.`,
      );
    attributes.add(name);
  }
  if (minimumRingSize !== 0) {
    const at = [...path, 'minimumRingSize'];
    findings.warning(at, 'minimumRingSize is given up.', {
      code: 'deprecated-field',
      remedy: 'Use ringHash.minimumRingSize.',
      of: 'key',
    });
    if (maglev !== undefined || ringHash !== undefined)
      findings.conflict(at, 'minimumRingSize cannot be had together with ringHash or maglev.');
  }
  if (maglev === undefined) return;
  const { tableSize = 0 } = maglev;
  if (tableSize === 0) findings.missing([...path, 'maglev', 'tableSize'], 'maglev must have a tableSize.');
  else if (tableSize >= MAX_TABLE)
    findings.error([...path, 'maglev', 'tableSize'], `tableSize must be less than ${MAX_TABLE}, not ${tableSize}.`);
  else if (!isPrime(tableSize))
    findings.error([...path, 'maglev', 'tableSize'], `tableSize must be a prime number, which ${tableSize} is not.`);
}

/** As Envoy has it: 1 counts as one. */
function isPrime(number: number): boolean {
  if (number < 4) return number > 0;
  if (number % 2 === 0) return false;
  for (let factor = 3; factor * factor <= number; factor += 2) if (number % factor === 0) return false;
  return true;
}

function validateWarmup(warmup: WarmupConfiguration, path: FieldPath, findings: Findings): void {
  if (warmup.duration === undefined) findings.missing([...path, 'duration'], 'warmup must have a duration.');
  checkDuration(warmup.duration, [...path, 'duration'], findings);
  if ((warmup.minimumPercent ?? 0) > 100)
    findings.error([...path, 'minimumPercent'], `minimumPercent must be at most 100, not ${warmup.minimumPercent}.`);
  if (warmup.aggression !== undefined && warmup.aggression < 1)
    findings.error([...path, 'aggression'], `aggression must be at least 1, not ${warmup.aggression}.`);
}

const TOPOLOGY_LABELS: ReadonlySet<string> = new Set([
  'topology.kubernetes.io/region',
  'topology.kubernetes.io/zone',
  'topology.istio.io/subzone',
]);

function validateLocality(locality: LocalityLoadBalancerSetting, path: FieldPath, findings: Findings): void {
  const { distribute = [], failover = [], failoverPriority = [] } = locality;
  if (distribute.length > 0 && failover.length > 0)
    findings.conflict(path, 'distribute and failover exclude one another.');
  const topology = failover.length === 0 ? undefined : failoverPriority.find((label) => TOPOLOGY_LABELS.has(label));
  if (topology !== undefined)
    findings.conflict(
      [...path, 'failoverPriority'],
      `failover already orders by ${topology}: it cannot be in failoverPriority.`,
    );
  for (const [index, { to = {} }] of distribute.entries())
    validateShares(to, [...path, 'distribute', index, 'to'], findings);
  checkLocalities(
    distribute.map(({ from = '' }) => from),
    [...path, 'distribute'],
    findings,
  );
  for (const [index, { from = '', to = '' }] of failover.entries()) {
    const at = [...path, 'failover', index];
    if (from === to) findings.error(at, 'Failover must lead to another region.');
    if (`${from}${to}`.includes('/')) findings.error(at, 'Failover is from region to region, without zones.');
    if (`${from}${to}`.includes('*')) findings.error(at, 'Failover takes no wildcards.');
  }
}

function validateShares(shares: Readonly<Record<string, number>>, path: FieldPath, findings: Findings): void {
  const entries = Object.entries(shares);
  for (const [locality, weight] of entries)
    if (weight < 1 || weight > 100)
      findings.error([...path, locality], `The weight of a locality must be between 1 and 100, not ${weight}.`);
  const total = entries.reduce((sum, [, weight]) => sum + weight, 0);
  if (total !== 100) findings.error(path, `The weights of the localities must come to 100, not ${total}.`);
  checkLocalities(
    entries.map(([locality]) => locality),
    path,
    findings,
  );
}

/** `region/zone/subzone`, cut off anywhere, a star only at the end; none may lie within an earlier one. */
function checkLocalities(localities: readonly string[], path: FieldPath, findings: Findings): void {
  const seen: string[][] = [];
  for (const locality of localities) {
    const star = locality.indexOf('*');
    const parts = splitLocality(locality);
    if (star !== -1 && star !== locality.length - 1)
      findings.error(path, `${inQuotes(locality)}: a star is only for the end.`);
    else if (parts.some((part) => part === '')) findings.error(path, `${inQuotes(locality)} has an empty part.`);
    else if (seen.some((earlier) => overlaps(earlier, parts)))
      findings.error(path, `${inQuotes(locality)} overlaps with an earlier locality.`);
    seen.push(parts);
  }
}

function splitLocality(locality: string): string[] {
  const [region = '', zone, ...rest] = locality.split('/');
  return [region, ...(zone === undefined ? [] : [zone]), ...(rest.length === 0 ? [] : [rest.join('/')])];
}

/** One lies within the other. A later `*` is let pass: it stands for the rest. */
function overlaps(earlier: readonly string[], later: readonly string[]): boolean {
  if (earlier[0] === '*') return true;
  if (earlier[0] !== later[0]) return false;
  if (earlier.length === 1 || later.length === 1) return true;
  if (earlier[1] === '*') return true;
  if (earlier[1] !== later[1]) return false;
  return later.length === 2 || earlier.length === 2 || earlier[2] === '*' || earlier[2] === later[2];
}
