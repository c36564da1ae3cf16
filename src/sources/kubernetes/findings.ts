import { type Diagnostic, report } from '../../diagnostics/index.ts';
import type { KindHealth } from './health.ts';

/** What is to be said of kinds as a whole. */
export function kindFindings({ kind, state, trouble, heldSinceMs }: KindHealth): readonly Diagnostic[] {
  const findings: Diagnostic[] = [];
  if (state === 'missing')
    findings.push(report('kind-not-served', { message: `the API server does not know the kind ${kind}` }));
  if (state === 'denied')
    findings.push(report('kind-denied', { message: `the API server refuses us the ${kind} objects: ${trouble}` }));
  if (heldSinceMs !== undefined)
    findings.push(report('deletion-held', { message: `more than half of the ${kind} objects were gone at once` }));
  return findings;
}

export const savedStateFinding = (savedAtMs: number): Diagnostic =>
  report('saved-state-served', {
    message: `the API server has not been read since the start; what is served was saved at ${new Date(savedAtMs).toISOString()}`,
  });
