import type { MeshSettings } from '../../src/resources/mesh-config.ts';

/** Our defaults, but Istio's way with paths, which most tests do not touch. */
export const testMesh: MeshSettings = {
  rootNamespace: 'istio-system',
  clusterDomain: 'cluster.local',
  trustDomains: ['cluster.local'],
  pathNormalization: 'base',
  numTrustedProxies: 0,
  forwardClientCert: 'sanitize-set',
  proxyProtocol: false,
  defaultVirtualServiceExportTo: ['*'],
  defaultDestinationRuleExportTo: ['*'],
  defaultServiceExportTo: ['*'],
  defaultHttpRetryPolicy: undefined,
  connectTimeoutMs: 10_000,
  h2Upgrade: false,
  localityLbSetting: undefined,
  tlsDefaults: { minVersion: 'TLSv1.2', cipherSuites: [], ecdhCurves: [] },
  defaultTrafficPolicy: {},
  extensionProviders: [],
};
