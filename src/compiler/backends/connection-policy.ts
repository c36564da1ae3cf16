import type { TcpRoute } from '../../table/model.ts';
import { durationMs } from '../duration.ts';
import type { DestinationRule } from './destination-rule.ts';

/** What a DestinationRule says about connections that nobody looks into. */
export type ConnectionPolicy = Pick<TcpRoute, 'hashSource' | 'idleTimeoutMs' | 'maxDurationMs'>;

export const NO_CONNECTION_POLICY: ConnectionPolicy = {
  hashSource: false,
  idleTimeoutMs: undefined,
  maxDurationMs: undefined,
};

/**
 * Unlike for requests, entries for ports do not count, and of a subset only how it balances: these are settings of the
 * client's connection, which is there before any destination is (istio-semantics §3.3 useSourceIp, §3.4 tcp).
 */
export function connectionPolicyOf(rule: DestinationRule, subset: string | undefined): ConnectionPolicy {
  const { loadBalancer, connectionPool } = rule.trafficPolicy ?? {};
  const ofSubset = subset === undefined ? undefined : rule.subsets.get(subset)?.trafficPolicy?.loadBalancer;
  return {
    hashSource: (ofSubset ?? loadBalancer)?.consistentHash?.useSourceIp === true,
    idleTimeoutMs: durationMs(connectionPool?.tcp?.idleTimeout),
    maxDurationMs: durationMs(connectionPool?.tcp?.maxConnectionDuration) || undefined,
  };
}
