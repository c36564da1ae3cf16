import type { Exchange, OwnAnswer, PluginHost } from '../../src/contract/index.ts';
import { type CheckBody, checkRequest } from './check.ts';
import { type HttpProvider, namesMatch } from './provider.ts';
import type { HeaderChange, Lines, Verdict } from './verdict.ts';

/** What the authorizer tells the gateway to take off the request: for the gateway alone, never passed on, as in Envoy. */
const TO_REMOVE = 'x-envoy-auth-headers-to-remove';

/** Asks an authorizer over HTTP: status 200 allows, any other below 500 is the caller's answer (istio-semantics §6.2, ext). */
export async function askOverHttp(
  call: PluginHost['callCluster'],
  exchange: Exchange,
  provider: HttpProvider,
  body: CheckBody | undefined,
): Promise<Verdict> {
  const answer = await call(provider.cluster, checkRequest(exchange, provider, body));
  if (answer.kind === 'failed') return answer;
  if (answer.status >= 500) return { kind: 'failed', reason: `HTTP status ${answer.status}` };
  return answer.status === 200 ? permissionOf(answer.headers, provider) : denialOf(answer, provider);
}

function denialOf(answer: Extract<OwnAnswer, { kind: 'answer' }>, { toDownstreamOnDeny }: HttpProvider): Verdict {
  const headers = answer.headers.filter(
    ([name]) => name !== TO_REMOVE && (toDownstreamOnDeny === undefined || namesMatch(toDownstreamOnDeny, name)),
  );
  return { kind: 'denied', status: answer.status, headers, body: answer.body };
}

function permissionOf(answered: Lines, { toUpstreamOnAllow, toDownstreamOnAllow }: HttpProvider): Verdict {
  // The last of several lines counts, as in Envoy.
  const others = answered.filter(([name]) => name !== TO_REMOVE);
  const remove = answered.filter(([name]) => name === TO_REMOVE).flatMap(([, value]) => value.split(','));
  return {
    kind: 'allowed',
    request: others.filter(([name]) => namesMatch(toUpstreamOnAllow, name)).map(changeBy('set')),
    remove: remove.map((name) => name.trim().toLowerCase()),
    response: others.filter(([name]) => namesMatch(toDownstreamOnAllow, name)).map(changeBy('append')),
    query: undefined,
  };
}

const changeBy =
  (action: HeaderChange['action']) =>
  ([name, value]: Lines[number]): HeaderChange => ({ name, value, action });
