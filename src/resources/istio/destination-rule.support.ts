import { differs, ignored, type KindSupport, notAtAnIngress, supported } from '../support.ts';

const LOAD_BALANCER = supported('who gets a request');
const CONNECTION_POOL = supported('limits and timeouts');
const OUTLIER_DETECTION = supported('takes failing hosts out');
const TLS = supported('TLS to the service', 'absent: plaintext');
const NOT_BY_ZONE = 'endpoints are not chosen by zone';

/** istio-semantics §3, §10.4. */
export const destinationRuleSupport: KindSupport = {
  about: `How requests are sent to one host. It is looked for in the gateway’s namespace, then in the service’s own, then in the
root namespace; the first that has one for the host counts, and of two in one namespace with the same \`exportTo\` the
parts are put together, the older first (\`rule-not-applied\`, \`ignored-field\`). Whole blocks are replaced, level by level:
subset over rule, port entry over both. Limits and ejections are counted by each gateway process.`,
  messages: {
    DestinationRuleSpec: {
      host: supported('of a service; short names in its own namespace', 'unknown: `unknown-rule-host`'),
      trafficPolicy: supported('for all of the host'),
      subsets: supported('parts of its endpoints'),
      exportTo: supported('namespaces of gateways that see it', 'default: the mesh’s'),
      workloadSelector: supported('labels of the gateway', 'in the gateway’s own namespace'),
    },
    Subset: {
      name: supported('as destinations say'),
      labels: supported('that an endpoint must have', 'none has them: 503, `subset-selects-nothing`'),
      trafficPolicy: supported('for the subset'),
    },
    TrafficPolicy: {
      loadBalancer: LOAD_BALANCER,
      connectionPool: CONNECTION_POOL,
      outlierDetection: OUTLIER_DETECTION,
      tls: TLS,
      portLevelSettings: supported('for one port', 'replaces the four blocks of its level'),
      tunnel: ignored('HTTP CONNECT through a proxy', 'ignored-field', 'backends are reached directly'),
      proxyProtocol: supported(
        'connections to the service begin with a header that says whose they are',
        'each client’s connection has its own, idle for 10 s at most',
      ),
      retryBudget: supported('retries as a share of what is under way', 'takes the place of maxRetries'),
    },
    PortTrafficPolicy: {
      port: supported('of the service'),
      loadBalancer: LOAD_BALANCER,
      connectionPool: CONNECTION_POOL,
      outlierDetection: OUTLIER_DETECTION,
      tls: TLS,
    },
    PortSelector: { number: supported('its number') },
    TunnelSettings: {
      protocol: ignored('CONNECT or POST', 'ignored-field'),
      targetHost: ignored('host behind the proxy', 'ignored-field'),
      targetPort: ignored('port behind the proxy', 'ignored-field'),
    },
    ProxyProtocol: { version: supported('V1, a line, or V2, binary', 'default V1') },
    RetryBudget: {
      percent: supported('default 20'),
      minRetryConcurrency: supported('retries that are always allowed', 'default 3'),
    },
    LoadBalancerSettings: {
      simple: differs(
        'LEAST_REQUEST (default: the less busy of two at random), ROUND_ROBIN, RANDOM',
        'PASSTHROUGH has no endpoint at an ingress: 503, `destination-without-endpoints`',
      ),
      consistentHash: supported('the same caller to the same host'),
      localityLbSetting: supported('by region, zone and subzone', 'failover needs outlierDetection, as in Istio'),
      zoneAwareLbSetting: ignored('by zone, by Envoy’s own reckoning', 'ignored-field', NOT_BY_ZONE),
      warmup: supported('new hosts get their share slowly', 'with ROUND_ROBIN and LEAST_REQUEST'),
      warmupDurationSecs: supported('the old form', 'reported as `deprecated-field`'),
    },
    ConsistentHashLB: {
      httpHeaderName: supported('hash of a header', 'absent in a request: a host at random'),
      httpCookie: supported('hash of a cookie'),
      useSourceIp: supported('hash of the client’s address', 'behind `numTrustedProxies`'),
      httpQueryParameterName: supported('hash of a parameter'),
      ringHash: supported('the default'),
      maglev: supported('Maglev’s table'),
      minimumRingSize: supported('the old form', 'reported as `deprecated-field`'),
    },
    HTTPCookie: {
      name: supported('its name'),
      path: supported('its Path'),
      ttl: supported('how long; 0s: the session', 'absent: the gateway never sets it'),
      attributes: supported('what else stands in it'),
    },
    CookieAttribute: { name: supported('as written'), value: supported('as written') },
    RingHash: { minimumRingSize: differs('places on the ring, default 1024', 'at most 262144') },
    MagLev: { tableSize: supported('a prime', 'must be given') },
    WarmupConfiguration: {
      duration: supported('how long'),
      minimumPercent: supported('share to begin with, default 10'),
      aggression: supported('how the share grows, default 1: evenly'),
    },
    LocalityLoadBalancerSetting: {
      distribute: supported('shares by where the gateway is'),
      failover: supported('region after region'),
      failoverPriority: supported('labels, the most important first'),
      enabled: supported('false: places do not count'),
    },
    LocalityDistribute: { from: supported('place of the gateway'), to: supported('shares, coming to 100') },
    LocalityFailover: { from: supported('region'), to: supported('the next region') },
    ZoneAwareLoadBalancerSetting: {
      enabled: ignored('on or off', 'ignored-field', NOT_BY_ZONE),
      failover: ignored('region after region', 'ignored-field', NOT_BY_ZONE),
      failoverPriority: ignored('labels', 'ignored-field', NOT_BY_ZONE),
      minClusterSize: ignored('hosts at least', 'ignored-field', NOT_BY_ZONE),
    },
    ConnectionPoolSettings: { tcp: supported('connections'), http: supported('requests') },
    TCPSettings: {
      maxConnections: supported('at once', 'beyond it requests wait'),
      connectTimeout: supported('to connect', 'default: the mesh’s'),
      tcpKeepalive: supported('probes on idle connections'),
      maxConnectionDuration: supported('then a connection is given up', 'of `tcp` and `tls` rules the client’s too'),
      idleTimeout: supported(
        'for HTTP where `http.idleTimeout` is absent, and for `tcp` and `tls` rules',
        'default 1h; 0s: none',
      ),
    },
    TcpKeepalive: {
      probes: ignored('how many before giving up', 'ignored-field', 'the system’s'),
      time: supported('idle time before the first', 'default 2h'),
      interval: ignored('time between them', 'ignored-field', 'the system’s'),
    },
    HTTPSettings: {
      http1MaxPendingRequests: supported('requests that wait for a connection', '0: no limit; beyond it 503'),
      http2MaxRequests: supported('requests under way, HTTP/1.1 too', 'beyond it 503'),
      maxRequestsPerConnection: supported('then a connection is not used again'),
      maxRetries: supported('retries at once'),
      idleTimeout: supported('of a connection without requests', 'default 1h; 0s: none'),
      h2UpgradePolicy: supported('UPGRADE: HTTP/2 to the service'),
      useClientProtocol: supported('as the client does'),
      maxConcurrentStreams: supported('requests on one HTTP/2 connection'),
      http2KeepAlive: supported('HTTP/2 pings'),
    },
    Http2KeepAlive: {
      interval: supported('between pings', 'no pings without it and `timeout`'),
      timeout: supported('to wait for the answer'),
    },
    OutlierDetection: {
      consecutiveErrors: notAtAnIngress('given up', 'Istio ignores it too'),
      splitExternalLocalOriginErrors: supported('count failures to connect apart'),
      consecutiveLocalOriginFailures: supported('failures in a row, default 5', 'where they are counted apart'),
      consecutiveGatewayErrors: supported('502, 503, 504 in a row', 'absent or 0: not counted'),
      consecutive5xxErrors: supported('5xx in a row, default 5', '0: not counted'),
      interval: supported('between looks who may come back, default 10s'),
      baseEjectionTime: supported('first ejection, default 30s', 'grows with each, at most 5 minutes'),
      maxEjectionPercent: supported(
        'at most out at once, default 10',
        'of fewer than 10 hosts the default takes out none',
      ),
      minHealthPercent: supported('below it all hosts that are ready are used', 'default 0: never; all out: 503'),
      outlierDetectionHttpErrorCodes: supported(
        'which statuses count, in place of 5xx',
        'another one then counts as a success',
      ),
    },
    ClientTLSSettings: {
      mode: differs(
        'DISABLE, SIMPLE, MUTUAL',
        'ISTIO_MUTUAL needs a mesh certificate, which a gateway that stands alone has not: 503, `mode-needs-mesh`',
      ),
      clientCertificate: supported('file on the gateway'),
      privateKey: supported('file on the gateway'),
      caCertificates: supported('file on the gateway', 'absent or `system`: the system’s'),
      credentialName: differs(
        'Secret in the gateway’s own namespace',
        'missing or bad: 503 for this destination; ConfigMaps (`configmap://…`) are not read: as if missing',
      ),
      subjectAltNames: supported(
        'names that the certificate must have one of',
        'absent: the ServiceEntry’s; for `tcp` and `tls` rules no name is checked besides these',
      ),
      sni: supported(
        'name to ask for',
        'absent: the Host that is sent, and none for `tcp` and `tls` rules; with it and no names, none is checked: `server-certificate-unverified`',
      ),
      insecureSkipVerify: supported('takes any certificate', 'reported as `server-certificate-unverified`'),
      caCrl: supported('file with revoked certificates'),
    },
    WorkloadSelector: { matchLabels: supported('labels of the gateway') },
  },
};
