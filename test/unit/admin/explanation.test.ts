import { describe, expect, it } from 'vitest';
import { explainQuestion } from '../../../src/admin/views/explanation.ts';
import { readQuestion } from '../../../src/admin/views/question.ts';
import type { FilterSpec } from '../../../src/contract/plugin.ts';
import { SHOP } from '../cli/run.ts';
import { stateOf } from './state.ts';

const gateway = (servers: string): string => `apiVersion: networking.istio.io/v1
kind: Gateway
metadata: { name: edge }
spec:
  selector: { istio: ingressgateway }
  servers:
${servers}`;
const TLS: Readonly<Record<string, string>> = {
  ...SHOP,
  'infra/gateway.yaml': gateway(`    - port: { number: 80, name: http, protocol: HTTP }
      hosts: ["*.example.com"]
      tls: { httpsRedirect: true }
    - port: { number: 443, name: shop, protocol: HTTPS }
      hosts: ["shop.example.com"]
      tls: { mode: SIMPLE, credentialName: shop }
    - port: { number: 443, name: raw, protocol: TLS }
      hosts: ["raw.example.com"]
      tls: { mode: PASSTHROUGH }
`),
  'shop/raw.yaml': `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: raw }
spec:
  hosts: [raw.example.com]
  gateways: [infra/edge]
  tls:
    - match: [{ port: 443, sniHosts: [raw.example.com] }]
      route: [{ destination: { host: cart.internal, port: { number: 8080 } } }]
`,
};

function ask(
  files: Readonly<Record<string, string>>,
  request: string,
  headers: readonly string[] = [],
  specs: readonly FilterSpec[] = [],
  portOffset = 0,
) {
  const question = readQuestion(request, headers);
  if (!question.ok) throw new Error(question.error);
  const { compilation, resources } = stateOf(files, specs);
  return explainQuestion(question.value, { compilation, resources, specs, portOffset });
}

