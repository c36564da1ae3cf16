import { describe, expect, it } from 'vitest';
import type { Compilation } from '../../../src/compiler/compilation.ts';
import { formatFieldPath } from '../../../src/diagnostics/index.ts';
import {
  compileShop,
  compileYaml,
  documents,
  findings,
  gateway,
  http,
  service,
  stateOf,
  TO_WEB,
  told,
  virtualService,
} from './builders.ts';

const HOST = 'a.example.com';
const vs = (rules: string, head = `hosts: [${HOST}], gateways: [infra/public]`, name = 'vs'): string =>
  virtualService(name, `${head}, http: [${rules}]`);
const ALL = `{ ${TO_WEB} }`;
const under = (path: string, more = ''): string => `{ match: [{ uri: { prefix: ${path} }${more} }], ${TO_WEB} }`;

/** `field: message` of the findings of one code. */
const texts = (compilation: Compilation, code: string): readonly string[] =>
  findings(compilation, code).map(({ field, message }) => `${formatFieldPath(field ?? [])}: ${message}`);

describe('a world without mistakes', () => {
  it('gives no finding', () => {
    const compilation = compileShop([vs(`${under('/a')}, ${ALL}`)]);
    expect(compilation.diagnostics).toEqual([]);
    expect(compilation.statuses.map(({ state }) => state)).toEqual(['serving', 'serving']);
  });
});

describe('where a VirtualService is served', () => {
  it.each([
    {
      head: `hosts: [${HOST}], gateways: [infra/pubic]`,
      told: ['unknown-gateway VirtualService/vs'],
      text: 'spec.gateways[0]: there is no Gateway infra/pubic; did you mean infra/public?',
    },
    {
      head: `hosts: [${HOST}, other.org], gateways: [infra/public]`,
      told: ['unknown-host-in-gateway VirtualService/vs'],
      text: 'spec.hosts[1]: Gateway infra/public has no server for other.org that namespace shop may use; it has *.example.com',
    },
    {
      head: `hosts: [${HOST}], gateways: [infra/public], exportTo: ['.']`,
      told: ['unattached VirtualService/vs'],
      text: 'spec.exportTo: it is not exported to namespace istio-system, where the gateway runs',
    },
    {
      head: `hosts: [${HOST}]`,
      told: ['unattached VirtualService/vs'],
      text: 'spec: it names no Gateway, so it is for sidecars only',
    },
    { head: `hosts: [${HOST}], gateways: [infra/public, mesh]`, told: [], text: undefined },
  ])('$head', ({ head, told: codes, text }) => {
    const compilation = compileShop([vs(ALL, head)]);
    expect(told(compilation)).toEqual(codes);
    const [finding] = compilation.diagnostics;
    expect(finding && `${formatFieldPath(finding.field ?? [])}: ${finding.message}`).toBe(text);
  });

  it('says when no rule is left for any server', () => {
    const compilation = compileShop([vs(`{ match: [{ port: 9 }], ${TO_WEB} }`)]);
    expect(texts(compilation, 'unattached')).toEqual([
      'spec: none of its rules is for a server of its Gateways; see their match.port and match.gateways',
    ]);
    expect(stateOf(compilation, 'VirtualService', 'vs')).toBe('unattached');
  });

  it('says which Gateways are for others', () => {
    const other = gateway('egress', http(80, "'*'")).replace('ingressgateway', 'egressgateway');
    const compilation = compileYaml({
      infra: other,
      shop: documents(service('web'), vs(ALL, `hosts: [${HOST}], gateways: [infra/egress]`)),
    });
    expect(told(compilation)).toEqual(['unattached Gateway/egress', 'unattached VirtualService/vs']);
    expect(compilation.diagnostics.map(({ severity }) => severity)).toEqual(['hint', 'hint']);
  });
});

