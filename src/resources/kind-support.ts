import { edgePolicySupport, policyExemptionSupport, rateLimitSupport } from './banyan/banyan.support.ts';
import {
  endpointSliceSupport,
  namespaceSupport,
  podSupport,
  secretSupport,
  serviceSupport,
} from './core/core.support.ts';
import { destinationRuleSupport } from './istio/destination-rule.support.ts';
import { gatewaySupport } from './istio/gateway.support.ts';
import { authorizationPolicySupport, requestAuthenticationSupport } from './istio/policies.support.ts';
import { serviceEntrySupport, workloadEntrySupport } from './istio/service-entry.support.ts';
import { virtualServiceSupport } from './istio/virtual-service.support.ts';
import type { KINDS } from './registry.ts';
import type { KindSupport } from './support.ts';

/** What every field of every kind comes to. A kind without is a type error, a field without fails a test. */
export const KIND_SUPPORT: Readonly<Record<keyof typeof KINDS, KindSupport>> = {
  Gateway: gatewaySupport,
  VirtualService: virtualServiceSupport,
  DestinationRule: destinationRuleSupport,
  ServiceEntry: serviceEntrySupport,
  WorkloadEntry: workloadEntrySupport,
  RequestAuthentication: requestAuthenticationSupport,
  AuthorizationPolicy: authorizationPolicySupport,
  RateLimit: rateLimitSupport,
  EdgePolicy: edgePolicySupport,
  PolicyExemption: policyExemptionSupport,
  Namespace: namespaceSupport,
  Service: serviceSupport,
  EndpointSlice: endpointSliceSupport,
  Pod: podSupport,
  Secret: secretSupport,
};
