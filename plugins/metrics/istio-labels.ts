/** The gateway as a workload of the mesh: what Istio's metrics call the source. */
export interface GatewayWorkload {
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** More label sets than this are counted together (edge-security G-03). */
export const MAX_LABEL_SETS = 500;
export const OTHER = 'other';
const UNKNOWN = 'unknown';

/** Where something went, as far as the labels tell. */
export interface Destination {
  /** '' where none was chosen, or the one that was chosen does not exist. */
  readonly cluster: string;
  readonly namespace: string;
}

export const destinationOf = ({
  cluster,
  clusterNamespace,
}: {
  readonly cluster: string | undefined;
  readonly clusterNamespace?: string | undefined;
}): Destination =>
  cluster === undefined || clusterNamespace === undefined
    ? { cluster: '', namespace: '' }
    : { cluster, namespace: clusterNamespace };

export const flagsLabel = (flags: readonly string[]): string => (flags.length === 0 ? '-' : flags.join(','));

export function destinationLabels({ cluster, namespace }: Destination): Record<string, string> {
  // `outbound|80|v1|cart.shop.svc.cluster.local`
  const host = cluster.slice(cluster.lastIndexOf('|') + 1);
  return {
    destination_service: host === '' ? UNKNOWN : host,
    destination_service_name: host === '' ? UNKNOWN : shortName(host, namespace),
    destination_service_namespace: namespace === '' ? UNKNOWN : namespace,
  };
}

/** Of a Service its name, of a ServiceEntry the host. */
function shortName(host: string, namespace: string): string {
  const at = host.indexOf(`.${namespace}.svc.`);
  return at > 0 ? host.slice(0, at) : host;
}

/** What is the same in all label sets of a gateway. */
export const commonLabels = (workload: GatewayWorkload): Record<string, string> => ({
  ...sourceLabels(workload),
  ...UNKNOWN_PEER,
});

/** By Istio's labels for canonical services, else by those that are usual in Kubernetes. */
function sourceLabels({ namespace, labels }: GatewayWorkload): Record<string, string> {
  const name =
    labels['service.istio.io/canonical-name'] ?? labels['app.kubernetes.io/name'] ?? labels['app'] ?? UNKNOWN;
  const version = labels['app.kubernetes.io/version'] ?? labels['version'];
  return {
    reporter: 'source',
    source_workload: name,
    source_workload_namespace: namespace,
    source_canonical_service: name,
    source_canonical_revision: labels['service.istio.io/canonical-revision'] ?? version ?? 'latest',
    source_app: labels['app'] ?? UNKNOWN,
    source_version: version ?? UNKNOWN,
    source_cluster: UNKNOWN,
    source_principal: UNKNOWN,
  };
}

/** Services tell a gateway without sidecars nothing of themselves, and the source never knows how the connection is secured. */
const UNKNOWN_PEER: Readonly<Record<string, string>> = {
  destination_workload: UNKNOWN,
  destination_workload_namespace: UNKNOWN,
  destination_canonical_service: UNKNOWN,
  destination_canonical_revision: 'latest',
  destination_app: UNKNOWN,
  destination_version: UNKNOWN,
  destination_cluster: UNKNOWN,
  destination_principal: UNKNOWN,
  connection_security_policy: UNKNOWN,
};
