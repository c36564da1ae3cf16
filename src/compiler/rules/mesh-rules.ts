import { type Diagnostic, formatObjectRef } from '../../diagnostics/index.ts';
import type { CompileOptions } from '../compilation.ts';
import type { VirtualService } from '../http-rule.ts';
import { MESH, resolveHost } from '../names.ts';
import { keepingMap } from '../slot.ts';
import { reportAt } from './rule.ts';

/**
 * Destinations without subset at a host whose VirtualService for the sidecars chooses subsets: that one does not act on
 * what comes through the gateway (istio-semantics §10.7, IST0140).
 */
export function createMeshRules(options: CompileOptions): (all: readonly VirtualService[]) => readonly Diagnostic[] {
  const choosersOf = keepingMap((object: VirtualService) => (choosesSubsets(object) ? object : undefined));
  let last: readonly VirtualService[] | undefined;
  let findings: readonly Diagnostic[] = [];
  return (all) => {
    if (all === last) return findings;
    const choosers = choosersOf(all).filter((object) => object !== undefined);
    findings = choosers.length === 0 ? [] : meshFindings(all, subsetsInMesh(choosers, options), options);
    last = all;
    return findings;
  };
}

function meshFindings(
  all: readonly VirtualService[],
  choosing: ReadonlyMap<string, VirtualService>,
  options: CompileOptions,
): readonly Diagnostic[] {
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

/** It is for sidecars, and has a destination with a subset. */
function choosesSubsets({ body }: VirtualService): boolean {
  const { gateways = [], http = [] } = body.spec;
  if (gateways.length > 0 && !gateways.includes(MESH)) return false;
  return http.some(({ route = [] }) => route.some(({ destination }) => (destination.subset ?? '') !== ''));
}

/** By host, the first of them. */
function subsetsInMesh(
  choosers: readonly VirtualService[],
  options: CompileOptions,
): ReadonlyMap<string, VirtualService> {
  const found = new Map<string, VirtualService>();
  for (const object of choosers) {
    for (const host of (object.body.spec.hosts ?? []).map((name) => resolved(name, object, options))) {
      if (!found.has(host)) found.set(host, object);
    }
  }
  return found;
}
