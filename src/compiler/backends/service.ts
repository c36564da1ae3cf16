import type { ObjectRef } from '../../diagnostics/diagnostic.ts';
import { memoizeByIdentity } from '../../kernel/memo.ts';
import type { ResourceOf } from '../../resources/kinds.ts';
import type { MeshSettings } from '../../resources/mesh-config.ts';
import { type PortProtocol, parseProtocol, servicePortProtocol } from './port-protocol.ts';

export interface BackendPort {
  readonly number: number;
  readonly name: string;
  readonly protocol: PortProtocol;
  /** Where it is listened on; a name where a Kubernetes service gives one. */
  readonly targetPort: number | string | undefined;
}

interface BackendServiceBase {
  readonly host: string;
  /** The host that cluster ids are made of: its own, or the target of an ExternalName service. */
  readonly clusterHost: string;
  readonly namespace: string;
  readonly ports: readonly BackendPort[];
  readonly object: ObjectRef;
  /** With the mesh's default filled in. */
  readonly exportTo: readonly string[];
  readonly createdMs: number;
  /** Kubernetes' wish that callers stay near: within their zone, or on their node (istio-semantics §3.3). */
  readonly near: 'zone' | 'node' | undefined;
}

/** A host with its ports, whoever provides it: one Kubernetes service, or one of a ServiceEntry's hosts. */
export type BackendService =
  | (BackendServiceBase & {
      readonly kind: 'kubernetes';
      readonly resource: ResourceOf<'Service'>;
      /** ExternalName: no cluster of its own; routes go to its target's (istio-semantics §2.4). */
      readonly alias: boolean;
    })
  | (BackendServiceBase & {
      readonly kind: 'entry';
      readonly resource: ResourceOf<'ServiceEntry'>;
      readonly resolution: EntryResolution;
    });

type EntryResolution = 'none' | 'static' | 'dns' | 'dns-round-robin' | 'dynamic-dns';

const NEAR: ReadonlyMap<string, 'zone' | 'node'> = new Map([
  ['PreferClose', 'zone'],
  ['PreferSameZone', 'zone'],
  ['PreferSameNode', 'node'],
]);
/** Istio's annotation says the same in any case; it counts where the field says nothing that is known. */
const NEAR_BY_ANNOTATION = new Map(Array.from(NEAR, ([word, near]) => [word.toLowerCase(), near]));
const DISTRIBUTION_ANNOTATION = 'networking.istio.io/traffic-distribution';
const EXPORT_ANNOTATION = 'networking.istio.io/exportTo';

export const fromKubernetesService = memoizeByIdentity(
  (resource: ResourceOf<'Service'>, mesh: MeshSettings): BackendService => {
    const { meta } = resource;
    const spec = resource.body.spec ?? {};
    const host = `${meta.name}.${meta.namespace}.svc.${mesh.clusterDomain}`;
    const target = spec.type === 'ExternalName' && spec.externalName !== '' ? spec.externalName : undefined;
    return {
      kind: 'kubernetes',
      resource,
      host,
      clusterHost: target ?? host,
      alias: target !== undefined,
      namespace: meta.namespace,
      ports: (spec.ports ?? []).map((port) => ({
        number: port.port,
        name: port.name ?? '',
        protocol: servicePortProtocol(port),
        targetPort: port.targetPort,
      })),
      object: resource.ref,
      exportTo: annotatedExportTo(meta.annotations[EXPORT_ANNOTATION]) ?? byDefault(mesh),
      createdMs: meta.creationTimestampMs,
      near: NEAR.get(spec.trafficDistribution ?? '') ?? annotatedNear(meta.annotations),
    };
  },
);

/** Of the mesh's default only `.` and `*` count, the former first; with nothing but names nobody sees the service. */
const byDefault = ({ defaultServiceExportTo: list }: MeshSettings): readonly string[] =>
  list.includes('.') ? ['.'] : list.filter((to) => to === '*');

const annotatedNear = (annotations: Readonly<Record<string, string>>): BackendService['near'] =>
  NEAR_BY_ANNOTATION.get(annotations[DISTRIBUTION_ANNOTATION]?.toLowerCase() ?? '');

function annotatedExportTo(annotation: string | undefined): readonly string[] | undefined {
  if (annotation === undefined || annotation.trim() === '') return undefined;
  return annotation.split(',').map((name) => name.trim());
}

const RESOLUTIONS = {
  NONE: 'none',
  STATIC: 'static',
  DNS: 'dns',
  DNS_ROUND_ROBIN: 'dns-round-robin',
  DYNAMIC_DNS: 'dynamic-dns',
} as const satisfies Readonly<Record<string, EntryResolution>>;

/** One service a host; `location` and `addresses` mean nothing at an ingress (istio-semantics §4). */
export const fromServiceEntry = memoizeByIdentity(
  (resource: ResourceOf<'ServiceEntry'>, mesh: MeshSettings): readonly BackendService[] => {
    const { meta, body } = resource;
    const ports = (body.spec.ports ?? []).map((port) => ({
      number: port.number ?? 0,
      name: port.name ?? '',
      protocol: parseProtocol(port.protocol ?? ''),
      targetPort: port.targetPort === 0 ? undefined : port.targetPort,
    }));
    const exportTo = body.spec.exportTo ?? [];
    return [...new Set(body.spec.hosts)].map((host) => ({
      kind: 'entry',
      resource,
      host,
      clusterHost: host,
      namespace: meta.namespace,
      ports,
      object: resource.ref,
      exportTo: exportTo.length > 0 ? exportTo : byDefault(mesh),
      createdMs: meta.creationTimestampMs,
      near: annotatedNear(meta.annotations),
      resolution: RESOLUTIONS[body.spec.resolution ?? 'NONE'],
    }));
  },
);

export const portNumbered = (service: BackendService, number: number): BackendPort | undefined =>
  service.ports.find((port) => port.number === number);

/** Names that the data plane looks up itself, instead of addresses that we list. */
export const isResolvedByName = (service: BackendService): boolean =>
  service.kind === 'entry' && (service.resolution === 'dns' || service.resolution === 'dns-round-robin');