describe('explaining a request', () => {
  it.each([
    ['http', 'http://shop.example.com/cart/', 80, 'http', 'forward'],
    ['a port', 'shop.example.com:80/cart/', 80, 'http', 'forward'],
    ['a port as it is shifted', 'http://shop.example.com:8080/cart/', 80, 'http', 'forward'],
    ['nothing', 'shop.example.com/cart/', 80, 'http', 'forward'],
  ])('finds the listener by %s', (_name, request, port, scheme, kind) => {
    const explanation = ask(SHOP, request, [], [], 8000);
    expect(explanation.listener).toMatchObject({ port, scheme });
    expect(explanation.answer.kind).toBe(kind);
  });

  it.each([
    ['the TLS server by name', 'https://shop.example.com/cart/', 'infra/edge/shop', { kind: 'forward' }],
    [
      'a passthrough',
      'https://raw.example.com/',
      'infra/edge/raw/shop/raw/0.0',
      { kind: 'tcp', destinations: [{ name: 'cart.internal:8080' }] },
    ],
    [
      'the way from http to https',
      'http://shop.example.com/cart/?x',
      undefined,
      { kind: 'redirect', status: 301, location: 'https://shop.example.com/cart/?x' },
    ],
  ])('finds %s', (_name, request, server, answer) => {
    const explanation = ask(TLS, request);
    expect(explanation.listener?.server).toBe(server);
    expect(explanation.answer).toMatchObject(answer);
  });

  it.each([
    ['nothing listens there', SHOP, 'http://shop.example.com:81/', /nothing listens on port 81; there are ports 80/],
    ['no listener speaks TLS', SHOP, 'https://shop.example.com/', /no listener takes https/],
    [
      'no TLS server takes the name',
      TLS,
      'https://other.example.com/',
      /no TLS server of port 443 takes the name 'other\.example\.com'/,
    ],
    ['the port speaks TLS alone', TLS, 'http://shop.example.com:443/', /port 443 speaks TLS alone/],
    ['there is no Gateway at all', {}, 'http://shop.example.com/', /there is no listener/],
  ])('says when %s', (_name, files, request, message) => {
    expect(ask(files, request).answer).toEqual({ kind: 'no-connection', message: expect.stringMatching(message) });
  });

  it.each([
    [
      'a host that nobody has',
      'http://nobody.example.com/',
      { status: 404, message: "no route is there for the host 'nobody.example.com'" },
    ],
    [
      'a path that no route takes',
      'http://shop.example.com/x',
      { status: 404, message: "none of the routes of 'shop.example.com' fits; other domains are not tried" },
    ],
    ['a path that is refused', 'http://shop.example.com/%00', { status: 400 }],
  ])('says what becomes of %s', (_name, request, answer) => {
    expect(ask(SHOP, request).answer).toMatchObject(answer);
  });

  it.each([
    ['TRACE', 'TRACE http://shop.example.com/cart/', [], 405, 'method-not-allowed'],
    ['a method that HTTP/1.1 has not', 'FROB http://shop.example.com/cart/', [], 400, 'FROB'],
    ['CONNECT', 'CONNECT http://shop.example.com/cart/', [], 404, 'tunnels'],
    ['a user in the host', 'GET http://shop.example.com/cart/', ['host: jo@shop.example.com'], 400, 'bad-request'],
    ['an empty Host', 'GET http://shop.example.com/cart/', ['host:'], 400, 'bad-request'],
    ['a path that nobody encoded', 'GET http://shop.example.com/cart/ö', [], 400, 'bad-request'],
    ['an underscore', 'GET http://shop.example.com/cart/', ['x_user: 1'], 400, 'underscore-in-header'],
  ])('foresees that the gateway refuses %s', (_name, request, headers, status, word) => {
    const { answer, candidates } = ask(SHOP, request, headers);
    expect(answer).toMatchObject({ status, message: expect.stringContaining(word) });
    expect(candidates).toEqual([]);
  });

  it.each([
    ['x-forwarded-proto: https', 'x-forwarded-proto: { exact: https }', false],
    ['x-other: 1', 'x-forwarded-proto: { exact: http }', true],
    ['x-envoy-retry-on: 5xx', 'x-envoy-retry-on: { exact: 5xx }', false],
    ['x-http-method-override: PUT', 'x-http-method-override: { exact: PUT }', false],
    ['x-request-id: mine', 'x-request-id: { exact: mine }', false],
    ['x-forwarded-for: 1.2.3.4', 'x-forwarded-for: { exact: 1.2.3.4 }', true],
    ['x-tenant: 1', 'x-tenant: { exact: "1" }', true],
  ])('holds conditions against the headers that the gateway sees: %s, %s', (line, condition, fits) => {
    const files = {
      ...SHOP,
      'shop/special.yaml': `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: special }
spec:
  hosts: [special.example.com]
  gateways: [infra/edge]
  http:
    - match: [{ headers: { ${condition} } }]
      directResponse: { status: 200 }
`,
    };
    expect(ask(files, 'GET http://special.example.com/', [line]).answer.kind).toBe(
      fits ? 'direct-response' : 'not-found',
    );
  });

  it.each([
    [0, 'http'],
    [1, 'https'],
  ])('takes the scheme from %i trusted proxies', (numTrustedProxies, scheme) => {
    const question = readQuestion('GET http://moved.example.com/', ['x-forwarded-proto: https']);
    if (!question.ok) throw new Error(question.error);
    const { compilation, resources } = stateOf({
      ...SHOP,
      'shop/moved.yaml': `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: moved }
spec:
  hosts: [moved.example.com]
  gateways: [infra/edge]
  http:
    - redirect: { uri: /new }
`,
    });
    const { table } = compilation;
    const behind = { ...compilation, table: { ...table, settings: { ...table.settings, numTrustedProxies } } };
    const { answer } = explainQuestion(question.value, { compilation: behind, resources, specs: [], portOffset: 0 });
    expect(answer).toMatchObject({ location: `${scheme}://moved.example.com/new` });
  });

  it('matches the path as it is normalised', () => {
    const explanation = ask(SHOP, 'http://shop.example.com/x/..//cart/%61');
    expect(explanation).toMatchObject({ path: '/cart/a', answer: { kind: 'forward', target: '/a' } });
  });

  it('tells of each candidate whether and why it lost', () => {
    const { candidates, route } = ask(SHOP, 'http://shop.example.com/cart/', ['X-Preview: pr-7']);
    expect(candidates.map(({ id, outcome, reasons }) => ({ id, outcome, reasons }))).toEqual([
      { id: 'shop/cart/preview', outcome: 'answers', reasons: [] },
      { id: 'shop/cart/cart', outcome: 'shadowed', reasons: ['fits as well, but shop/cart/preview comes first'] },
      { id: 'shop/cart/old', outcome: 'lost', reasons: ['path is not /basket'] },
    ]);
    expect(route).toMatchObject({ owner: 'shop/cart', place: 'shop/cart.yaml:8' });
  });

  it('says that a destination does not exist', () => {
    const { 'shop/service.yaml': _gone, ...files } = SHOP;
    expect(ask(files, 'http://shop.example.com/cart/').answer).toMatchObject({
      upstreams: [{ name: 'cart.internal:8080', problem: expect.stringContaining('503'), endpoints: [] }],
    });
  });

  it('tells policies with their layer and where they were written', () => {
    const specs: readonly FilterSpec[] = [
      { name: 'watch', kinds: ['ServiceEntry'], compileWorkload: () => ({ all: true }) },
      {
        name: 'own',
        kinds: [],
        compileWorkload: () => ({ some: 0 }),
        compileRoute: ({ id }) => (id === 'shop/cart/cart' ? { some: 1 } : undefined),
        foresee: ({ path, listenerPort, route }, settings) => [
          `${path} ${listenerPort} ${route?.id} ${JSON.stringify(settings)}`,
        ],
      },
      { name: 'idle', kinds: ['Gateway'] },
    ];
    expect(ask(SHOP, 'http://shop.example.com/cart/', [], specs).policies).toEqual([
      {
        filter: 'watch',
        layer: 'gateway',
        settings: { all: true },
        sources: [{ object: 'ServiceEntry shop/cart', place: 'shop/service.yaml:1' }],
        values: [],
        foreseen: [],
      },
      { filter: 'own', layer: 'gateway', settings: { some: 0 }, sources: [], values: [], foreseen: [] },
      {
        filter: 'own',
        layer: 'route',
        settings: { some: 1 },
        sources: [{ object: 'VirtualService shop/cart', place: 'shop/cart.yaml:11' }],
        values: [],
        foreseen: ['/cart/ 80 shop/cart/cart {"some":1}'],
      },
    ]);
    expect(ask(SHOP, 'http://shop.example.com/basket', [], specs).policies.map(({ foreseen }) => foreseen)).toEqual([
      [],
      ['/basket 80 shop/cart/old {"some":0}'],
    ]);
  });
});

