import type { Diagnostic, ObjectRef } from '../../diagnostics/diagnostic.ts';
import type { ResourceSet } from '../../resources/set.ts';
import type { Cluster, ClusterId, HashPolicy } from '../../table/model.ts';
import type { CompileOptions } from '../compilation.ts';
import { resolveHost } from '../names.ts';
import { type Built, buildBackends, planAt } from './build.ts';
import { type ConnectionPolicy, connectionPolicyOf, NO_CONNECTION_POLICY } from './connection-policy.ts';
import type { DestinationRule } from './destination-rule.ts';
import { hashPoliciesOf } from './load-balancer.ts';
import { nearestHost } from './nearest-host.ts';
import { buildRegistry, type Registry } from './registry.ts';
import { remembered } from './remember.ts';
import { ruleFindings } from './rule-findings.ts';
import { buildRuleIndex } from './rule-index.ts';
import type { BackendService } from './service.ts';
import { registryFindings } from './service-findings.ts';
import { effectiveHash } from './traffic-policy.ts';

interface BackendContext {
  readonly resources: ResourceSet;
  /** Kept as the same object as long as nothing in it changes: much is remembered by it. */
  readonly options: CompileOptions;
}

interface KnownPort {
  readonly number: number;
  readonly name: string;
  /** Istio's word for it: `HTTP`, `HTTP2`, `GRPC`, `TCP` …, or `unsupported` where nothing declares one (istio-semantics §5). */
  readonly protocol: string;
}

/** A host that routes may name as their destination. */
interface KnownHost {
  readonly host: string;
  /** The host that cluster ids are made of: an ExternalName service stands for its target (istio-semantics §2.4). */
  readonly clusterHost: string;
  readonly namespace: string;
  readonly ports: readonly KnownPort[];
  readonly object: ObjectRef;
}

/** Why `lookup` knows nothing of a host. */
type HostAbsence =
  /** It is there, and not exported to the gateway's namespace. */
  | { readonly kind: 'hidden'; readonly object: ObjectRef }
  /** `nearest`: a host of the same namespace that is spelt much alike. */
  | { readonly kind: 'unknown'; readonly nearest: string | undefined };

/** What there is to say of a subset. */
type SubsetState =
  | { readonly kind: 'defined'; readonly object: ObjectRef }
  /** A rule defines it that does not count at this gateway, for lack of export or because another one wins. */
  | { readonly kind: 'not-applied'; readonly object: ObjectRef }
  /** `known`: the names that are defined. */
  | { readonly kind: 'undefined'; readonly known: readonly string[] };

/** Everything that routes may be forwarded to, as the gateway's pod sees it. Hosts may be short names of `fromNamespace`. */
export interface Backends {
  /** The host as a VirtualService of that namespace sees it: its own namespace's first, then what is exported to the gateway (istio-semantics §2.4). */
  lookup(host: string, fromNamespace: string): KnownHost | undefined;
  explainHost(host: string, fromNamespace: string): HostAbsence;
  /** Of all services of that full name, seen from the gateway or not. */
  namespacesOf(host: string): readonly string[];
  /** Does a DestinationRule that counts define that subset of the host? Else requests for it are answered 503. */
  subsetExists(host: string, subset: string, fromNamespace: string): boolean;
  explainSubset(host: string, subset: string, fromNamespace: string): SubsetState;
  /** What a route with that destination hashes on; empty: its balancing is no consistent hashing (istio-semantics §3.2, §3.3). */
  hashPolicies(host: string, port: number, subset: string | undefined, fromNamespace: string): readonly HashPolicy[];
  /** What holds for the connections of a `tcp` or `tls` rule whose first destination that is. */
  connectionPolicy(host: string, subset: string | undefined, fromNamespace: string): ConnectionPolicy;
  /** What the gateway speaks to that port; undefined: there is nobody to speak to. */
  protocol(host: string, port: number, fromNamespace: string): Cluster['protocol'] | undefined;
  /** Findings: `unknown-rule-host`, `rule-not-applied`, `ignored-field`, `server-certificate-unverified`, `subset-selects-nothing`, `host-provided-twice`, `entry-protocol-conflict`, `port-without-protocol`, `destination-without-endpoints`. */
  build(referenced: ReadonlySet<ClusterId>): Built;
}

