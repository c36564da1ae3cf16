import type {
  ClientTLSSettings,
  ConnectionPoolSettings,
  ConsistentHashLB,
  LoadBalancerSettings,
  OutlierDetection,
  PortTrafficPolicy,
  TrafficPolicy,
} from '../../resources/kinds.ts';
import type { MeshSettings } from '../../resources/mesh-config.ts';
import type { DestinationRule } from './destination-rule.ts';

/** What holds for one port and subset once all levels are laid over each other. */
export interface EffectivePolicy {
  readonly loadBalancer?: LoadBalancerSettings | undefined;
  readonly connectionPool?: ConnectionPoolSettings | undefined;
  readonly outlierDetection?: OutlierDetection | undefined;
  readonly tls?: ClientTLSSettings | undefined;
  readonly retryBudget?: TrafficPolicy['retryBudget'] | undefined;
  readonly proxyProtocol?: TrafficPolicy['proxyProtocol'] | undefined;
}

/**
 * istio-semantics §3.2: whole blocks are replaced; a port's entry blanks the four blocks of its level. What no level has
 * is the mesh's.
 */
export function effectivePolicy(
  rule: DestinationRule,
  port: number,
  subset: string | undefined,
  ofMesh: MeshSettings['defaultTrafficPolicy'],
): EffectivePolicy {
  const top = layer({}, rule.trafficPolicy, port);
  const policy = subset === undefined ? top : layer(top, rule.subsets.get(subset)?.trafficPolicy, port);
  const { connectionPool = ofMesh.connectionPool, outlierDetection = ofMesh.outlierDetection } = policy;
  return { ...policy, connectionPool, outlierDetection };
}

function layer(below: EffectivePolicy, policy: TrafficPolicy | undefined, port: number): EffectivePolicy {
  if (policy === undefined) return below;
  const blocks = ofPort(policy, port) ?? {
    loadBalancer: policy.loadBalancer ?? below.loadBalancer,
    connectionPool: policy.connectionPool ?? below.connectionPool,
    outlierDetection: policy.outlierDetection ?? below.outlierDetection,
    tls: policy.tls ?? below.tls,
  };
  const { loadBalancer, connectionPool, outlierDetection, tls } = blocks;
  const retryBudget = policy.retryBudget ?? below.retryBudget;
  const proxyProtocol = policy.proxyProtocol ?? below.proxyProtocol;
  return { loadBalancer, connectionPool, outlierDetection, tls, retryBudget, proxyProtocol };
}

const ofPort = (policy: TrafficPolicy | undefined, port: number): PortTrafficPolicy | undefined =>
  policy?.portLevelSettings?.find((settings) => settings.port?.number === port);

/** Unlike the blocks, what a route hashes on is looked for level by level until one says so (istio-semantics §3.2). */
export function effectiveHash(
  rule: DestinationRule,
  port: number,
  subset: string | undefined,
): ConsistentHashLB | undefined {
  const ofSubset = subset === undefined ? undefined : rule.subsets.get(subset)?.trafficPolicy;
  return (
    ofPort(ofSubset, port)?.loadBalancer?.consistentHash ??
    ofSubset?.loadBalancer?.consistentHash ??
    ofPort(rule.trafficPolicy, port)?.loadBalancer?.consistentHash ??
    rule.trafficPolicy?.loadBalancer?.consistentHash
  );
}
