import type { PolicyMark } from '../../src/contract/index.ts';
import type { WatchedRule, WatchLayer } from './config.ts';

/** What may be marked: a request or a raw connection. */
interface Marked {
  readonly record: { policyMarks?: PolicyMark[] };
}

interface BoundRule<F> {
  readonly name: string;
  readonly policy: string;
  readonly fits: (facts: F) => boolean;
}

export interface BoundWatch<F> {
  readonly audit: readonly BoundRule<F>[];
  readonly deny: readonly BoundRule<F>[];
  readonly allow: readonly BoundRule<F>[] | undefined;
}

/** `policy`: `namespace/name`, or `none` where no rule that allows fits. */
export type CountMark = (kind: PolicyMark['kind'], policy: string) => void;

/** More of them on one request than anybody reads. */
const MOST_MARKS = 10;
const NONE = 'none';

/** `bindRule` undefined: the rule can never fit. */
export function bindWatch<F>(
  { audit, deny, allow }: WatchLayer,
  bindRule: (rule: WatchedRule['rule'], leaning: 'wide' | 'narrow') => ((facts: F) => boolean) | undefined,
): BoundWatch<F> {
  const bind = (rules: readonly WatchedRule[], leaning: 'wide' | 'narrow'): readonly BoundRule<F>[] =>
    rules.flatMap(({ name, policy, rule }) => {
      const fits = bindRule(rule, leaning);
      return fits === undefined ? [] : [{ name, policy, fits }];
    });
  return { audit: bind(audit, 'wide'), deny: bind(deny, 'wide'), allow: allow && bind(allow, 'narrow') };
}

/** AUDIT marks whatever its rules fit; a dry run that denies marks what it would refuse (istio-semantics §6.2). */
export function watch<F extends Marked>({ audit, deny }: BoundWatch<F>, facts: F, count: CountMark): void {
  for (const rule of audit) if (rule.fits(facts)) mark(facts, 'audited', rule, count);
  for (const rule of deny) {
    if (!rule.fits(facts)) continue;
    mark(facts, 'dry-run-denied', rule, count);
    return;
  }
}

/**
 * A dry run that allows marks what it fits, and what it would refuse if it were in force, together with those that are:
 * `allowed` says what they say, undefined where there are none.
 */
export function tryAllow<F extends Marked>(
  { allow }: BoundWatch<F>,
  allowed: boolean | undefined,
  facts: F,
  count: CountMark,
): void {
  if (allow === undefined) return;
  for (const rule of allow) {
    if (!rule.fits(facts)) continue;
    mark(facts, 'dry-run-allowed', rule, count);
    return;
  }
  if (allowed !== true) mark(facts, 'dry-run-denied', { name: NONE, policy: NONE }, count);
}

function mark(
  { record }: Marked,
  kind: PolicyMark['kind'],
  { name, policy }: Pick<WatchedRule, 'name' | 'policy'>,
  count: CountMark,
): void {
  count(kind, policy);
  record.policyMarks ??= [];
  if (record.policyMarks.length < MOST_MARKS) record.policyMarks.push({ kind, rule: name });
}
