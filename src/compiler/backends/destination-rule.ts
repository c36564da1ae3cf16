import { memoizeByIdentity } from '../../kernel/memo.ts';
import type { ResourceOf, TrafficPolicy } from '../../resources/kinds.ts';
import type { MeshSettings } from '../../resources/mesh-config.ts';
import { resolveHost } from '../names.ts';
import { type Labels, NO_LABELS } from './names.ts';

type RuleResource = ResourceOf<'DestinationRule'>;

export interface RuleSubset {
  readonly name: string;
  readonly labels: Labels;
  readonly trafficPolicy: TrafficPolicy | undefined;
  /** Where it was written: of several rules merged, the one that named it first. */
  readonly resource: RuleResource;
  readonly index: number;
}

/** One rule, or several of one host and namespace taken together (istio-semantics §3.1). */
export interface DestinationRule {
  readonly host: string;
  readonly namespace: string;
  readonly resources: readonly RuleResource[];
  /** `.` written out; empty: the mesh's default. */
  readonly exportTo: ReadonlySet<string>;
  /** Labels of the gateways that it is for; undefined: all. */
  readonly selector: Labels | undefined;
  readonly trafficPolicy: TrafficPolicy | undefined;
  readonly subsets: ReadonlyMap<string, RuleSubset>;
}

/** Taken by clusters whose host no rule is for: gives them an identity to remember. */
export const NO_RULE: DestinationRule = {
  host: '*',
  namespace: '',
  resources: [],
  exportTo: new Set(),
  selector: undefined,
  trafficPolicy: undefined,
  subsets: new Map(),
};

export const readRule = memoizeByIdentity((resource: RuleResource, mesh: MeshSettings): DestinationRule => {
  const { namespace } = resource.meta;
  const { spec } = resource.body;
  const selector = spec.workloadSelector?.matchLabels;
  const exportTo = selector === undefined ? (spec.exportTo ?? []) : ['.'];
  const subsets = new Map<string, RuleSubset>();
  for (const [index, subset] of (spec.subsets ?? []).entries()) {
    const name = subset.name ?? '';
    if (subsets.has(name)) continue;
    const { labels = NO_LABELS, trafficPolicy } = subset;
    subsets.set(name, { name, labels, trafficPolicy, resource, index });
  }
  return {
    host: resolveHost(spec.host, namespace, mesh.clusterDomain),
    namespace,
    resources: [resource],
    exportTo: new Set(exportTo.map((name) => (name === '.' ? namespace : name))),
    selector,
    trafficPolicy: spec.trafficPolicy,
    subsets,
  };
});

/** Subsets are joined, the first of a name kept; the first top-level policy stays whole (istio-semantics §3.1). */
export const mergeRules = memoizeByIdentity(
  (first: DestinationRule, second: DestinationRule): DestinationRule => ({
    ...first,
    resources: [...first.resources, ...second.resources],
    trafficPolicy: first.trafficPolicy ?? second.trafficPolicy,
    subsets: new Map([...second.subsets, ...first.subsets]),
  }),
);
