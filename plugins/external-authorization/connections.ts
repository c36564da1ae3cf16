import { bindConnectionRule } from '../../src/contract/authz-predicate/index.ts';
import type { ConnectionFacts, PluginHost } from '../../src/contract/index.ts';
import { memoizeByIdentity } from '../../src/kernel/memo.ts';
import type { ExternalAuthorizationSettings } from './config.ts';

type ConnectionTest = (connection: ConnectionFacts) => boolean;

/**
 * Has connections judged whose bytes are passed on as they are. Who is asked over HTTP can be told of requests alone, so
 * that nobody asks, as in Istio; where nobody can be asked at all, what a rule fits is refused (istio-semantics §6.2).
 */
export function createConnectionCheck(
  call: PluginHost['callCluster'],
): (connection: ConnectionFacts, settings: ExternalAuthorizationSettings) => boolean | Promise<boolean> {
  const rulesOf = memoizeByIdentity(({ rules }: ExternalAuthorizationSettings): readonly ConnectionTest[] =>
    rules.flatMap(({ rule }) => bindConnectionRule(rule, 'wide') ?? []),
  );
  return (connection, settings) => {
    const { provider } = settings;
    if (provider.kind === 'http') return true;
    if (!rulesOf(settings).some((fits) => fits(connection))) return true;
    return provider.kind === 'unusable' ? false : ask(call, connection, provider);
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
  return verdict.kind === 'allowed' || (verdict.kind === 'failed' && provider.failOpen);
}
