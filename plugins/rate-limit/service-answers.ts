import type { Judged } from './answers.ts';
import type { DescriptorRule } from './service-config.ts';
import { type DescriptorStatus, OVER_LIMIT } from './service-messages.ts';

/** Where the service does not say when to come back. */
const RETRY_AFTER_MS = 1_000;

/** What the service says of each limit, in the form of our own. Descriptors that no limit fits are not among them. */
export const judgedOf = (rules: readonly DescriptorRule[], statuses: readonly DescriptorStatus[]): readonly Judged[] =>
  statuses.flatMap((status, i) => judgedBy(rules[i]?.name ?? '', status) ?? []);

/** The limit that holds longest, since coming back before is of no use. */
export function exceededOf(
  rules: readonly DescriptorRule[],
  statuses: readonly DescriptorStatus[],
): { readonly name: string; readonly judged: Judged | undefined; readonly retryAfterMs: number } {
  let longest = { name: rules[0]?.name ?? '', judged: undefined as Judged | undefined, retryAfterMs: 0 };
  for (const [i, status] of statuses.entries()) {
    const rule = rules[i];
    const retryAfterMs = resetOf(status);
    if (status.code !== OVER_LIMIT || rule === undefined || retryAfterMs <= longest.retryAfterMs) continue;
    longest = { name: rule.name, judged: judgedBy(rule.name, status), retryAfterMs };
  }
  return longest.retryAfterMs > 0 ? longest : { ...longest, retryAfterMs: RETRY_AFTER_MS };
}

function judgedBy(name: string, status: DescriptorStatus): Judged | undefined {
  const { code, requests, unitMs, remaining } = status;
  if (unitMs === 0) return undefined;
  const resetMs = resetOf(status);
  const allowed = code !== OVER_LIMIT;
  const verdict = { allowed, remaining, resetMs, retryAfterMs: allowed ? 0 : resetMs, nextArrivalMs: 0 };
  return { rule: { name }, window: { requests, windowMs: unitMs, burst: requests }, verdict };
}

const resetOf = ({ resetMs, unitMs }: DescriptorStatus): number => resetMs ?? (unitMs || RETRY_AFTER_MS);
