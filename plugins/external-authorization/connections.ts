import { bindConnectionRule, rbacDenied } from '../../src/contract/authz-predicate/index.ts';
import type { ConnectionFacts, LocalReply, PluginHost } from '../../src/contract/index.ts';
import { memoizeByIdentity } from '../../src/kernel/memo.ts';
import type { ExternalAuthorizationSettings } from './config.ts';
import { denied, failed, invalid } from './replies.ts';
import type { Verdict } from './verdict.ts';

interface BoundRule {
  readonly name: string;
  readonly fits: (connection: ConnectionFacts) => boolean;
}

/**
 * Has connections judged whose bytes are passed on as they are. Who is asked over HTTP can be told of requests alone, so
 * that nobody asks, as in Istio; where nobody can be asked at all, what a rule fits is refused (istio-semantics §6.2).
 */
export function createConnectionCheck(
  call: PluginHost['callCluster'],
): (connection: ConnectionFacts, settings: ExternalAuthorizationSettings) => boolean | Promise<boolean> {
  const rulesOf = memoizeByIdentity(({ rules }: ExternalAuthorizationSettings): readonly BoundRule[] =>
    rules.flatMap(({ name, rule }) => {
      const fits = bindConnectionRule(rule, 'wide');
      return fits === undefined ? [] : [{ name, fits }];
    }),
  );
  return (connection, settings) => {
    const { provider } = settings;
    if (provider.kind === 'http') return true;
    const matched = rulesOf(settings).find(({ fits }) => fits(connection));
    if (matched === undefined) return true;
    if (provider.kind !== 'unusable') return ask(call, connection, provider);
    const { cause, details } = rbacDenied(matched.name);
    connection.record.cause = cause;
    connection.record.terminationDetails = details;
    return false;
  };
}

type GrpcProvider = Extract<ExternalAuthorizationSettings['provider'], { kind: 'grpc' }>;

async function ask(
  call: PluginHost['callCluster'],
  connection: ConnectionFacts,
  provider: GrpcProvider,
): Promise<boolean> {
  const { askAboutConnection } = await import('./grpc-authorizer.ts');
  const verdict = await askAboutConnection(call, connection, provider);
  if (verdict.kind === 'allowed' || (verdict.kind === 'failed' && provider.failOpen)) return true;
  const { record } = connection;
  const { cause, details, flag } = refusalOf(verdict, provider);
  // As Envoy's network filter does, in the words that a refused request has.
  record.cause = cause;
  record.details = details;
  if (flag !== undefined) record.flags.push(flag);
  if (verdict.kind !== 'denied') record.upstreamFailure = `external authorizer: ${verdict.reason}`;
  return false;
}

function refusalOf(verdict: Exclude<Verdict, { kind: 'allowed' }>, provider: GrpcProvider): LocalReply {
  if (verdict.kind === 'denied') return denied(verdict);
  return verdict.kind === 'failed' ? failed(provider, undefined) : invalid();
}
