import { differs, ignoredSilently, type KindSupport, notAtAnIngress, supported } from '../support.ts';

const WORKLOAD = {
  address: supported(
    'IP address, `unix:///path`, or a name with DNS',
    'without one it is no endpoint; link-local addresses, metadata services and addresses of no machine are refused',
  ),
  ports: supported('by name of the port', 'before the entry’s target port'),
  labels: supported('for subsets and selectors'),
  network: ignoredSilently('of several networks', 'addresses are reached directly; one without address is no endpoint'),
  locality: supported('`region/zone/subzone`'),
  weight: supported('share among endpoints', 'RANDOM does not look at it'),
  serviceAccount: ignoredSilently('identity in the mesh'),
};

/** istio-semantics §4, §10.5. */
export const serviceEntrySupport: KindSupport = {
  about: `Hosts that no Kubernetes service stands for. At an ingress it makes destinations and nothing else: \`destination.host\`
must be the very text of one of its hosts. Of several that provide one host a Kubernetes service counts, else the oldest
(\`host-provided-twice\`).`,
  messages: {
    ServiceEntrySpec: {
      hosts: supported('what destinations say', 'a wildcard stands for itself only'),
      addresses: notAtAnIngress('for callers in the mesh'),
      ports: supported('its ports'),
      location: notAtAnIngress('inside the mesh or not', 'no mesh certificates are used either way'),
      resolution: differs(
        'STATIC, DNS (all addresses), DNS_ROUND_ROBIN (one at a time)',
        'NONE and DYNAMIC_DNS have no endpoint here: 503, `destination-without-endpoints`; Istio forwards DYNAMIC_DNS by Host',
      ),
      endpoints: supported('where it is', 'with DNS and none, the host itself is looked up'),
      workloadSelector: supported('Pods and WorkloadEntries of its namespace'),
      exportTo: supported('namespaces that see it', 'the gateway’s, or the VirtualService’s own'),
      subjectAltNames: supported('names in its certificate', 'where the DestinationRule has none'),
    },
    ServicePort: {
      number: supported('as destinations say'),
      protocol: supported(
        'HTTP2, GRPC and GRPC-WEB: HTTP/2; others: HTTP/1.1',
        'HTTPS alone sends no TLS; a DestinationRule does',
      ),
      name: supported('as endpoints say'),
      targetPort: supported('port of the endpoints'),
    },
    Workload: WORKLOAD,
    LabelSelector: { labels: supported('that a workload must have') },
  },
};

export const workloadEntrySupport: KindSupport = {
  about: 'An endpoint outside Kubernetes, chosen by ServiceEntries and Services of its namespace by its labels.',
  messages: { WorkloadEntrySpec: WORKLOAD },
};
