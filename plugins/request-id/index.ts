import fp from 'fastify-plugin';
import type { Filter, GatewayPlugin } from '../../src/contract/index.ts';
import { requestIdSpec } from './config.ts';

const HEADER = 'x-request-id';

/**
 * Every request has a new id of ours from its first moment, whatever the client sent (istio-semantics §7.2): the service sees
 * it, the log has it, an error names it, and the client can read it from the answer.
 */
export function createRequestIdFilter(): Filter {
  return {
    name: requestIdSpec.name,
    always: true,
    prepare(exchange) {
      exchange.headers.set(HEADER, exchange.record.requestId);
    },
    response(exchange, head) {
      head.headers.set(HEADER, exchange.record.requestId);
    },
  };
}

export const requestId: GatewayPlugin = {
  spec: requestIdSpec,
  plugin: fp(async (app) => app.banyan.contribute(createRequestIdFilter()), { name: 'banyan-request-id' }),
};
