import { describe, expect, it } from 'vitest';
import { WITHOUT_DIAGNOSTIC } from '../../../scripts/diagnostics-page.ts';
import { compile } from '../../../src/compiler/index.ts';
import { CATALOGUE, type CatalogueEntry, type Diagnostic, formatFieldPath } from '../../../src/diagnostics/index.ts';
import { decodeObject, resourceSet } from '../../../src/resources/index.ts';
import { parseYaml } from '../../../src/sources/yaml.ts';
import { compileOptions } from '../../support/resources.ts';
import { documents, gateway, http, https, service, TO_WEB, virtualService } from './builders.ts';

/* For every code of `istioctl analyze` about our kinds the smallest YAML that shows it (istio-semantics §10.7). */

type World = Readonly<Record<string, string>>;

/** As a directory of YAML goes: what the documents say by themselves, then what all of them say together. */
function findingsOf(world: World): readonly Diagnostic[] {
  const decoded = Object.entries(world).flatMap(([namespace, text]) =>
    parseYaml(text, `${namespace}/test.yaml`).documents.map(({ value, origin }) =>
      decodeObject(value, origin, namespace),
    ),
  );
  const resources = decoded.flatMap(({ resource }) => resource ?? []);
  const compiled = compile(resourceSet(resources), compileOptions());
  return [...decoded.flatMap(({ diagnostics }) => diagnostics), ...compiled.diagnostics];
}

const HOST = 'a.example.com';
const PUBLIC = gateway('public', http(80, `'*.example.com'`));
const BOUND = `hosts: [${HOST}], gateways: [infra/public]`;
const bound = (rules: string): string => virtualService('vs', `${BOUND}, http: [${rules}]`);
const world = (...shop: readonly string[]): World => ({ infra: PUBLIC, shop: documents(service('web'), ...shop) });
const object = (kind: string, name: string, spec: string, group = 'networking'): string => `
apiVersion: ${group}.istio.io/v1
kind: ${kind}
metadata: { name: ${name} }
spec: { ${spec} }`;
const rule = (spec: string, name = 'dr'): string => object('DestinationRule', name, `host: web, ${spec}`);
const entry = (name: string, spec: string): string => object('ServiceEntry', name, spec);
const secret = (name: string): string => `
apiVersion: v1
kind: Secret
metadata: { name: ${name} }
stringData: { tls.crt: nonsense, tls.key: nonsense }`;
const SLICE = `
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: web-1, labels: { kubernetes.io/service-name: web } }
addressType: IPv4
endpoints: [{ addresses: [10.0.0.1] }]
ports: [{ name: http, port: 8080 }]`;
const gatewayService = (port: number): string => `
apiVersion: v1
kind: Service
metadata: { name: edge }
spec: { selector: { istio: ingressgateway }, ports: [{ name: http2, port: ${port} }] }`;
const CLAIM = `{ match: [{ headers: { '@request.auth.claims.group': { exact: a } } }], ${TO_WEB} }`;
const TO_SUBSET = 'route: [{ destination: { host: web, subset: a } }]';

