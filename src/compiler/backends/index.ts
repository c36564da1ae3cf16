import type { Diagnostic, ObjectRef } from '../../diagnostics/diagnostic.ts';
import type { ResourceSet } from '../../resources/set.ts';
import type { Cluster, ClusterId, EndpointTable, HashPolicy } from '../../table/model.ts';
import type { CompileOptions } from '../compilation.ts';

export interface BackendContext {
  readonly resources: ResourceSet;
  readonly options: CompileOptions;
}

export interface KnownPort {
  readonly number: number;
  readonly name: string;
  /** Istio's word for it: `HTTP`, `HTTP2`, `GRPC`, `TCP` …, or `unsupported` where nothing declares one (istio-semantics §5). */
  readonly protocol: string;
}

/** A host that routes may name as their destination. */
export interface KnownHost {
  readonly host: string;
  /** The host that cluster ids are made of: an ExternalName service stands for its target (istio-semantics §2.4). */
  readonly clusterHost: string;
  readonly namespace: string;
  readonly ports: readonly KnownPort[];
  readonly object: ObjectRef;
}

export interface BuiltBackends {
  /** Those of the referenced clusters that exist, in order of their ids. */
  readonly clusters: readonly Cluster[];
  readonly endpoints: EndpointTable;
  readonly diagnostics: readonly Diagnostic[];
}

/** Everything that routes may be forwarded to, as the gateway's pod sees it. */
export interface Backends {
  /** The host as a VirtualService of that namespace sees it: its own namespace's first, then what is exported to the gateway (istio-semantics §2.4). */
  lookup(host: string, fromNamespace: string): KnownHost | undefined;
  /** Does a visible DestinationRule define that subset of the host? */
  subsetExists(host: string, subset: string, fromNamespace: string): boolean;
  /** What a route with that destination hashes on; empty: its balancing is no consistent hashing (istio-semantics §3.2, §3.3). */
  hashPolicies(host: string, port: number, subset: string | undefined, fromNamespace: string): readonly HashPolicy[];
  build(referenced: ReadonlySet<ClusterId>): BuiltBackends;
}

/** `outbound|80|v1|reviews.shop.svc.cluster.local`, as Istio names it. */
export function clusterId(host: string, port: number, subset: string | undefined): ClusterId {
  return `outbound|${port}|${subset ?? ''}|${host}`;
}
