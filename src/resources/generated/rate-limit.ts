/* Generated from the schema by scripts/generate-resources.ts; not to be edited. */

/**
 * Whose requests are counted together; required but with scope service.
 */
export type RateLimitKey =
  | ('client-address' | 'route' | 'namespace' | 'gateway')
  | {
      readonly header: string;
    }
  | {
      readonly claim: string;
    };
/**
 * Of the request; or `value`.
 */
export type RateLimitSource =
  | ('client-address' | 'route' | 'namespace' | 'host' | 'method' | 'path')
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
   * local (default): each gateway process counts for itself. shared: all count together in the store. service: a rate-limit service decides.
   */
  readonly scope?: 'local' | 'shared' | 'service';
  readonly service?: RateLimitServiceAddress;
  /**
   * When the shared store or the service cannot be asked: allow (default) lets the request pass, deny answers 503.
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
/**
 * With scope service: whom to ask.
 */
export interface RateLimitServiceAddress {
  /**
   * Of a Service or ServiceEntry that the gateway sees.
   */
  readonly host: string;
  /**
   * Its protocol must be GRPC or HTTP2.
   */
  readonly port: number;
  /**
   * Domain of the descriptors.
   */
  readonly domain: string;
  /**
   * How long a request waits for an answer; default: 50ms.
   */
  readonly timeout?: string;
}
export interface RateLimitRule {
  /**
   * Unique in the object; shown in the RateLimit headers, logs and metrics.
   */
  readonly name: string;
  readonly match?: RateLimitMatch;
  readonly per?: RateLimitKey;
  /**
   * All must have room; required but with scope service.
   *
   * @minItems 1
   */
  readonly limits?: readonly RateLimitWindow[];
  /**
   * With scope service: the entries of one descriptor, in their order.
   *
   * @minItems 1
   */
  readonly descriptor?: readonly RateLimitEntry[];
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
export interface RateLimitEntry {
  /**
   * As the service knows it.
   */
  readonly key: string;
  /**
   * The same for every request.
   */
  readonly value?: string;
  readonly from?: RateLimitSource;
}