const CASES: readonly {
  readonly code: string;
  readonly about: string;
  readonly world: World;
  readonly ours: string;
  readonly at: string;
}[] = [
  {
    code: 'IST0002',
    about: 'a deprecated field',
    world: world(bound(`{ fault: { delay: { percent: 1, fixedDelay: 1s } }, ${TO_WEB} }`)),
    ours: 'deprecated-field',
    at: 'spec.http[0].fault.delay.percent',
  },
  {
    code: 'IST0101',
    about: 'a Gateway that is not there',
    world: world(virtualService('vs', `hosts: [${HOST}], gateways: [infra/none], http: [{ ${TO_WEB} }]`)),
    ours: 'unknown-gateway',
    at: 'spec.gateways[0]',
  },
  {
    code: 'IST0101',
    about: 'a destination that is not there',
    world: world(bound('{ route: [{ destination: { host: wev } }] }')),
    ours: 'dangling-destination',
    at: 'spec.http[0].route[0].destination.host',
  },
  {
    code: 'IST0101',
    about: 'a mirror that is not there',
    world: world(bound(`{ ${TO_WEB}, mirror: { host: wev } }`)),
    ours: 'dangling-destination',
    at: 'spec.http[0].mirror.host',
  },
  {
    code: 'IST0101',
    about: 'a subset that is not there',
    world: world(bound(`{ ${TO_SUBSET} }`)),
    ours: 'unknown-subset',
    at: 'spec.http[0].route[0].destination.subset',
  },
  {
    code: 'IST0101',
    about: 'a delegate that is not there',
    world: world(bound('{ delegate: { name: none } }')),
    ours: 'delegate-missing',
    at: 'spec.http[0].delegate',
  },
  {
    code: 'IST0101',
    about: 'a Secret that is not there',
    world: { infra: gateway('tls', https(443, HOST)) },
    ours: 'credential-missing',
    at: 'spec.servers[0].tls.credentialName',
  },
  {
    code: 'IST0106',
    about: 'a wrong value',
    world: world(bound(`{ timeout: 0s, ${TO_WEB} }`)),
    ours: 'invalid-value',
    at: 'spec.http[0].timeout',
  },
  {
    code: 'IST0106',
    about: 'a wrong type',
    world: world(bound(`{ timeout: [], ${TO_WEB} }`)),
    ours: 'wrong-type',
    at: 'spec.http[0].timeout',
  },
  {
    code: 'IST0106',
    about: 'an unknown field',
    world: world(bound(`{ timout: 1s, ${TO_WEB} }`)),
    ours: 'unknown-field',
    at: 'spec.http[0].timout',
  },
  {
    code: 'IST0106',
    about: 'an unknown word',
    world: world(rule('trafficPolicy: { loadBalancer: { simple: ROUND } }')),
    ours: 'unknown-value',
    at: 'spec.trafficPolicy.loadBalancer.simple',
  },
  {
    code: 'IST0106',
    about: 'a field that must be there',
    world: world(bound('{ redirect: {} }')),
    ours: 'missing-field',
    at: 'spec.http[0].redirect',
  },
  {
    code: 'IST0106',
    about: 'fields that exclude one another',
    world: world(bound(`{ redirect: { uri: /a }, ${TO_WEB} }`)),
    ours: 'conflicting-fields',
    at: 'spec.http[0].route',
  },
  {
    code: 'IST0106',
    about: 'a regular expression that is none',
    world: world(bound(`{ match: [{ uri: { regex: '(' } }], ${TO_WEB} }`)),
    ours: 'invalid-regex',
    at: 'spec.http[0].match[0].uri.regex',
  },
  {
    code: 'IST0112',
    about: 'no port at a service of several',
    world: {
      infra: PUBLIC,
      shop: documents(service('web', '{ name: http, port: 80 }, { name: http-b, port: 81 }'), bound(`{ ${TO_WEB} }`)),
    },
    ours: 'port-required',
    at: 'spec.http[0].route[0].destination',
  },
  {
    code: 'IST0118',
    about: 'a port that does not tell its protocol',
    world: { infra: PUBLIC, shop: documents(service('web', '{ name: main, port: 80 }'), bound(`{ ${TO_WEB} }`)) },
    ours: 'port-without-protocol',
    at: 'spec.ports[0].name',
  },
  {
    code: 'IST0127',
    about: 'a policy whose selector fits no gateway',
    world: {
      'istio-system': object('AuthorizationPolicy', 'p', 'selector: { matchLabels: { istio: other } }', 'security'),
    },
    ours: 'policy-without-effect',
    at: 'spec.selector',
  },
  {
    code: 'IST0128',
    about: 'TLS without authorities of its own',
    world: world(rule('trafficPolicy: { tls: { mode: SIMPLE } }')),
    ours: 'system-authorities-trusted',
    at: 'spec.trafficPolicy.tls',
  },
  {
    code: 'IST0128',
    about: 'TLS that verifies nothing',
    world: world(rule('trafficPolicy: { tls: { mode: SIMPLE, insecureSkipVerify: true } }')),
    ours: 'server-certificate-unverified',
    at: 'spec.trafficPolicy.tls.insecureSkipVerify',
  },
  {
    code: 'IST0129',
    about: 'the same for a port',
    world: world(rule('trafficPolicy: { portLevelSettings: [{ port: { number: 80 }, tls: { mode: SIMPLE } }] }')),
    ours: 'system-authorities-trusted',
    at: 'spec.trafficPolicy.portLevelSettings[0].tls',
  },
  {
    code: 'IST0130',
    about: 'a rule after one for all',
    world: world(bound(`{ ${TO_WEB} }, { match: [{ uri: { prefix: /a } }], ${TO_WEB} }`)),
    ours: 'unreachable-rule',
    at: 'spec.http[1].match[0]',
  },
  {
    code: 'IST0130',
    about: 'a rule that repeats an earlier one',
    world: world(
      bound(`{ match: [{ uri: { prefix: /a } }], ${TO_WEB} }, { match: [{ uri: { prefix: /a } }], ${TO_WEB} }`),
    ),
    ours: 'ineffective-rule',
    at: 'spec.http[1].match[0]',
  },
  {
    code: 'IST0131',
    about: 'a match that repeats an earlier one',
    world: world(
      bound(
        `{ match: [{ uri: { prefix: /a } }], ${TO_WEB} }, { match: [{ uri: { prefix: /a } }, { uri: { prefix: /b } }], ${TO_WEB} }`,
      ),
    ),
    ours: 'ineffective-rule',
    at: 'spec.http[1].match[0]',
  },
  {
    code: 'IST0132',
    about: 'a host that the Gateway has not',
    world: world(virtualService('vs', `hosts: [a.example.org], gateways: [infra/public], http: [{ ${TO_WEB} }]`)),
    ours: 'unknown-host-in-gateway',
    at: 'spec.hosts[0]',
  },
  {
    code: 'IST0133',
    about: 'a value that is hardly meant',
    world: world(entry('e', `hosts: ['*a.example.net'], ports: [{ number: 80, name: http, protocol: HTTP }]`)),
    ours: 'questionable-value',
    at: 'spec.hosts[0]',
  },
  {
    code: 'IST0134',
    about: 'a TCP port without addresses',
    world: world(
      entry('e', 'hosts: [a.example.net], resolution: DNS, ports: [{ number: 80, name: tcp, protocol: TCP }]'),
    ),
    ours: 'questionable-value',
    at: 'spec.ports[0]',
  },
  {
    code: 'IST0138',
    about: 'one certificate for two Gateways',
    world: { infra: documents(gateway('a', https(443, 'a.example.com')), gateway('b', https(443, 'b.example.com'))) },
    ours: 'certificate-shared',
    at: 'spec.servers[0].tls',
  },
  {
    code: 'IST0140',
    about: 'rules for the mesh that choose subsets',
    world: world(
      rule('subsets: [{ name: a, labels: { version: a } }]'),
      virtualService('mesh', `hosts: [web], http: [{ ${TO_SUBSET} }]`),
      bound(`{ ${TO_WEB} }`),
    ),
    ours: 'mesh-rules-bypassed',
    at: 'spec.http[0].route[0].destination',
  },
  {
    code: 'IST0145',
    about: 'two TLS servers for one host',
    world: { infra: documents(gateway('a', https(443, HOST)), gateway('b', https(443, HOST))) },
    ours: 'host-already-served',
    at: 'spec.servers[0].hosts[0]',
  },
  {
    code: 'IST0145',
    about: 'two servers that cannot share a port',
    world: { infra: documents(gateway('a', http(443, HOST)), gateway('b', https(443, HOST))) },
    ours: 'server-conflict',
    at: 'spec.servers[0].port.protocol',
  },
  {
    code: 'IST0149',
    about: 'a claim without any RequestAuthentication',
    world: world(bound(CLAIM)),
    ours: 'claim-route-without-authentication',
    at: 'spec.http[0].match[0].headers["@request.auth.claims.group"]',
  },
  {
    code: 'IST0161',
    about: 'a Secret that cannot be used',
    world: { infra: gateway('tls', https(443, HOST)), 'istio-system': secret('cert') },
    ours: 'credential-invalid',
    at: 'spec.servers[0].tls.credentialName',
  },
  {
    code: 'IST0162',
    about: 'a port that the gateway’s Service has not',
    world: { infra: PUBLIC, 'istio-system': gatewayService(81) },
    ours: 'port-not-in-service',
    at: 'spec.servers[0].port.number',
  },
  {
    code: 'IST0167',
    about: 'a policy for a Gateway of the Gateway API',
    world: {
      'istio-system': object(
        'AuthorizationPolicy',
        'p',
        'targetRefs: [{ group: gateway.networking.k8s.io, kind: Gateway, name: g }]',
        'security',
      ),
    },
    ours: 'policy-without-effect',
    at: 'spec.targetRefs',
  },
  {
    code: 'IST0173',
    about: 'a subset that selects nothing',
    world: world(SLICE, rule('subsets: [{ name: a, labels: { version: a } }]'), bound(`{ ${TO_SUBSET} }`)),
    ours: 'subset-selects-nothing',
    at: 'spec.subsets[0].labels',
  },
  {
    code: 'IST0174',
    about: 'a rule for a host that is not there',
    world: world(object('DestinationRule', 'dr', 'host: wev')),
    ours: 'unknown-rule-host',
    at: 'spec.host',
  },
  {
    code: 'IST0177',
    about: 'two protocols for one host and port',
    world: world(
      ...(['HTTP', 'TLS'] as const).map((protocol) =>
        entry(
          protocol.toLowerCase(),
          `hosts: [a.example.net], resolution: DNS, ports: [{ number: 80, name: main, protocol: ${protocol} }]`,
        ),
      ),
    ),
    ours: 'entry-protocol-conflict',
    at: 'spec.ports[0].protocol',
  },
];

