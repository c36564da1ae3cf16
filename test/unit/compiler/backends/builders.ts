import type { CompileOptions } from '../../../../src/compiler/compilation.ts';
import type { Resource, ResourceKind, ResourceOf } from '../../../../src/resources/kinds.ts';
import type { MeshSettings } from '../../../../src/resources/mesh-config.ts';

export interface Meta {
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  /** Minutes since 1970: the larger, the younger. */
  readonly age?: number;
}

/** An object as it comes out of the decoder, without its text. */
export function object<K extends ResourceKind>(
  kind: K,
  id: string,
  body: Readonly<Record<string, unknown>> = {},
  { labels = {}, annotations = {}, age = 0 }: Meta = {},
): ResourceOf<K> {
  const [namespace = '', name = ''] = id.split('/');
  const file = `${namespace}/${name}.yaml`;
  return {
    kind,
    apiVersion: 'v1',
    meta: { namespace, name, labels, annotations, creationTimestampMs: age * 60_000 },
    ref: { kind, namespace, name },
    body: { apiVersion: 'v1', kind, metadata: { name, labels, annotations }, ...body },
    origin: { file, locate: () => ({ file, line: 1, column: 1 }) },
  } as unknown as Resource as ResourceOf<K>;
}

export const HTTP = { name: 'http', port: 80, targetPort: 9080 };

export const service = (id: string, spec: object = {}, meta: Meta = {}): ResourceOf<'Service'> =>
  object('Service', id, { spec: { ports: [HTTP], ...spec } }, meta);

/** Endpoints of a service: addresses, ready unless said otherwise. */
export function slice(
  id: string,
  addresses: readonly (string | { address: string; ready?: boolean; pod?: string })[],
  ports: readonly object[] = [{ name: 'http', port: 9080 }],
): ResourceOf<'EndpointSlice'> {
  const endpoints = addresses.map((entry) => {
    const { address, ready = true, pod } = typeof entry === 'string' ? { address: entry } : entry;
    return { addresses: [address], conditions: { ready }, ...(pod && { targetRef: { kind: 'Pod', name: pod } }) };
  });
  const labels = { 'kubernetes.io/service-name': id.split('/')[1] ?? '' };
  return object('EndpointSlice', id, { addressType: 'IPv4', endpoints, ports }, { labels });
}

export function pod(id: string, ip: string, labels: Readonly<Record<string, string>>, ready = true): ResourceOf<'Pod'> {
  const conditions = [{ type: 'Ready', status: ready ? 'True' : 'False' }];
  return object('Pod', id, { status: { phase: 'Running', podIP: ip, podIPs: [{ ip }], conditions } }, { labels });
}

export const entry = (id: string, spec: object, meta: Meta = {}): ResourceOf<'ServiceEntry'> =>
  object(
    'ServiceEntry',
    id,
    {
      spec: {
        resolution: 'STATIC',
        ports: [{ number: 80, name: 'http', protocol: 'HTTP', targetPort: 9080 }],
        ...spec,
      },
    },
    meta,
  );

export const workload = (id: string, spec: object): ResourceOf<'WorkloadEntry'> =>
  object('WorkloadEntry', id, { spec });

export const rule = (id: string, spec: object, meta: Meta = {}): ResourceOf<'DestinationRule'> =>
  object('DestinationRule', id, { spec }, meta);

export const mesh = (changes: Partial<MeshSettings> = {}): MeshSettings => ({
  rootNamespace: 'istio-system',
  clusterDomain: 'cluster.local',
  trustDomains: ['cluster.local'],
  pathNormalization: 'decode-and-merge-slashes',
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
  defaultTrafficPolicy: {},
  tlsDefaults: { minVersion: 'TLSv1.2', cipherSuites: [], ecdhCurves: [] },
  extensionProviders: [],
  ...changes,
});

export const options = (changes: Partial<CompileOptions> = {}): CompileOptions => ({
  gatewayLabels: { istio: 'ingressgateway', app: 'istio-ingressgateway' },
  gatewayNamespace: 'istio-system',
  mesh: mesh(),
  filters: [],
  ...changes,
});
