import { describe, expect, it } from 'vitest';
import type { Compilation, CompileOptions } from '../../../src/compiler/compilation.ts';
import { createCompiler } from '../../../src/compiler/index.ts';
import { formatFieldPath } from '../../../src/diagnostics/index.ts';
import type { PathNormalization } from '../../../src/table/index.ts';
import { testMesh } from '../../support/mesh.ts';
import { compileOptions, resourcesOf } from '../../support/resources.ts';
import { compileShop, compileYaml, documents, findings, stateOf, TO_WEB, virtualService } from './builders.ts';

const object = (apiVersion: string, kind: string, name: string, spec: string): string => `
apiVersion: ${apiVersion}
kind: ${kind}
metadata: { name: ${name} }
spec: { ${spec} }`;
const authorization = (name: string, spec: string): string =>
  object('security.istio.io/v1', 'AuthorizationPolicy', name, spec);
const edge = (name: string, spec: string): string => object('banyan.dev/v1alpha1', 'EdgePolicy', name, spec);
const limit = (spec: string): string => object('banyan.dev/v1alpha1', 'RateLimit', 'limit', spec);
const shop = virtualService('shop', `hosts: [a.example.com], gateways: [infra/public], http: [{ ${TO_WEB} }]`);

const texts = (compilation: Compilation, code: string): readonly string[] =>
  findings(compilation, code).map(
    ({ object: of, field, message }) => `${of?.kind} ${formatFieldPath(field ?? [])}: ${message}`,
  );

describe('targets of policies', () => {
  const target = (name: string): string => `{ group: networking.istio.io, kind: VirtualService, name: ${name} }`;

  it('that are not there are reported, each with its place and what may be meant', () => {
    const compilation = compileShop([
      shop,
      authorization('guard', `targetRefs: [${target('shop')}, ${target('shopp')}]`),
      authorization('one', `targetRef: ${target('anything')}`),
      edge('edge', `targetRefs: [${target('shpo')}], limits: { bodyBytes: 1 }`),
    ]);
    expect(texts(compilation, 'unknown-target')).toEqual([
      "AuthorizationPolicy spec.targetRefs[1].name: there is no VirtualService 'shopp' in namespace shop; is 'shop' meant?",
      "AuthorizationPolicy spec.targetRef.name: there is no VirtualService 'anything' in namespace shop",
      "EdgePolicy spec.targetRefs[0].name: there is no VirtualService 'shpo' in namespace shop; is 'shop' meant?",
    ]);
    expect(stateOf(compilation, 'AuthorizationPolicy', 'guard')).not.toBe('unattached');
  });

  it('of another namespace are not there', () => {
    const others = { till: authorization('guard', `targetRefs: [${target('shop')}]`) };
    expect(texts(compileShop([shop], {}, others), 'unknown-target')).toHaveLength(1);
  });

  it('are looked for by namespaces and ids of routes too', () => {
    const rules = (match: string): string =>
      `rules: [{ name: a, match: { ${match} }, per: gateway, limits: [{ requests: 1, window: 1s }] }]`;
    const exemption = (spec: string): string =>
      object(
        'banyan.dev/v1alpha1',
        'PolicyExemption',
        'exemption',
        `approver: a, reason: b, expires: "2126-01-01T00:00:00Z", sections: [limits], ${spec}`,
      );
    const told = (...policies: string[]): readonly string[] =>
      texts(compileShop([shop], {}, { 'istio-system': documents(...policies) }), 'unknown-target');
    expect(
      told(
        limit(rules('namespaces: [shop, shoop], routes: [shop/shop, shop/shop/0, shop/web, till/web]')),
        exemption('namespace: till'),
      ),
    ).toEqual([
      'PolicyExemption spec.namespace: there is no VirtualService in namespace till',
      "RateLimit spec.rules[0].match.namespaces[1]: there is no VirtualService in namespace shoop; is 'shop' meant?",
      "RateLimit spec.rules[0].match.routes[2]: there is no VirtualService 'web' in namespace shop",
      "RateLimit spec.rules[0].match.routes[3]: there is no VirtualService 'web' in namespace till",
    ]);
    expect(told(limit(rules('hosts: ["*"]')), exemption('namespace: shop, routes: [shop/shop]'))).toEqual([]);
  });

  it('are looked for by the name of the EdgePolicy that an exemption lifts', () => {
    const exemption = (policy: string): string =>
      object(
        'banyan.dev/v1alpha1',
        'PolicyExemption',
        'exemption',
        `approver: a, reason: b, expires: "2126-01-01T00:00:00Z", sections: [limits], namespace: shop, policy: ${policy}`,
      );
    const told = (policy: string): readonly string[] =>
      texts(
        compileShop(
          [shop, edge('own', 'limits: { bodyBytes: 1 }')],
          {},
          {
            'istio-system': documents(edge('base', 'limits: { bodyBytes: 1 }'), exemption(policy)),
          },
        ),
        'unknown-target',
      );
    expect([told('base'), told('basse'), told('own')]).toEqual([
      [],
      ["PolicyExemption spec.policy: there is no EdgePolicy 'basse' in namespace istio-system; is 'base' meant?"],
      ["PolicyExemption spec.policy: there is no EdgePolicy 'own' in namespace istio-system"],
    ]);
  });

  it('come and go', () => {
    const compiler = createCompiler(compileOptions());
    const guard = authorization('guard', `targetRefs: [${target('shop')}]`);
    const count = (...texts: string[]): number =>
      findings(compiler.compile(resourcesOf({ shop: documents(...texts) })), 'unknown-target').length;
    expect([count(guard), count(guard, shop), count(shop), count(guard)]).toEqual([1, 0, 0, 1]);
  });
});

