import type { FieldPath } from '../../diagnostics/index.ts';
import { inQuotes } from '../describe.ts';
import type { Findings } from '../findings.ts';
import type { AuthorizationPolicyBody } from '../generated/authorization-policy.ts';
import { checkSelector } from './validate-common.ts';

type Attachment = Pick<AuthorizationPolicyBody['spec'], 'selector' | 'targetRef' | 'targetRefs'>;
type TargetRef = NonNullable<Attachment['targetRef']>;

const TARGETS: readonly (readonly [group: string, kind: string])[] = [
  ['', 'Service'],
  ['core', 'Service'],
  ['networking.istio.io', 'ServiceEntry'],
  // Ours: a team's own policy for its own routes (plugins/authorization).
  ['networking.istio.io', 'VirtualService'],
  ['gateway.networking.k8s.io', 'Gateway'],
  ['gateway.networking.k8s.io', 'GatewayClass'],
];

/** What a policy acts on: of three ways to say it, one (istio-semantics §10.6). */
export function validateAttachment({ selector, targetRef, targetRefs = [] }: Attachment, findings: Findings): void {
  const ways = [selector !== undefined, targetRef !== undefined, targetRefs.length > 0].filter(Boolean).length;
  if (ways > 1) findings.conflict(['spec'], 'A policy can have one of selector, targetRef and targetRefs.');
  if (selector !== undefined) checkSelector(selector.matchLabels, ['spec', 'selector', 'matchLabels'], findings);
  if (targetRef !== undefined) validateTarget(targetRef, ['spec', 'targetRef'], findings);
  for (const [index, target] of targetRefs.entries()) validateTarget(target, ['spec', 'targetRefs', index], findings);
}

function validateTarget(
  { group = '', kind = '', name = '', namespace = '' }: TargetRef,
  path: FieldPath,
  findings: Findings,
): void {
  if (name === '') findings.missing([...path, 'name'], 'A targetRef must have a name.');
  if (namespace !== '')
    findings.error([...path, 'namespace'], 'A targetRef cannot lead to another namespace: leave namespace out.');
  if (!TARGETS.some(([wantedGroup, wantedKind]) => group === wantedGroup && kind === wantedKind)) {
    findings.error(
      path,
      `A targetRef can name a Service, a ServiceEntry, a VirtualService, or a Gateway or GatewayClass of the Gateway API, not ${inQuotes(`${group}/${kind}`)}.`,
    );
  }
}
