/* Generated from the schema by scripts/generate-resources.ts; not to be edited. */

/**
 * Whose requests are counted together.
 */
export type RateLimitKey =
  | ('client-address' | 'route' | 'namespace' | 'gateway')
  | {
      readonly header: string;
    }
  | {
      readonly claim: string;
    };

export interface RateLimitBody {
  readonly apiVersion: string;
  readonly kind: 'RateLimit';
  readonly metadata: ObjectMeta;
  readonly spec: RateLimitSpec;
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
export interface RateLimitSpec {
  readonly selector?: RateLimitSelector;
  /**
   * local (default): each gateway process counts for itself. shared: all count together in the store.
   */
  readonly scope?: 'local' | 'shared';
  /**
   * When the shared store cannot be asked: allow (default) lets the request pass, deny answers 503.
   */
  readonly onStoreFailure?: 'allow' | 'deny';
  /**
   * @minItems 1
   */
  readonly rules: readonly RateLimitRule[];
}
/**
 * Labels of the gateway pod; absent or empty: every gateway.
 */
export interface RateLimitSelector {
  readonly matchLabels?: {
    readonly [k: string]: string;
  };
}
export interface RateLimitRule {
  /**
   * Unique in the object; shown in the RateLimit headers, logs and metrics.
   */
  readonly name: string;
  readonly match?: RateLimitMatch;
  readonly per: RateLimitKey;
  /**
   * @minItems 1
   */
  readonly limits: readonly RateLimitWindow[];
}
/**
 * Absent: every request.
 */
export interface RateLimitMatch {
  /**
   * Exact, `*.suffix` or `*`; without port, in any case.
   */
  readonly hosts?: readonly string[];
  /**
   * Any of them fits; the path as normalised, without query.
   */
  readonly paths?: readonly RateLimitPath[];
  readonly methods?: readonly string[];
  /**
   * Owners of the route that answers.
   */
  readonly namespaces?: readonly string[];
  /**
   * Ids of routes: `namespace/virtualService/rule`; a shorter id takes all that lie under it.
   */
  readonly routes?: readonly string[];
}
export interface RateLimitPath {
  readonly exact?: string;
  readonly prefix?: string;
}
export interface RateLimitWindow {
  readonly requests: number;
  readonly window: string;
  /**
   * How many may come at once; default: `requests`.
   */
  readonly burst?: number;
}
