/* Generated from the schema by scripts/generate-resources.ts; not to be edited. */

export interface DestinationRuleBody {
  readonly apiVersion: string;
  readonly kind: 'DestinationRule';
  readonly metadata: ObjectMeta;
  readonly spec: DestinationRuleSpec;
  readonly status?: {
    readonly [k: string]: unknown;
  };
}
export interface ObjectMeta {
  readonly name: string;
  readonly namespace?: string;
  readonly labels?: {
    readonly [k: string]: string;
  };
  readonly annotations?: {
    readonly [k: string]: string;
  };
  readonly creationTimestamp?: string;
  readonly generateName?: string;
  readonly uid?: string;
  readonly resourceVersion?: string;
  readonly selfLink?: string;
  readonly clusterName?: string;
  readonly generation?: number;
  readonly deletionTimestamp?: string;
  readonly deletionGracePeriodSeconds?: number;
  readonly finalizers?: readonly string[];
  readonly ownerReferences?: readonly unknown[];
  readonly managedFields?: readonly unknown[];
}
export interface DestinationRuleSpec {
  readonly host: string;
  readonly trafficPolicy?: TrafficPolicy;
  readonly subsets?: readonly Subset[];
  readonly exportTo?: readonly string[];
  readonly workloadSelector?: WorkloadSelector;
}
export interface TrafficPolicy {
  readonly loadBalancer?: LoadBalancerSettings;
  readonly connectionPool?: ConnectionPoolSettings;
  readonly outlierDetection?: OutlierDetection;
  readonly tls?: ClientTLSSettings;
  readonly portLevelSettings?: readonly PortTrafficPolicy[];
  readonly tunnel?: TunnelSettings;
  readonly proxyProtocol?: ProxyProtocol;
  readonly retryBudget?: RetryBudget;
}
export interface LoadBalancerSettings {
  readonly simple?: 'UNSPECIFIED' | 'LEAST_CONN' | 'RANDOM' | 'PASSTHROUGH' | 'ROUND_ROBIN' | 'LEAST_REQUEST';
  readonly consistentHash?: ConsistentHashLB;
  readonly localityLbSetting?: LocalityLoadBalancerSetting;
  readonly zoneAwareLbSetting?: ZoneAwareLoadBalancerSetting;
  readonly warmup?: WarmupConfiguration;
  readonly warmupDurationSecs?: string;
}
export interface ConsistentHashLB {
  readonly httpHeaderName?: string;
  readonly httpCookie?: HTTPCookie;
  readonly useSourceIp?: boolean;
  readonly httpQueryParameterName?: string;
  readonly ringHash?: RingHash;
  readonly maglev?: MagLev;
  readonly minimumRingSize?: number;
}
export interface HTTPCookie {
  readonly name?: string;
  readonly path?: string;
  readonly ttl?: string;
  readonly attributes?: readonly CookieAttribute[];
}
export interface CookieAttribute {
  readonly name?: string;
  readonly value?: string;
}
export interface RingHash {
  readonly minimumRingSize?: number;
}
export interface MagLev {
  readonly tableSize?: number;
}
export interface LocalityLoadBalancerSetting {
  readonly distribute?: readonly LocalityDistribute[];
  readonly failover?: readonly LocalityFailover[];
  readonly failoverPriority?: readonly string[];
  readonly enabled?: boolean;
}
export interface LocalityDistribute {
  readonly from?: string;
  readonly to?: {
    readonly [k: string]: number;
  };
}
export interface LocalityFailover {
  readonly from?: string;
  readonly to?: string;
}
export interface ZoneAwareLoadBalancerSetting {
  readonly enabled?: boolean;
  readonly failover?: readonly LocalityFailover[];
  readonly failoverPriority?: readonly string[];
  readonly minClusterSize?: number;
}
export interface WarmupConfiguration {
  readonly duration?: string;
  readonly minimumPercent?: number;
  readonly aggression?: number;
}
export interface ConnectionPoolSettings {
  readonly tcp?: TCPSettings;
  readonly http?: HTTPSettings;
}
export interface TCPSettings {
  readonly maxConnections?: number;
  readonly connectTimeout?: string;
  readonly tcpKeepalive?: TcpKeepalive;
  readonly maxConnectionDuration?: string;
  readonly idleTimeout?: string;
}
export interface TcpKeepalive {
  readonly probes?: number;
  readonly time?: string;
  readonly interval?: string;
}
export interface HTTPSettings {
  readonly http1MaxPendingRequests?: number;
  readonly http2MaxRequests?: number;
  readonly maxRequestsPerConnection?: number;
  readonly maxRetries?: number;
  readonly idleTimeout?: string;
  readonly h2UpgradePolicy?: 'DEFAULT' | 'DO_NOT_UPGRADE' | 'UPGRADE';
  readonly useClientProtocol?: boolean;
  readonly maxConcurrentStreams?: number;
  readonly http2KeepAlive?: Http2KeepAlive;
}
export interface Http2KeepAlive {
  readonly interval?: string;
  readonly timeout?: string;
}
export interface OutlierDetection {
  readonly consecutiveErrors?: number;
  readonly splitExternalLocalOriginErrors?: boolean;
  readonly consecutiveLocalOriginFailures?: number;
  readonly consecutiveGatewayErrors?: number;
  readonly consecutive5xxErrors?: number;
  readonly interval?: string;
  readonly baseEjectionTime?: string;
  readonly maxEjectionPercent?: number;
  readonly minHealthPercent?: number;
  readonly outlierDetectionHttpErrorCodes?: readonly number[];
}
export interface ClientTLSSettings {
  readonly mode?: 'DISABLE' | 'SIMPLE' | 'MUTUAL' | 'ISTIO_MUTUAL';
  readonly clientCertificate?: string;
  readonly privateKey?: string;
  readonly caCertificates?: string;
  readonly credentialName?: string;
  readonly subjectAltNames?: readonly string[];
  readonly sni?: string;
  readonly insecureSkipVerify?: boolean;
  readonly caCrl?: string;
}
export interface PortTrafficPolicy {
  readonly port?: PortSelector;
  readonly loadBalancer?: LoadBalancerSettings;
  readonly connectionPool?: ConnectionPoolSettings;
  readonly outlierDetection?: OutlierDetection;
  readonly tls?: ClientTLSSettings;
}
export interface PortSelector {
  readonly number?: number;
}
export interface TunnelSettings {
  readonly protocol?: string;
  readonly targetHost?: string;
  readonly targetPort?: number;
}
export interface ProxyProtocol {
  readonly version?: 'V1' | 'V2';
}
export interface RetryBudget {
  readonly percent?: number;
  readonly minRetryConcurrency?: number;
}
export interface Subset {
  readonly name?: string;
  readonly labels?: {
    readonly [k: string]: string;
  };
  readonly trafficPolicy?: TrafficPolicy;
}
/**
 * Labels of the gateway pod.
 */
export interface WorkloadSelector {
  readonly matchLabels?: {
    readonly [k: string]: string;
  };
}
