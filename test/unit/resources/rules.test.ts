import { describe, expect, test } from 'vitest';
import { decodeText, refusals, warnings, withSpec } from './support.ts';

/* Rules of istio-semantics §10 that the recorded documents do not show. Rows with [] must pass. */

type Row = readonly [name: string, spec: string, refused: readonly string[], warned?: readonly string[]];

function check(kind: string, rows: readonly Row[], wrap: (spec: string) => string = (spec) => spec): void {
  test.each(rows.map(([name, ...row]) => [name, row] as const))('%s', (_, [spec, refused, warned = []]) => {
    const decoded = decodeText(withSpec(kind, wrap(spec)));
    expect(refusals(decoded)).toEqual(refused);
    expect(warnings(decoded)).toEqual(warned);
  });
}

describe('Gateway', () => {
  const server = (tls: string, protocol = 'HTTPS'): string =>
    `servers: [{port: {number: 443, name: a, protocol: ${protocol}}, hosts: ["*"], tls: ${tls}}]`;
  check('Gateway', [
    ['a list of Secrets', server('{mode: SIMPLE, credentialNames: [a, b]}'), []],
    [
      'three listed certificates, of which Istio takes two',
      server(
        '{mode: SIMPLE, tlsCertificates: [{serverCertificate: a, privateKey: b}, {serverCertificate: a, privateKey: b}, {serverCertificate: a, privateKey: b}]}',
      ),
      [],
      ['questionable-value spec.servers[0].tls.tlsCertificates'],
    ],
    [
      'a listed certificate without key',
      server('{mode: SIMPLE, tlsCertificates: [{serverCertificate: a}]}'),
      ['missing-field spec.servers[0].tls.tlsCertificates[0].privateKey'],
    ],
    [
      'a revocation list without client certificates',
      server('{mode: SIMPLE, serverCertificate: a, privateKey: b, caCrl: c}'),
      ['conflicting-fields spec.servers[0].tls.caCrl'],
    ],
    [
      'a revocation list beside a Secret, where nothing is ended',
      server('{mode: PASSTHROUGH, credentialName: a, caCrl: c}'),
      ['conflicting-fields spec.servers[0].tls.caCrl'],
      ['ignored-field spec.servers[0].tls'],
    ],
    [
      'ISTIO_MUTUAL with a list of Secrets',
      server('{mode: ISTIO_MUTUAL, credentialNames: [a]}'),
      ['conflicting-fields spec.servers[0].tls.credentialNames'],
    ],
    [
      'an address to bind, abstract',
      'servers: [{bind: "unix://@a", port: {name: a, protocol: HTTP}, hosts: ["*"]}]',
      [],
    ],
    [
      'a directory to bind',
      'servers: [{bind: "unix:///a/", port: {name: a, protocol: HTTP}, hosts: ["*"]}]',
      ['invalid-value spec.servers[0].bind'],
    ],
    ['an operator in a list of ciphers', server('{mode: SIMPLE, credentialName: a, cipherSuites: ["-ALL"]}'), []],
  ]);
});

