import { foreseeRule } from '../../src/contract/authz-predicate/index.ts';
import type { ImaginedRequest } from '../../src/contract/index.ts';
import type { ExternalAuthorizationSettings } from './config.ts';

/** Whether the authorizer would be asked, for `banyan explain`. */
export function foreseeCheck(
  request: ImaginedRequest,
  { rules, provider }: ExternalAuthorizationSettings,
): readonly string[] {
  const what =
    provider.kind === 'unusable' ? 'refused, 403, since its provider cannot be asked' : 'the authorizer is asked';
  const foresights = rules.map(({ name, rule }) => ({ name, foresight: foreseeRule(rule, 'wide', request) }));
  const sure = foresights.find(({ foresight }) => foresight.kind === 'fits');
  if (sure !== undefined) return [`${what}: the rule ${sure.name} fits`];
  return foresights.flatMap(({ name, foresight }) =>
    foresight.kind === 'open' ? [`${what} if the rule ${name} fits, which looks at ${foresight.by.join(', ')}`] : [],
  );
}
