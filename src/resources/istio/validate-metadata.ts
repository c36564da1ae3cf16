import { inQuotes } from '../describe.ts';
import type { Findings } from '../findings.ts';

const DRY_RUN = 'istio.io/dry-run';
const ALWAYS_REJECT = 'internal.istio.io/webhook-always-reject';
/** What Istio writes on objects that it makes of others itself: whoever sets it would borrow their rights. */
const INTERNAL: readonly string[] = ['internal.istio.io/parents', 'internal.istio.io/parent-namespace'];
/** What Go's ParseBool takes. */
const BOOLEAN = /^(?:1|t|T|TRUE|true|True|0|f|F|FALSE|false|False)$/;

interface Described {
  readonly metadata: { readonly annotations?: Readonly<Record<string, string>> };
}

/** Annotations that decide whether a document of any Istio kind is taken (istio-semantics §10.1, §6.2). */
export function validateMetadata(body: Described, findings: Findings, action?: string): void {
  const annotations = body.metadata.annotations ?? {};
  if (Object.hasOwn(annotations, ALWAYS_REJECT)) {
    findings.error(['metadata', 'annotations', ALWAYS_REJECT], `The annotation ${ALWAYS_REJECT} asks for refusal.`, {
      of: 'key',
    });
  }
  for (const name of INTERNAL.filter((one) => Object.hasOwn(annotations, one))) {
    findings.error(['metadata', 'annotations', name], `The annotation ${name} is Istio's own and cannot be set.`, {
      of: 'key',
      remedy: 'Take it out.',
    });
  }
  if (!Object.hasOwn(annotations, DRY_RUN)) return;
  const path = ['metadata', 'annotations', DRY_RUN];
  const value = annotations[DRY_RUN] ?? '';
  if (action === undefined)
    findings.error(path, `The annotation ${DRY_RUN} is for AuthorizationPolicies only.`, {
      of: 'key',
      remedy: 'Take it out.',
    });
  else if (action !== 'ALLOW' && action !== 'DENY')
    findings.error(path, `${DRY_RUN} is for the actions ALLOW and DENY only, not for ${action}.`, { of: 'key' });
  else if (!BOOLEAN.test(value)) findings.error(path, `${DRY_RUN} must be "true" or "false", not ${inQuotes(value)}.`);
}
