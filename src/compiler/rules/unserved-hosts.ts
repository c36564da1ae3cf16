import type { Diagnostic } from '../../diagnostics/index.ts';
import { memoizeByIdentity } from '../../kernel/memo.ts';
import { nearest } from '../../kernel/nearest.ts';
import type { ResourceOf } from '../../resources/index.ts';
import { hostMatches, nameMatches } from '../../table/index.ts';
import type { CompileOptions } from '../compilation.ts';
import type { BuiltRouteConfig } from '../virtual-hosts.ts';
import { reportAt } from './rule.ts';

type RateLimit = ResourceOf<'RateLimit'>;

/** Hosts that a RateLimit names and nobody's routes answer for: of what it is meant for it counts nothing. */
export const unservedHosts = (
  limits: readonly RateLimit[],
  routeConfigs: readonly BuiltRouteConfig[],
  options: CompileOptions,
): readonly Diagnostic[] =>
  limits
    .filter((limit) => actsHere(limit, options))
    .flatMap((limit) =>
      limit.body.spec.rules.flatMap(({ match }, rule) =>
        (match?.hosts ?? []).flatMap((host, i) => {
          const name = host.toLowerCase().replace(/\.$/, '');
          if (routeConfigs.some((built) => hasRoutes(name, built))) return [];
          const close = nearest(name, new Set(routeConfigs.flatMap(({ domains }) => domains)));
          const hint = close === undefined ? '' : `; is '${close}' meant?`;
          const message = `no VirtualService answers for '${host}' at this gateway${hint}`;
          return [reportAt('unserved-host', limit, ['spec', 'rules', rule, 'match', 'hosts', i], { message })];
        }),
      ),
    );

/** Of those that are for other gateways, or for none, nothing is known here. */
function actsHere({ meta, body }: RateLimit, { mesh, gatewayNamespace, gatewayLabels }: CompileOptions): boolean {
  if (meta.namespace !== mesh.rootNamespace && meta.namespace !== gatewayNamespace) return false;
  return Object.entries(body.spec.selector?.matchLabels ?? {}).every(([key, value]) => gatewayLabels[key] === value);
}

/** A host that only sends plaintext to https has no routes. Mostly the very name is there, and nothing is gone through. */
function hasRoutes(name: string, { domains, hosts }: BuiltRouteConfig): boolean {
  const servesAt = (i: number | undefined): boolean => i !== undefined && (hosts[i]?.parts.length ?? 0) > 0;
  return servesAt(placesOf(domains).get(name)) || domains.some((domain, i) => mayMeet(name, domain) && servesAt(i));
}

const placesOf = memoizeByIdentity(
  (domains: readonly string[]): ReadonlyMap<string, number> =>
    new Map(domains.map((domain, i) => [domain.toLowerCase(), i])),
);

/** Is there a host that both take? */
function mayMeet(name: string, written: string): boolean {
  const domain = written.toLowerCase();
  if (name === '*' || domain.endsWith('*')) return true;
  return name.startsWith('*') ? nameMatches(name, domain) : hostMatches(domain, name);
}
