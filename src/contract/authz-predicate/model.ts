/**
 * The rules of AuthorizationPolicies as plain data (istio-semantics §6.2, §6.3): they travel in the route table, and
 * two plugins decide by them, the one that denies and the one that asks somebody else.
 */
export interface PolicyRule {
  /** Alternatives, each a list of conditions that all must hold; empty: anybody. */
  readonly from: readonly (readonly Condition[])[];
  /** The same of what is asked for; empty: anything. */
  readonly to: readonly (readonly Condition[])[];
  /** All must hold. */
  readonly when: readonly Condition[];
}

/** A rule with the name that Envoy would give it, as it stands in response code details. */
export interface NamedRule {
  /** `ns[NAMESPACE]-policy[NAME]-rule[INDEX]`. */
  readonly name: string;
  readonly rule: PolicyRule;
}

/** `values` (any one may fit) or `notValues` (none may fit) of one field. */
export interface Condition {
  readonly attribute: Attribute;
  readonly values: readonly string[];
  readonly negated: boolean;
}

export type Attribute =
  | { readonly kind: 'method' }
  | { readonly kind: 'host' }
  | { readonly kind: 'path' }
  | { readonly kind: 'port' }
  | { readonly kind: 'source-ip' }
  | { readonly kind: 'remote-ip' }
  | { readonly kind: 'destination-ip' }
  | { readonly kind: 'sni' }
  /** In lower case. */
  | { readonly kind: 'header'; readonly name: string }
  /** The same of a header that is a list: any element between commas may fit. */
  | { readonly kind: 'inline-header'; readonly name: string }
  | { readonly kind: 'claim'; readonly path: readonly string[] }
  | { readonly kind: 'request-principal' }
  | { readonly kind: 'principal' }
  | { readonly kind: 'namespace' }
  | { readonly kind: 'service-account' }
  | { readonly kind: 'trust-domain' }
  /** Envoy's dynamic metadata, which nothing here writes: no value ever fits. */
  | { readonly kind: 'metadata' };

/**
 * What an error, or a doubt, makes of a rule: rules that allow become narrower by it, rules that deny (or mark, or have
 * somebody asked) wider. Never the other way about (§6.2, edge-security S-08).
 */
export type Leaning = 'narrow' | 'wide';
