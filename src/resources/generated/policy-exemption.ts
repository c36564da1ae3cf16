/* Generated from the schema by scripts/generate-resources.ts; not to be edited. */

export interface PolicyExemptionBody {
  readonly apiVersion: string;
  readonly kind: 'PolicyExemption';
  readonly metadata: ObjectMeta;
  readonly spec: PolicyExemptionSpec;
  readonly status?: {
    readonly [k: string]: unknown;
  };
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
}
export interface PolicyExemptionSpec {
  /**
   * Who answers for it.
   */
  readonly approver: string;
  /**
   * Why it is needed.
   */
  readonly reason: string;
  /**
   * From then on what is mandatory holds again, by itself.
   */
  readonly expires: string;
  /**
   * Name of the EdgePolicy, in the namespace of the exemption; absent: every one.
   */
  readonly policy?: string;
  /**
   * Parts of the policy that it lifts.
   *
   * @minItems 1
   */
  readonly sections: readonly ('clientAddresses' | 'limits' | 'securityHeaders' | 'compression')[];
  /**
   * Owner of the routes.
   */
  readonly namespace: string;
  /**
   * Ids of routes; a shorter id takes all that lie under it; absent: all of the namespace.
   */
  readonly routes?: readonly string[];
}
