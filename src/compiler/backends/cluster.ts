import { memoizeByIdentity } from '../../kernel/memo.ts';
import type { Cluster } from '../../table/model.ts';
import type { CompileOptions } from '../compilation.ts';
import { connectionsOf, outlierDetectionOf, protocolOf } from './connections.ts';
import type { DestinationRule } from './destination-rule.ts';
import { isPassthrough, loadBalancerOf } from './load-balancer.ts';
import { clusterId, type Labels, NO_LABELS } from './names.ts';
import { type LocalityPlan, localityPlan } from './placement.ts';
import { type BackendPort, type BackendService, portNumbered } from './service.ts';
import { effectivePolicy } from './traffic-policy.ts';
import { upstreamTlsOf } from './upstream-tls.ts';

/** A cluster with what is needed to find its endpoints, which the table itself does not carry. */
export interface ClusterPlan {
  readonly cluster: Cluster;
  readonly service: BackendService;
  readonly port: BackendPort;
  /** What an endpoint must carry to belong to the subset. */
  readonly labels: Labels;
  readonly locality: LocalityPlan;
  /** Nobody can ever be chosen: the balancer or the resolution has no meaning at an ingress (istio-semantics §3.3, §4). */
  readonly unreachable: boolean;
}

/** Remembered as long as service, rule and options are the very same objects. */
const plansOf = memoizeByIdentity(
  (_service: BackendService, _rule: DestinationRule, _options: CompileOptions) =>
    new Map<string, ClusterPlan | undefined>(),
);

/** undefined: the service has no such port, or the rule no such subset; 503 NC (istio-semantics §2.4). */
export function planCluster(
  service: BackendService,
  port: number,
  subset: string | undefined,
  rule: DestinationRule,
  options: CompileOptions,
): ClusterPlan | undefined {
  const plans = plansOf(service, rule, options);
  const key = `${port}|${subset ?? ''}`;
  if (!plans.has(key)) plans.set(key, makePlan(service, port, subset, rule, options));
  return plans.get(key);
}

function makePlan(
  service: BackendService,
  number: number,
  subset: string | undefined,
  rule: DestinationRule,
  options: CompileOptions,
): ClusterPlan | undefined {
  const port = portNumbered(service, number);
  if (port === undefined || port.protocol === 'UDP' || isAlias(service)) return undefined;
  if (subset !== undefined && !rule.subsets.has(subset)) return undefined;
  const policy = effectivePolicy(rule, number, subset, options.mesh.defaultTrafficPolicy);
  const address = { host: service.host, port: number, subset };
  const entryNames = service.kind === 'entry' ? (service.resource.body.spec.subjectAltNames ?? []) : [];
  const locality = localityPlan(policy, service, options);
  return {
    service,
    port,
    labels: (subset !== undefined && rule.subsets.get(subset)?.labels) || NO_LABELS,
    locality,
    unreachable:
      isPassthrough(policy.loadBalancer) || (service.kind === 'entry' && service.resolution === 'dynamic-dns'),
    cluster: {
      id: clusterId(service.host, number, subset),
      ...address,
      namespace: service.namespace,
      protocol: protocolOf(port.protocol, policy.connectionPool, options.mesh),
      discovery: discoveryOf(service),
      loadBalancer: loadBalancerOf(policy.loadBalancer),
      ...(locality.byLocality && { byLocality: true }),
      ...(service.near && { countsUnready: true }),
      connections: connectionsOf(policy.connectionPool, policy.retryBudget, options.mesh),
      outlierDetection: outlierDetectionOf(policy.outlierDetection, service.near !== undefined),
      tls: upstreamTlsOf(policy.tls, address, entryNames, options.mesh.tlsDefaults),
      ...(policy.proxyProtocol && { proxyProtocol: policy.proxyProtocol.version === 'V2' ? 2 : 1 }),
    },
  };
}

const isAlias = (service: BackendService): boolean => service.kind === 'kubernetes' && service.alias;

function discoveryOf(service: BackendService): Cluster['discovery'] {
  if (service.kind === 'entry' && service.resolution === 'dns') return { kind: 'dns', all: true };
  if (service.kind === 'entry' && service.resolution === 'dns-round-robin') return { kind: 'dns', all: false };
  return { kind: 'endpoints' };
}
