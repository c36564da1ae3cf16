import { type Diagnostic, formatObjectRef } from '../../diagnostics/index.ts';
import type { CompileOptions } from '../compilation.ts';
import type { VirtualService } from '../http-rule.ts';
import { MESH, resolveHost } from '../names.ts';
import { reportAt } from './rule.ts';

/**
 * Destinations without subset at a host whose VirtualService for the sidecars chooses subsets: that one does not act on
 * what comes through the gateway (istio-semantics §10.7, IST0140).
 */
export function meshRules(all: readonly VirtualService[], options: CompileOptions): readonly Diagnostic[] {
  const choosing = subsetsInMesh(all, options);
  if (choosing.size === 0) return [];
  return all
    .filter(({ body }) => body.spec.gateways?.some((name) => name !== MESH) === true)
    .flatMap((object) =>
      (object.body.spec.http ?? []).flatMap(({ route = [] }, i) =>
        route.flatMap(({ destination }, k) => {
          const other = choosing.get(resolved(destination.host, object, options));
          if ((destination.subset ?? '') !== '' || other === undefined || other === object) return [];
          return [
            reportAt('mesh-rules-bypassed', object, ['spec', 'http', i, 'route', k, 'destination'], {
              message: `${formatObjectRef(other.ref)} chooses subsets of ${destination.host} for callers in the mesh, and not for this gateway`,
              related: [
                { message: 'these rules are for the mesh', object: other.ref, location: other.origin.locate(['spec']) },
              ],
            }),
          ];
        }),
      ),
    );
}

const resolved = (host: string, { meta }: VirtualService, { mesh }: CompileOptions): string =>
  resolveHost(host, meta.namespace, mesh.clusterDomain);

/** By host, the first VirtualService for sidecars with a destination that has a subset. */
function subsetsInMesh(all: readonly VirtualService[], options: CompileOptions): ReadonlyMap<string, VirtualService> {
  const found = new Map<string, VirtualService>();
  for (const object of all) {
    const { gateways = [], hosts = [], http = [] } = object.body.spec;
    if (gateways.length > 0 && !gateways.includes(MESH)) continue;
    if (!http.some(({ route = [] }) => route.some(({ destination }) => (destination.subset ?? '') !== ''))) continue;
    for (const host of hosts.map((name) => resolved(name, object, options))) {
      if (!found.has(host)) found.set(host, object);
    }
  }
  return found;
}