describe('what istioctl analyze reports', () => {
  it.each(CASES)('$code, $about: $ours', ({ world: given, ours, at }) => {
    const places = findingsOf(given)
      .filter(({ code }) => code === ours)
      .map(({ field = [] }) => formatFieldPath(field));
    expect(places).toEqual([at]);
  });

  it('is shown here for every code that the catalogue maps, in both directions', () => {
    const mapped = Object.entries(CATALOGUE as Readonly<Record<string, CatalogueEntry>>).flatMap(
      ([ours, { istio = '' }]) => istio.split('/').flatMap((code) => (code === '' ? [] : [`${code} ${ours}`])),
    );
    const ofCode = (list: readonly string[]): readonly string[] =>
      [...new Set(list.map((pair) => pair.split(' ')[0] ?? ''))].toSorted();
    const shown = CASES.map(({ code, ours }) => `${code} ${ours}`);
    expect(ofCode(shown)).toEqual(ofCode(mapped));
    expect(shown.filter((pair) => !mapped.includes(pair))).toEqual([]);
  });
});

/** istio-semantics §10.7, every row. */
const ALL_CODES = [
  '0002 0101 0102 0103 0106 0107 0108 0109 0112 0116 0118 0125 0127 0128 0129 0130 0131 0132 0133 0134 0135 0136 0137',
  '0138 0140 0145 0149 0151 0152 0153 0154 0155 0161 0162 0165 0166 0167 0173 0174 0175 0177',
].flatMap((line) => line.split(' ').map((digits) => `IST${digits}`));