describe('VirtualService', () => {
  const rule = (fields: string): string =>
    `hosts: [a.example.com]\nhttp:\n- route: [{destination: {host: web}}]\n  ${fields}`;
  check(
    'VirtualService',
    [
      [
        'a share of 101 mirrored',
        'mirror: {host: web}\n  mirrorPercent: 101',
        ['invalid-value spec.http[0].mirrorPercent'],
        ['deprecated-field spec.http[0].mirrorPercent'],
      ],
      [
        'a negative share mirrored',
        'mirrors: [{destination: {host: web}, percentage: {value: -1}}]',
        ['invalid-value spec.http[0].mirrors[0].percentage.value'],
      ],
      [
        'an exponential delay',
        'fault: {delay: {exponentialDelay: 1s, percentage: {value: 1}}}',
        ['invalid-value spec.http[0].fault.delay.exponentialDelay'],
      ],
      [
        'a slip in a gRPC status',
        'fault: {abort: {grpcStatus: UNAVAILBLE, percentage: {value: 1}}}',
        ['invalid-value spec.http[0].fault.abort.grpcStatus'],
      ],
      [
        'a header value with a list of arguments',
        'headers: {request: {set: {x-a: "%DYNAMIC_METADATA([\\"a\\", \\"b\\"])%"}}}',
        [],
      ],
      [
        'an unfinished variable',
        'headers: {request: {set: {x-a: "%START_TIME(%"}}}',
        ['invalid-value spec.http[0].headers.request.set.x-a'],
      ],
      [
        'a negative timeout of retries',
        'retries: {attempts: 1, perTryTimeout: -1s}',
        ['invalid-value spec.http[0].retries.perTryTimeout'],
      ],
      ['statuses as conditions of retries', 'retries: {attempts: 1, retryOn: "503,429,5xx"}', []],
      [
        'a status without name',
        'retries: {attempts: 1, retryOn: "599"}',
        ['invalid-value spec.http[0].retries.retryOn'],
      ],
      ['a trailing comma', 'retries: {attempts: 1, retryOn: "5xx,"}', ['invalid-value spec.http[0].retries.retryOn']],
      ['fractions that come to whole milliseconds', 'timeout: 0.3s', []],
      ['a part of the request line as a condition', 'match: [{headers: {":method": {exact: GET}}}]', []],
      [
        'a part of the request line in capitals, which none is written with',
        'match: [{headers: {":Method": {exact: GET}}}]',
        ['invalid-value spec.http[0].match[0].headers[":Method"]'],
      ],
      [
        'a claim in brackets',
        'match: [{headers: {"@request.auth.claims[group]": {exact: a}}}]',
        ['conflicting-fields spec.http[0].match[0].headers["@request.auth.claims[group]"]'],
      ],
    ],
    rule,
  );
  check('VirtualService', [
    [
      'what stands behind a gateway without namespace is not looked at by Istio',
      'hosts: [a.example.com]\ngateways: [public, "a/b/c"]\nhttp: [{route: [{destination: {host: web}}]}]',
      [],
      ['questionable-value spec.gateways[1]'],
    ],
    [
      'the old name of a gateway',
      'hosts: [a.example.com]\ngateways: [public.infra.svc]\nhttp: [{route: [{destination: {host: web}}]}]',
      [],
      ['deprecated-field spec.gateways[0]'],
    ],
    [
      'a rule that a match-less one leaves nothing to',
      'hosts: [a.example.com]\nhttp:\n- route: [{destination: {host: web}}]\n- route: [{destination: {host: web}}]',
      [],
      ['ineffective-rule spec.http[1]'],
    ],
    [
      'a prefix within an earlier one',
      'hosts: [a.example.com]\nhttp:\n- match: [{uri: {prefix: /a}}]\n  route: [{destination: {host: web}}]\n- match: [{uri: {prefix: /a/b}, method: {exact: GET}}]\n  route: [{destination: {host: web}}]',
      [],
      ['ineffective-rule spec.http[1].match[0]'],
    ],
    [
      'a prefix within an earlier one that asks for more',
      'hosts: [a.example.com]\nhttp:\n- match: [{uri: {prefix: /a}, headers: {x-a: {exact: "12"}}}]\n  route: [{destination: {host: web}}]\n- match: [{uri: {prefix: /a/b}, headers: {x-a: {exact: "1"}}}]\n  route: [{destination: {host: web}}]',
      [],
    ],
    [
      'a name of the mesh as SNI',
      'hosts: ["*.svc"]\ngateways: [east-west]\ntls: [{match: [{sniHosts: [outbound_.80_._.web.shops.svc]}], route: [{destination: {host: web}}]}]',
      [],
    ],
  ]);
});

