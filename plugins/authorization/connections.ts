import { bindConnectionRule, rbacDenied } from '../../src/contract/authz-predicate/index.ts';
import type { ConnectionFacts } from '../../src/contract/index.ts';
import { memoizeByIdentity } from '../../src/kernel/memo.ts';
import type { AuthorizationSettings, PolicyLayer } from './config.ts';
import { layersFor } from './owners.ts';
import { type BoundWatch, bindWatch, type CountMark, tryAllow, watch } from './watch.ts';

type ConnectionTest = (connection: ConnectionFacts) => boolean;

interface BoundLayer {
  readonly deny: readonly { readonly name: string; readonly fits: ConnectionTest }[];
  readonly allow: readonly ConnectionTest[] | undefined;
  readonly watch: BoundWatch<ConnectionFacts> | undefined;
}

/**
 * Judges connections whose bytes are passed on as they are, as Istio's network filter does: what only a request can
 * tell is not asked, so that rules that deny by it deny every connection, and those that allow by it allow none
 * (istio-semantics §6.2). The record says whose rule it was, as Envoy's connection termination details do.
 */
export function createConnectionJudge(
  count: CountMark,
): (connection: ConnectionFacts, settings: AuthorizationSettings) => boolean {
  const boundOf = memoizeByIdentity(bindLayer);
  return (connection, settings) => {
    for (const layer of layersFor(connection.owner, settings)) {
      const refusal = judge(boundOf(layer), connection, count);
      if (refusal === undefined) continue;
      connection.record.cause = refusal.cause;
      connection.record.terminationDetails = refusal.details;
      return false;
    }
    return true;
  };
}

const bindLayer = ({ deny, allow, watch: watched }: PolicyLayer): BoundLayer => ({
  deny: deny.flatMap(({ name, rule }) => {
    const fits = bindConnectionRule(rule, 'wide');
    return fits === undefined ? [] : [{ name, fits }];
  }),
  allow: allow?.flatMap(({ rule }) => bindConnectionRule(rule, 'narrow') ?? []),
  watch: watched && bindWatch(watched, bindConnectionRule),
});

function judge(
  { deny, allow, watch: watched }: BoundLayer,
  connection: ConnectionFacts,
  count: CountMark,
): ReturnType<typeof rbacDenied> | undefined {
  if (watched !== undefined) watch(watched, connection, count);
  const denying = deny.find(({ fits }) => fits(connection));
  if (denying !== undefined) return rbacDenied(denying.name);
  const allowed = allow?.some((fits) => fits(connection));
  if (watched !== undefined) tryAllow(watched, allowed, connection, count);
  return allowed === false ? rbacDenied(undefined) : undefined;
}