it('has a diagnostic here, or a reason why not', () => {
  const here = CASES.map(({ code }) => code);
  const without = WITHOUT_DIAGNOSTIC.flatMap(({ codes }) => codes);
  expect([...new Set([...here, ...without])].toSorted()).toEqual(ALL_CODES.toSorted());
  expect(without.filter((code) => here.includes(code))).toEqual([]);
});

describe('a mode that needs the mesh', () => {
  it.each<[string, World, readonly string[]]>([
    [
      'AUTO_PASSTHROUGH',
      { infra: gateway('a', https(443, HOST, 'AUTO_PASSTHROUGH', 'TLS')) },
      ['spec.servers[0].tls.mode'],
    ],
    [
      'ISTIO_MUTUAL at a server',
      { infra: gateway('a', https(443, HOST, 'ISTIO_MUTUAL').replace(', credentialName: cert', '')) },
      ['spec.servers[0].tls.mode'],
    ],
    [
      'ISTIO_MUTUAL to a service',
      world(rule('trafficPolicy: { tls: { mode: ISTIO_MUTUAL } }')),
      ['spec.trafficPolicy.tls.mode'],
    ],
    ['DISABLE', world(rule('trafficPolicy: { tls: { mode: DISABLE } }')), []],
    ['PASSTHROUGH', { infra: gateway('a', https(443, HOST, 'PASSTHROUGH', 'TLS')) }, []],
  ])('%s', (_, given, expected) => {
    const found = findingsOf(given).filter(({ code }) => code === 'mode-needs-mesh');
    expect(found.map(({ field = [] }) => formatFieldPath(field))).toEqual(expected);
  });
});

