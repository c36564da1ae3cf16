import { rateLimitSchema } from './banyan/rate-limit.schema.ts';
import { endpointSliceSchema, namespaceSchema, podSchema, secretSchema, serviceSchema } from './core/core.schema.ts';
import type { AuthorizationPolicyBody } from './generated/authorization-policy.ts';
import type { DestinationRuleBody } from './generated/destination-rule.ts';
import type { EndpointSliceBody } from './generated/endpoint-slice.ts';
import type { GatewayBody } from './generated/gateway.ts';
import type { NamespaceBody } from './generated/namespace.ts';
import type { PodBody } from './generated/pod.ts';
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
import { virtualServiceSchema } from './istio/virtual-service.schema.ts';
import type { JsonSchema } from './schema.ts';

/** All there is to say about one kind. */
export interface KindDefinition<B> {
  readonly schema: JsonSchema;
  readonly apiVersions: readonly string[];
  readonly scope: 'namespaced' | 'cluster';
  /** Never set: carries the type of the body, which is generated from `schema`. */
  readonly body?: B;
}

const NETWORKING = ['networking.istio.io/v1', 'networking.istio.io/v1beta1', 'networking.istio.io/v1alpha3'];
const SECURITY = ['security.istio.io/v1', 'security.istio.io/v1beta1'];

function kind<B>(
  schema: JsonSchema,
  apiVersions: readonly string[],
  scope: 'namespaced' | 'cluster' = 'namespaced',
): KindDefinition<B> {
  return { schema, apiVersions, scope };
}

/** The one place to add a kind to. A field is added to its schema, and nowhere else (then `node scripts/generate-resources.ts`). */
export const KINDS = {
  Gateway: kind<GatewayBody>(gatewaySchema, NETWORKING),
  VirtualService: kind<VirtualServiceBody>(virtualServiceSchema, NETWORKING),
  DestinationRule: kind<DestinationRuleBody>(destinationRuleSchema, NETWORKING),
  ServiceEntry: kind<ServiceEntryBody>(serviceEntrySchema, NETWORKING),
  WorkloadEntry: kind<WorkloadEntryBody>(workloadEntrySchema, NETWORKING),
  RequestAuthentication: kind<RequestAuthenticationBody>(requestAuthenticationSchema, SECURITY),
  AuthorizationPolicy: kind<AuthorizationPolicyBody>(authorizationPolicySchema, SECURITY),
  RateLimit: kind<RateLimitBody>(rateLimitSchema, ['banyan.dev/v1alpha1']),
  Namespace: kind<NamespaceBody>(namespaceSchema, ['v1'], 'cluster'),
  Service: kind<ServiceBody>(serviceSchema, ['v1']),
  EndpointSlice: kind<EndpointSliceBody>(endpointSliceSchema, ['discovery.k8s.io/v1']),
  Pod: kind<PodBody>(podSchema, ['v1']),
  Secret: kind<SecretBody>(secretSchema, ['v1']),
} as const;