describe('DestinationRule', () => {
  const policy = (spec: string): string => `host: web\ntrafficPolicy: ${spec}`;
  check(
    'DestinationRule',
    [
      ['a tunnel', '{tunnel: {protocol: CONNECT, targetHost: a.example.com, targetPort: 443}}', []],
      [
        'a tunnel to nowhere',
        '{tunnel: {targetHost: "a_b!", targetPort: 0}}',
        ['invalid-value spec.trafficPolicy.tunnel.targetHost', 'invalid-value spec.trafficPolicy.tunnel.targetPort'],
      ],
      [
        'keep-alive of HTTP/2 without timeout',
        '{connectionPool: {http: {http2KeepAlive: {interval: 1s}}}}',
        ['missing-field spec.trafficPolicy.connectionPool.http.http2KeepAlive.timeout'],
      ],
      ['an idle timeout that is off', '{connectionPool: {tcp: {idleTimeout: 0s}}}', []],
      [
        'a cookie with an attribute twice',
        '{loadBalancer: {consistentHash: {httpCookie: {name: a, attributes: [{name: Secure}, {name: Secure}]}}}}',
        ['invalid-value spec.trafficPolicy.loadBalancer.consistentHash.httpCookie.attributes[1].name'],
      ],
      [
        'maglev without size',
        '{loadBalancer: {consistentHash: {useSourceIp: true, maglev: {}}}}',
        ['missing-field spec.trafficPolicy.loadBalancer.consistentHash.maglev.tableSize'],
      ],
      [
        'two ways to choose by zone',
        '{outlierDetection: {}, loadBalancer: {localityLbSetting: {enabled: true}, zoneAwareLbSetting: {enabled: true}}}',
        ['conflicting-fields spec.trafficPolicy.loadBalancer.zoneAwareLbSetting'],
      ],
      [
        'localities within each other',
        '{loadBalancer: {localityLbSetting: {distribute: [{from: a/b, to: {"a/*": 60, "a/b": 40}}]}}}',
        ['invalid-value spec.trafficPolicy.loadBalancer.localityLbSetting.distribute[0].to'],
      ],
      [
        'localities beside each other',
        '{loadBalancer: {localityLbSetting: {distribute: [{from: "a/b/*", to: {"a/b/*": 60, "a/c": 30, "*": 10}}]}}}',
        [],
      ],
      [
        'failover by region and by topology',
        '{outlierDetection: {}, loadBalancer: {localityLbSetting: {failover: [{from: a, to: b}], failoverPriority: [topology.kubernetes.io/zone]}}}',
        ['conflicting-fields spec.trafficPolicy.loadBalancer.localityLbSetting.failoverPriority'],
      ],
      ['a ConfigMap of the own namespace', '{tls: {mode: SIMPLE, credentialName: "configmap://shops/ca"}}', []],
      [
        'a ConfigMap of another namespace',
        '{tls: {mode: SIMPLE, credentialName: "configmap://infra/ca"}}',
        ['invalid-value spec.trafficPolicy.tls.credentialName'],
      ],
      [
        'both ways to warm up',
        '{loadBalancer: {simple: ROUND_ROBIN, warmup: {duration: 1s}, warmupDurationSecs: 1s}}',
        [],
        ['ignored-field spec.trafficPolicy.loadBalancer.warmupDurationSecs'],
      ],
      [
        'a status that none is',
        '{outlierDetection: {outlierDetectionHttpErrorCodes: [99]}}',
        [],
        ['questionable-value spec.trafficPolicy.outlierDetection.outlierDetectionHttpErrorCodes[0]'],
      ],
    ],
    policy,
  );
});

describe('ServiceEntry and WorkloadEntry', () => {
  check('ServiceEntry', [
    [
      'a name for a port that the entry lacks',
      'hosts: [a.example.net]\nresolution: DNS\nports: [{number: 80, name: http, protocol: HTTP}]\nendpoints: [{address: b.example.net, ports: {https: 443}}]',
      ['invalid-value spec.endpoints[0].ports.https'],
    ],
    [
      'a network as an address of a name that is looked up',
      'hosts: ["*.example.net"]\nresolution: DYNAMIC_DNS\naddresses: [10.0.0.0/8]\nports: [{number: 80, name: http, protocol: HTTP}]',
      ['conflicting-fields spec.addresses'],
    ],
    [
      'a selector where nothing is selected',
      'hosts: [a.example.net]\nresolution: NONE\nworkloadSelector: {labels: {app: a}}\nports: [{number: 80, name: http, protocol: HTTP}]',
      [],
      ['ignored-field spec.workloadSelector'],
    ],
    [
      'an endpoint in another network',
      'hosts: [a.example.net]\nresolution: STATIC\nports: [{number: 80, name: http, protocol: HTTP}]\nendpoints: [{network: other}]',
      [],
      ['questionable-value spec.endpoints[0].address'],
    ],
  ]);
  check('WorkloadEntry', [
    ['a workload by name', 'address: vm.example.net\nports: {http: 8080}', []],
    ['a workload without address', 'labels: {app: a}', ['missing-field spec.address']],
    ['a workload with a bad port', 'address: 10.0.0.1\nports: {http: 70000}', ['invalid-value spec.ports.http']],
  ]);
});