describe('where istioctl analyze has nothing to say', () => {
  it.each<[string, World]>([
    ['a plain route', world(bound(`{ ${TO_WEB} }`))],
    [
      'one certificate for servers of one Gateway',
      { infra: gateway('a', [https(443, 'a.example.com'), https(443, 'b.example.com')].join(', ')) },
    ],
    [
      'two certificates on one port',
      {
        infra: documents(
          gateway('a', https(443, 'a.example.com')),
          gateway('b', https(443, 'b.example.com').replace('cert', 'other')),
        ),
      },
    ],
    [
      'one certificate on two ports',
      { infra: documents(gateway('a', https(443, 'a.example.com')), gateway('b', https(8443, 'b.example.com'))) },
    ],
    [
      'rules for the mesh that choose no subset',
      world(virtualService('mesh', `hosts: [web], http: [{ ${TO_WEB} }]`), bound(`{ ${TO_WEB} }`)),
    ],
    [
      'rules for the mesh of another host',
      world(virtualService('mesh', `hosts: [other], http: [{ ${TO_SUBSET} }]`), bound(`{ ${TO_WEB} }`)),
    ],
    [
      'the subset named at the gateway too',
      world(virtualService('mesh', `hosts: [web], http: [{ ${TO_SUBSET} }]`), bound(`{ ${TO_SUBSET} }`)),
    ],
    ['a Service of the gateway with the port', { infra: PUBLIC, 'istio-system': gatewayService(80) }],
    [
      'a Service of somebody else',
      { infra: PUBLIC, 'istio-system': gatewayService(81).replace('ingressgateway', 'other') },
    ],
    ['authorities of its own', world(rule('trafficPolicy: { tls: { mode: SIMPLE, caCertificates: /ca.pem } }'))],
    [
      'a team’s policy for its own routes',
      world(
        object(
          'AuthorizationPolicy',
          'p',
          `action: DENY, targetRefs: [{ group: networking.istio.io, kind: VirtualService, name: vs }], rules: [{ to: [{ operation: { methods: [PUT] } }] }]`,
          'security',
        ),
      ),
    ],
  ])('%s', (_, given) => {
    const expected = [
      'certificate-shared',
      'mesh-rules-bypassed',
      'port-not-in-service',
      'system-authorities-trusted',
      'policy-without-effect',
    ];
    expect(findingsOf(given).filter(({ code }) => expected.includes(code))).toEqual([]);
  });
});