describe('hosts of limits', () => {
  const forHosts = (hosts: string, more = ''): string =>
    limit(
      `rules: [{ name: a, match: { hosts: [${hosts}] }, per: gateway, limits: [{ requests: 1, window: 1s }] }]${more}`,
    );
  const told = (hosts: string, more = '', namespace = 'istio-system'): readonly string[] =>
    texts(compileShop([shop], {}, { [namespace]: forHosts(hosts, more) }), 'unserved-host');

  it('that nobody serves are reported, each with its place and what may be meant', () => {
    expect(told('a.example.com, b.example.com, "*.example.org", x.a.example.com, "*.a.example.com"')).toEqual([
      "RateLimit spec.rules[0].match.hosts[1]: no VirtualService answers for 'b.example.com' at this gateway; is 'a.example.com' meant?",
      "RateLimit spec.rules[0].match.hosts[2]: no VirtualService answers for '*.example.org' at this gateway; is 'a.example.com' meant?",
      "RateLimit spec.rules[0].match.hosts[3]: no VirtualService answers for 'x.a.example.com' at this gateway; is 'a.example.com' meant?",
      "RateLimit spec.rules[0].match.hosts[4]: no VirtualService answers for '*.a.example.com' at this gateway; is 'a.example.com' meant?",
    ]);
  });

  it.each(['"*"', 'a.example.com', 'A.Example.com', '"*.example.com"', '"*.com"'])(
    'that are served are not: %s',
    (host) => {
      expect(told(host)).toEqual([]);
    },
  );

  it('that are served by a wildcard are not', () => {
    const wild = virtualService('wild', `hosts: ["*.example.com"], gateways: [infra/public], http: [{ ${TO_WEB} }]`);
    const limits = {
      'istio-system': forHosts('b.example.com, "*.b.example.com", "*.example.com", "*.com", example.com'),
    };
    expect(texts(compileShop([wild], {}, limits), 'unserved-host')).toMatchObject([
      expect.stringContaining("hosts[4]: no VirtualService answers for 'example.com'"),
    ]);
  });

  it('of limits that act elsewhere, or nowhere, are not', () => {
    expect(told('b.example.com', ', selector: { matchLabels: { istio: other } }')).toEqual([]);
    expect(told('b.example.com', '', 'till')).toEqual([]);
  });

  it('come and go with routes, also where the host stays to send plaintext to https', () => {
    const compiler = createCompiler(compileOptions());
    const gateway = object(
      'networking.istio.io/v1',
      'Gateway',
      'public',
      'selector: { istio: ingressgateway }, servers: [{ port: { number: 80, name: http, protocol: HTTP }, hosts: [a.example.com], tls: { httpsRedirect: true } }]',
    );
    const count = (routes: readonly string[]): number => {
      const files = { 'istio-system': forHosts('a.example.com'), infra: gateway, shop: documents(...routes) };
      return findings(compiler.compile(resourcesOf(files)), 'unserved-host').length;
    };
    expect([count([]), count([shop]), count([])]).toEqual([1, 0, 1]);
  });
});

const withMode = (pathNormalization: PathNormalization): Partial<CompileOptions> => ({
  mesh: { ...testMesh, pathNormalization },
});

