import { redirectLocation, tlsRedirectLocation } from '../../dataplane/redirect.ts';
import { rewritePath } from '../../dataplane/rewrite.ts';
import type { RequestFacts } from '../../table/index.ts';
import type {
  Cluster,
  Endpoint,
  EndpointTable,
  ForwardAction,
  Route,
  RouteTable,
  TcpRoute,
} from '../../table/model.ts';
import { clusterText, headerOperationTexts, percentOf } from './describe.ts';

/** What the caller would get. */
export type Answer =
  /** No HTTP answer: nothing listens, or no TLS server takes the name. */
  | { readonly kind: 'no-connection'; readonly message: string }
  /** Refused before any route is looked for. */
  | { readonly kind: 'bad-request'; readonly status: number; readonly message: string }
  | { readonly kind: 'not-found'; readonly status: 404; readonly message: string }
  | { readonly kind: 'redirect'; readonly status: number; readonly location: string }
  | { readonly kind: 'direct-response'; readonly status: number; readonly body: string | undefined }
  | { readonly kind: 'failed'; readonly status: 503; readonly cause: string; readonly message: string }
  | ForwardAnswer
  | { readonly kind: 'tcp'; readonly destinations: readonly Upstream[] };

interface ForwardAnswer {
  readonly kind: 'forward';
  readonly upstreams: readonly Upstream[];
  /** As sent upstream, with the query. */
  readonly target: string;
  readonly authority: string;
  /** What is changed on the way, in words: the path, the host, headers. */
  readonly rewrites: readonly string[];
  readonly timeoutMs: number | undefined;
  readonly retries:
    | { readonly attempts: number; readonly on: readonly string[]; readonly perTryTimeoutMs: number | undefined }
    | undefined;
  readonly mirrors: readonly string[];
  /** What requests of one caller are kept together by. */
  readonly sticky: readonly string[];
}

export interface Upstream {
  readonly cluster: string;
  readonly name: string;
  readonly share: string;
  readonly protocol: Cluster['protocol'] | undefined;
  readonly tls: boolean;
  readonly loadBalancer: string | undefined;
  readonly rewrites: readonly string[];
  readonly endpoints: readonly Endpoint[];
  /** Why requests that go there are answered 503. */
  readonly problem: string | undefined;
}

export interface AnswerFacts {
  readonly table: RouteTable;
  readonly endpoints: EndpointTable;
  readonly facts: RequestFacts;
  readonly scheme: 'http' | 'https';
}

export const tlsRedirect = ({ facts, scheme }: AnswerFacts): Answer => ({
  kind: 'redirect',
  status: 301,
  location: tlsRedirectLocation(redirectFacts(facts, scheme)),
});

export function answerOf(route: Route, context: AnswerFacts): Answer {
  const { action } = route;
  switch (action.kind) {
    case 'forward':
      return forwardAnswer(route, action, context);
    case 'redirect':
      return {
        kind: 'redirect',
        status: action.status,
        location: redirectLocation(action, redirectFacts(context.facts, context.scheme)),
      };
    case 'direct-response':
      return {
        kind: 'direct-response',
        status: action.status,
        body: action.bodyBase64 === undefined ? undefined : Buffer.from(action.bodyBase64, 'base64').toString(),
      };
    case 'failed':
      return { kind: 'failed', status: action.status, cause: action.cause, message: action.message };
  }
}

export const tcpAnswer = (route: TcpRoute, table: RouteTable, endpoints: EndpointTable): Answer => {
  const total = route.destinations.reduce((sum, destination) => sum + destination.weight, 0);
  const share = (weight: number): string => `${Number(((weight / Math.max(1, total)) * 100).toFixed(1))} %`;
  return {
    kind: 'tcp',
    destinations: route.destinations.map(({ cluster, weight }) =>
      upstreamOf(cluster, share(weight), [], table, endpoints),
    ),
  };
};

const redirectFacts = ({ authority, path, query }: RequestFacts, scheme: 'http' | 'https') => ({
  scheme,
  secure: scheme === 'https',
  forwardedProto: scheme,
  authority,
  path,
  query,
});

function forwardAnswer(route: Route, action: ForwardAction, { table, endpoints, facts }: AnswerFacts): Answer {
  const path = rewritePath(facts.path, action.pathRewrite, table.settings.pathNormalization);
  if (path === undefined)
    return {
      kind: 'bad-request',
      status: 400,
      message: `the rewritten path would not be a normal one, which is refused`,
    };
  const authority = action.hostRewrite ?? facts.authority;
  return {
    kind: 'forward',
    upstreams: action.destinations.map((destination) => {
      const host = destination.hostRewrite === undefined ? [] : [`host: ${authority} → ${destination.hostRewrite}`];
      const rewrites = [...host, ...operations(destination)];
      return upstreamOf(destination.cluster, percentOf(destination, action.totalWeight), rewrites, table, endpoints);
    }),
    target: `${path}${facts.query}`,
    authority,
    rewrites: [
      ...(path === facts.path ? [] : [`path: ${facts.path} → ${path}`]),
      ...(authority === facts.authority ? [] : [`host: ${facts.authority} → ${authority}`]),
      ...operations(route),
    ],
    timeoutMs: action.timeoutMs,
    retries: action.retry && {
      attempts: action.retry.attempts,
      on: action.retry.retryOn,
      perTryTimeoutMs: action.retry.perTryTimeoutMs,
    },
    mirrors: action.mirrors.map(({ cluster, perMillion }) => `${clusterText(cluster)} ${perMillion / 10_000} %`),
    sticky: action.hashPolicies.map((policy) => ('name' in policy ? `${policy.kind} ${policy.name}` : policy.kind)),
  };
}

const operations = ({
  requestHeaders,
  responseHeaders,
}: Pick<Route, 'requestHeaders' | 'responseHeaders'>): readonly string[] => [
  ...headerOperationTexts(requestHeaders).map((text) => `request: ${text}`),
  ...headerOperationTexts(responseHeaders).map((text) => `response: ${text}`),
];

function upstreamOf(
  id: string,
  share: string,
  rewrites: readonly string[],
  table: RouteTable,
  endpoints: EndpointTable,
): Upstream {
  const cluster = table.clusters.find((candidate) => candidate.id === id);
  const addresses = endpoints.clusters[id] ?? [];
  return {
    cluster: id,
    name: clusterText(id),
    share,
    protocol: cluster?.protocol,
    tls: cluster?.tls !== undefined,
    loadBalancer: cluster?.loadBalancer.kind,
    rewrites,
    endpoints: addresses,
    problem: problemOf(cluster, addresses),
  };
}

function problemOf(cluster: Cluster | undefined, endpoints: readonly Endpoint[]): string | undefined {
  if (cluster === undefined) return 'there is no such destination: requests are answered 503';
  if (endpoints.length === 0) return 'it has no endpoint: requests are answered 503';
  return endpoints.some((endpoint) => endpoint.healthy)
    ? undefined
    : 'none of its endpoints is ready: requests are answered 503';
}
