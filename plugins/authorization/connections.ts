import { bindConnectionRule } from '../../src/contract/authz-predicate/index.ts';
import type { ConnectionFacts } from '../../src/contract/index.ts';
import type { AuthorizationSettings, PolicyLayer } from './config.ts';

type ConnectionTest = (connection: ConnectionFacts) => boolean;

interface BoundLayer {
  readonly deny: readonly ConnectionTest[];
  readonly allow: readonly ConnectionTest[] | undefined;
}

/**
 * Judges connections whose bytes are passed on as they are, as Istio's network filter does: what only a request can
 * tell is not asked, so that rules that deny by it deny every connection, and those that allow by it allow none
 * (istio-semantics §6.2). Policies that change no answer have no record to mark.
 */
export function createConnectionJudge(): (connection: ConnectionFacts, settings: AuthorizationSettings) => boolean {
  const known = new WeakMap<PolicyLayer, BoundLayer>();
  const lets = (layer: PolicyLayer, connection: ConnectionFacts): boolean => {
    let bound = known.get(layer);
    if (bound === undefined) {
      bound = bindLayer(layer);
      known.set(layer, bound);
    }
    if (bound.deny.some((fits) => fits(connection))) return false;
    return bound.allow === undefined || bound.allow.some((fits) => fits(connection));
  };
  return (connection, { gateway, virtualServices }) => {
    const { owner } = connection;
    const key = `${owner.namespace}/${owner.name}`;
    const own = Object.hasOwn(virtualServices, key) ? virtualServices[key] : undefined;
    return lets(gateway, connection) && (own === undefined || lets(own, connection));
  };
}

const bindLayer = ({ deny, allow }: PolicyLayer): BoundLayer => ({
  deny: deny.flatMap(({ rule }) => bindConnectionRule(rule, 'wide') ?? []),
  allow: allow?.flatMap(({ rule }) => bindConnectionRule(rule, 'narrow') ?? []),
});
