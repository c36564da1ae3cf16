import { type Diagnostic, type FieldPath, formatObjectRef } from '../../diagnostics/diagnostic.ts';
import { report } from '../../diagnostics/report.ts';
import { memoizeByIdentity } from '../../kernel/memo.ts';
import type { ClusterPlan } from './cluster.ts';
import type { DestinationRule } from './destination-rule.ts';
import type { Registry } from './registry.ts';
import type { BackendService } from './service.ts';

type EntryService = Extract<BackendService, { kind: 'entry' }>;

/** Hosts that several objects provide. */
export const registryFindings = memoizeByIdentity((registry: Registry): readonly Diagnostic[] =>
  [...registry.visible.values()].flatMap((services) => {
    const [winner, ...others] = services;
    if (winner === undefined || others.length === 0) return [];
    return others.flatMap((other) => (other.kind === 'entry' ? againstWinner(other, winner) : []));
  }),
);

function againstWinner(entry: EntryService, winner: BackendService): Diagnostic[] {
  const related = [{ message: `${formatObjectRef(winner.object)} counts`, object: winner.object }];
  const findings: Diagnostic[] = [];
  const say = (code: 'host-provided-twice' | 'entry-protocol-conflict', field: FieldPath, message: string): void => {
    const location = entry.resource.origin.locate(field);
    findings.push(report(code, { message, object: entry.object, field, location, related }));
  };
  if (entry.namespace !== winner.namespace) {
    const index = entry.resource.body.spec.hosts.indexOf(entry.host);
    const message = `${entry.host} is provided by ${formatObjectRef(winner.object)} already`;
    say('host-provided-twice', ['spec', 'hosts', index], message);
  }
  for (const [i, port] of entry.ports.entries()) {
    const same = winner.ports.find(({ number }) => number === port.number);
    if (winner.kind !== 'entry' || same === undefined || same.protocol === port.protocol) continue;
    const message = `port ${port.number} of ${entry.host} is ${port.protocol} here and ${same.protocol} in ${formatObjectRef(winner.object)}`;
    say('entry-protocol-conflict', ['spec', 'ports', i, 'protocol'], message);
  }
  return findings;
}

/** Of a service that some route goes to. */
export const serviceFindings = memoizeByIdentity((service: BackendService): readonly Diagnostic[] =>
  service.kind === 'kubernetes' ? unnamedProtocols(service) : unusableResolution(service),
);

function unnamedProtocols({ resource, ports, object }: Extract<BackendService, { kind: 'kubernetes' }>): Diagnostic[] {
  return ports.flatMap(({ protocol, name, number }, i) => {
    if (protocol !== 'unsupported') return [];
    const field = ['spec', 'ports', i, ...(name === '' ? [] : ['name'])];
    const message = `port ${number}${name === '' ? '' : ` (${name})`} does not say what is spoken there`;
    return [report('port-without-protocol', { message, object, field, location: resource.origin.locate(field) })];
  });
}

/** NONE and DYNAMIC_DNS go where the client wanted to go, which at an ingress is the ingress (istio-semantics §4). */
function unusableResolution({ resource, resolution, object, host }: EntryService): Diagnostic[] {
  const { workloadSelector } = resource.body.spec;
  const unusable = resolution === 'dynamic-dns' || (resolution === 'none' && workloadSelector === undefined);
  if (!unusable) return [];
  const field = ['spec', 'resolution'];
  const word = resource.body.spec.resolution ?? 'NONE';
  const message = `${host} has resolution ${word}, which gives a gateway no endpoint`;
  const location = resource.origin.locate(field);
  return [report('destination-without-endpoints', { message, object, field, location })];
}

/** Where the host has endpoints and the subset takes none of them: a slip in labels, mostly. */
export function emptySubset({ cluster, labels }: ClusterPlan, rule: DestinationRule): Diagnostic | undefined {
  const subset = cluster.subset === undefined ? undefined : rule.subsets.get(cluster.subset);
  if (subset === undefined) return undefined;
  const wanted = Object.entries(labels).map(([key, value]) => `${key}=${value}`);
  const field = ['spec', 'subsets', subset.index, 'labels'];
  return report('subset-selects-nothing', {
    message: `no endpoint of ${cluster.host} port ${cluster.port} has the labels of subset ${subset.name} (${wanted.join(', ')})`,
    object: subset.resource.ref,
    field,
    location: subset.resource.origin.locate(field),
  });
}