describe('policies', () => {
  const source = (fields: string, action = 'ALLOW'): string =>
    `action: ${action}\nrules: [{from: [{source: {${fields}}}]}]`;
  check('AuthorizationPolicy', [
    ['trust domains with a star at an end', source('trustDomains: ["*.example", "old-*", "*", td]'), []],
    [
      'trust domains of other forms',
      source('trustDomains: ["a/b", "a*b", ""]'),
      [
        'invalid-value spec.rules[0].from[0].source.trustDomains[0]',
        'invalid-value spec.rules[0].from[0].source.trustDomains[1]',
        'invalid-value spec.rules[0].from[0].source.trustDomains[2]',
      ],
    ],
    ['service accounts', source('serviceAccounts: [a, shops/b]'), []],
    [
      'no service accounts',
      source('serviceAccounts: ["a/b/c", ""]'),
      [
        'invalid-value spec.rules[0].from[0].source.serviceAccounts[0]',
        'invalid-value spec.rules[0].from[0].source.serviceAccounts[1]',
      ],
    ],
    [
      'seventeen service accounts',
      source(`serviceAccounts: [${Array.from({ length: 17 }, (_, i) => `a${i}`).join(', ')}]`),
      ['invalid-value spec.rules[0].from[0].source.serviceAccounts'],
    ],
    ['addresses of both versions', source('ipBlocks: [10.0.0.1, "::1", 10.0.0.0/8, "fd00::/8"]'), []],
    ['a target of the Gateway API', 'targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: a}]', []],
    [
      'a target of another kind',
      'targetRef: {group: apps, kind: Deployment, name: a}',
      ['invalid-value spec.targetRef'],
    ],
    [
      'a target in another namespace',
      'targetRef: {kind: Service, name: a, namespace: b}',
      ['invalid-value spec.targetRef.namespace'],
    ],
    ['a template with literals behind', 'rules: [{to: [{operation: {paths: ["/{*}/a/{**}/b"]}}]}]', []],
    [
      'a header that is a list',
      'rules: [{when: [{key: "request.experimental.inline.headers[x-roles]", values: [a]}]}]',
      [],
    ],
    [
      'a header that is a list, without its name',
      'rules: [{when: [{key: request.experimental.inline.headers, values: [a]}]}]',
      ['invalid-value spec.rules[0].when[0].key'],
    ],
    [
      'a slip in an attribute',
      'rules: [{when: [{key: request.auth.principals, values: [a]}]}]',
      ['invalid-value spec.rules[0].when[0].key'],
    ],
  ]);
  const rule = (fields: string): string => `jwtRules: [{issuer: a, ${fields}}]`;
  const bytes = (length: number): string => Buffer.alloc(length, 0xab).toString('base64url');
  const RSA = { kty: 'RSA', n: bytes(256), e: 'AQAB' };
  const EC = { kty: 'EC', crv: 'P-256', x: bytes(32), y: bytes(32) };
  const OKP = { kty: 'OKP', crv: 'Ed25519', x: bytes(32) };
  const SECRET = { kty: 'oct', k: bytes(32) };
  check('RequestAuthentication', [
    [
      'keys of every type',
      rule(`jwks: '${JSON.stringify({ keys: [RSA, EC, OKP, SECRET] })}'`),
      [],
      ['exposed-key spec.jwtRules[0].jwks'],
    ],
    ['a single key', rule(`jwks: '${JSON.stringify(EC)}'`), []],
    [
      'a private key',
      rule(`jwks: '${JSON.stringify({ keys: [{ ...OKP, d: 'AA' }] })}'`),
      [],
      ['exposed-key spec.jwtRules[0].jwks'],
    ],
    [
      'keys of every type that are too short',
      rule(
        `jwks: '{"keys":[{"kty":"RSA","n":"AQAB","e":"AQAB"},{"kty":"EC","crv":"P-256","x":"AA","y":"AA"},{"kty":"OKP","crv":"Ed25519","x":"AA"}]}'`,
      ),
      [],
      Array.from({ length: 3 }, () => 'unusable-key spec.jwtRules[0].jwks'),
    ],
    ['a set without keys', rule(`jwks: '{"keys":[]}'`), [], ['unusable-key spec.jwtRules[0].jwks']],
    ['a set of which nothing is said', rule(`jwks: '{"keys":null}'`), [], ['unusable-key spec.jwtRules[0].jwks']],
    ['a set that is none', rule(`jwks: '{"keys":"none"}'`), ['invalid-value spec.jwtRules[0].jwks']],
    ['a key without type', rule(`jwks: '{"keys":[{"n":"AQAB"}]}'`), ['invalid-value spec.jwtRules[0].jwks']],
    ['an object that is no key', rule(`jwks: '{}'`), ['invalid-value spec.jwtRules[0].jwks']],
    [
      'a port that is no number',
      rule('jwksUri: "https://a.example.com:http/keys"'),
      ['invalid-value spec.jwtRules[0].jwksUri'],
    ],
    ['an address of IPv6', rule('jwksUri: "https://[::1]:8443/keys"'), []],
    ['a space in the path', rule('jwksUri: "https://a.example.com/a b?%zz"'), []],
    ['a space in the host', rule('jwksUri: "https://a example.com/a"'), ['invalid-value spec.jwtRules[0].jwksUri']],
    ['a wrong escape', rule('jwksUri: "https://a.example.com/%zz"'), ['invalid-value spec.jwtRules[0].jwksUri']],
    ['a bracket alone', rule('jwksUri: "https://[::1/keys"'), ['invalid-value spec.jwtRules[0].jwksUri']],
    ...(
      [
        ['a kid that is a number', { ...OKP, kid: 7 }],
        ['an algorithm that is a list', { ...EC, alg: ['ES256'] }],
        ['both alphabets of base64 in one text', { ...RSA, n: 'AA-+' }],
        ['a base64 text of a length that none has', { ...OKP, x: 'AAAAA' }],
        ['a private part that is no text', { ...OKP, d: 7 }],
      ] as const
    ).map(
      ([name, key]): Row => [
        name,
        rule(`jwks: '${JSON.stringify({ keys: [key] })}'`),
        ['invalid-value spec.jwtRules[0].jwks'],
      ],
    ),
  ]);
});

