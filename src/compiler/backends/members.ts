import type { ResourceOf, SliceEndpoint, Workload } from '../../resources/kinds.ts';
import { localityLabel, localityOfPod } from './locality.ts';
import { type Labels, labelsFit, NO_LABELS } from './names.ts';
import type { BackendPort, BackendService } from './service.ts';
import { isPodReady, podAt, podIps, podNamed, type Scope, slicesOf } from './world.ts';

/** One address behind one port of a service, before subsets and localities divide them. */
export interface Member {
  /** IP, `unix:///path`, or a name where the service is resolved by name. */
  readonly address: string;
  readonly port: number;
  readonly weight: number;
  readonly healthy: boolean;
  readonly labels: Labels;
  /** `region/zone/subzone`; '' where nobody says. */
  readonly locality: string;
}

/** Members of one service on the port of that name, and every object that they were read from. `scope`: its namespace's. */
export interface Gathered {
  readonly members: readonly Member[];
  readonly sources: readonly object[];
}

export function gather(service: BackendService, portName: string, scope: Scope): Gathered {
  return service.kind === 'kubernetes'
    ? gatherKubernetes(service, portName, scope)
    : gatherEntry(service, portName, scope);
}

/* ------------------------------------------------------------------------ Kubernetes services */

type KubernetesService = Extract<BackendService, { kind: 'kubernetes' }>;

function gatherKubernetes(service: KubernetesService, portName: string, scope: Scope): Gathered {
  const members = new Map<string, Member>();
  const sources: object[] = [];
  for (const slice of slicesOf(scope, service.resource.meta.name)) {
    sources.push(slice);
    if (slice.body.addressType === 'FQDN') continue;
    for (const endpoint of slice.body.endpoints ?? []) {
      const pod = podOf(endpoint, scope);
      if (pod !== undefined) sources.push(pod);
      for (const member of sliceMembers(slice, endpoint, pod, portName)) addOnce(members, member);
    }
  }
  for (const member of selectedByService(service, portName, scope, sources)) addOnce(members, member);
  return { members: [...members.values()], sources };
}

function addOnce(members: Map<string, Member>, member: Member): void {
  const key = `${member.address} ${member.port}`;
  if (!members.has(key)) members.set(key, member);
}

function podOf({ targetRef, addresses }: SliceEndpoint, scope: Scope): ResourceOf<'Pod'> | undefined {
  const named = targetRef?.kind === 'Pod' && targetRef.name !== undefined ? podNamed(scope, targetRef.name) : undefined;
  return named ?? (addresses[0] === undefined ? undefined : podAt(scope, addresses[0]));
}

function sliceMembers(
  slice: ResourceOf<'EndpointSlice'>,
  endpoint: SliceEndpoint,
  pod: ResourceOf<'Pod'> | undefined,
  portName: string,
): Member[] {
  const labels = pod?.meta.labels ?? NO_LABELS;
  const { ready = true } = endpoint.conditions ?? {};
  const locality = localityOfPod(labels);
  return (slice.body.ports ?? [])
    .filter(({ name, port }) => (name ?? '') === portName && port !== undefined)
    .flatMap(({ port = 0 }) =>
      endpoint.addresses.map((address) => ({ address, port, weight: 1, healthy: ready, labels, locality })),
    );
}

/** A service's selector chooses WorkloadEntries of its namespace too, beside what its EndpointSlices list. */
function selectedByService(service: KubernetesService, portName: string, scope: Scope, sources: object[]): Member[] {
  const selector = service.resource.body.spec?.selector ?? NO_LABELS;
  const port = service.ports.find(({ name }) => name === portName);
  if (port === undefined || Object.keys(selector).length === 0) return [];
  const members: Member[] = [];
  for (const entry of scope.workloadEntries) {
    const { spec } = entry.body;
    if (!labelsFit(selector, spec.labels ?? NO_LABELS)) continue;
    sources.push(entry);
    const number = targetNumber(port, spec);
    if (number !== undefined) members.push(...workloadMembers(spec, number));
  }
  return members;
}

/** A named target port must be in the entry's own map; a number is overridden by the map's entry for the port. */
function targetNumber({ name, number, targetPort }: BackendPort, { ports = {} }: Workload): number | undefined {
  if (typeof targetPort === 'string') return ports[targetPort];
  return ports[name] || targetPort || number;
}

/* ------------------------------------------------------------------------------ ServiceEntries */

type EntryService = Extract<BackendService, { kind: 'entry' }>;

/** istio-semantics §4: listed endpoints, selected workloads, or, where names are resolved and none is listed, the host itself. */
function gatherEntry(service: EntryService, portName: string, scope: Scope): Gathered {
  const port = service.ports.find(({ name }) => name === portName);
  if (port === undefined || service.resolution === 'dynamic-dns') return { members: [], sources: [] };
  const { endpoints = [], workloadSelector } = service.resource.body.spec;
  if (workloadSelector !== undefined) return selectedByEntry(port, workloadSelector.labels ?? NO_LABELS, scope);
  const byName = service.resolution === 'dns' || service.resolution === 'dns-round-robin';
  if (byName && endpoints.length === 0) return { members: [hostItself(service, port)], sources: [] };
  return {
    members: endpoints.flatMap((endpoint) => workloadMembers(endpoint, entryPort(endpoint, port))),
    sources: [],
  };
}

const hostItself = ({ host }: EntryService, { targetPort, number }: BackendPort): Member => ({
  address: host,
  port: typeof targetPort === 'number' ? targetPort : number,
  weight: 1,
  healthy: true,
  labels: NO_LABELS,
  locality: '',
});

/** Its own map before the entry's target port before the port itself (istio-semantics §4). */
const entryPort = ({ ports = {} }: Workload, { name, targetPort, number }: BackendPort): number =>
  ports[name] || (typeof targetPort === 'number' ? targetPort : number);

function selectedByEntry(port: BackendPort, selector: Labels, scope: Scope): Gathered {
  const members: Member[] = [];
  const sources: object[] = [];
  for (const entry of scope.workloadEntries) {
    const { spec } = entry.body;
    if (!labelsFit(selector, spec.labels ?? NO_LABELS)) continue;
    sources.push(entry);
    members.push(...workloadMembers(spec, entryPort(spec, port)));
  }
  for (const pod of scope.pods) {
    if (!labelsFit(selector, pod.meta.labels) || !isPodReady(pod)) continue;
    sources.push(pod);
    const [address] = podIps(pod);
    if (address !== undefined)
      members.push(
        ...workloadMembers(
          { address, labels: pod.meta.labels, locality: localityOfPod(pod.meta.labels) },
          entryPort({}, port),
        ),
      );
  }
  return { members, sources };
}

/** Topology labels of a workload are labels like any other: its locality is its own field, or its own label (Istio's conversion of entries). */
function workloadMembers(workload: Workload, port: number): Member[] {
  const { address = '', weight, labels = NO_LABELS } = workload;
  if (address === '') return [];
  const locality = workload.locality || localityLabel(labels);
  const common = { weight: weight || 1, healthy: true, labels, locality };
  return [{ address, port: address.startsWith('unix:') ? 0 : port, ...common }];
}

/** What a list of addresses may hold; anything else would have to be looked up. */
export const isAddress = (address: string): boolean =>
  address.startsWith('unix:') || address.includes(':') || /^\d{1,3}(?:\.\d{1,3}){3}$/.test(address);
