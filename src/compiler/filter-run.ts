import type { FilterContext, FilterFinding, PolicyObject } from '../contract/plugin.ts';
import type { ObjectRef, RelatedPlace } from '../diagnostics/index.ts';
import { type Diagnostic, isDiagnosticCode, report } from '../diagnostics/index.ts';
import { invariant } from '../kernel/assert.ts';
import type { Resource } from '../resources/index.ts';
import type { ClusterId } from '../table/index.ts';
import { type Backends, clusterId } from './backends/index.ts';
import type { CompileOptions } from './compilation.ts';
import { resolveHost } from './names.ts';

/** What the filters' pure halves are given in one compilation; the same object as long as their policies are the same. */
export interface FilterInputs {
  /** By the filter's place in the order. */
  readonly policies: readonly (readonly PolicyObject[])[];
  /** By `policyKey`, so that a finding can say where its field stands. */
  readonly sources: ReadonlyMap<string, Resource>;
}

export const policyKey = (ref: ObjectRef): string => `${ref.kind} ${ref.namespace}/${ref.name}`;

export interface FilterOutcome<T> {
  readonly value: T;
  readonly diagnostics: readonly Diagnostic[];
  /** Clusters that settings lead to: they must be in the table. */
  readonly clusters: readonly ClusterId[];
  /** Would the filters be told the same of the backends now? */
  stillHolds(backends: Backends): boolean;
}

const NOTHING: readonly never[] = [];
const always = (): boolean => true;

/** What a filter asks the backends. */
type Read = (backends: Backends) => string | undefined;

/** One round of asking the filters: notes what they report and which clusters they ask for. */
export class FilterRun {
  readonly #inputs: FilterInputs;
  readonly #backends: Backends;
  readonly #options: CompileOptions;
  readonly #diagnostics: Diagnostic[] = [];
  readonly #reads: { readonly read: Read; readonly answer: ReturnType<Read> }[] = [];
  readonly #clusters = new Set<ClusterId>();
  readonly #contexts: FilterContext[] = [];

  constructor(inputs: FilterInputs, backends: Backends, options: CompileOptions) {
    this.#inputs = inputs;
    this.#backends = backends;
    this.#options = options;
  }

  contextOf(index: number): FilterContext {
    this.#contexts[index] ??= {
      gatewayLabels: this.#options.gatewayLabels,
      gatewayNamespace: this.#options.gatewayNamespace,
      rootNamespace: this.#options.mesh.rootNamespace,
      mesh: this.#options.mesh as unknown as Readonly<Record<string, unknown>>,
      policies: this.#inputs.policies[index] ?? [],
      resolveCluster: (host, port, namespace) => this.#resolveCluster(host, port, namespace),
      serviceNamespaces: (host) => this.#serviceNamespaces(host),
      speaksHttp2: (host, port, namespace) => this.#speaksHttp2(host, port, namespace),
      report: (finding) => void this.#diagnostics.push(toDiagnostic(finding, this.#inputs)),
    };
    return this.#contexts[index];
  }

  outcome<T>(value: T): FilterOutcome<T> {
    const reads = this.#reads;
    const diagnostics = this.#diagnostics.length === 0 ? NOTHING : this.#diagnostics;
    if (reads.length === 0) return { value, diagnostics, clusters: NOTHING, stillHolds: always };
    return {
      value,
      diagnostics,
      clusters: [...this.#clusters],
      stillHolds: (backends) => reads.every(({ read, answer }) => read(backends) === answer),
    };
  }

  #resolveCluster(host: string, port: number, namespace: string): ClusterId | undefined {
    const name = resolveHost(host, namespace, this.#options.mesh.clusterDomain);
    const id = this.#read((backends) => {
      const known = backends.lookup(name, namespace);
      const hasPort = known?.ports.some(({ number }) => number === port) === true;
      return hasPort ? clusterId(known.clusterHost, port, undefined) : undefined;
    });
    if (id !== undefined) this.#clusters.add(id);
    return id;
  }

  #serviceNamespaces(host: string): readonly string[] {
    const name = resolveHost(host, this.#options.gatewayNamespace, this.#options.mesh.clusterDomain);
    const namespaces = this.#read((backends) => backends.namespacesOf(name).join(' '));
    return namespaces === undefined || namespaces === '' ? [] : namespaces.split(' ');
  }

  #speaksHttp2(host: string, port: number, namespace: string): boolean {
    const name = resolveHost(host, namespace, this.#options.mesh.clusterDomain);
    return this.#read((backends) => backends.protocol(name, port, namespace)) !== 'http1';
  }

  #read(read: Read): string | undefined {
    const answer = read(this.#backends);
    this.#reads.push({ read, answer });
    return answer;
  }
}

function toDiagnostic({ code, object, field, message, related }: FilterFinding, inputs: FilterInputs): Diagnostic {
  invariant(isDiagnosticCode(code), `a filter reports ${code}, which no catalogue knows`);
  const originOf = (ref: ObjectRef) => inputs.sources.get(policyKey(ref))?.origin;
  const placed = (place: RelatedPlace): RelatedPlace => {
    const location = place.object && originOf(place.object)?.locate(['metadata', 'name']);
    return location === undefined ? place : { ...place, location };
  };
  const location = originOf(object)?.locate(field);
  return report(code, { message, object, field, location, related: related?.map(placed) });
}
