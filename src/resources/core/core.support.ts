import { differs, ignoredSilently, type KindSupport, notAtAnIngress, supported } from '../support.ts';

const OTHERS = 'Fields that are not listed are Kubernetes’ own affair: they are accepted and not read.';

export const namespaceSupport: KindSupport = {
  about: `A namespace with its labels. Nothing of it decides how requests are answered. ${OTHERS}`,
  messages: {},
};

export const serviceSupport: KindSupport = {
  about: `What destinations name: \`<name>.<namespace>.svc.cluster.local\`, by the service’s port. Its endpoints are those of its
EndpointSlices, and WorkloadEntries of its namespace that its selector fits. The annotations
\`networking.istio.io/exportTo\` and \`networking.istio.io/traffic-distribution\` are read. ${OTHERS}`,
  messages: {
    Service: { spec: supported('the service') },
    ServiceSpec: {
      type: supported('ExternalName: requests go to another service', 'one step only; an unknown target: 503'),
      ports: supported('its ports'),
      selector: supported('chooses WorkloadEntries', 'Pods come by EndpointSlices'),
      clusterIP: notAtAnIngress('address for callers in the cluster', 'endpoints are reached directly'),
      clusterIPs: notAtAnIngress('addresses for callers in the cluster', 'endpoints are reached directly'),
      externalName: supported('host of another Service or of a ServiceEntry'),
      externalIPs: notAtAnIngress('addresses from outside'),
      publishNotReadyAddresses: ignoredSilently(
        'also Pods that are not ready',
        'Kubernetes marks those as ready in the EndpointSlices, and that is read',
      ),
      trafficDistribution: supported(
        'stay near the gateway',
        'where too few endpoints are ready, those further off take the rest; a node is the label `kubernetes.io/hostname` of Pods and gateway',
      ),
    },
    KubernetesServicePort: {
      name: supported('tells the protocol, where it begins with one', 'none told: HTTP/1.1, `port-without-protocol`'),
      port: supported('as destinations say'),
      targetPort: supported('port of WorkloadEntries', 'Pods’ ports come by EndpointSlices'),
      protocol: supported('UDP is no destination'),
      appProtocol: supported('tells the protocol, before the name'),
      nodePort: notAtAnIngress('port on every node'),
    },
  },
};

export const endpointSliceSupport: KindSupport = {
  about: `Where a service is; of the service that the label \`kubernetes.io/service-name\` names. ${OTHERS}`,
  messages: {
    EndpointSlice: {
      addressType: supported('IPv4 or IPv6', 'FQDN slices are passed over'),
      endpoints: supported('its addresses'),
      ports: supported('its ports'),
    },
    SliceEndpoint: {
      addresses: supported('every one of them'),
      conditions: supported('may it be used'),
      hostname: ignoredSilently('name within a headless service'),
      nodeName: ignoredSilently('its node', 'nodes are not read'),
      zone: differs('its zone', 'not read: where an endpoint is, its Pod’s labels say'),
      targetRef: supported('its Pod, for labels', 'else the Pod of that address'),
    },
    EndpointConditions: {
      ready: supported('false: it gets nothing', 'absent: true'),
      serving: ignoredSilently('ready, though about to go', 'only `ready` counts'),
      terminating: ignoredSilently('about to go', 'only `ready` counts'),
    },
    TargetRef: {
      kind: supported('`Pod`'),
      name: supported('its name'),
      namespace: ignoredSilently('its namespace', 'always the slice’s own'),
    },
    EndpointPort: {
      name: supported('name of the service’s port'),
      port: supported('port that is dialled'),
      protocol: ignoredSilently('TCP or UDP', 'the service’s port says'),
      appProtocol: ignoredSilently('protocol', 'the service’s port says'),
    },
  },
};

export const podSupport: KindSupport = {
  about: `Labels of endpoints, for subsets, localities and ServiceEntries with a workloadSelector. ${OTHERS}`,
  messages: {
    Pod: { spec: ignoredSilently('what runs in it'), status: supported('its address and state') },
    PodSpec: {
      nodeName: ignoredSilently(
        'its node',
        'nodes are not read; the labels `topology.kubernetes.io/…` and `istio-locality` of the Pod are',
      ),
      hostname: ignoredSilently('its name'),
      serviceAccountName: ignoredSilently('its identity'),
    },
    PodStatus: {
      phase: supported('Succeeded and Failed: its address may be another’s'),
      podIP: supported('its address'),
      podIPs: supported('its addresses'),
      conditions: supported('is it ready'),
    },
    PodIP: { ip: supported('an address') },
    PodCondition: { type: supported('`Ready`'), status: supported('`True`: a workloadSelector may choose it') },
  },
};

export const secretSupport: KindSupport = {
  about: `Certificates and keys, from the gateway’s own namespace and no other. Keys \`cert\` and \`key\` win over \`tls.crt\` and
\`tls.key\`; CAs are \`cacert\` or \`ca.crt\`, of the Secret \`<name>-cacert\` first. A new version is used for the next handshake.
${OTHERS}`,
  messages: {
    Secret: {
      type: ignoredSilently('its type', 'only its keys count'),
      data: supported('in base64'),
      stringData: supported('as text, before `data`'),
      immutable: ignoredSilently('it never changes'),
    },
  },
};
