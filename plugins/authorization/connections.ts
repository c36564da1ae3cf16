import { bindConnectionRule } from '../../src/contract/authz-predicate/index.ts';
import type { ConnectionFacts } from '../../src/contract/index.ts';
import { memoizeByIdentity } from '../../src/kernel/memo.ts';
import type { AuthorizationSettings, PolicyLayer } from './config.ts';
import { layersFor } from './owners.ts';

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
  const boundOf = memoizeByIdentity(bindLayer);
  const lets = (layer: PolicyLayer, connection: ConnectionFacts): boolean => {
    const { deny, allow } = boundOf(layer);
    if (deny.some((fits) => fits(connection))) return false;
    return allow === undefined || allow.some((fits) => fits(connection));
  };
  return (connection, settings) => layersFor(connection.owner, settings).every((layer) => lets(layer, connection));
}

const bindLayer = ({ deny, allow }: PolicyLayer): BoundLayer => ({
  deny: deny.flatMap(({ rule }) => bindConnectionRule(rule, 'wide') ?? []),
  allow: allow?.flatMap(({ rule }) => bindConnectionRule(rule, 'narrow') ?? []),
});
