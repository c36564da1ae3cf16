const IPV4 = /^(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)$/;

const isAddress = (host: string): boolean => host.includes(':') || IPV4.test(host);

/**
 * A host without a dot is a service of the namespace it is written in; any dot makes it a name of its own, taken as it
 * stands (`reviews.prod` is not expanded). Case and a trailing dot are left alone (istio-semantics §2.4).
 */
export function resolveHost(host: string, namespace: string, clusterDomain: string): string {
  if (host === '*' || host.includes('.') || isAddress(host)) return host;
  return `${host}.${namespace}.svc.${clusterDomain}`;
}

/** The word that stands for the sidecars of the mesh, which are not our business. */
export const MESH = 'mesh';

/**
 * `namespace/name` for every way a VirtualService may name a Gateway: that form itself, a short name of its own
 * namespace, and the legacy `name.ns`, `name.ns.svc`, `name.ns.svc.cluster.local` (istio-semantics §1.2).
 */
export function resolveGateway(name: string, namespace: string): string {
  if (name === MESH) return name;
  if (name.includes('/')) return name.startsWith('./') ? `${namespace}/${name.slice(2)}` : name;
  const [short, itsNamespace] = name.split('.');
  return itsNamespace === undefined ? `${namespace}/${name}` : `${itsNamespace}/${short ?? ''}`;
}
