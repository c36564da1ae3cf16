import {
  bindRule,
  type NamedRule,
  type PolicyFacts,
  type PolicyTest,
  rbacDenied,
} from '../../src/contract/authz-predicate/index.ts';
import type { Exchange, Filter, LocalReply } from '../../src/contract/index.ts';
import { type AuthorizationSettings, authorizationSpec, type PolicyLayer } from './config.ts';
import { createConnectionJudge } from './connections.ts';
import { guardsOf } from './owners.ts';
import { type BoundWatch, bindWatch, type CountMark, tryAllow, watch } from './watch.ts';

type Route = NonNullable<Exchange['route']>;

interface BoundLayer {
  readonly deny: readonly { readonly name: string; readonly fits: PolicyTest }[];
  readonly allow: readonly PolicyTest[] | undefined;
  readonly watch: BoundWatch<Exchange> | undefined;
}

interface BoundSettings {
  readonly gateway: BoundLayer;
  /** undefined: no team has a policy of its own. */
  readonly teams: ReadonlyMap<string, BoundLayer> | undefined;
  /** The layers of a route's owners, found once per route. */
  readonly byRoute: WeakMap<Route, readonly BoundLayer[]>;
}

/**
 * Judges the request exactly as it is matched and forwarded (edge-security P-19): DENY, then ALLOW, of the network team,
 * and after them those of the route's own team. The route is looked at when the filter is asked, since a verified token
 * may have chosen another one.
 */
export function createAuthorizationFilter(count: CountMark = () => {}): Filter<AuthorizationSettings> {
  const known = new WeakMap<AuthorizationSettings, BoundSettings>();
  const boundOf = (settings: AuthorizationSettings): BoundSettings => {
    const bound = known.get(settings);
    if (bound !== undefined) return bound;
    const fresh = bind(settings);
    known.set(settings, fresh);
    return fresh;
  };
  return {
    name: authorizationSpec.name,
    connection: createConnectionJudge(count),
    published(all) {
      for (const settings of all) boundOf(settings);
    },
    request(exchange, settings) {
      const bound = boundOf(settings);
      const denied = judge(bound.gateway, exchange, count);
      if (denied !== undefined || bound.teams === undefined || exchange.route === undefined) return denied;
      for (const layer of layersOf(exchange.route, bound.teams, bound.byRoute)) {
        const deniedByTeam = judge(layer, exchange, count);
        if (deniedByTeam !== undefined) return deniedByTeam;
      }
      return undefined;
    },
  };
}

function bind({ gateway, virtualServices }: AuthorizationSettings): BoundSettings {
  const teams = Object.entries(virtualServices).map(([key, layer]) => [key, bindLayer(layer)] as const);
  return {
    gateway: bindLayer(gateway),
    teams: teams.length === 0 ? undefined : new Map(teams),
    byRoute: new WeakMap(),
  };
}

const bindLayer = ({ deny, allow, watch: watched }: PolicyLayer): BoundLayer => ({
  deny: deny.map(({ name, rule }: NamedRule) => ({ name, fits: bindRule(rule, 'wide') })),
  allow: allow?.map(({ rule }) => bindRule(rule, 'narrow')),
  watch: watched && bindWatch(watched, bindRule),
});

function judge(layer: BoundLayer, exchange: Exchange, count: CountMark): LocalReply | undefined {
  if (layer.watch !== undefined) watch(layer.watch, exchange, count);
  for (const { name, fits } of layer.deny) if (fits(exchange)) return rbacDenied(name);
  const allowed = layer.allow === undefined ? undefined : fitsAny(layer.allow, exchange);
  if (layer.watch !== undefined) tryAllow(layer.watch, allowed, exchange, count);
  return allowed === false ? rbacDenied(undefined) : undefined;
}

function fitsAny(tests: readonly PolicyTest[], facts: PolicyFacts): boolean {
  for (const fits of tests) if (fits(facts)) return true;
  return false;
}

function layersOf(
  route: Route,
  teams: ReadonlyMap<string, BoundLayer>,
  byRoute: BoundSettings['byRoute'],
): readonly BoundLayer[] {
  let layers = byRoute.get(route);
  if (layers === undefined) {
    layers = guardsOf(route.owner).flatMap((key) => teams.get(key) ?? []);
    byRoute.set(route, layers);
  }
  return layers;
}
