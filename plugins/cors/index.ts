import fp from 'fastify-plugin';
import {
  compileStringMatch,
  type Exchange,
  type Filter,
  type GatewayPlugin,
  type LocalReply,
  Note,
  type ResponseHead,
} from '../../src/contract/index.ts';
import { type CorsSettings, corsSpec } from './config.ts';

type OriginTest = (origin: string) => boolean;

/** Answers preflights and marks answers, as Envoy's CORS filter does: it never blocks a request (istio-semantics §2.12). */
export function createCorsFilter(): Filter<CorsSettings> {
  const tests = new WeakMap<CorsSettings, OriginTest>();
  /** Requests whose origin fits; the headers may be changed on the way, so it is asked once. */
  const fitting = new Note<string>();

  const allows = (settings: CorsSettings, origin: string): boolean => {
    let test = tests.get(settings);
    if (test === undefined) {
      const matchers = settings.origins.map(compileStringMatch);
      // Whatever fits the text `*`, be it a prefix or a pattern, fits any origin, as in Envoy.
      const any = matchers.some((matches) => matches('*'));
      test = (value) => any || matchers.some((matches) => matches(value));
      tests.set(settings, test);
    }
    return test(origin);
  };

  return {
    name: corsSpec.name,
    request(exchange, settings) {
      const origin = exchange.headers.getAll('origin').join(',');
      if (origin === '') return undefined;
      const allowed = allows(settings, origin);
      if (allowed) fitting.set(exchange.record, origin);
      const requested = exchange.headers.get('access-control-request-method');
      if (exchange.method !== 'OPTIONS' || requested === undefined || requested === '') return undefined;
      return allowed || settings.answerUnmatchedPreflights ? preflightAnswer(exchange, settings, requested) : undefined;
    },
    response(exchange, head, settings) {
      const origin = fitting.get(exchange.record);
      if (origin !== undefined) markAnswer(head, settings, origin);
    },
  };
}

function preflightAnswer(exchange: Exchange, settings: CorsSettings, requestedMethod: string): LocalReply {
  const headers: [string, string][] = [];
  if (settings.allowCredentials) headers.push(['access-control-allow-credentials', 'true']);
  if (settings.allowMethods !== undefined)
    headers.push([
      'access-control-allow-methods',
      settings.allowMethods === 'echo' ? requestedMethod : settings.allowMethods,
    ]);
  if (settings.allowHeaders !== undefined) {
    const asked = exchange.headers.getAll('access-control-request-headers').join(',');
    headers.push(['access-control-allow-headers', settings.allowHeaders === 'echo' ? asked : settings.allowHeaders]);
  }
  if (settings.maxAgeSeconds !== undefined) headers.push(['access-control-max-age', String(settings.maxAgeSeconds)]);
  return {
    status: 200,
    cause: 'cors-preflight',
    side: 'policy',
    message: 'Answered by the cross-origin policy of the route.',
    details: 'cors_response',
    headers,
    body: { contentType: undefined, bytes: new Uint8Array(0) },
    applyRouteHeaders: false,
    verbatim: true,
  };
}

/** After the route's own operations, so that those cannot replace what the policy says. */
function markAnswer({ headers }: ResponseHead, settings: CorsSettings, origin: string): void {
  headers.set('access-control-allow-origin', origin);
  if (settings.allowCredentials) headers.set('access-control-allow-credentials', 'true');
  if (settings.exposeHeaders !== undefined) headers.set('access-control-expose-headers', settings.exposeHeaders);
}

export const cors: GatewayPlugin<CorsSettings> = {
  spec: corsSpec,
  plugin: fp(async (app) => app.banyan.contribute(createCorsFilter()), { name: 'banyan-cors' }),
};
