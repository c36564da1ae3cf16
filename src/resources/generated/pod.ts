/* Generated from the schema by scripts/generate-resources.ts; not to be edited. */

export interface PodBody {
  readonly apiVersion: string;
  readonly kind: 'Pod';
  readonly metadata: ObjectMeta;
  readonly spec?: PodSpec;
  readonly status?: PodStatus;
  readonly [k: string]: unknown;
}
export interface ObjectMeta {
  readonly name: string;
  readonly namespace?: string;
  readonly labels?: {
    readonly [k: string]: string;
  };
  readonly annotations?: {
    readonly [k: string]: string;
  };
  readonly creationTimestamp?: string;
  readonly generateName?: string;
  readonly uid?: string;
  readonly resourceVersion?: string;
  readonly selfLink?: string;
  readonly clusterName?: string;
  readonly generation?: number;
  readonly deletionTimestamp?: string;
  readonly deletionGracePeriodSeconds?: number;
  readonly finalizers?: readonly string[];
  readonly ownerReferences?: readonly unknown[];
  readonly managedFields?: readonly unknown[];
  readonly [k: string]: unknown;
}
export interface PodSpec {
  readonly nodeName?: string;
  readonly hostname?: string;
  readonly serviceAccountName?: string;
  readonly [k: string]: unknown;
}
export interface PodStatus {
  readonly phase?: string;
  readonly podIP?: string;
  readonly podIPs?: readonly PodIP[];
  readonly conditions?: readonly PodCondition[];
  readonly [k: string]: unknown;
}
export interface PodIP {
  readonly ip?: string;
  readonly [k: string]: unknown;
}
export interface PodCondition {
  readonly type?: string;
  readonly status?: string;
  readonly [k: string]: unknown;
}
