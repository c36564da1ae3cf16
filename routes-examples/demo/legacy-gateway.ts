import httpProxy from '@fastify/http-proxy';
import Fastify from 'fastify';
import type { Demo } from './start.ts';

/** The company's old gateway: a route table in its source, so that every change was a release of the network team's. */
const ROUTES = [
  { prefix: '/account', upstream: 'http://127.0.0.1:18131' },
  { prefix: '/', upstream: 'http://127.0.0.1:18132' },
];

export async function startLegacyGateway(port: number): Promise<Demo> {
  const app = Fastify();
  for (const { prefix, upstream } of ROUTES) await app.register(httpProxy, { prefix, upstream, rewritePrefix: prefix });
  app.addHook('onSend', async (_request, reply) => {
    reply.header('x-served-by', 'legacy-gateway');
  });
  await app.listen({ port, host: '127.0.0.1' });
  return { close: () => app.close() };
}
