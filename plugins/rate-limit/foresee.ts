import type { Exchange, ImaginedRequest } from '../../src/contract/index.ts';
import type { RateLimitKey } from '../../src/resources/kinds.ts';
import type { RateLimitSettings, Window } from './config.ts';
import { appliesTo } from './keys.ts';

/** Which limits would count the request, for `banyan explain`. */
export function foreseeLimits(
  request: ImaginedRequest,
  { rules, services = [] }: RateLimitSettings,
): readonly string[] {
  // Nothing else of a request is looked at.
  const exchange = request as unknown as Exchange;
  const own = rules
    .filter((rule) => appliesTo(rule, exchange))
    .map(({ id, per, windows, shared }) => {
      const where = shared ? ', by all replicas together' : '';
      return `counted by ${id}: ${windows.map(windowText).join(' and ')} for each ${keyText(per)}${where}`;
    });
  const asked = services.flatMap(({ authority, rules: asks }) =>
    asks.filter((rule) => appliesTo(rule, exchange)).map(({ name }) => `the service ${authority} is asked, by ${name}`),
  );
  return [...own, ...asked];
}

const windowText = ({ requests, windowMs, burst }: Window): string =>
  `${requests} in ${windowMs / 1_000} s${burst === requests ? '' : ` (${burst} at once)`}`;

function keyText(per: RateLimitKey): string {
  if (typeof per === 'string') return per;
  return 'header' in per ? `value of the header ${per.header}` : `value of the claim ${per.claim}`;
}
