import type { FilterSpec } from '../contract/plugin.ts';
import type { Diagnostic, ObjectRef } from '../diagnostics/diagnostic.ts';
import type { MeshSettings } from '../resources/mesh-config.ts';
import type { CredentialTable, EndpointTable, RouteTable } from '../table/model.ts';

export interface CompileOptions {
  /** The gateway's own pod labels: what Gateway selectors and policy selectors are held against. */
  readonly gatewayLabels: Readonly<Record<string, string>>;
  /** Namespace of the gateway workload (not of any Gateway resource): decides visibility (istio-semantics §12.4). */
  readonly gatewayNamespace: string;
  readonly mesh: MeshSettings;
  /** The pure halves of the plugins, in their order. */
  readonly filters: readonly FilterSpec[];
}

/** Everything one state of the resources comes to. */
export interface Compilation {
  readonly table: RouteTable;
  readonly endpoints: EndpointTable;
  readonly credentials: CredentialTable;
  readonly diagnostics: readonly Diagnostic[];
  readonly statuses: readonly ObjectStatus[];
}

/** serving: all of it. degraded: some of it answers 503, is shadowed or ignored. refused: not applied. unattached: no listener of this gateway takes it. */
export interface ObjectStatus {
  readonly object: ObjectRef;
  readonly state: 'serving' | 'degraded' | 'refused' | 'unattached';
}
