import { type Diagnostic, formatObjectRef } from '../../diagnostics/index.ts';
import type { Destination } from '../../resources/index.ts';
import type { Attachable } from '../attach.ts';
import { portOf, subsetOf } from '../backend-reads.ts';
import type { Backends } from '../backends/index.ts';
import type { CompileOptions } from '../compilation.ts';
import type { RuleSet } from '../delegation.ts';
import type { Place } from '../http-rule.ts';
import { resolveHost } from '../names.ts';
import { reportAt } from './rule.ts';

interface Use {
  readonly destination: Destination;
  readonly place: Place;
  /** Whose view of the services counts. */
  readonly viewer: string;
  readonly mirrored: boolean;
}

/** Hosts, ports and subsets that routes lead to and that are not there (istio-semantics §2.4). */
export function destinations(
  attachable: Attachable,
  ruleSet: RuleSet,
  backends: Backends,
  options: CompileOptions,
): readonly Diagnostic[] {
  return [...httpUses(ruleSet), ...connectionUses(attachable, options)].flatMap((use) => examine(use, backends));
}

function httpUses({ rules }: RuleSet): readonly Use[] {
  return rules.flatMap((rule): readonly Use[] => {
    if (rule.failure !== undefined) return [];
    const { http } = rule;
    const at = (field: 'route' | 'mirror' | 'mirrors', ...inside: readonly (string | number)[]): Place => {
      const { object, path } = rule.placeOf(field);
      return { object, path: [...path, ...inside] };
    };
    const viewer = rule.owner.namespace;
    const routed = (http.route ?? []).map(({ destination }, i) => ({
      destination,
      place: at('route', i, 'destination'),
      viewer,
      mirrored: false,
    }));
    const mirrors = (http.mirrors ?? []).map(({ destination }, i) => ({
      destination,
      place: at('mirrors', i, 'destination'),
      viewer,
      mirrored: true,
    }));
    const single =
      http.mirror === undefined ? [] : [{ destination: http.mirror, place: at('mirror'), viewer, mirrored: true }];
    return [...routed, ...single, ...mirrors];
  });
}

function connectionUses({ object }: Attachable, options: CompileOptions): readonly Use[] {
  const viewer = options.gatewayNamespace;
  return (['tls', 'tcp'] as const).flatMap((kind) =>
    (object.body.spec[kind] ?? []).flatMap(({ route = [] }, i) =>
      route.map(({ destination }, k) => ({
        destination: {
          ...destination,
          host: resolveHost(destination.host, object.meta.namespace, options.mesh.clusterDomain),
        },
        place: { object, path: ['spec', kind, i, 'route', k, 'destination'] },
        viewer,
        mirrored: false,
      })),
    ),
  );
}

const NOT_MIRRORED = 'Nothing is mirrored there.';

function examine({ destination, place, viewer, mirrored }: Use, backends: Backends): readonly Diagnostic[] {
  const consequence = mirrored ? { consequence: NOT_MIRRORED } : {};
  const at = (...inside: readonly string[]) => [place.object, [...place.path, ...inside]] as const;
  const known = backends.lookup(destination.host, viewer);
  if (known === undefined) {
    const message = absence(destination.host, viewer, backends);
    return [reportAt('dangling-destination', ...at('host'), { message, ...consequence })];
  }
  const port = portOf(destination);
  const numbers = known.ports.map(({ number }) => number).join(', ');
  if (port === undefined && known.ports.length > 1) {
    const message = `${destination.host} has the ports ${numbers}, and none is chosen`;
    return [reportAt('port-required', ...at(), { message, ...consequence })];
  }
  if (port !== undefined && !known.ports.some(({ number }) => number === port)) {
    const message = `${destination.host} has no port ${port}; it has ${numbers === '' ? 'none' : numbers}`;
    return [reportAt('dangling-destination', ...at('port'), { message, ...consequence })];
  }
  const lost = targetAbsence(known, port ?? known.ports[0]?.number, viewer, backends);
  if (lost !== undefined) return [reportAt('dangling-destination', ...at('host'), { message: lost, ...consequence })];
  const subset = subsetOf(destination);
  if (subset === undefined || backends.subsetExists(destination.host, subset, viewer)) return [];
  const message = subsetAbsence(destination.host, subset, viewer, backends);
  return [reportAt('unknown-subset', ...at('subset'), { message, ...consequence })];
}

function absence(host: string, viewer: string, backends: Backends): string {
  const why = backends.explainHost(host, viewer);
  if (why.kind === 'hidden')
    return `${formatObjectRef(why.object)} provides ${host} and is not exported to the gateway`;
  const hint = why.nearest === undefined ? '' : `; did you mean ${why.nearest}?`;
  return `no Service or ServiceEntry provides ${host}${hint}`;
}

/** What an ExternalName service stands for has to be there itself, under a name of its own (istio-semantics §2.4). */
function targetAbsence(
  { host, clusterHost, object }: NonNullable<ReturnType<Backends['lookup']>>,
  port: number | undefined,
  viewer: string,
  backends: Backends,
): string | undefined {
  if (clusterHost === host) return undefined;
  const name = `${formatObjectRef(object)} is another name of ${clusterHost}`;
  const target = backends.lookup(clusterHost, viewer);
  if (target === undefined) return `${name}, and ${absence(clusterHost, viewer, backends)}`;
  if (target.clusterHost !== target.host) return `${name}, which is another name itself`;
  const numbers = target.ports.map(({ number }) => number);
  if (port === undefined || numbers.includes(port)) return undefined;
  return `${name}, which has no port ${port}; it has ${numbers.length === 0 ? 'none' : numbers.join(', ')}`;
}

function subsetAbsence(host: string, subset: string, viewer: string, backends: Backends): string {
  const state = backends.explainSubset(host, subset, viewer);
  switch (state.kind) {
    case 'defined':
      return `subset ${subset} of ${host} is defined, and yet there is no such destination`;
    case 'not-applied':
      return `${formatObjectRef(state.object)} defines subset ${subset} of ${host}, and does not count at this gateway`;
    case 'undefined':
      return state.known.length === 0
        ? `no DestinationRule defines subsets of ${host}`
        : `${host} has no subset ${subset}; it has ${state.known.join(', ')}`;
  }
}
