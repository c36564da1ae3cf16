import {
  duration,
  type Fields,
  flag,
  list,
  listOf,
  message,
  oneWordOf,
  ref,
  resourceSchema,
  stringMap,
  text,
  texts,
} from '../schema.ts';

/** istio.type.v1beta1: what a policy acts on. */
const ATTACHMENT: Fields = {
  WorkloadSelector: message({ matchLabels: stringMap }),
  PolicyTargetReference: message({ group: text, kind: text, name: text, namespace: text }),
};
const ATTACHMENT_FIELDS: Fields = {
  selector: ref('WorkloadSelector'),
  targetRef: ref('PolicyTargetReference'),
  targetRefs: listOf('PolicyTargetReference'),
};

/** istio.security.v1beta1.RequestAuthentication (istio-semantics §6.1). */
export const requestAuthenticationSchema = resourceSchema(
  'RequestAuthentication',
  message({ ...ATTACHMENT_FIELDS, jwtRules: listOf('JWTRule') }),
  {
    ...ATTACHMENT,
    JWTRule: message({
      issuer: text,
      audiences: texts,
      jwksUri: text,
      jwks: text,
      fromHeaders: listOf('JWTHeader'),
      fromParams: texts,
      fromCookies: texts,
      outputPayloadToHeader: text,
      forwardOriginalToken: flag,
      outputClaimToHeaders: listOf('ClaimToHeader'),
      timeout: duration,
      spaceDelimitedClaims: texts,
    }),
    JWTHeader: message({ name: text, prefix: text }),
    ClaimToHeader: message({ header: text, claim: text }),
  },
);

/** istio.security.v1beta1.AuthorizationPolicy (istio-semantics §6.2). */
export const authorizationPolicySchema = resourceSchema(
  'AuthorizationPolicy',
  message({
    ...ATTACHMENT_FIELDS,
    rules: listOf('Rule'),
    action: oneWordOf('ALLOW', 'DENY', 'AUDIT', 'CUSTOM'),
    provider: ref('ExtensionProvider'),
  }),
  {
    ...ATTACHMENT,
    Rule: message({
      from: list(ref('RuleFrom')),
      to: list(ref('RuleTo')),
      when: listOf('Condition'),
    }),
    RuleFrom: message({ source: ref('Source') }),
    RuleTo: message({ operation: ref('Operation') }),
    Source: message({
      principals: texts,
      notPrincipals: texts,
      requestPrincipals: texts,
      notRequestPrincipals: texts,
      namespaces: texts,
      notNamespaces: texts,
      ipBlocks: texts,
      notIpBlocks: texts,
      remoteIpBlocks: texts,
      notRemoteIpBlocks: texts,
      serviceAccounts: texts,
      notServiceAccounts: texts,
      trustDomains: texts,
      notTrustDomains: texts,
    }),
    Operation: message({
      hosts: texts,
      notHosts: texts,
      ports: texts,
      notPorts: texts,
      methods: texts,
      notMethods: texts,
      paths: texts,
      notPaths: texts,
    }),
    Condition: message({ key: text, values: texts, notValues: texts }),
    ExtensionProvider: message({ name: text }),
  },
);
