import type { HTTPMirrorPolicy, HTTPRetry, HTTPRoute, HTTPRouteDestination, Percent } from '../resources/index.ts';
import type {
  Destination,
  ForwardAction,
  HashPolicy,
  HeaderOperations,
  Mirror,
  PathMatch,
  PathRewrite,
  RouteAction,
} from '../table/index.ts';
import type { BackendReader } from './backend-reads.ts';
import { compact } from './compact.ts';
import { durationMs } from './duration.ts';
import {
  appendOperations,
  NO_OPERATIONS,
  type TranslatedHeaders,
  translateHeaderOperations,
  unusableName,
} from './from-headers.ts';
import { translateDirectResponse, translateRedirect } from './from-redirect.ts';
import { translateRetries } from './from-retries.ts';

/** What of the surroundings shows in an action. */
export interface ActionContext {
  /** Of the root, whose view of the services counts, also for a delegate's rule. */
  readonly namespace: string;
  /** Of the server; `secure`: it has TLS settings. */
  readonly port: number;
  readonly secure: boolean;
  readonly meshRetries: HTTPRetry | undefined;
  readonly backends: BackendReader;
}

export interface TranslatedAction {
  readonly action: RouteAction;
  readonly requestHeaders: HeaderOperations;
  readonly responseHeaders: HeaderOperations;
  /** Why the action is `failed`. */
  readonly failure: string | undefined;
}

/** What a rule does with the requests that match `path`; redirect before direct response before route, as Istio looks at them. */
export function translateAction(rule: HTTPRoute, path: PathMatch, context: ActionContext): TranslatedAction {
  const headers = translateHeaderOperations(rule.headers);
  if (rule.redirect !== undefined) {
    const redirect = translateRedirect(rule.redirect, context.port, context.secure);
    return redirect.ok ? ownAnswer(redirect.value, headers) : failedAction(redirect.error);
  }
  if (rule.directResponse !== undefined) return ownAnswer(translateDirectResponse(rule.directResponse), headers);
  return forward(rule, path, headers, context);
}

/** Answers for a rule that cannot be honoured. The caller is told no more than that; its owner reads the diagnostic. */
export function failedAction(failure: string, cause = 'route-failed'): TranslatedAction {
  return {
    action: {
      kind: 'failed',
      status: 503,
      cause,
      message: 'The rule for this request cannot be honoured as it is written.',
    },
    requestHeaders: NO_OPERATIONS,
    responseHeaders: NO_OPERATIONS,
    failure,
  };
}

/** Request operations never run where nothing is forwarded (istio-semantics §2.6, §2.7). */
function ownAnswer(action: RouteAction, headers: TranslatedHeaders): TranslatedAction {
  const name = unusableName(headers.response);
  if (name !== undefined) return failedAction(badName(name));
  return { action, requestHeaders: NO_OPERATIONS, responseHeaders: headers.response, failure: undefined };
}

const badName = (name: string): string => `'${name}' is no name that a header can have`;

function forward(
  rule: HTTPRoute,
  path: PathMatch,
  headers: TranslatedHeaders,
  context: ActionContext,
): TranslatedAction {
  const written = rule.route ?? [];
  const entries = written.map((entry) => ({ entry, headers: translateHeaderOperations(entry.headers) }));
  const name = [headers, ...entries.map((one) => one.headers)]
    .flatMap((one) => [unusableName(one.request), unusableName(one.response)])
    .find((found) => found !== undefined);
  if (name !== undefined) return failedAction(badName(name));

  const routeHost = rule.rewrite?.authority || headers.host;
  const single = entries.length === 1 ? entries[0] : undefined;
  const chosen = single === undefined ? entries.filter(({ entry }) => (entry.weight ?? 0) > 0) : [single];
  const hashes = chosen.map(({ entry }) => context.backends.hashPolicies(entry.destination, context.namespace));
  const timeoutMs = durationMs(rule.timeout) || undefined;
  const destinations = chosen.map((one) => translateDestination(one, single !== undefined, routeHost, context));
  const action: ForwardAction = {
    kind: 'forward',
    destinations,
    totalWeight: destinations.reduce((sum, { weight }) => sum + weight, 0),
    pathRewrite: translateRewrite(rule, path),
    hostRewrite: routeHost ?? single?.headers.host,
    timeoutMs,
    retry: translateRetries(
      rule.retries,
      context.meshRetries,
      single !== undefined && hashes.some(isHashed),
      timeoutMs,
    ),
    mirrors: compact(translateMirrors(rule, context)),
    hashPolicies: compact(hashes.flat()),
  };
  const append = (level: 'request' | 'response'): HeaderOperations =>
    single === undefined ? headers[level] : appendOperations(headers[level], single.headers[level]);
  return { action, requestHeaders: append('request'), responseHeaders: append('response'), failure: undefined };
}

const isHashed = (policies: readonly HashPolicy[]): boolean => policies.length > 0;

/**
 * One destination alone has its whole weight, and its header operations go to the route; of several, each keeps its own,
 * and the route's Host beats theirs (istio-semantics §2.5, §2.9, §2.11).
 */
function translateDestination(
  { entry, headers }: { readonly entry: HTTPRouteDestination; readonly headers: TranslatedHeaders },
  alone: boolean,
  routeHost: string | undefined,
  context: ActionContext,
): Destination {
  const cluster = context.backends.cluster(entry.destination, context.namespace, context.port);
  if (alone) {
    return {
      cluster,
      weight: 1,
      hostRewrite: undefined,
      requestHeaders: NO_OPERATIONS,
      responseHeaders: NO_OPERATIONS,
    };
  }
  return {
    cluster,
    weight: entry.weight ?? 0,
    hostRewrite: routeHost === undefined ? headers.host : undefined,
    requestHeaders: headers.request,
    responseHeaders: headers.response,
  };
}

/** Without a match on the path, the prefix that is replaced is `/` (istio-semantics §2.9). */
function translateRewrite({ rewrite }: HTTPRoute, path: PathMatch): PathRewrite | undefined {
  if (rewrite?.uriRegexRewrite !== undefined) {
    const { match = '', rewrite: substitution = '' } = rewrite.uriRegexRewrite;
    return { kind: 'regex', pattern: match, substitution };
  }
  const replacement = rewrite?.uri || undefined;
  if (replacement === undefined) return undefined;
  switch (path.kind) {
    case 'any':
      return { kind: 'prefix', matched: '/', replacement };
    case 'prefix':
      return { kind: 'prefix', matched: path.value, replacement };
    case 'exact':
    case 'regex':
      return { kind: 'whole', replacement };
  }
}

/** Absent percentages are everything, `0` and `{}` nothing; the exact one beats the whole number (istio-semantics §2.10). */
function translateMirrors(rule: HTTPRoute, context: ActionContext): readonly Mirror[] {
  const { mirror, mirrors = [], mirrorPercentage, mirrorPercent } = rule;
  const fallback: Percent | undefined = mirrorPercent === undefined ? undefined : { value: mirrorPercent };
  const percentage = mirrorPercentage ?? fallback;
  const first: readonly HTTPMirrorPolicy[] =
    mirror === undefined ? [] : [{ destination: mirror, ...(percentage !== undefined && { percentage }) }];
  return [...first, ...mirrors].flatMap((policy) => {
    const perMillion =
      policy.percentage === undefined ? 1_000_000 : Math.trunc((policy.percentage.value ?? 0) * 10_000);
    if (perMillion <= 0) return [];
    return [{ cluster: context.backends.cluster(policy.destination, context.namespace, context.port), perMillion }];
  });
}
