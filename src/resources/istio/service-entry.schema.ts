import {
  type Fields,
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
} from '../schema.ts';

const WORKLOAD: Fields = {
  address: text,
  ports: mapOf(uint32),
  labels: stringMap,
  network: text,
  locality: text,
  weight: uint32,
  serviceAccount: text,
};

/** istio.networking.v1alpha3.ServiceEntry (istio-semantics §4). */
export const serviceEntrySchema = resourceSchema(
  'ServiceEntry',
  message(
    {
      hosts: { ...texts, minItems: 1 },
      addresses: texts,
      ports: listOf('ServicePort'),
      location: oneWordOf('MESH_EXTERNAL', 'MESH_INTERNAL'),
      resolution: {
        ...oneWordOf('NONE', 'STATIC', 'DNS', 'DNS_ROUND_ROBIN', 'DYNAMIC_DNS'),
        enumNumbers: [0, 1, 2, 3, 4],
      },
      endpoints: listOf('Workload'),
      workloadSelector: ref('LabelSelector'),
      exportTo: texts,
      subjectAltNames: texts,
    },
    ['hosts'],
  ),
  {
    ServicePort: message({ number: uint32, protocol: text, name: text, targetPort: uint32 }),
    Workload: message(WORKLOAD),
    LabelSelector: message({ labels: stringMap }),
  },
);

/** istio.networking.v1alpha3.WorkloadEntry: an endpoint that a ServiceEntry selects by its labels. */
export const workloadEntrySchema = resourceSchema('WorkloadEntry', message(WORKLOAD), {});
