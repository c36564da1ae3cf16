import fp from 'fastify-plugin';
import type { Exchange, Filter, GatewayPlugin, LocalReply } from '../../src/contract/index.ts';
import { type FaultAnswer, type FaultSettings, faultInjectionSpec } from './config.ts';

/** Delays and aborts a share of a route's requests, for teams that test their callers (istio-semantics §2.10). `random` in [0, 1). */
export function createFaultFilter(random: () => number = Math.random): Filter<FaultSettings> {
  const hit = (perMillion: number): boolean => perMillion > 0 && random() * 1_000_000 < perMillion;
  const abortOf = (exchange: Exchange, { abort }: FaultSettings): LocalReply | undefined => {
    if (abort === undefined || !hit(abort.perMillion)) return undefined;
    return abortReply(abort.answer, exchange.isGrpc);
  };
  return {
    name: faultInjectionSpec.name,
    request(exchange, settings) {
      const { delay } = settings;
      if (delay === undefined || !hit(delay.perMillion)) return abortOf(exchange, settings);
      exchange.record.flags.push('DI');
      return new Promise((resolve) => {
        const timer = setTimeout(() => resolve(abortOf(exchange, settings)), delay.delayMs);
        exchange.onClientGone(() => {
          clearTimeout(timer);
          resolve(undefined);
        });
      });
    },
  };
}

/** Envoy's answer: a plain caller of a gRPC fault gets 200 with grpc-status; a gRPC caller of an HTTP fault its mapping. */
function abortReply(answer: FaultAnswer, isGrpc: boolean): LocalReply {
  const common = {
    cause: 'fault-injected',
    side: 'route-owner',
    message: 'fault filter abort',
    details: 'fault_filter_abort',
    flag: 'FI',
  } as const;
  const status = answer.kind === 'http' ? answer.status : 200;
  // A status that is no error gets no problem details: it is the text that Envoy sends.
  const text = status < 400 ? { body: { contentType: 'text/plain', bytes: Buffer.from(common.message) } } : {};
  return { ...common, ...text, status, ...(isGrpc && answer.kind === 'grpc' && { grpcStatus: answer.status }) };
}

export const faultInjection: GatewayPlugin<FaultSettings> = {
  spec: faultInjectionSpec,
  plugin: fp(async (app) => app.banyan.contribute(createFaultFilter()), { name: 'banyan-fault-injection' }),
};
