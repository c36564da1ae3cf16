import { bindRule, type PolicyTest } from '../../src/contract/authz-predicate/index.ts';
import type { Exchange, PolicyMark } from '../../src/contract/index.ts';
import type { WatchedRule, WatchLayer } from './config.ts';

interface BoundRule {
  readonly name: string;
  readonly policy: string;
  readonly fits: PolicyTest;
}

export interface BoundWatch {
  readonly audit: readonly BoundRule[];
  readonly deny: readonly BoundRule[];
  readonly allow: readonly BoundRule[] | undefined;
}

/** `policy`: `namespace/name`, or `none` where no rule that allows fits. */
export type CountMark = (kind: PolicyMark['kind'], policy: string) => void;

/** More of them on one request than anybody reads. */
const MOST_MARKS = 10;
const NONE = 'none';

export function bindWatch({ audit, deny, allow }: WatchLayer): BoundWatch {
  const bind =
    (leaning: 'wide' | 'narrow') =>
    ({ name, policy, rule }: WatchedRule): BoundRule => ({ name, policy, fits: bindRule(rule, leaning) });
  return { audit: audit.map(bind('wide')), deny: deny.map(bind('wide')), allow: allow?.map(bind('narrow')) };
}

/** AUDIT marks whatever its rules fit; a dry run that denies marks what it would refuse (istio-semantics §6.2). */
export function watch({ audit, deny }: BoundWatch, exchange: Exchange, count: CountMark): void {
  for (const rule of audit) if (rule.fits(exchange)) mark(exchange, 'audited', rule, count);
  for (const rule of deny) {
    if (!rule.fits(exchange)) continue;
    mark(exchange, 'dry-run-denied', rule, count);
    return;
  }
}

/**
 * A dry run that allows marks what it fits, and what it would refuse if it were in force, together with those that are:
 * `allowed` says what they say, undefined where there are none.
 */
export function tryAllow(
  { allow }: BoundWatch,
  allowed: boolean | undefined,
  exchange: Exchange,
  count: CountMark,
): void {
  if (allow === undefined) return;
  for (const rule of allow) {
    if (!rule.fits(exchange)) continue;
    mark(exchange, 'dry-run-allowed', rule, count);
    return;
  }
  if (allowed !== true) mark(exchange, 'dry-run-denied', { name: NONE, policy: NONE }, count);
}

function mark(
  { record }: Exchange,
  kind: PolicyMark['kind'],
  { name, policy }: Pick<BoundRule, 'name' | 'policy'>,
  count: CountMark,
): void {
  count(kind, policy);
  record.policyMarks ??= [];
  if (record.policyMarks.length < MOST_MARKS) record.policyMarks.push({ kind, rule: name });
}
