import type { Filter, HeaderList } from '../../src/contract/index.ts';
import type { Clock } from '../../src/kernel/clock.ts';
import { type SecurityHeaderSettings, securityHeadersSpec } from './config.ts';
import { type Choice, inForce } from './layers.ts';

const HSTS = 'strict-transport-security';

/** Marks every answer, our own included: mandatory headers replace what is there, others are added where nothing is. */
export function createSecurityHeaderFilter(clock: Clock): Filter<SecurityHeaderSettings> {
  return {
    name: securityHeadersSpec.name,
    response(exchange, { headers }, settings) {
      const nowMs = clock.nowMs();
      for (const name of Object.keys(settings.headers)) {
        // Over a plain connection it must not be sent (RFC 6797 §7.2).
        if (name === HSTS && exchange.scheme !== 'https') continue;
        apply(headers, name, settings.headers[name] as Choice<string | null>, nowMs);
      }
    },
  };
}

function apply(
  headers: HeaderList,
  name: string,
  { mandatory, otherwise }: Choice<string | null>,
  nowMs: number,
): void {
  const [first] = inForce(mandatory, nowMs);
  const chosen = first ?? otherwise;
  if (chosen === undefined) return;
  if (chosen.value === null) headers.remove(name);
  else if (first !== undefined || !headers.has(name)) headers.set(name, chosen.value);
}