describe('paths that no request has', () => {
  const found = (path: string, mode: PathNormalization = 'decode-and-merge-slashes'): readonly string[] =>
    findings(
      compileYaml(
        {
          'istio-system': authorization(
            'deny',
            `action: DENY, rules: [{ to: [{ operation: { paths: [${JSON.stringify(path)}] } }] }]`,
          ),
        },
        withMode(mode),
      ),
      'path-never-met',
    ).map(({ message }) => message);

  it.each([
    ['admin', '"admin" begins with no slash, and every path does'],
    ['admin*', '"admin" begins with no slash, and every path does'],
    ['/a?b=c', '"/a?b=c" has a query, and a path has none'],
    ['/a#b', '"/a#b" has a fragment, which is cut off every path'],
    ['/a//b', '"/a//b" is no part of a normalised path: such a path becomes "/a/b"'],
    ['//a*', '"//a" is no part of a normalised path: such a path becomes "/a"'],
    ['/a/../b', '"/a/../b" is no part of a normalised path: such a path becomes "/b"'],
    ['/a/./*', '"/a/./" is no part of a normalised path: such a path becomes "/a/"'],
    ['*/../b', '"/../b" is no part of a normalised path'],
    ['/a%2Fb', '"/a%2Fb" is no part of a normalised path: such a path becomes "/a/b"'],
    ['/%61dmin', '"/%61dmin" is no part of a normalised path: such a path becomes "/admin"'],
    ['/a b', '"/a b" is no part of a normalised path: such a path becomes "/a%20b"'],
    ['/caf\u00e9', '"/café" is no part of a normalised path: such a path becomes "/caf%C3%A9"'],
  ])('%s', (path, message) => {
    expect(found(path)).toEqual([message]);
  });

  it.each([
    '*',
    '/',
    '/*',
    '/admin',
    '/admin/*',
    '*/admin',
    '*.json',
    '*admin',
    '/a;b=c',
    '/x/..;/admin',
    '/caf%C3%A9',
    '/a%20b',
    '/a%2*',
    '/a/.*',
    '*0b',
    '/a*b',
    '/{*}/admin/{**}',
    '/ADMIN',
    '/a..b',
  ])('are not: %s', (path) => {
    expect(found(path)).toEqual([]);
  });

  it.each<[PathNormalization, readonly string[]]>([
    ['none', []],
    ['base', ['"/a/../b" is no part of a normalised path: such a path becomes "/b"']],
  ])('depend on how paths are normalised: %s', (mode, messages) => {
    expect(['/a//b', '/a%2Fb', '/a/../b'].flatMap((path) => found(path, mode))).toEqual(messages);
  });

  it('are found in notPaths and in RateLimits too', () => {
    const compilation = compileYaml({
      'istio-system': documents(
        authorization('allow', 'rules: [{}, { to: [{ operation: { notPaths: ["/a", "b"] } }] }]'),
        limit(
          'rules: [{ name: a, match: { paths: [{ exact: /a }, { exact: /c/../d }, { prefix: /./b }] }, per: gateway, limits: [{ requests: 1, window: 1s }] }]',
        ),
      ),
    });
    expect(texts(compilation, 'path-never-met')).toEqual([
      'AuthorizationPolicy spec.rules[1].to[0].operation.notPaths[1]: "b" begins with no slash, and every path does',
      'RateLimit spec.rules[0].match.paths[1].exact: "/c/../d" is no part of a normalised path: such a path becomes "/d"',
      'RateLimit spec.rules[0].match.paths[2].prefix: "/./b" is no part of a normalised path: such a path becomes "/b"',
    ]);
  });
});

describe('limits by a claim', () => {
  const byClaim = limit(
    'rules: [{ name: a, per: { claim: sub }, limits: [{ requests: 1, window: 1s }] }, { name: b, per: { header: x }, limits: [{ requests: 1, window: 1s }] }]',
  );
  const asked = limit(
    'scope: service, service: { host: l, port: 1, domain: d }, rules: [{ name: a, descriptor: [{ key: k, from: path }, { key: s, from: { claim: sub } }] }]',
  );
  const login = object('security.istio.io/v1', 'RequestAuthentication', 'login', 'jwtRules: [{ issuer: me }]');

  it.each([
    ['of its own', byClaim, ['spec.rules[0].per']],
    ['of a service', asked, ['spec.rules[0].descriptor[1].from']],
    ['beside a login', documents(byClaim, login), []],
  ])('are reported where nobody logs in: %s', (_what, text, fields) => {
    const compilation = compileYaml({ 'istio-system': text });
    expect(
      findings(compilation, 'claim-limit-without-authentication').map(({ field }) => formatFieldPath(field ?? [])),
    ).toEqual(fields);
  });

  it('are reported where the login is a team’s, which does not act', () => {
    const compilation = compileYaml({ 'istio-system': byClaim, shop: login });
    expect(findings(compilation, 'claim-limit-without-authentication')).toHaveLength(1);
  });
});
