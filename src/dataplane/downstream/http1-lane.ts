import { createServer, type IncomingMessage, METHODS as NODE_METHODS, type Server } from 'node:http';
import type { Socket } from 'node:net';
import Fastify, { type FastifyInstance } from 'fastify';
import type { DownstreamConnection } from './connection.ts';
import { Http1Connection, type Http1Options } from './http1-connection.ts';
import { METHODS } from './http1-gate.ts';
import { rejectionOf } from './http1-objections.ts';
import { isWebSocketUpgrade } from './http1-upgrade.ts';
import type { DownstreamLimits } from './limits.ts';

/** HTTP/1.1 by way of Fastify: what is not ordinary enough for the fast lane, and all of it where a plugin wants to see it here. */
export interface Http1Lane {
  /** The one Fastify instance; plugins are registered on it before it is ready. */
  readonly fastify: FastifyInstance;
  /** `read`: bytes that were read from it already, and not acted upon. */
  accept(connection: DownstreamConnection, side: Socket, read: Buffer): void;
  /** Some plugin wants to see requests by hooks of Fastify's: all of HTTP/1.1 has to come this way. */
  readonly hooked: boolean;
  close(): Promise<void>;
}

/**
 * Fastify over a server that never listens: connections are put in by the documented `connection` event, once it is known
 * that HTTP/1.1 is spoken on them. There is one route for everything: routes come and go with the table, and Fastify takes none
 * after it is ready.
 *
 * Fastify is shown `/` for every request. It would answer a malformed target itself, with no hook to see it
 * (architecture.md §4), and what it decodes of a target is not what is matched and forwarded. The request leaves Fastify in the
 * route's `onRequest`, before any content-type is looked at or a body read.
 */
export function createHttp1Lane(options: Http1Options): Http1Lane {
  const connections = new WeakMap<object, Http1Connection>();
  const connectionOf = (message: IncomingMessage): Http1Connection | undefined => connections.get(message.socket);
  let server: Server | undefined;
  const fastify = Fastify({
    logger: false,
    return503OnClosing: false,
    exposeHeadRoutes: false,
    requestIdHeader: false,
    rewriteUrl: () => '/',
    clientErrorHandler: (error, socket) => connections.get(socket)?.faulty(rejectionOf(error)),
    serverFactory: (handler) => {
      server = strictServer(options.limits);
      server.on('request', (message, response) => connectionOf(message)?.arrived(message, response));
      server.on('request', handler);
      return server;
    },
  });
  const { server: http } = fastify;
  http.on('checkContinue', (message, response) => http.emit('request', message, response));
  http.on('checkExpectation', (message, response) => http.emit('request', message, response));
  http.on('upgrade', (message, _socket, early) => connectionOf(message)?.upgrade(message, early));
  http.on('connect', (message) => connectionOf(message)?.connect(message));
  everythingToOneRoute(fastify, connectionOf);
  // The interval that enforces the headers timeout starts with this event; the server never listens on its own.
  http.emit('listening');
  const hooks = watchRequestHooks(fastify);
  return {
    fastify,
    get hooked() {
      return hooks.any;
    },
    accept(connection, side, read) {
      const http1 = new Http1Connection(connection, side, options);
      connection.kind = 'http1';
      connection.life = http1;
      connections.set(side, http1);
      http.emit('connection', side);
      http1.takeOver(read);
    },
    async close() {
      // Stops the interval; there is no listening socket to close.
      http.close(() => {});
      await fastify.close();
    },
  };
}

/** These see requests; `onClose`, `onReady` and their like do not. */
const REQUEST_HOOKS = new Set([
  'onRequest',
  'preParsing',
  'preValidation',
  'preHandler',
  'preSerialization',
  'onSend',
  'onResponse',
  'onError',
  'onTimeout',
  'onRequestAbort',
]);

/** Fastify does not tell which hooks there are; plugins get this instance, or one that inherits from it. */
function watchRequestHooks(fastify: FastifyInstance): { readonly any: boolean } {
  const seen = { any: false };
  const addHook = fastify.addHook as (...input: unknown[]) => unknown;
  const watched = function (this: unknown, ...input: unknown[]): unknown {
    if (REQUEST_HOOKS.has(String(input[0]))) seen.any = true;
    return addHook.apply(this, input);
  };
  Object.assign(fastify, { addHook: watched });
  return seen;
}

function everythingToOneRoute(
  fastify: FastifyInstance,
  connectionOf: (message: IncomingMessage) => Http1Connection | undefined,
): void {
  const methods = METHODS.filter((method) => method !== 'CONNECT' && NODE_METHODS.includes(method));
  for (const method of methods) {
    if (!fastify.supportedMethods.includes(method)) fastify.addHttpMethod(method);
  }
  fastify.route({
    method: methods,
    url: '*',
    onRequest: (request, reply) => {
      reply.hijack();
      connectionOf(request.raw)?.request(request.raw, reply.raw);
    },
    handler: () => {},
  });
}

/** edge-security §3: strict parsing whatever the command line says, no limits left open, no header cut away in silence. */
function strictServer(limits: DownstreamLimits): Server {
  const server = createServer({
    insecureHTTPParser: false,
    maxHeaderSize: limits.maxHeaderBytes,
    headersTimeout: limits.headersTimeoutMs,
    // A total would end every long upload; the lane watches for bodies that stand still instead.
    requestTimeout: 0,
    connectionsCheckingInterval: Math.min(1_000, limits.headersTimeoutMs),
    keepAliveTimeout: limits.keepAliveTimeoutMs,
    // Absolute-form targets need no Host; whoever reads the target judges it.
    requireHostHeader: false,
    // Everything but websocket goes on as a plain request, so that its body is read as such (edge-security F-28.29).
    shouldUpgradeCallback: (message: IncomingMessage) => isWebSocketUpgrade(message) && !hasBody(message),
  });
  // One more than allowed, so that too many can be told from just enough.
  server.maxHeadersCount = limits.maxHeaders + 1;
  return server;
}

const hasBody = (message: IncomingMessage): boolean =>
  message.headers['transfer-encoding'] !== undefined || (message.headers['content-length'] ?? '0') !== '0';
