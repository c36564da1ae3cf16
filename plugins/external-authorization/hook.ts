import { bindRule, type PolicyTest, rbacDenied } from '../../src/contract/authz-predicate/index.ts';
import { type Exchange, type Filter, type LocalReply, Note, type PluginHost } from '../../src/contract/index.ts';
import { memoizeByIdentity } from '../../src/kernel/memo.ts';
import type { CheckBody } from './check.ts';
import { type ExternalAuthorizationSettings, externalAuthorizationSpec } from './config.ts';
import { createConnectionCheck } from './connections.ts';
import { askOverHttp } from './http-authorizer.ts';
import type { Provider } from './provider.ts';
import { denied, failed, invalid, tooLarge } from './replies.ts';
import { changeAnswer, type HeaderChange, permit, type Verdict } from './verdict.ts';

type Call = PluginHost['callCluster'];

interface BoundRule {
  readonly name: string;
  readonly fits: PolicyTest;
}

/** Has an authorizer of the network team's decide, before tokens are read (istio-semantics §6.2, CUSTOM). */
export function createExternalAuthorizationFilter(call: Call): Filter<ExternalAuthorizationSettings> {
  const rulesOf = memoizeByIdentity(({ rules }: ExternalAuthorizationSettings): readonly BoundRule[] =>
    rules.map(({ name, rule }) => ({ name, fits: bindRule(rule, 'wide') })),
  );
  /** What of the authorizer's the client gets with the answer. */
  const forClient = new Note<readonly HeaderChange[]>();
  return {
    name: externalAuthorizationSpec.name,
    connection: createConnectionCheck(call),
    published(all) {
      for (const settings of all) rulesOf(settings);
      // A request that comes before it is there waits for it, and is told what went wrong.
      if (all.some(({ provider }) => provider.kind === 'grpc')) overGrpc().catch(() => {});
    },
    request(exchange, settings) {
      const { provider } = settings;
      const matched = rulesOf(settings).find(({ fits }) => fits(exchange));
      if (matched === undefined) return undefined;
      if (provider.kind === 'unusable') return rbacDenied(matched.name);
      // Where there is no route the answer is 404 whatever anybody says, so nobody is asked.
      if (exchange.route === undefined) return undefined;
      return decide(exchange, provider, call, (changes) => forClient.set(exchange.record, changes));
    },
    response({ record }, { headers }) {
      changeAnswer(headers, forClient.get(record) ?? []);
    },
  };
}

/** Loaded only where it is used, and once: most authorizers are asked over HTTP, and most gateways have none. */
let loading: Promise<typeof import('./grpc-authorizer.ts')> | undefined;
function overGrpc(): NonNullable<typeof loading> {
  loading ??= import('./grpc-authorizer.ts');
  return loading;
}

async function decide(
  exchange: Exchange,
  provider: Provider,
  call: Call,
  keepForClient: (changes: readonly HeaderChange[]) => void,
): Promise<LocalReply | undefined> {
  const body = await bodyFor(exchange, provider);
  if (body === 'too-large') return tooLarge();
  const verdict = await ask(exchange, provider, call, body);
  switch (verdict.kind) {
    case 'denied':
      return denied(verdict);
    case 'failed':
      if (provider.failOpen) return undefined;
      exchange.record.upstreamFailure = `external authorizer: ${verdict.reason}`;
      return failed(provider, verdict.answer);
    case 'invalid':
      exchange.record.upstreamFailure = `external authorizer: ${verdict.reason}`;
      return invalid();
    case 'allowed':
      if (permit(exchange, verdict) && provider.clearRouteCache) exchange.reselectRoute();
      if (verdict.response.length > 0) keepForClient(verdict.response);
      return undefined;
  }
}

async function ask(exchange: Exchange, provider: Provider, call: Call, body: CheckBody | undefined): Promise<Verdict> {
  if (provider.kind === 'http') return askOverHttp(call, exchange, provider, body);
  const { askOverGrpc } = await overGrpc();
  return askOverGrpc(call, exchange, provider, body);
}

/** undefined: the check carries none, either since none is asked for or since the request has none. */
async function bodyFor(exchange: Exchange, { body }: Provider): Promise<CheckBody | 'too-large' | undefined> {
  if (body === undefined) return undefined;
  if (body.allowPartial) {
    const peeked = await exchange.peekBody(body.maxBytes);
    return peeked.bytes.length === 0 ? undefined : peeked;
  }
  const bytes = await exchange.bufferBody(body.maxBytes);
  if (bytes === 'too-large') return bytes;
  return bytes.length === 0 ? undefined : { bytes, complete: true };
}
