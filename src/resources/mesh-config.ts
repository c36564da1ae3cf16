import type { PathNormalization, RetryPolicy, TableSettings } from '../table/model.ts';

/** What of Istio's MeshConfig matters at an ingress, decoded, with every default filled in. */
export interface MeshSettings {
  readonly rootNamespace: string;
  readonly clusterDomain: string;
  readonly pathNormalization: PathNormalization;
  readonly numTrustedProxies: number;
  readonly forwardClientCert: TableSettings['forwardClientCert'];
  readonly defaultVirtualServiceExportTo: readonly string[];
  readonly defaultDestinationRuleExportTo: readonly string[];
  readonly defaultServiceExportTo: readonly string[];
  /** undefined: Istio's built-in policy (istio-semantics §2.10). */
  readonly defaultHttpRetryPolicy: MeshRetryPolicy | undefined;
  readonly connectTimeoutMs: number;
  readonly h2Upgrade: boolean;
  /** As written; read by the pure half of external authorization. */
  readonly extensionProviders: readonly Readonly<Record<string, unknown>>[];
}

export type MeshRetryPolicy = Readonly<Record<string, unknown>>;
export type { PathNormalization, RetryPolicy };
