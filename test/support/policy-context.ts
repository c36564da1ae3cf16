import type { FilterContext, FilterFinding, PolicyObject } from '../../src/contract/index.ts';

export interface FakeContext extends FilterContext {
  readonly findings: readonly FilterFinding[];
}

/** What the compiler tells a filter's pure half: a gateway in istio-system, labelled as in the recordings. */
export function fakeContext(policies: readonly PolicyObject[], changes: Partial<FilterContext> = {}): FakeContext {
  const findings: FilterFinding[] = [];
  return {
    gatewayLabels: { istio: 'ingressgateway', app: 'istio-ingressgateway' },
    gatewayNamespace: 'istio-system',
    rootNamespace: 'istio-system',
    mesh: {},
    policies,
    resolveCluster: () => undefined,
    serviceNamespaces: () => [],
    speaksHttp2: () => true,
    report: (finding) => void findings.push(finding),
    findings,
    ...changes,
  };
}

export interface WrittenPolicy {
  readonly name?: string;
  readonly namespace?: string;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly spec: unknown;
}

export const fakePolicy = (kind: string, { name = 'policy', namespace = 'istio-system', ...rest }: WrittenPolicy) =>
  ({
    kind,
    ref: { kind, namespace, name },
    labels: {},
    annotations: rest.annotations ?? {},
    creationTimestampMs: 0,
    body: { spec: rest.spec },
  }) satisfies PolicyObject;
