/* Generated from the schema by scripts/generate-resources.ts; not to be edited. */

export interface EdgePolicyBody {
  readonly apiVersion: string;
  readonly kind: 'EdgePolicy';
  readonly metadata: ObjectMeta;
  readonly spec: EdgePolicySpec;
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
export interface EdgePolicySpec {
  readonly selector?: EdgePolicySelector;
  /**
   * Of a team: these VirtualServices of its namespace only.
   */
  readonly targetRefs?: readonly EdgePolicyTarget[];
  readonly clientAddresses?: EdgeClientAddresses;
  readonly limits?: EdgeLimits;
  readonly securityHeaders?: EdgeSecurityHeaders;
  readonly compression?: EdgeCompression;
}
/**
 * Of the network team: labels of the gateway pod; absent or empty: every gateway.
 */
export interface EdgePolicySelector {
  readonly matchLabels?: {
    readonly [k: string]: string;
  };
}
export interface EdgePolicyTarget {
  readonly group?: string;
  readonly kind: string;
  readonly name: string;
}
/**
 * Who may call. Those of the network team hold for raw connections (`tcp`, `tls` rules) as well.
 */
export interface EdgeClientAddresses {
  /**
   * Of the network team: mandatory (default) holds for every route, and no team can weaken it; default holds where a team says nothing else.
   */
  readonly level?: 'mandatory' | 'default';
  /**
   * Addresses and networks; absent: all. A team adds to what is mandatory: both must allow.
   */
  readonly allow?: readonly string[];
  /**
   * Addresses and networks that are refused whatever is allowed.
   */
  readonly deny?: readonly string[];
}
/**
 * How large a request may be.
 */
export interface EdgeLimits {
  /**
   * Of the network team: mandatory (default) holds for every route, and no team can weaken it; default holds where a team says nothing else.
   */
  readonly level?: 'mandatory' | 'default';
  /**
   * Of a request body; a longer one is answered 413.
   */
  readonly bodyBytes?: number;
  /**
   * Names and values of all request headers together; more is answered 431.
   */
  readonly headerBytes?: number;
  /**
   * REFUSE: a path with `%00`, `%0d`, `%0a`, a percent sign that begins no escape, or `%2e%2e;` for a segment, is answered 400. Default: ALLOW.
   */
  readonly unsafeEscapes?: 'ALLOW' | 'REFUSE';
  /**
   * REFUSE: a path with a semicolon, or `%3b`, is answered 400: `/admin;x` is `/admin` to some services, and no rule names it. Default: ALLOW.
   */
  readonly pathParameters?: 'ALLOW' | 'REFUSE';
}
/**
 * Headers of every answer.
 */
export interface EdgeSecurityHeaders {
  /**
   * Of the network team: mandatory (default) holds for every route, and no team can weaken it; default holds where a team says nothing else.
   */
  readonly level?: 'mandatory' | 'default';
  /**
   * Name and value. Mandatory ones replace what the service says; others are added where it says nothing.
   */
  readonly set?: {
    readonly [k: string]: string;
  };
  /**
   * Names of headers that no client sees.
   */
  readonly remove?: readonly string[];
}
/**
 * Of answers, on their way to clients that accept it.
 */
export interface EdgeCompression {
  /**
   * Of the network team: mandatory (default) holds for every route, and no team can weaken it; default holds where a team says nothing else.
   */
  readonly level?: 'mandatory' | 'default';
  readonly enabled: boolean;
  /**
   * In order of preference among equals of the client; default: zstd, br, gzip.
   *
   * @minItems 1
   */
  readonly algorithms?: readonly ('zstd' | 'br' | 'gzip')[];
  /**
   * Smaller answers are left alone; default 1024.
   */
  readonly minBytes?: number;
  /**
   * Media types, `text/*` being all of a kind; default: text, JSON, XML, JavaScript, SVG and WebAssembly.
   */
  readonly contentTypes?: readonly string[];
}
