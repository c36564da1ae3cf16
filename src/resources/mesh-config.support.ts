import { MESH_TRAFFIC_POLICY } from './istio/destination-rule.schema.ts';
import { destinationRuleSupport } from './istio/destination-rule.support.ts';
import { differs, type KindSupport, supported } from './support.ts';

/** Messages that DestinationRules have too, with the same meaning. */
const TRAFFIC_POLICY = Object.fromEntries(
  Object.entries(destinationRuleSupport.messages).filter(([name]) => name in MESH_TRAFFIC_POLICY),
);

/** istio-semantics §2.10, §3.1, §7. */
export const meshConfigSupport: KindSupport = {
  about: `Settings of the network team, in the file of \`--mesh-config\`, with Istio’s names. An error in it keeps the gateway from
starting. Of extensionProviders those with \`envoyExtAuthzHttp\` or \`envoyExtAuthzGrpc\` can be asked, where no two of them have
one name: \`service\` (a host written out, as \`checker.security.svc.cluster.local\`, or \`namespace/host\`), \`port\`, \`timeout\`, \`failOpen\`,
\`statusOnError\`, \`clearRouteCache\` and \`includeRequestBodyInCheck\` are read; of the former \`pathPrefix\`, \`includeRequestHeadersInCheck\`,
\`includeAdditionalHeadersInCheck\`, \`headersToUpstreamOnAllow\`, \`headersToDownstreamOnAllow\` and \`headersToDownstreamOnDeny\` too.`,
  messages: {
    MeshConfig: {
      rootNamespace: supported('where policies for all are', 'default `istio-system`'),
      trustDomain: supported('that principals of policies call `cluster.local`', 'default `cluster.local`'),
      trustDomainAliases: supported('other names of it: a principal of any is one of all'),
      connectTimeout: supported('to services', 'default 10s'),
      h2UpgradePolicy: supported('UPGRADE: HTTP/2 to ports of the HTTP family'),
      pathNormalization: supported('before anything looks at a path'),
      'pathNormalization.normalization': differs(
        'how far; DEFAULT is BASE, as in Istio',
        'absent: DECODE_AND_MERGE_SLASHES, where Istio takes BASE',
      ),
      defaultServiceExportTo: supported('where a service says nothing', 'default `*`'),
      defaultVirtualServiceExportTo: supported('where a VirtualService says nothing', 'default `*`'),
      defaultDestinationRuleExportTo: supported('where a DestinationRule says nothing', 'default `*`'),
      defaultHttpRetryPolicy: supported('where a rule says nothing'),
      localityLbSetting: supported('how localities count', 'where neither DestinationRule nor service says so'),
      defaultTrafficPolicy: differs('for all services', 'where no level of a DestinationRule has the block'),
      'defaultTrafficPolicy.connectionPool': supported('limits and timeouts'),
      'defaultTrafficPolicy.outlierDetection': supported('takes failing hosts out'),
      extensionProviders: differs('whom CUSTOM policies ask', 'over HTTP and gRPC, see above'),
      'extensionProviders[].name': supported('as policies say'),
      tlsDefaults: supported('of TLS in general', 'but not where a certificate of the mesh is used (ISTIO_MUTUAL)'),
      'tlsDefaults.minProtocolVersion': supported('where a Gateway’s server says nothing', 'default TLS 1.2'),
      'tlsDefaults.cipherSuites': supported('where a Gateway’s server says nothing, and to services'),
      'tlsDefaults.ecdhCurves': supported(
        'P-256, P-384, P-521, X25519 and X25519MLKEM768',
        'at servers and to services',
      ),
      defaultConfig: differs('of proxies', 'gatewayTopology only'),
      'defaultConfig.gatewayTopology': supported('what stands before the gateway'),
    },
    GatewayTopology: {
      numTrustedProxies: supported(
        'addresses at the end of X-Forwarded-For that are believed',
        'default 0: the connection’s',
      ),
      forwardClientCertDetails: supported('what of X-Forwarded-Client-Cert is passed on', 'default SANITIZE_SET'),
      proxyProtocol: supported(
        'every connection begins with a header of the PROXY protocol, which is believed',
        'versions 1 and 2; whom to believe: `--proxy-protocol-from`',
      ),
    },
    ...TRAFFIC_POLICY,
    MeshHTTPRetry: {
      attempts: supported('how many more tries'),
      perTryTimeout: supported('of one try'),
      retryOn: supported('conditions and statuses'),
      retryRemoteLocalities: supported('after every second try, away from the localities that had one'),
      retryIgnorePreviousHosts: supported('avoid hosts tried before'),
      backoff: supported('pause before a try, growing'),
    },
  },
};
