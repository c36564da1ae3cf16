import {
  described,
  double,
  duration,
  type Fields,
  flag,
  int32,
  listOf,
  mapOf,
  message,
  oneWordOf,
  ref,
  resourceSchema,
  stringMap,
  text,
  texts,
  uint32,
  uint64,
  withOneOf,
} from '../schema.ts';

const TRAFFIC_POLICY: Fields = {
  Subset: message({ name: text, labels: stringMap, trafficPolicy: ref('TrafficPolicy') }),
  TrafficPolicy: message({
    loadBalancer: ref('LoadBalancerSettings'),
    connectionPool: ref('ConnectionPoolSettings'),
    outlierDetection: ref('OutlierDetection'),
    tls: ref('ClientTLSSettings'),
    portLevelSettings: listOf('PortTrafficPolicy'),
    tunnel: ref('TunnelSettings'),
    proxyProtocol: ref('ProxyProtocol'),
    retryBudget: ref('RetryBudget'),
  }),
  PortTrafficPolicy: message({
    port: ref('PortSelector'),
    loadBalancer: ref('LoadBalancerSettings'),
    connectionPool: ref('ConnectionPoolSettings'),
    outlierDetection: ref('OutlierDetection'),
    tls: ref('ClientTLSSettings'),
  }),
  PortSelector: message({ number: uint32 }),
  TunnelSettings: message({ protocol: text, targetHost: text, targetPort: uint32 }),
  ProxyProtocol: message({ version: oneWordOf('V1', 'V2') }),
  RetryBudget: message({ percent: double, minRetryConcurrency: uint32 }),
};

const LOCALITIES: Fields = {
  LocalityLoadBalancerSetting: message({
    distribute: listOf('LocalityDistribute'),
    failover: listOf('LocalityFailover'),
    failoverPriority: texts,
    enabled: flag,
  }),
  LocalityDistribute: message({ from: text, to: mapOf(uint32) }),
  LocalityFailover: message({ from: text, to: text }),
};

const LOAD_BALANCER: Fields = {
  LoadBalancerSettings: withOneOf(
    message({
      simple: {
        ...oneWordOf('UNSPECIFIED', 'LEAST_CONN', 'RANDOM', 'PASSTHROUGH', 'ROUND_ROBIN', 'LEAST_REQUEST'),
        enumNumbers: [0, 1, 2, 3, 4, 5],
      },
      consistentHash: ref('ConsistentHashLB'),
      localityLbSetting: ref('LocalityLoadBalancerSetting'),
      zoneAwareLbSetting: ref('ZoneAwareLoadBalancerSetting'),
      warmup: ref('WarmupConfiguration'),
      warmupDurationSecs: duration,
    }),
    ['simple', 'consistentHash'],
  ),
  ConsistentHashLB: withOneOf(
    message({
      httpHeaderName: text,
      httpCookie: ref('HTTPCookie'),
      useSourceIp: flag,
      httpQueryParameterName: text,
      ringHash: ref('RingHash'),
      maglev: ref('MagLev'),
      minimumRingSize: uint64,
    }),
    ['httpHeaderName', 'httpCookie', 'useSourceIp', 'httpQueryParameterName'],
    ['ringHash', 'maglev'],
  ),
  HTTPCookie: message({ name: text, path: text, ttl: duration, attributes: listOf('CookieAttribute') }),
  CookieAttribute: message({ name: text, value: text }),
  RingHash: message({ minimumRingSize: uint64 }),
  MagLev: message({ tableSize: uint64 }),
  WarmupConfiguration: message({ duration, minimumPercent: double, aggression: double }),
  ZoneAwareLoadBalancerSetting: message({
    enabled: flag,
    failover: listOf('LocalityFailover'),
    failoverPriority: texts,
    minClusterSize: uint32,
  }),
};

const POOLS: Fields = {
  ConnectionPoolSettings: message({ tcp: ref('TCPSettings'), http: ref('HTTPSettings') }),
  TCPSettings: message({
    maxConnections: int32,
    connectTimeout: duration,
    tcpKeepalive: ref('TcpKeepalive'),
    maxConnectionDuration: duration,
    idleTimeout: duration,
  }),
  TcpKeepalive: message({ probes: uint32, time: duration, interval: duration }),
  HTTPSettings: message({
    http1MaxPendingRequests: int32,
    http2MaxRequests: int32,
    maxRequestsPerConnection: int32,
    maxRetries: int32,
    idleTimeout: duration,
    h2UpgradePolicy: oneWordOf('DEFAULT', 'DO_NOT_UPGRADE', 'UPGRADE'),
    useClientProtocol: flag,
    maxConcurrentStreams: int32,
    http2KeepAlive: ref('Http2KeepAlive'),
  }),
  Http2KeepAlive: message({ interval: duration, timeout: duration }),
  OutlierDetection: message({
    consecutiveErrors: int32,
    splitExternalLocalOriginErrors: flag,
    consecutiveLocalOriginFailures: uint32,
    consecutiveGatewayErrors: uint32,
    consecutive5xxErrors: uint32,
    interval: duration,
    baseEjectionTime: duration,
    maxEjectionPercent: int32,
    minHealthPercent: int32,
    outlierDetectionHttpErrorCodes: { type: 'array', items: uint32 },
  }),
};

/** What the mesh can say for all destinations. */
export const MESH_TRAFFIC_POLICY: Fields = { ...LOCALITIES, ...POOLS };

const CLIENT_TLS: Fields = {
  ClientTLSSettings: message({
    mode: oneWordOf('DISABLE', 'SIMPLE', 'MUTUAL', 'ISTIO_MUTUAL'),
    clientCertificate: text,
    privateKey: text,
    caCertificates: text,
    credentialName: text,
    subjectAltNames: texts,
    sni: text,
    insecureSkipVerify: flag,
    caCrl: text,
  }),
};

/** istio.networking.v1alpha3.DestinationRule (istio-semantics §3). */
export const destinationRuleSchema = resourceSchema(
  'DestinationRule',
  message(
    {
      host: text,
      trafficPolicy: ref('TrafficPolicy'),
      subsets: listOf('Subset'),
      exportTo: texts,
      workloadSelector: described('Labels of the gateway pod.', ref('WorkloadSelector')),
    },
    ['host'],
  ),
  {
    ...TRAFFIC_POLICY,
    ...LOAD_BALANCER,
    ...LOCALITIES,
    ...POOLS,
    ...CLIENT_TLS,
    WorkloadSelector: message({ matchLabels: stringMap }),
  },
);