describe('reading a question', () => {
  it.each([
    [
      'GET https://shop.example.com/cart?x=1#y',
      { method: 'GET', scheme: 'https', authority: 'shop.example.com', path: '/cart', query: '?x=1' },
    ],
    [
      'post http://Shop.example.com:8080',
      { method: 'POST', scheme: 'http', authority: 'Shop.example.com:8080', port: 8080, path: '/', query: '' },
    ],
    ['shop.example.com/a/../b', { method: 'GET', scheme: undefined, path: '/a/../b' }],
    ['http://[::1]:8080/', { authority: '[::1]:8080', port: 8080 }],
    ['http://x?y', { authority: 'x', path: '/', query: '?y' }],
  ])('understands %j', (text, expected) => {
    expect(readQuestion(text, [])).toMatchObject({ ok: true, value: expected });
  });

  it('takes the Host from a header, and keeps the others', () => {
    expect(readQuestion('http://127.0.0.1:8080/', ['Host: shop.example.com', 'X-A:  b: c '])).toMatchObject({
      ok: true,
      value: { authority: 'shop.example.com', port: 8080, headers: [['x-a', 'b: c']] },
    });
  });

  it.each([
    ['', []],
    ['GET', []],
    ['GET /path', []],
    ['a b c', []],
    ['ftp://x/', []],
    ['http://x:99999/', []],
    ['http://x/', ['nocolon']],
    ['http://x/', [': y']],
  ])('refuses %j with %j', (text, headers) => {
    expect(readQuestion(text, headers).ok).toBe(false);
  });
});
