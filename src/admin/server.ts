import Fastify, { type FastifyInstance, type FastifyReply } from 'fastify';
import type { FilterSpec } from '../contract/plugin.ts';
import type { ControlState } from '../control/reconciler.ts';
import { diagnosticJson } from '../diagnostics/index.ts';
import { systemClock } from '../kernel/clock.ts';
import { isAllowedHost } from './host-check.ts';
import { explainQuestion } from './views/explanation.ts';
import { readQuestion } from './views/question.ts';
import { routeRows } from './views/route-rows.ts';

export interface Readiness {
  readonly ready: boolean;
  /** Why not yet, or not any more; with `ready`, what is wrong all the same. */
  readonly reason?: string | undefined;
}

export interface AdminOptions {
  /** Further names it may be called by, besides loopback's and IP addresses. */
  readonly hosts: readonly string[];
  readonly readiness: () => Readiness;
  /** undefined: nothing is in service yet. */
  readonly state: () => ControlState | undefined;
  readonly specs: readonly FilterSpec[];
  readonly portOffset: number;
  /** In Prometheus' text format. */
  readonly metrics: { readonly contentType: string; read(): Promise<string> };
}

const PATHS = ['/livez', '/readyz', '/metrics', '/routes', '/diagnostics', '/explain'];

/**
 * What the operator may ask. Nothing here changes anything, nothing shows key material, and no web page may read it:
 * no CORS headers, no foreign Host, and no request from a page for anything but reading.
 */
export function buildAdmin(options: AdminOptions): FastifyInstance {
  const app = Fastify({
    logger: false,
    forceCloseConnections: true,
    requestTimeout: 30_000,
    bodyLimit: 65_536,
    // What is no URL is answered before there are hooks.
    frameworkErrors: (error, _request, reply) => {
      void refuse(reply, error.statusCode ?? 400, error.message);
    },
  });
  app.addHook('onRequest', async (request, reply) => {
    reply.header('cache-control', 'no-store').header('x-content-type-options', 'nosniff');
    if (!isAllowedHost(request.headers.host, options.hosts))
      return refuse(
        reply,
        421,
        `the admin listener may not be called as '${request.headers.host}'; allow the name by --admin-hosts`,
      );
    const reading = request.method === 'GET' || request.method === 'HEAD';
    if (!reading && request.headers.origin !== undefined)
      return refuse(reply, 403, 'web pages may not change anything here');
  });
  app.setNotFoundHandler((request, reply) => {
    const path = request.url.split('?')[0] ?? '';
    if (path === '/' || PATHS.includes(path))
      return refuse(reply.header('allow', 'GET, HEAD'), 405, `${path} is only read: ask for it by GET`);
    return refuse(reply, 404, `there is nothing at ${request.method} ${path}; see /`);
  });
  app.setErrorHandler((error, _request, reply) =>
    refuse(reply, (error as { statusCode?: number }).statusCode ?? 500, (error as Error).message),
  );

  app.get('/', async () => ({ name: 'banyan', paths: PATHS }));
  app.get('/livez', async (_request, reply) => reply.type('text/plain').send('ok\n'));
  app.get('/readyz', async (_request, reply) => {
    const { ready, reason } = options.readiness();
    const state = options.state();
    return reply
      .code(ready ? 200 : 503)
      .send({ ready, reason, revision: state?.compilation.table.revision, generation: state?.generation });
  });
  app.get('/metrics', async (_request, reply) =>
    reply.type(options.metrics.contentType).send(await options.metrics.read()),
  );
  addQuestions(app, options);
  return app;
}

/** What needs a state to answer from. */
function addQuestions(app: FastifyInstance, options: AdminOptions): void {
  const needState = (reply: FastifyReply): ControlState | undefined => {
    const state = options.state();
    if (state === undefined) void refuse(reply, 503, options.readiness().reason ?? 'nothing is in service yet');
    return state;
  };
  app.get<{ Querystring: { host?: string; namespace?: string; owner?: string } }>('/routes', async (request, reply) => {
    const state = needState(reply);
    if (state === undefined) return reply;
    const { host, namespace, owner } = request.query;
    return {
      revision: state.compilation.table.revision,
      routes: routeRows(state.compilation.table, { host, namespace, owner }),
    };
  });
  app.get('/diagnostics', async (_request, reply) => {
    const state = needState(reply);
    if (state === undefined) return reply;
    return {
      revision: state.compilation.table.revision,
      publishedAt: new Date(state.publishedAtMs).toISOString(),
      diagnostics: state.diagnostics.map(diagnosticJson),
      frozen: state.frozen.map(({ sinceMs, ...file }) => ({ ...file, since: new Date(sinceMs).toISOString() })),
      heldBack: state.heldBack.map(({ sinceMs, ...entry }) => ({ ...entry, since: new Date(sinceMs).toISOString() })),
      statuses: state.compilation.statuses,
    };
  });
  app.get<{ Querystring: { request?: string; header?: string | string[] } }>('/explain', async (request, reply) => {
    const state = needState(reply);
    if (state === undefined) return reply;
    const question = readQuestion(request.query.request ?? '', [request.query.header ?? []].flat());
    if (!question.ok)
      return refuse(
        reply,
        400,
        `${question.error}; ask for /explain?request=GET%20https://host/path&header=name:%20value`,
      );
    return explainQuestion(question.value, {
      compilation: state.compilation,
      resources: state.resources,
      specs: options.specs,
      portOffset: options.portOffset,
      nowMs: systemClock.nowMs(),
    });
  });
}

const refuse = (reply: FastifyReply, status: number, error: string): FastifyReply => reply.code(status).send({ error });
