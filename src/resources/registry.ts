import { edgePolicySchema, policyExemptionSchema } from './banyan/edge-policy.schema.ts';
import { rateLimitSchema } from './banyan/rate-limit.schema.ts';
import { validateEdgePolicy, validatePolicyExemption } from './banyan/validate-edge-policy.ts';
import { validateRateLimit } from './banyan/validate-rate-limit.ts';
import { endpointSliceSchema, namespaceSchema, podSchema, secretSchema, serviceSchema } from './core/core.schema.ts';
import type { Findings } from './findings.ts';
import type { AuthorizationPolicyBody } from './generated/authorization-policy.ts';
import type { DestinationRuleBody } from './generated/destination-rule.ts';
import type { EdgePolicyBody } from './generated/edge-policy.ts';
import type { EndpointSliceBody } from './generated/endpoint-slice.ts';
import type { GatewayBody } from './generated/gateway.ts';
import type { NamespaceBody } from './generated/namespace.ts';
import type { PodBody } from './generated/pod.ts';
import type { PolicyExemptionBody } from './generated/policy-exemption.ts';
import type { RateLimitBody } from './generated/rate-limit.ts';
import type { RequestAuthenticationBody } from './generated/request-authentication.ts';
import type { SecretBody } from './generated/secret.ts';
import type { ServiceBody } from './generated/service.ts';
import type { ServiceEntryBody } from './generated/service-entry.ts';
import type { VirtualServiceBody } from './generated/virtual-service.ts';
import type { WorkloadEntryBody } from './generated/workload-entry.ts';
import { destinationRuleSchema } from './istio/destination-rule.schema.ts';
import { gatewaySchema } from './istio/gateway.schema.ts';
import { authorizationPolicySchema, requestAuthenticationSchema } from './istio/policies.schema.ts';
import { serviceEntrySchema, workloadEntrySchema } from './istio/service-entry.schema.ts';
import { validateAuthorizationPolicy } from './istio/validate-authorization-policy.ts';
import { validateDestinationRule } from './istio/validate-destination-rule.ts';
import { validateGateway } from './istio/validate-gateway.ts';
import { validateRequestAuthentication } from './istio/validate-request-authentication.ts';
import { validateServiceEntry, validateWorkloadEntry } from './istio/validate-service-entry.ts';
import { validateVirtualService } from './istio/validate-virtual-service.ts';
import { virtualServiceSchema } from './istio/virtual-service.schema.ts';
import type { JsonSchema } from './schema.ts';

/** All there is to say about one kind. */
export interface KindDefinition<B> {
  readonly schema: JsonSchema;
  readonly apiVersions: readonly string[];
  readonly scope: 'namespaced' | 'cluster';
  /** Rules beyond the schema. The body has passed the schema; `namespace` is the object's. */
  readonly validate: ((body: B, findings: Findings, namespace: string) => void) | undefined;
}

const NETWORKING = ['networking.istio.io/v1', 'networking.istio.io/v1beta1', 'networking.istio.io/v1alpha3'];
const OURS = ['banyan.dev/v1alpha1'];
const SECURITY = ['security.istio.io/v1', 'security.istio.io/v1beta1'];

/** `B` is generated from the schema. */
function kind<B>(
  schema: JsonSchema,
  apiVersions: readonly string[],
  validate: KindDefinition<B>['validate'],
  scope: KindDefinition<B>['scope'] = 'namespaced',
): KindDefinition<B> {
  return { schema, apiVersions, scope, validate };
}

/** The one place to add a kind to. A field is added to its schema, and nowhere else (then `node scripts/generate-resources.ts`). */
export const KINDS = {
  Gateway: kind<GatewayBody>(gatewaySchema, NETWORKING, validateGateway),
  VirtualService: kind<VirtualServiceBody>(virtualServiceSchema, NETWORKING, validateVirtualService),
  DestinationRule: kind<DestinationRuleBody>(destinationRuleSchema, NETWORKING, validateDestinationRule),
  ServiceEntry: kind<ServiceEntryBody>(serviceEntrySchema, NETWORKING, validateServiceEntry),
  WorkloadEntry: kind<WorkloadEntryBody>(workloadEntrySchema, NETWORKING, validateWorkloadEntry),
  RequestAuthentication: kind<RequestAuthenticationBody>(
    requestAuthenticationSchema,
    SECURITY,
    validateRequestAuthentication,
  ),
  AuthorizationPolicy: kind<AuthorizationPolicyBody>(authorizationPolicySchema, SECURITY, validateAuthorizationPolicy),
  RateLimit: kind<RateLimitBody>(rateLimitSchema, OURS, validateRateLimit),
  EdgePolicy: kind<EdgePolicyBody>(edgePolicySchema, OURS, validateEdgePolicy),
  PolicyExemption: kind<PolicyExemptionBody>(policyExemptionSchema, OURS, validatePolicyExemption),
  Namespace: kind<NamespaceBody>(namespaceSchema, ['v1'], undefined, 'cluster'),
  Service: kind<ServiceBody>(serviceSchema, ['v1'], undefined),
  EndpointSlice: kind<EndpointSliceBody>(endpointSliceSchema, ['discovery.k8s.io/v1'], undefined),
  Pod: kind<PodBody>(podSchema, ['v1'], undefined),
  Secret: kind<SecretBody>(secretSchema, ['v1'], undefined),
} as const;
