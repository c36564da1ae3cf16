import type { Sourced } from './object.ts';
import type { KINDS, KindDefinition } from './registry.ts';

export type ResourceKind = keyof typeof KINDS;

/** `metadata` and `spec` (or `data`, `endpoints`) of a kind, as its schema has them; durations stay text. */
export type BodyOf<K extends ResourceKind> = (typeof KINDS)[K] extends KindDefinition<infer B> ? B : never;

/** What a team may write, decoded and validated. Narrow it by `kind`. */
export type Resource = { [K in ResourceKind]: Sourced<K, BodyOf<K>> }[ResourceKind];

export type ResourceOf<K extends ResourceKind> = Extract<Resource, { kind: K }>;

export type {
  AuthorizationPolicyBody,
  Condition,
  Operation,
  Rule,
  RuleFrom,
  RuleTo,
  Source,
} from './generated/authorization-policy.ts';
export type {
  ClientTLSSettings,
  ConnectionPoolSettings,
  ConsistentHashLB,
  DestinationRuleBody,
  HTTPCookie,
  HTTPSettings,
  LoadBalancerSettings,
  LocalityLoadBalancerSetting,
  OutlierDetection,
  PortTrafficPolicy,
  Subset,
  TCPSettings,
  TrafficPolicy,
  WarmupConfiguration,
} from './generated/destination-rule.ts';
export type {
  EdgeClientAddresses,
  EdgeCompression,
  EdgeLimits,
  EdgePolicyBody,
  EdgeSecurityHeaders,
} from './generated/edge-policy.ts';
export type { EndpointPort, EndpointSliceBody, SliceEndpoint } from './generated/endpoint-slice.ts';
export type { GatewayBody, Port, Server, ServerTLSSettings } from './generated/gateway.ts';
export type { MeshConfigBody } from './generated/mesh-config.ts';
export type { NamespaceBody } from './generated/namespace.ts';
export type { PodBody } from './generated/pod.ts';
export type { PolicyExemptionBody } from './generated/policy-exemption.ts';
export type {
  RateLimitBody,
  RateLimitEntry,
  RateLimitKey,
  RateLimitMatch,
  RateLimitRule,
  RateLimitServiceAddress,
  RateLimitSource,
  RateLimitWindow,
} from './generated/rate-limit.ts';
export type {
  ClaimToHeader,
  JWTHeader,
  JWTRule,
  RequestAuthenticationBody,
} from './generated/request-authentication.ts';
export type { SecretBody } from './generated/secret.ts';
export type { KubernetesServicePort, ServiceBody } from './generated/service.ts';
export type { ServiceEntryBody, ServicePort, Workload } from './generated/service-entry.ts';
export type {
  CorsPolicy,
  Delegate,
  Destination,
  FaultAbort,
  FaultDelay,
  HeaderOperations,
  Headers,
  HTTPDirectResponse,
  HTTPFaultInjection,
  HTTPMatchRequest,
  HTTPMirrorPolicy,
  HTTPRedirect,
  HTTPRetry,
  HTTPRewrite,
  HTTPRoute,
  HTTPRouteDestination,
  L4MatchAttributes,
  Percent,
  RouteDestination,
  StringMatch,
  TCPRoute,
  TLSMatchAttributes,
  TLSRoute,
  VirtualServiceBody,
} from './generated/virtual-service.ts';
export type { WorkloadEntryBody } from './generated/workload-entry.ts';
