import type { Visibility } from '../table/index.ts';

/**
 * How a VirtualService comes to be seen from the namespace of the gateway *workload*, which is the one that counts, not
 * that of any Gateway resource (istio-semantics §1.2). Without `exportTo` the mesh's default holds, of which only `.`
 * and `*` are honoured here. undefined: it is not seen at all.
 */
export function visibilityAtGateway(
  exportTo: readonly string[] | undefined,
  namespace: string,
  gatewayNamespace: string,
  meshDefault: readonly string[],
): Visibility | undefined {
  const own = namespace === gatewayNamespace;
  if (exportTo === undefined || exportTo.length === 0) {
    if (meshDefault.includes('.')) return own ? 'private' : undefined;
    return meshDefault.includes('*') ? 'public' : undefined;
  }
  if (exportTo.includes('*')) return 'public';
  if (own && exportTo.some((to) => to === '.' || to === namespace)) return 'private';
  return exportTo.includes(gatewayNamespace) ? 'explicit' : undefined;
}

/** May a root in `viewer` delegate to an object of `namespace`? Here the mesh's default counts in full (istio-semantics §2.8). */
export function isExportedTo(
  exportTo: readonly string[] | undefined,
  namespace: string,
  viewer: string,
  meshDefault: readonly string[],
): boolean {
  const list = exportTo === undefined || exportTo.length === 0 ? meshDefault : exportTo;
  return list.some((to) => to === '*' || to === viewer || (to === '.' && namespace === viewer));
}
