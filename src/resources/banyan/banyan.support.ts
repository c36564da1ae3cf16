import { type FieldSupport, type KindSupport, supported } from '../support.ts';

/** Of our own kinds all fields count; what they mean stands in the schema. */
const asDescribed: FieldSupport = supported('');

export const rateLimitSupport: KindSupport = {
  about: `How many requests callers may make. It acts from the root namespace or the gateway’s own. Every rule that fits a request
counts it, and each of its limits must have room; the first that has none answers 429 with Retry-After.`,
  messages: {
    RateLimitSpec: {
      selector: asDescribed,
      scope: asDescribed,
      service: asDescribed,
      onStoreFailure: asDescribed,
      rules: supported('Each counts for itself.'),
    },
    RateLimitSelector: { matchLabels: supported('Labels that the gateway must have.') },
    RateLimitServiceAddress: { host: asDescribed, port: asDescribed, domain: asDescribed, timeout: asDescribed },
    RateLimitRule: {
      name: asDescribed,
      match: asDescribed,
      per: asDescribed,
      limits: asDescribed,
      descriptor: asDescribed,
    },
    RateLimitEntry: { key: asDescribed, value: asDescribed, from: asDescribed },
    RateLimitSource: {
      header: supported('Value of a header; without it, `remote_address` with the client address stands in its place.'),
      claim: supported('Claim of a verified token, nested with dots; without it, as without a header.'),
    },
    RateLimitMatch: {
      hosts: asDescribed,
      paths: asDescribed,
      methods: supported('In upper case.'),
      namespaces: asDescribed,
      routes: asDescribed,
    },
    RateLimitPath: { exact: supported('The same path.'), prefix: supported('Begins with it, as text.') },
    RateLimitKey: {
      header: supported('Value of a header; without it, the client address.'),
      claim: supported('Claim of a verified token, nested with dots; without it, the client address.'),
    },
    RateLimitWindow: {
      requests: supported('How many in a window.'),
      window: supported('How long.'),
      burst: asDescribed,
    },
  },
};

const level = asDescribed;

export const edgePolicySupport: KindSupport = {
  about: `What the edge asks of requests and adds to answers. In the root namespace or the gateway’s own it is the network team’s,
for every route; in a team’s namespace it adds for the routes of that team. What would loosen the network team’s word is
reported as \`weakens-mandatory-policy\` and does not count.`,
  messages: {
    EdgePolicySpec: {
      selector: asDescribed,
      targetRefs: asDescribed,
      clientAddresses: asDescribed,
      limits: asDescribed,
      securityHeaders: asDescribed,
      compression: asDescribed,
    },
    EdgePolicySelector: { matchLabels: supported('Labels that the gateway must have.') },
    EdgePolicyTarget: {
      group: supported('`networking.istio.io`.'),
      kind: supported('`VirtualService`.'),
      name: supported('Its name.'),
    },
    EdgeClientAddresses: { level, allow: asDescribed, deny: asDescribed },
    EdgeLimits: {
      level,
      bodyBytes: asDescribed,
      headerBytes: asDescribed,
      unsafeEscapes: asDescribed,
      pathParameters: asDescribed,
    },
    EdgeSecurityHeaders: { level, set: asDescribed, remove: asDescribed },
    EdgeCompression: {
      level,
      enabled: supported('On or off.'),
      algorithms: asDescribed,
      minBytes: asDescribed,
      contentTypes: asDescribed,
    },
  },
};

export const policyExemptionSupport: KindSupport = {
  about: `The one way around what an EdgePolicy makes mandatory, for the routes of one namespace, until a day. It acts in the root
namespace and the gateway’s own only.`,
  messages: {
    PolicyExemptionSpec: {
      approver: asDescribed,
      reason: asDescribed,
      expires: asDescribed,
      policy: asDescribed,
      sections: asDescribed,
      namespace: asDescribed,
      routes: asDescribed,
    },
  },
};
