import type { HTTPMatchRequest, HTTPRetry, HTTPRoute } from '../resources/index.ts';
import type { FilterSettings, Route } from '../table/index.ts';
import { isCatchAll } from '../table/index.ts';
import type { BackendReader } from './backend-reads.ts';
import { compact } from './compact.ts';
import type { CompileOptions } from './compilation.ts';
import type { RuleSet } from './delegation.ts';
import { failedAction, translateAction } from './from-action.ts';
import { MATCHES_ALL, translateMatch } from './from-match.ts';
import type { HttpRule, RuleMatch } from './http-rule.ts';

/** The server that routes are built for: matches on port and gateways are settled by it, and default ports taken from it. */
export interface RouteContext {
  /** `namespace/name`. */
  readonly gateway: string;
  readonly port: number;
  /** The server has TLS settings, be they only a redirect. */
  readonly secure: boolean;
}

/** A route as it is where no filter has settings of its own for it, which may depend on the host it ends up at. */
export interface RouteDraft {
  readonly route: Route;
  readonly rule: HttpRule;
  readonly match: RuleMatch;
  readonly failure: string | undefined;
}

/**
 * The routes that a VirtualService has at one server, in its own order; nothing comes after its first catch-all, and a
 * rule whose matches are all for other ports, gateways or proxies has none (istio-semantics §2.1, §2.3).
 */
export function translateRules(
  ruleSet: RuleSet,
  context: RouteContext,
  backends: BackendReader,
  options: CompileOptions,
): readonly RouteDraft[] {
  const drafts: RouteDraft[] = [];
  for (const rule of ruleSet.rules) {
    const { http } = rule;
    for (const match of rule.matches) {
      if (!isForServer(match.match, context, options)) continue;
      const draft = translateRule({ rule, http, match }, context, backends, options);
      drafts.push(draft);
      if (isCatchAll(draft.route.match)) return compact(drafts);
    }
  }
  return compact(drafts);
}

/** istio-semantics §2.3, rows `port`, `gateways`, `sourceLabels`: gateways, where given, make the other two count for nothing. */
function isForServer(match: HTTPMatchRequest, context: RouteContext, options: CompileOptions): boolean {
  if (match.port !== undefined && match.port !== 0 && match.port !== context.port) return false;
  if (match.gateways !== undefined && match.gateways.length > 0) return match.gateways.includes(context.gateway);
  const labels = Object.entries(match.sourceLabels ?? {});
  if (!labels.every(([key, value]) => options.gatewayLabels[key] === value)) return false;
  const { sourceNamespace = '' } = match;
  return sourceNamespace === '' || sourceNamespace === options.gatewayNamespace;
}

interface RuleAtMatch {
  readonly rule: HttpRule;
  readonly http: HTTPRoute;
  readonly match: RuleMatch;
}

function translateRule(
  { rule, http, match }: RuleAtMatch,
  context: RouteContext,
  backends: BackendReader,
  options: CompileOptions,
): RouteDraft {
  const translated = Object.keys(match.match).length === 0 ? MATCHES_ALL : translateMatch(match.match);
  const { action, requestHeaders, responseHeaders, failure } =
    rule.failure === undefined
      ? translateAction(http, translated.path, {
          namespace: rule.owner.namespace,
          port: context.port,
          secure: context.secure,
          meshRetries: options.mesh.defaultHttpRetryPolicy as HTTPRetry | undefined,
          backends,
        })
      : failedAction(rule.failure.message, rule.failure.code);
  const route: Route = {
    id: match.id,
    name: routeName(http.name, match.match.name),
    owner: rule.owner,
    match: translated,
    action,
    requestHeaders,
    responseHeaders,
    filters: NO_SETTINGS,
  };
  return { route, rule, match, failure };
}

const NO_SETTINGS: FilterSettings = {};

/** `<http.name>[.<match.name>]` (istio-semantics §2.3). */
const routeName = (rule = '', match = ''): string => (match === '' ? rule : `${rule}.${match}`);
