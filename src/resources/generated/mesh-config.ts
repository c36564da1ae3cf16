/* Generated from the schema by scripts/generate-resources.ts; not to be edited. */

export interface MeshConfigBody {
  readonly rootNamespace?: string;
  readonly connectTimeout?: string;
  readonly h2UpgradePolicy?: 'DO_NOT_UPGRADE' | 'UPGRADE';
  readonly pathNormalization?: {
    readonly normalization?: 'DEFAULT' | 'NONE' | 'BASE' | 'MERGE_SLASHES' | 'DECODE_AND_MERGE_SLASHES';
  };
  readonly defaultServiceExportTo?: readonly string[];
  readonly defaultVirtualServiceExportTo?: readonly string[];
  readonly defaultDestinationRuleExportTo?: readonly string[];
  readonly defaultHttpRetryPolicy?: MeshHTTPRetry;
  readonly extensionProviders?: {
    readonly name: string;
    readonly [k: string]: unknown;
  }[];
  readonly defaultConfig?: {
    readonly gatewayTopology?: GatewayTopology;
    readonly [k: string]: unknown;
  };
  readonly [k: string]: unknown;
}
export interface MeshHTTPRetry {
  readonly attempts?: number;
  readonly perTryTimeout?: string;
  readonly retryOn?: string;
  readonly retryRemoteLocalities?: boolean;
  readonly retryIgnorePreviousHosts?: boolean;
  readonly backoff?: string;
}
export interface GatewayTopology {
  readonly numTrustedProxies?: number;
  readonly forwardClientCertDetails?:
    'UNDEFINED' | 'SANITIZE' | 'FORWARD_ONLY' | 'APPEND_FORWARD' | 'SANITIZE_SET' | 'ALWAYS_FORWARD_ONLY';
  readonly proxyProtocol?: {
    readonly [k: string]: unknown;
  };
}
