import { foreseeRule } from '../../src/contract/authz-predicate/index.ts';
import type { ImaginedRequest, PolicyObject } from '../../src/contract/index.ts';
import type { AuthorizationPolicyBody } from '../../src/resources/kinds.ts';
import type { AuthorizationSettings, PolicyLayer } from './config.ts';
import { guardsOf, layersFor } from './owners.ts';

/** CUSTOM is external-authorization's; a team's policy is for the routes of the VirtualServices that it names. */
export function actsInAuthorization(
  { ref, body }: Pick<PolicyObject, 'ref' | 'body'>,
  { route }: ImaginedRequest,
): 'gateway' | 'route' | undefined {
  const { action, targetRef, targetRefs = [] } = (body as AuthorizationPolicyBody).spec;
  if (action === 'CUSTOM') return undefined;
  const targets = targetRef === undefined ? targetRefs : [...targetRefs, targetRef];
  if (targets.length === 0) return 'gateway';
  const guards = route === undefined ? [] : guardsOf(route.owner);
  return targets.some(({ name }) => guards.includes(`${ref.namespace}/${name}`)) ? 'route' : undefined;
}

/** Whether the request would be refused, for `banyan explain`. */
export function foreseeAuthorization(request: ImaginedRequest, settings: AuthorizationSettings): readonly string[] {
  const open: string[] = [];
  for (const layer of layersFor(request.route?.owner, settings)) {
    const found = foreseeLayer(layer, request);
    // Whoever refuses in any case ends it: what might refuse before it makes no difference.
    if (found.refused) return found.lines;
    open.push(...found.lines);
  }
  return open;
}

function foreseeLayer(
  { deny, allow }: PolicyLayer,
  request: ImaginedRequest,
): { readonly refused: boolean; readonly lines: readonly string[] } {
  const open: string[] = [];
  for (const { name, rule } of deny) {
    const foresight = foreseeRule(rule, 'wide', request);
    if (foresight.kind === 'fits') return { refused: true, lines: [`refused, 403: the DENY rule ${name} fits`] };
    if (foresight.kind === 'open')
      open.push(`refused, 403, if the DENY rule ${name} fits, which looks at ${foresight.by.join(', ')}`);
  }
  if (allow === undefined) return { refused: false, lines: open };
  const allowing = allow.map(({ name, rule }) => ({ name, foresight: foreseeRule(rule, 'narrow', request) }));
  if (allowing.some(({ foresight }) => foresight.kind === 'fits')) return { refused: false, lines: open };
  const maybe = allowing.flatMap(({ name, foresight }) =>
    foresight.kind === 'open' ? [`${name}, which looks at ${foresight.by.join(', ')}`] : [],
  );
  if (maybe.length === 0)
    return { refused: true, lines: ['refused, 403: there are ALLOW rules, and none of them fits'] };
  return { refused: false, lines: [...open, `refused, 403, unless an ALLOW rule fits: ${maybe.join('; ')}`] };
}