describe('RateLimit', () => {
  check('RateLimit', [
    [
      'a whole one',
      'scope: shared\nonStoreFailure: deny\nselector: {matchLabels: {istio: ingressgateway}}\nrules:\n- name: api\n  match: {hosts: ["*.example.com"], paths: [{prefix: /v1}, {exact: /}], methods: [GET], namespaces: [shops], routes: [shops/web]}\n  per: {header: x-api-key}\n  limits: [{requests: 20, window: 1s, burst: 40}, {requests: 500, window: 1m}]',
      [],
    ],
    [
      'by what there is to count',
      'rules:\n- {name: a, per: client-address, limits: [{requests: 1, window: 1s}]}\n- {name: b, per: route, limits: [{requests: 1, window: 1s}]}\n- {name: c, per: {claim: sub}, limits: [{requests: 1, window: 1s}]}',
      [],
    ],
    [
      'by nothing known',
      'rules: [{name: a, per: client, limits: [{requests: 1, window: 1s}]}]',
      ['unknown-value spec.rules[0].per'],
    ],
    [
      'by a misspelt header',
      'rules: [{name: a, per: {haeder: x}, limits: [{requests: 1, window: 1s}]}]',
      ['unknown-field spec.rules[0].per.haeder'],
    ],
    [
      'by a number',
      'rules: [{name: a, per: 5, limits: [{requests: 1, window: 1s}]}]',
      ['wrong-type spec.rules[0].per'],
    ],
    ['without rules', 'rules: []', ['missing-field spec.rules']],
    [
      'two of a name',
      'rules: [{name: a, per: route, limits: [{requests: 1, window: 1s}]}, {name: a, per: route, limits: [{requests: 1, window: 1s}]}]',
      ['invalid-value spec.rules[1].name'],
    ],
    [
      'paths of no form',
      'rules: [{name: a, per: route, match: {paths: [{}, {exact: /a, prefix: /a}, {exact: a}], hosts: ["a.*"], methods: [get, "a b"]}, limits: [{requests: 1, window: 1s}]}]',
      [
        'invalid-value spec.rules[0].match.paths[0]',
        'invalid-value spec.rules[0].match.paths[1]',
        'invalid-value spec.rules[0].match.paths[2]',
        'invalid-value spec.rules[0].match.hosts[0]',
        'invalid-value spec.rules[0].match.methods[1]',
      ],
      ['questionable-value spec.rules[0].match.methods[0]'],
    ],
    [
      'windows of no length',
      'rules: [{name: a, per: route, limits: [{requests: 0, window: 0s, burst: 1}]}]',
      ['invalid-value spec.rules[0].limits[0].window', 'conflicting-fields spec.rules[0].limits[0].burst'],
    ],
  ]);
});

describe('metadata', () => {
  test('an annotation that asks for refusal is obeyed', () => {
    const text =
      'apiVersion: networking.istio.io/v1\nkind: WorkloadEntry\nmetadata: {name: a, annotations: {internal.istio.io/webhook-always-reject: ""}}\nspec: {address: 10.0.0.1}\n';
    expect(refusals(decodeText(text))).toEqual([
      'invalid-value metadata.annotations["internal.istio.io/webhook-always-reject"]',
    ]);
  });

  test.each([
    ['internal.istio.io/parents', true],
    ['internal.istio.io/parent-namespace', true],
    ['internal.istio.io/other', false],
    ['example.com/parents', false],
  ])('the annotation %s is of Istio alone: %s', (name, refused) => {
    const text = `apiVersion: networking.istio.io/v1\nkind: WorkloadEntry\nmetadata: {name: a, annotations: {${name}: x}}\nspec: {address: 10.0.0.1}\n`;
    expect(refusals(decodeText(text))).toEqual(refused ? [`invalid-value metadata.annotations["${name}"]`] : []);
  });
});
