import { bindRule, type PolicyTest, rbacDenied } from '../../src/contract/authz-predicate/index.ts';
import type { Exchange, Filter, LocalReply, OwnAnswer, PluginHost } from '../../src/contract/index.ts';
import { type CheckBody, checkRequest } from './check.ts';
import { type ExternalAuthorizationSettings, externalAuthorizationSpec } from './config.ts';
import { type HttpProvider, type NameMatch, namesMatch } from './provider.ts';

type Lines = readonly (readonly [string, string])[];
type Call = PluginHost['callCluster'];

interface BoundRule {
  readonly name: string;
  readonly fits: PolicyTest;
}

/** Has an authorizer of the network team's decide, before tokens are read (istio-semantics §6.2, CUSTOM). */
export function createExternalAuthorizationFilter(call: Call): Filter<ExternalAuthorizationSettings> {
  const known = new WeakMap<ExternalAuthorizationSettings, readonly BoundRule[]>();
  const rulesOf = (settings: ExternalAuthorizationSettings): readonly BoundRule[] => {
    let rules = known.get(settings);
    if (rules === undefined) {
      rules = settings.rules.map(({ name, rule }) => ({ name, fits: bindRule(rule, 'wide') }));
      known.set(settings, rules);
    }
    return rules;
  };
  /** Headers of the authorizer's that the client gets with the answer. */
  const forClient = new WeakMap<Exchange, Lines>();
  return {
    name: externalAuthorizationSpec.name,
    published(all) {
      for (const settings of all) rulesOf(settings);
    },
    request(exchange, settings) {
      const { provider } = settings;
      const matched = rulesOf(settings).find(({ fits }) => fits(exchange));
      if (matched === undefined) return undefined;
      if (provider.kind === 'unusable') return rbacDenied(matched.name);
      // Where there is no route the answer is 404 whatever anybody says, so nobody is asked.
      if (exchange.route === undefined) return undefined;
      return ask(exchange, provider, call, (lines) => forClient.set(exchange, lines));
    },
    response(exchange, { headers }) {
      for (const [name, value] of forClient.get(exchange) ?? []) headers.append(name, value);
    },
  };
}

async function ask(
  exchange: Exchange,
  provider: HttpProvider,
  call: Call,
  keepForClient: (lines: Lines) => void,
): Promise<LocalReply | undefined> {
  const body = await bodyFor(exchange, provider);
  if (body === 'too-large') return tooLarge();
  const answer = await call(provider.cluster, checkRequest(exchange, provider, body));
  if (answer.kind === 'failed' || answer.status >= 500) return provider.failOpen ? undefined : failed(provider);
  if (answer.status !== 200) return denied(answer, provider);
  applyToRequest(exchange, answer.headers, provider.toUpstreamOnAllow);
  const lines = answer.headers.filter(([name]) => mayPass(name) && namesMatch(provider.toDownstreamOnAllow, name));
  if (lines.length > 0) keepForClient(lines);
  return undefined;
}

/** undefined: the check carries none, either since none is asked for or since the request has none. */
async function bodyFor(exchange: Exchange, { body }: HttpProvider): Promise<CheckBody | 'too-large' | undefined> {
  if (body === undefined) return undefined;
  if (body.allowPartial) {
    const peeked = await exchange.peekBody(body.maxBytes);
    return peeked.bytes.length === 0 ? undefined : peeked;
  }
  const bytes = await exchange.bufferBody(body.maxBytes);
  if (bytes === 'too-large') return bytes;
  return bytes.length === 0 ? undefined : { bytes, complete: true };
}

/** These belong to one message, and are made anew for the next. */
const OF_THE_MESSAGE: ReadonlySet<string> = new Set([
  'connection',
  'content-length',
  'date',
  'keep-alive',
  'proxy-connection',
  'server',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

const mayPass = (name: string): boolean => !name.startsWith(':') && !OF_THE_MESSAGE.has(name);

const TO_REMOVE = 'x-envoy-auth-headers-to-remove';

/** The authorizer's word replaces the client's; the last of several lines counts, as in Envoy. It may not move the request to another host. */
function applyToRequest({ headers }: Exchange, answered: Lines, listed: NameMatch): void {
  for (const [name, value] of answered) {
    if (name === TO_REMOVE) for (const one of value.split(',')) removeHeader(headers, one.trim().toLowerCase());
    else if (mayPass(name) && name !== 'host' && namesMatch(listed, name)) headers.set(name, value);
  }
}

function removeHeader(headers: Exchange['headers'], name: string): void {
  if (mayPass(name) && name !== 'host') headers.remove(name);
}

function denied(answer: Extract<OwnAnswer, { kind: 'answer' }>, { toDownstreamOnDeny }: HttpProvider): LocalReply {
  const lines = answer.headers.filter(
    ([name]) => mayPass(name) && (toDownstreamOnDeny === undefined || namesMatch(toDownstreamOnDeny, name)),
  );
  const contentType = lines.find(([name]) => name === 'content-type')?.[1] ?? 'text/plain';
  return {
    status: answer.status,
    cause: 'authorizer-denied',
    side: 'policy',
    message: 'The external authorizer refused the request.',
    details: 'ext_authz_denied',
    flag: 'UAEX',
    headers: lines.filter(([name]) => name !== 'content-type'),
    body: { contentType, bytes: answer.body },
  };
}

const failed = ({ statusOnError }: HttpProvider): LocalReply => ({
  status: statusOnError,
  cause: 'authorizer-failed',
  side: 'policy',
  message: 'The external authorizer could not be asked.',
  details: 'ext_authz_error',
  flag: 'UAEX',
});

const tooLarge = (): LocalReply => ({
  status: 413,
  cause: 'payload-too-large',
  side: 'client',
  message: 'The body of the request is too large to be checked.',
  details: 'request_payload_too_large',
});
