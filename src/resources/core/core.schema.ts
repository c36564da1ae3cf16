import {
  base64,
  coreSchema,
  type Fields,
  flag,
  int32,
  listOf,
  mapOf,
  open,
  ref,
  stringMap,
  text,
  texts,
} from '../schema.ts';

/** `http` or 8080. */
const PORT_OR_NAME = { anyOf: [{ type: 'integer' }, { type: 'string' }] } as const;

export const namespaceSchema = coreSchema('Namespace', {});

/** ExternalName services carry `externalName` and mostly no ports (istio-semantics §2.4). */
export const serviceSchema = coreSchema(
  'Service',
  { spec: ref('ServiceSpec') },
  {
    ServiceSpec: open({
      type: text,
      ports: listOf('KubernetesServicePort'),
      selector: stringMap,
      clusterIP: text,
      clusterIPs: texts,
      externalName: text,
      externalIPs: texts,
      publishNotReadyAddresses: flag,
      trafficDistribution: text,
    }),
    KubernetesServicePort: open(
      { name: text, port: int32, targetPort: PORT_OR_NAME, protocol: text, appProtocol: text, nodePort: int32 },
      ['port'],
    ),
  },
);

const ENDPOINTS: Fields = {
  SliceEndpoint: open(
    {
      addresses: texts,
      conditions: ref('EndpointConditions'),
      hostname: text,
      nodeName: text,
      zone: text,
      targetRef: ref('TargetRef'),
    },
    ['addresses'],
  ),
  EndpointConditions: open({ ready: flag, serving: flag, terminating: flag }),
  TargetRef: open({ kind: text, name: text, namespace: text }),
  EndpointPort: open({ name: text, port: int32, protocol: text, appProtocol: text }),
};

/** discovery.k8s.io/v1; belongs to the service that the label `kubernetes.io/service-name` names. */
export const endpointSliceSchema = coreSchema(
  'EndpointSlice',
  { addressType: text, endpoints: listOf('SliceEndpoint'), ports: listOf('EndpointPort') },
  ENDPOINTS,
);

export const podSchema = coreSchema(
  'Pod',
  { spec: ref('PodSpec'), status: ref('PodStatus') },
  {
    PodSpec: open({ nodeName: text, hostname: text, serviceAccountName: text }),
    PodStatus: open({ phase: text, podIP: text, podIPs: listOf('PodIP'), conditions: listOf('PodCondition') }),
    PodIP: open({ ip: text }),
    PodCondition: open({ type: text, status: text }),
  },
);

/** `data` is base64; what `stringData` says is taken over it, as the API server does. */
export const secretSchema = coreSchema('Secret', {
  type: text,
  data: mapOf(base64),
  stringData: stringMap,
  immutable: flag,
});