describe('where routes lead', () => {
  const rule = `
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: web }
spec: { host: web, subsets: [{ name: v1, labels: { version: v1 } }] }`;
  const several = service('many', '{ name: a, port: 81 }, { name: b, port: 82 }');

  const alias = (name: string, of: string): string => `
apiVersion: v1
kind: Service
metadata: { name: ${name} }
spec: { type: ExternalName, externalName: ${of}, ports: [{ name: http, port: 80 }] }`;
  const aliases = [
    alias('ext', 'web.shop.svc.cluster.local'),
    alias('chain', 'ext.shop.svc.cluster.local'),
    alias('lost', 'api.partner.example.net'),
    alias('slip', 'wbe.shop.svc.cluster.local'),
    alias('ported', 'many.shop.svc.cluster.local'),
  ];

  it.each([
    { to: '{ host: web }', code: undefined, text: '' },
    { to: '{ host: ext }', code: undefined, text: '' },
    { to: '{ host: ext, port: { number: 80 }, subset: v1 }', code: undefined, text: '' },
    {
      to: '{ host: chain }',
      code: 'dangling-destination',
      text: 'host: Service shop/chain is another name of ext.shop.svc.cluster.local, which is another name itself',
    },
    {
      to: '{ host: lost }',
      code: 'dangling-destination',
      text: 'host: Service shop/lost is another name of api.partner.example.net, and no Service or ServiceEntry provides api.partner.example.net',
    },
    {
      to: '{ host: slip, subset: v1 }',
      code: 'dangling-destination',
      text: 'host: Service shop/slip is another name of wbe.shop.svc.cluster.local, and no Service or ServiceEntry provides wbe.shop.svc.cluster.local; did you mean web.shop.svc.cluster.local?',
    },
    {
      to: '{ host: ported }',
      code: 'dangling-destination',
      text: 'host: Service shop/ported is another name of many.shop.svc.cluster.local, which has no port 80; it has 81, 82',
    },
    { to: '{ host: web, port: { number: 80 } }', code: undefined, text: '' },
    { to: '{ host: web, subset: v1 }', code: undefined, text: '' },
    { to: '{ host: many, port: { number: 82 } }', code: undefined, text: '' },
    {
      to: '{ host: wbe }',
      code: 'dangling-destination',
      text: 'host: no Service or ServiceEntry provides wbe.shop.svc.cluster.local; did you mean web.shop.svc.cluster.local?',
    },
    {
      to: '{ host: web, port: { number: 81 } }',
      code: 'dangling-destination',
      text: 'port: web.shop.svc.cluster.local has no port 81; it has 80',
    },
    {
      to: '{ host: many }',
      code: 'port-required',
      text: ' many.shop.svc.cluster.local has the ports 81, 82, and none is chosen',
    },
    {
      to: '{ host: web, subset: v2 }',
      code: 'unknown-subset',
      text: 'subset: web.shop.svc.cluster.local has no subset v2; it has v1',
    },
    {
      to: '{ host: many, port: { number: 81 }, subset: v1 }',
      code: 'unknown-subset',
      text: 'subset: no DestinationRule defines subsets of many.shop.svc.cluster.local',
    },
  ])('$to', ({ to, code, text }) => {
    const compilation = compileShop([several, rule, ...aliases, vs(`{ route: [{ destination: ${to} }] }`)]);
    const about = compilation.diagnostics.filter(({ object }) => object?.kind === 'VirtualService');
    expect(about.map((finding) => finding.code)).toEqual(code === undefined ? [] : [code]);
    if (code === undefined) return;
    const inside = text.startsWith(' ') ? `:${text}` : `.${text}`;
    expect(texts(compilation, code)).toEqual([`spec.http[0].route[0].destination${inside}`]);
    expect(stateOf(compilation, 'VirtualService', 'vs')).toBe('degraded');
  });

  it('is told for mirrors and connection routes too, and for a delegate where it is written', () => {
    const compilation = compileShop([
      vs(`{ mirror: { host: gone }, ${TO_WEB} }`, undefined, 'mirrored'),
      virtualService(
        'raw',
        `hosts: [${HOST}], gateways: [infra/public], tcp: [{ route: [{ destination: { host: gone } }] }]`,
      ),
      vs('{ delegate: { name: part } }', undefined, 'root'),
      virtualService('part', 'http: [{ route: [{ destination: { host: gone } }] }]'),
    ]);
    expect(
      findings(compilation, 'dangling-destination').map(({ object, field, consequence }) => [
        object?.name,
        formatFieldPath(field ?? []),
        consequence,
      ]),
    ).toEqual([
      ['mirrored', 'spec.http[0].mirror.host', 'Nothing is mirrored there.'],
      ['part', 'spec.http[0].route[0].destination.host', 'Requests that go there are answered 503.'],
      ['raw', 'spec.tcp[0].route[0].destination.host', 'Requests that go there are answered 503.'],
    ]);
  });
});