/**
 * Reads Services, EndpointSlices, Pods, ServiceEntries, WorkloadEntries and DestinationRules. What depends on lists that
 * are the same as before is not done again; clusters and lists of endpoints that come out equal are the same objects.
 */
export function createBackends({ resources, options }: BackendContext): Backends {
  const services = resources.ofKind('Service');
  const entries = resources.ofKind('ServiceEntry');
  const ruleResources = resources.ofKind('DestinationRule');
  const registry = buildRegistry(services, entries, options);
  const rules = buildRuleIndex(ruleResources, options);
  const input = { registry, rules, resources, options };
  const fullName = (host: string, namespace: string): string =>
    resolveHost(host, namespace, options.mesh.clusterDomain);
  const lookup = (host: string, namespace: string): BackendService | undefined => {
    const known = registry.visible.get(fullName(host, namespace));
    return known?.find((service) => service.namespace === namespace) ?? known?.[0];
  };
  const ruleFor = (host: string): DestinationRule | undefined => {
    const [service] = registry.visible.get(host) ?? [];
    return service && rules.select(service);
  };
  return {
    lookup,
    explainHost: (host, namespace) => absenceOf(fullName(host, namespace), namespace, registry),
    namespacesOf: (host) => (registry.all.get(host) ?? []).map(({ namespace }) => namespace),
    subsetExists(host, subset, namespace) {
      const known = lookup(host, namespace);
      return known !== undefined && ruleFor(known.clusterHost)?.subsets.has(subset) === true;
    },
    explainSubset(host, subset, namespace) {
      const clusterHost = lookup(host, namespace)?.clusterHost ?? fullName(host, namespace);
      return subsetState(subset, ruleFor(clusterHost), rules.writtenFor(clusterHost));
    },
    hashPolicies(host, port, subset, namespace) {
      const rule = ruleFor(fullName(host, namespace));
      return rule === undefined ? NO_HASH : rememberedHash(rule, port, subset);
    },
    connectionPolicy(host, subset, namespace) {
      const rule = ruleFor(fullName(host, namespace));
      return rule === undefined ? NO_CONNECTION_POLICY : connectionPolicyOf(rule, subset);
    },
    protocol(host, port, namespace) {
      const known = lookup(host, namespace);
      return known && planAt({ host: known.clusterHost, port, subset: undefined }, input)?.cluster.protocol;
    },
    build(referenced) {
      const built = buildBackends(referenced, input);
      const general: readonly Diagnostic[] = [
        ...ruleFindings(ruleResources, registry, rules, options),
        ...registryFindings(registry),
      ];
      return { ...built, diagnostics: [...general, ...built.diagnostics] };
    },
  };
}

function absenceOf(host: string, namespace: string, registry: Registry): HostAbsence {
  const [hidden] = registry.all.get(host) ?? [];
  if (hidden !== undefined) return { kind: 'hidden', object: hidden.object };
  return { kind: 'unknown', nearest: nearestHost(host, namespace, registry) };
}

function subsetState(
  subset: string,
  rule: DestinationRule | undefined,
  written: readonly DestinationRule[],
): SubsetState {
  const defined = rule?.subsets.get(subset);
  if (defined !== undefined) return { kind: 'defined', object: defined.resource.ref };
  const elsewhere = written.find(({ subsets }) => subsets.has(subset))?.subsets.get(subset);
  if (elsewhere !== undefined) return { kind: 'not-applied', object: elsewhere.resource.ref };
  return { kind: 'undefined', known: [...(rule?.subsets.keys() ?? [])] };
}

const NO_HASH: readonly HashPolicy[] = [];
const hashes = new WeakMap<DestinationRule, Map<string, readonly HashPolicy[]>>();

function rememberedHash(rule: DestinationRule, port: number, subset: string | undefined): readonly HashPolicy[] {
  const ofRule = remembered(hashes, rule, () => new Map<string, readonly HashPolicy[]>());
  return remembered(ofRule, `${port}|${subset ?? ''}`, () => hashPoliciesOf(effectiveHash(rule, port, subset)));
}
