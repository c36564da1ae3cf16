import { differs, ignored, ignoredSilently, type KindSupport, notAtAnIngress, supported } from '../support.ts';

const MATCH_GATEWAYS = supported(
  'only at these of the Gateways above',
  'it narrows the list, as Istio’s code does; its documentation says otherwise',
);
const SOURCE_LABELS = supported(
  'labels of the gateway itself',
  'of callers nothing is known; not looked at beside `gateways`',
);
const SOURCE_NAMESPACE = supported('namespace of the gateway itself', 'not looked at beside `gateways`');
const NO_SUBNETS = 'does not count at a gateway, in Istio neither';

/** istio-semantics §2, §10.3. */
export const virtualServiceSupport: KindSupport = {
  about: `Which requests go where. Rules of all VirtualServices for one host form one list, the older object first, and every rule
that takes all requests goes to its end; the first that matches answers. What overlaps is reported with a request as
witness (\`overlap\`, \`shadowed\`). Unlike in Istio a rule that cannot be honoured answers 503 for its own match, and no
broader rule takes its place (\`route-failed\`, \`delegate-missing\`). Without \`hosts\` it is a delegate of others.`,
  messages: {
    VirtualServiceSpec: {
      hosts: supported(
        'hosts that it answers for',
        'those that a server of the Gateway has too; for a short name see `destination.host`',
      ),
      gateways: supported(
        'Gateways by `namespace/name` or `name`',
        'absent or `mesh` alone: for sidecars, reported as `unattached`',
      ),
      http: supported('rules for HTTP, in order'),
      tls: supported('rules by SNI, at PASSTHROUGH servers'),
      tcp: supported('rules for connections, at TCP and terminated TLS servers'),
      exportTo: supported('namespaces of gateways that see it', 'default: the mesh’s'),
    },
    HTTPRoute: {
      name: supported('part of the route’s id', 'names may be given twice'),
      match: supported(
        'any of these',
        'absent: every request, and what follows in the object is never reached (`unreachable-rule`)',
      ),
      route: supported('destinations, by weight'),
      redirect: supported('answers with a redirect'),
      directResponse: supported('answers by itself'),
      delegate: differs(
        'another VirtualService has the rules',
        'missing or hidden: 503 for this match, where Istio drops the rule',
      ),
      rewrite: differs('changes path and host', 'a path that is not normal afterwards is answered 400'),
      timeout: supported(
        'of the whole exchange, tries included',
        'absent: none; it begins when the request is complete',
      ),
      retries: supported('tries again', 'absent: the mesh’s, else 2 after failures to connect'),
      fault: supported('delays and aborts, for tests'),
      mirror: supported(
        'a copy of each request goes there too',
        'bodies of any size; WebSockets with what the client says',
      ),
      mirrors: supported('several copies'),
      mirrorPercent: supported('share of `mirror`, old'),
      mirrorPercentage: supported('share of `mirror`', 'absent: all; `{}`: none'),
      corsPolicy: supported('for browsers of other origins', 'never blocks a request'),
      headers: supported('changes headers, for all destinations'),
    },
    HTTPMatchRequest: {
      name: supported('part of the route’s id'),
      uri: supported('the path, normalised, not decoded, without query', 'a prefix is text: `/foo` takes `/foobar`'),
      scheme: supported('http or https'),
      method: supported('in upper case'),
      authority: supported('the Host as sent, with port'),
      headers: supported(
        'one line of that name fits',
        '`{}`: it is there; `@request.auth.claims.…`: a claim of a verified token',
      ),
      port: supported('of the Gateway’s server'),
      sourceLabels: SOURCE_LABELS,
      gateways: MATCH_GATEWAYS,
      queryParams: supported('the first of that name, not decoded'),
      ignoreUriCase: supported('for exact and prefix'),
      withoutHeaders: supported('no line fits', 'a header that is not there counts as the empty text'),
      sourceNamespace: SOURCE_NAMESPACE,
      statPrefix: ignoredSilently('names statistics', 'metrics are by owner and route'),
    },
    StringMatch: {
      exact: supported('the same text'),
      prefix: supported('begins with it'),
      regex: differs(
        'RE2, the whole text',
        'in linear time, at most 1024 characters; one that is too large: 503 for its rule (`regex-too-large`)',
      ),
    },
    HTTPRouteDestination: {
      destination: supported('where to'),
      weight: supported('share among several', 'need not come to 100; 0: none; of one alone it does not count'),
      headers: supported(
        'changes headers, for this destination',
        'among several, those of the rule win; of one alone, these',
      ),
    },
    Destination: {
      host: supported(
        'a service',
        'without a dot in the VirtualService’s own namespace; unknown: 503, `dangling-destination`',
      ),
      subset: supported('of a DestinationRule', 'unknown: 503, `unknown-subset`'),
      port: supported('of the service', 'may be absent where it has but one, else `port-required`'),
    },
    PortSelector: { number: supported('its number') },
    Delegate: {
      name: supported('of the VirtualService'),
      namespace: supported('its namespace', 'absent: the same'),
    },
    Headers: {
      request: supported('on the way to the service'),
      response: supported('on the way back', 'own answers of a matched forwarding rule included'),
    },
    HeaderOperations: {
      set: supported(
        'replaces, or creates',
        'values may have `%REQ(x)%` and the like; an empty value does nothing; `Host` changes the host',
      ),
      add: supported('one more line'),
      remove: supported('takes away', 'before the others'),
    },
    HTTPRedirect: {
      uri: supported('the whole path', 'the query stays, unless it brings one'),
      prefixRewrite: ignored('the matched prefix', 'ignored-field', 'Istio ignores it too'),
      authority: supported('host, with or without port'),
      port: supported('port', 'the scheme’s own is as if absent'),
      derivePort: supported('port, from the request’s or the scheme’s'),
      scheme: supported('http or https'),
      redirectCode: supported('301, 302, 303, 307, 308', 'another 3xx: 503 for this rule'),
    },
    HTTPDirectResponse: {
      status: supported('200 to 599'),
      body: supported('at most 1 MiB'),
    },
    HTTPBody: {
      string: supported('as text'),
      bytes: supported('in base64'),
    },
    HTTPRewrite: {
      uri: supported(
        'in place of the matched prefix, or of the whole path',
        'as text: prefix `/a` and uri `/` make `/a/b` to `//b`',
      ),
      authority: supported('the Host that the service sees'),
      uriRegexRewrite: supported('replaces all that fits in the path'),
    },
    RegexRewrite: {
      match: supported('RE2'),
      rewrite: supported('with `\\1` for what was caught'),
    },
    HTTPRetry: {
      attempts: supported('how many more tries', '0: none'),
      perTryTimeout: supported('of one try', 'ignored where it is not below `timeout`'),
      retryOn: supported('conditions and statuses, replacing the default list'),
      retryRemoteLocalities: supported(
        'after every second try, away from the localities that had one',
        'as far as these have priorities, see `localityLbSetting`',
      ),
      retryIgnorePreviousHosts: supported(
        'avoid hosts tried before',
        'default true; not where one destination is chosen by hash',
      ),
      backoff: supported('pause before a try, growing', 'default 25 ms'),
    },
    HTTPFaultInjection: {
      delay: supported('waits first'),
      abort: supported('answers by itself'),
    },
    FaultDelay: {
      percent: supported('share, old', 'reported as `deprecated-field`'),
      fixedDelay: supported('how long'),
      exponentialDelay: notAtAnIngress('never built', 'refused, as by Istio'),
      percentage: supported('share', 'absent: none'),
    },
    FaultAbort: {
      httpStatus: supported('status'),
      grpcStatus: supported('name of a gRPC status', 'sent as 200 with grpc-status'),
      http2Error: notAtAnIngress('never built', 'refused, as by Istio'),
      percentage: supported('share', 'absent: none, reported as `ignored-field`'),
    },
    HTTPMirrorPolicy: {
      destination: supported('where the copy goes'),
      percentage: supported('share', 'absent: all'),
    },
    Percent: { value: supported('0 to 100', 'to a ten-thousandth') },
    CorsPolicy: {
      allowOrigin: supported('exact origins, old', 'not read beside `allowOrigins`'),
      allowOrigins: supported('origins'),
      allowMethods: supported('told to a preflight', 'not enforced, as in Istio'),
      allowHeaders: supported('told to a preflight', 'not enforced, as in Istio'),
      exposeHeaders: supported('told on answers'),
      maxAge: supported('told to a preflight, in seconds'),
      allowCredentials: supported('told on answers'),
      unmatchedPreflights: supported('a preflight of another origin: to the service, or answered 200'),
    },
    TLSRoute: {
      match: supported('any of these'),
      route: supported('destinations, by weight'),
    },
    TLSMatchAttributes: {
      sniHosts: supported(
        'names that the client asks for',
        'each within the VirtualService’s hosts; a match with a name that an earlier one has is left out',
      ),
      destinationSubnets: notAtAnIngress('address dialled', NO_SUBNETS),
      port: supported('of the Gateway’s server'),
      sourceLabels: ignoredSilently('labels of the caller', 'nothing is known of callers'),
      gateways: MATCH_GATEWAYS,
      sourceNamespace: ignoredSilently('namespace of the caller', 'nothing is known of callers'),
    },
    TCPRoute: {
      match: supported('any of these', 'absent: every connection'),
      route: supported('destinations, by weight'),
    },
    L4MatchAttributes: {
      destinationSubnets: notAtAnIngress('address dialled', NO_SUBNETS),
      port: supported('of the Gateway’s server'),
      sourceSubnet: notAtAnIngress('never used by Istio'),
      sourceSubnets: notAtAnIngress('address of the caller', NO_SUBNETS),
      sourceLabels: ignoredSilently('labels of the caller', 'nothing is known of callers'),
      gateways: MATCH_GATEWAYS,
      sourceNamespace: ignoredSilently('namespace of the caller', 'nothing is known of callers'),
    },
    RouteDestination: {
      destination: supported('where to', 'seen from the gateway’s namespace'),
      weight: supported('share among several'),
    },
  },
};