describe('rules of one VirtualService that never answer', () => {
  it.each([
    { rules: [ALL, under('/a')], lost: ['spec.http[1].match[0]'] },
    { rules: [`{ match: [{}], ${TO_WEB} }`, ALL], lost: ['spec.http[1]'] },
    { rules: [under('/a'), under('/a/b')], lost: ['spec.http[1].match[0]'] },
    { rules: [under('/a'), under('/a')], lost: ['spec.http[1].match[0]'] },
    { rules: [under('/a'), under('/a', ', headers: { x: { exact: v } }')], lost: ['spec.http[1].match[0]'] },
    { rules: [under('/a/b'), under('/a')], lost: [] },
    { rules: [under('/a', ', method: { exact: GET }'), under('/a')], lost: [] },
    { rules: [under('/a', ', port: 81'), under('/a/b')], lost: [] },
    { rules: [`{ match: [{ port: 80 }], ${TO_WEB} }`, under('/a')], lost: [] },
    { rules: [under('/a'), under('/b')], lost: [] },
  ])('$rules: $lost', ({ rules, lost }) => {
    const infra = gateway('public', `${http(80, "'*'")}, ${http(81, "'*'")}`);
    const compilation = compileYaml({ infra, shop: documents(service('web'), vs(rules.join(', '))) });
    const found = findings(compilation, 'unreachable-rule');
    expect(found.map(({ field }) => formatFieldPath(field ?? []))).toEqual(lost);
    for (const { related } of found) expect(related?.[0]?.object?.name).toBe('vs');
  });
});

describe('rules of different owners on one host', () => {
  const world = (shop: string, other: string): Compilation =>
    compileShop([vs(shop)], {}, { team: documents(service('web'), vs(other, undefined, 'wide')) });

  it.each([
    { shop: under('/a'), other: under('/a/b'), codes: ['shadowed VirtualService/wide', 'overlap VirtualService/vs'] },
    { shop: under('/a/b'), other: under('/a'), codes: ['overlap VirtualService/vs', 'overlap VirtualService/wide'] },
    {
      shop: under('/a', ', method: { exact: GET }'),
      other: under('/a', ', headers: { x: { exact: v } }'),
      codes: ['overlap VirtualService/vs', 'overlap VirtualService/wide'],
    },
    { shop: ALL, other: ALL, codes: ['overlap VirtualService/vs', 'shadowed VirtualService/wide'] },
    { shop: under('/a'), other: ALL, codes: [] },
    { shop: under('/a'), other: under('/b'), codes: [] },
    {
      shop: under('/a', ', port: 80'),
      other: under('/a', ', port: 81'),
      codes: ['unattached VirtualService/wide'],
    },
  ])('$shop and $other', ({ shop, other, codes }) => {
    expect([...told(world(shop, other))].sort()).toEqual([...codes].sort());
  });

  it('are told to both, with a request that shows it, who wins and why', () => {
    const compilation = world(under('/a'), under('/a/b'));
    const [shadowed] = findings(compilation, 'shadowed');
    expect(shadowed).toMatchObject({
      severity: 'warning',
      object: { namespace: 'team', name: 'wide' },
      field: ['spec', 'http', 0, 'match', 0],
      location: { file: 'team/test.yaml' },
      witness: 'GET http://a.example.com/a/b',
      related: [{ object: { namespace: 'shop', name: 'vs' }, location: { file: 'shop/test.yaml' } }],
    });
    const [overlap] = findings(compilation, 'overlap');
    expect(overlap).toMatchObject({ object: { name: 'vs' }, related: [{ object: { name: 'wide' } }] });
    expect(stateOf(compilation, 'VirtualService', 'wide')).toBe('degraded');
    expect(stateOf(compilation, 'VirtualService', 'vs')).toBe('serving');
  });

  it('are told once, however many ports the host is on', () => {
    const infra = gateway('public', `${http(80, "'*'")}, ${http(81, "'*'")}`);
    const compilation = compileYaml({
      infra,
      shop: documents(service('web'), vs(under('/a'))),
      team: documents(service('web'), vs(under('/a/b'), undefined, 'wide')),
    });
    expect(findings(compilation, 'shadowed')).toHaveLength(1);
  });

  it('are found in a host that many share', () => {
    const many = Array.from({ length: 400 }, (_, i) => vs(under(`/p${i}/x`), undefined, `vs${i}`));
    const compilation = compileShop(
      many,
      {},
      { team: documents(service('web'), vs(under('/p7/x/y'), undefined, 'wide')) },
    );
    expect(told(compilation)).toEqual(['overlap VirtualService/vs7', 'shadowed VirtualService/wide']);
  });
});

