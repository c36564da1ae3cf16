import { MESH_TRAFFIC_POLICY } from './istio/destination-rule.schema.ts';
import {
  duration,
  type Fields,
  flag,
  int32,
  type JsonSchema,
  list,
  message,
  oneWordOf,
  open,
  ref,
  text,
  texts,
  uint32,
} from './schema.ts';

/** What we read of istio.mesh.v1alpha1.MeshConfig (istio-semantics §7, §2.10, §3.1). */
const READ_FIELDS: Fields = {
  rootNamespace: text,
  trustDomain: text,
  trustDomainAliases: texts,
  connectTimeout: duration,
  h2UpgradePolicy: oneWordOf('DO_NOT_UPGRADE', 'UPGRADE'),
  pathNormalization: message({
    normalization: oneWordOf('DEFAULT', 'NONE', 'BASE', 'MERGE_SLASHES', 'DECODE_AND_MERGE_SLASHES'),
  }),
  defaultServiceExportTo: texts,
  defaultVirtualServiceExportTo: texts,
  defaultDestinationRuleExportTo: texts,
  defaultHttpRetryPolicy: ref('MeshHTTPRetry'),
  localityLbSetting: ref('LocalityLoadBalancerSetting'),
  defaultTrafficPolicy: message({
    connectionPool: ref('ConnectionPoolSettings'),
    outlierDetection: ref('OutlierDetection'),
  }),
  extensionProviders: list(open({ name: text }, ['name'])),
  tlsDefaults: message({
    minProtocolVersion: { ...oneWordOf('TLS_AUTO', 'TLSV1_2', 'TLSV1_3'), enumNumbers: [0, 3, 4] },
    cipherSuites: texts,
    ecdhCurves: texts,
  }),
  defaultConfig: open({ gatewayTopology: ref('GatewayTopology') }),
};

const READ_DEFINITIONS: Fields = {
  ...MESH_TRAFFIC_POLICY,
  GatewayTopology: message({
    numTrustedProxies: uint32,
    forwardClientCertDetails: {
      ...oneWordOf('UNDEFINED', 'SANITIZE', 'FORWARD_ONLY', 'APPEND_FORWARD', 'SANITIZE_SET', 'ALWAYS_FORWARD_ONLY'),
      enumNumbers: [0, 1, 2, 3, 4, 5],
    },
    // It has no fields of its own.
    proxyProtocol: message({}),
  }),
  MeshHTTPRetry: message({
    attempts: int32,
    perTryTimeout: duration,
    retryOn: text,
    retryRemoteLocalities: flag,
    retryIgnorePreviousHosts: flag,
    backoff: duration,
  }),
};

/** Fields that Istio has and that mean nothing at an ingress of ours: passed over with a hint. */
export const UNREAD_MESH_FIELDS: readonly string[] = [
  'proxyListenPort',
  'proxyInboundListenPort',
  'proxyHttpPort',
  'tcpKeepalive',
  'ingressClass',
  'ingressService',
  'ingressControllerMode',
  'ingressSelector',
  'enableTracing',
  'accessLogFile',
  'accessLogFormat',
  'accessLogEncoding',
  'enableEnvoyAccessLogService',
  'disableEnvoyListenerLog',
  'outboundTrafficPolicy',
  'inboundTrafficPolicy',
  'configSources',
  'enableAutoMtls',
  'caCertificates',
  'dnsRefreshRate',
  'inboundClusterStatName',
  'outboundClusterStatName',
  'certificates',
  'enablePrometheusMerge',
  'verifyCertificateAtClient',
  'ca',
  'defaultProviders',
  'discoverySelectors',
  'meshMTLS',
  'serviceSettings',
  'serviceScopeConfigs',
  'thriftConfig',
  'sdsUdsPath',
  'hboneListenPort',
];

export const meshConfigSchema: JsonSchema = {
  title: 'MeshConfigBody',
  ...open(READ_FIELDS),
  definitions: READ_DEFINITIONS,
};
