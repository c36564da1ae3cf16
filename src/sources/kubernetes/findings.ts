import { type Diagnostic, report } from '../../diagnostics/index.ts';
import type { KindHealth } from './health.ts';

/** What is to be said of kinds as a whole. */
export function kindFindings(kinds: readonly KindHealth[]): readonly Diagnostic[] {
  const named = (list: readonly KindHealth[]): string => list.map(({ kind }) => kind).join(', ');
  const missing = kinds.filter(({ state }) => state === 'missing');
  const findings: Diagnostic[] = [];
  if (missing.length > 0)
    findings.push(report('kind-not-served', { message: `the API server does not know ${named(missing)}` }));
  for (const { kind, state, trouble } of kinds)
    if (state === 'denied')
      findings.push(report('kind-denied', { message: `the API server refuses us ${kind} objects: ${trouble}` }));
  for (const { kind, heldSinceMs } of kinds)
    if (heldSinceMs !== undefined)
      findings.push(report('deletion-held', { message: `more than half of the ${kind} objects were gone at once` }));
  return findings;
}

export const savedStateFinding = (savedAtMs: number): Diagnostic =>
  report('saved-state-served', {
    message: `the API server has not been read since the start; what is served was saved at ${new Date(savedAtMs).toISOString()}`,
  });