describe('policies and claims', () => {
  const policy = (spec: string, kind = 'RequestAuthentication'): string => `
apiVersion: security.istio.io/v1
kind: ${kind}
metadata: { name: policy }
spec: { ${spec} }`;
  const RULES = 'jwtRules: [{ issuer: me }]';

  it.each([
    { namespace: 'istio-system', spec: RULES, text: undefined },
    {
      namespace: 'istio-system',
      spec: `${RULES}, selector: { matchLabels: { istio: ingressgateway } }`,
      text: undefined,
    },
    {
      namespace: 'shop',
      spec: RULES,
      text: 'metadata.namespace: policies of namespace shop do not act at the gateway, which runs in istio-system',
    },
    {
      namespace: 'istio-system',
      spec: `${RULES}, selector: { matchLabels: { app: other } }`,
      text: 'spec.selector: its selector does not fit the labels of this gateway',
    },
    {
      namespace: 'istio-system',
      spec: `${RULES}, targetRefs: [{ kind: Gateway, group: gateway.networking.k8s.io, name: x }]`,
      text: 'spec.targetRefs: target references bind only to Gateways of the Gateway API',
    },
  ])('a policy in $namespace with $spec: $text', ({ namespace, spec, text }) => {
    const compilation = compileYaml({ [namespace]: policy(spec) });
    expect(texts(compilation, 'policy-without-effect')).toEqual(text === undefined ? [] : [text]);
    const state = text === undefined ? 'serving' : 'unattached';
    expect(stateOf(compilation, 'RequestAuthentication', 'policy')).toBe(state);
  });

  const claims = vs(`{ match: [{ headers: { '@request.auth.claims.plan': { exact: pro } } }], ${TO_WEB} }`);
  it.each([
    { others: {}, count: 1 },
    { others: { shop2: policy(RULES) }, count: 1 },
    { others: { 'istio-system': policy('action: DENY, rules: [{}]', 'AuthorizationPolicy') }, count: 1 },
    { others: { 'istio-system': policy(RULES) }, count: 0 },
  ])('a match on claims beside $others is reported $count times', ({ others, count }) => {
    const compilation = compileShop([claims], {}, others as Record<string, string>);
    expect(findings(compilation, 'claim-route-without-authentication')).toHaveLength(count);
  });
});

describe('the list of findings', () => {
  it('has at most a hundred about one object, the gravest first', () => {
    const rules = Array.from(
      { length: 150 },
      (_, i) => `{ match: [{ uri: { exact: /p${i} } }], route: [{ destination: { host: gone${i} } }] }`,
    );
    const compilation = compileShop([vs([...rules, ALL, under('/x')].join(', '))]);
    expect(compilation.diagnostics).toHaveLength(100);
    expect(new Set(compilation.diagnostics.map(({ code }) => code))).toEqual(new Set(['dangling-destination']));
  });
});
