import { differs, type KindSupport, supported } from '../support.ts';

const NOT_TARGETED = 'binds to Gateways of the Gateway API only: without effect, `policy-without-effect`';
const WHERE = `It acts at the gateway from the root namespace or from the gateway’s own, and where its selector fits; elsewhere it
does nothing and is reported as \`policy-without-effect\`.`;
const BY_CLIENT_CERTIFICATE = 'from the client’s certificate; without one it never fits, and its `not…` always';

const ATTACHMENT = {
  WorkloadSelector: { matchLabels: supported('labels of the gateway') },
};

/** istio-semantics §6.0, §6.1. */
export const requestAuthenticationSupport: KindSupport = {
  about: `Which tokens are believed. ${WHERE} No token passes, a bad one is answered 401, one for other audiences 403; who must have
one is an AuthorizationPolicy’s word. Tokens are judged more strictly than by Istio: padding, \`crit\`, keys for encryption
and keys whose \`key_ops\` do not allow it are refused.`,
  messages: {
    ...ATTACHMENT,
    RequestAuthenticationSpec: {
      selector: supported('labels of the gateway', 'absent or empty: all'),
      targetRef: differs('a Gateway of the Gateway API', NOT_TARGETED),
      targetRefs: differs('Gateways of the Gateway API', NOT_TARGETED),
      jwtRules: supported('one a kind of token'),
    },
    PolicyTargetReference: {
      group: differs('group of the kind', NOT_TARGETED),
      kind: differs('its kind', NOT_TARGETED),
      name: differs('its name', NOT_TARGETED),
      namespace: differs('its namespace', NOT_TARGETED),
    },
    JWTRule: {
      issuer: supported('`iss` of the token', 'empty: any'),
      audiences: supported('one of them must be in `aud`', 'empty: any'),
      jwksUri: differs(
        'where its keys are',
        'fetched by the gateway itself, and again for an unknown key; addresses that are never dialled are refused',
      ),
      jwks: supported('its keys', 'before `jwksUri`; neither: OpenID discovery at the issuer'),
      fromHeaders: supported(
        'headers to look into',
        'any of the three lists takes the place of `Authorization: Bearer` and `access_token`',
      ),
      fromParams: differs(
        'parameters to look into',
        'taken out of the query byte for byte; Istio writes the rest anew',
      ),
      fromCookies: supported('cookies to look into'),
      outputPayloadToHeader: differs(
        'the payload, for the service',
        'a client’s own header of the name is taken off before any choice of a route',
      ),
      forwardOriginalToken: supported('leave the token on the request', 'default: taken off; cookies stay'),
      outputClaimToHeaders: differs(
        'claims, for the service',
        'a client’s own header of the name is taken off before any choice of a route',
      ),
      timeout: supported('for fetching keys', 'default 5s'),
      spaceDelimitedClaims: supported('claims of several words', 'beside `scope` and `permission`'),
    },
    JWTHeader: {
      name: supported('of the header'),
      prefix: supported('before the token', 'searched anywhere in the value'),
    },
    ClaimToHeader: { header: supported('its name'), claim: supported('the claim', '`a.b` is within `a`') },
  },
};

/** istio-semantics §6.0, §6.2, §6.3. */
export const authorizationPolicySupport: KindSupport = {
  about: `Who may do what. ${WHERE} Unlike in Istio a team may have one of its own, for the routes of its own VirtualServices: with
\`targetRefs\` to them it adds to what the network team asks, and cannot loosen it. Conditions are checked on exactly the
request that is forwarded; connections of \`tcp\` and \`tls\` rules are judged by those that need no request. The annotation
\`istio.io/dry-run\` is read.`,
  messages: {
    ...ATTACHMENT,
    AuthorizationPolicySpec: {
      selector: supported('labels of the gateway', 'absent or empty: all'),
      targetRef: differs('as `targetRefs`, but one', 'see there'),
      targetRefs: differs(
        'VirtualServices of the same namespace',
        'ours; of Gateways of the Gateway API: `policy-without-effect`',
      ),
      rules: supported('any of these', 'absent in ALLOW: nobody; `{}`: everybody'),
      action: supported('CUSTOM, then DENY, then ALLOW', 'AUDIT marks and changes no answer'),
      provider: differs(
        'whom CUSTOM asks, by the mesh settings',
        'over HTTP or gRPC; where it cannot be asked 403 for all that fit, `unusable-provider`',
      ),
    },
    PolicyTargetReference: {
      group: differs('`networking.istio.io`', 'others: `policy-without-effect`'),
      kind: differs('`VirtualService`', 'others: `policy-without-effect`'),
      name: supported('its name'),
      namespace: supported('its namespace', 'must be the policy’s own'),
    },
    Rule: {
      from: supported('any of these callers', 'an empty list is as if absent, reported as a warning'),
      to: supported('any of these requests', 'an empty list is as if absent, reported as a warning'),
      when: supported('all of these conditions'),
    },
    RuleFrom: { source: supported('a caller') },
    RuleTo: { operation: supported('a request') },
    Source: {
      principals: supported('identities in the mesh', BY_CLIENT_CERTIFICATE),
      notPrincipals: supported('none of them'),
      requestPrincipals: supported('`issuer/subject` of the token', '`*`: any token with a subject'),
      notRequestPrincipals: supported('none of them'),
      namespaces: supported('namespaces in the mesh', BY_CLIENT_CERTIFICATE),
      notNamespaces: supported('none of them'),
      ipBlocks: supported('address of the connection'),
      notIpBlocks: supported('none of them'),
      remoteIpBlocks: supported('address of the client', 'behind `numTrustedProxies`'),
      notRemoteIpBlocks: supported('none of them'),
      serviceAccounts: supported('accounts in the mesh', BY_CLIENT_CERTIFICATE),
      notServiceAccounts: supported('none of them'),
      trustDomains: supported('trust domains', BY_CLIENT_CERTIFICATE),
      notTrustDomains: supported('none of them'),
    },
    Operation: {
      hosts: supported('the Host as sent, with port, in any case', '`a.com` is not `a.com:8080`; list `a.com:*` too'),
      notHosts: supported('none of them'),
      ports: supported('port of the listener'),
      notPorts: supported('none of them'),
      methods: supported('in upper case'),
      notMethods: supported('none of them'),
      paths: supported('the path as normalised, without query', 'with `{*}` and `{**}` as templates'),
      notPaths: supported('none of them'),
    },
    Condition: {
      key: supported('as Istio’s', 'an attribute that only Envoy has never fits'),
      values: differs('any fits', 'ALLOW on a header that comes twice: every line must fit'),
      notValues: differs('none fits', 'DENY on a header that comes twice: any bad line is enough'),
    },
    ExtensionProvider: { name: supported('in extensionProviders') },
  },
};
