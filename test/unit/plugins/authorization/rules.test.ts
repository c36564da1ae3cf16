import { describe, expect, it } from 'vitest';
import {
  bindRule,
  compileRule,
  type Leaning,
  type WrittenRule,
} from '../../../../src/contract/authz-predicate/index.ts';
import type { ClientCertificate, Identity } from '../../../../src/contract/index.ts';
import { type FakeRequest, fakeExchange } from '../../../support/fake-exchange.ts';

const ALLOWS = 'narrow';
const DENIES = 'wide';

function fits(written: WrittenRule, request: FakeRequest, leaning: Leaning = ALLOWS): boolean {
  const rule = compileRule(written, 'shop', leaning);
  // Rules travel in the table, as JSON.
  return rule !== undefined && bindRule(JSON.parse(JSON.stringify(rule)), leaning)(fakeExchange(request));
}

const to = (operation: object): WrittenRule => ({ to: [{ operation }] });
const from = (source: object): WrittenRule => ({ from: [{ source }] });
const when = (key: string, values?: string[], notValues?: string[]): WrittenRule => ({
  when: [{ key, ...(values && { values }), ...(notValues && { notValues }) }],
});

const token = (claims: Record<string, unknown>, spaceDelimitedClaims: string[] = []): FakeRequest => ({
  identity: {
    issuer: typeof claims['iss'] === 'string' ? claims['iss'] : '',
    subject: claims['sub'] as string | undefined,
    audiences: [],
    presenter: undefined,
    claims,
    spaceDelimitedClaims,
  } satisfies Identity,
});

const certificate = (names: Partial<ClientCertificate>): FakeRequest => ({
  tls: {
    serverName: 'api.example.com',
    client: { pem: '', hash: '', subject: 'CN=client', uris: [], dnsNames: [], serverUri: undefined, ...names },
  },
});
const spiffe = (uri: string): FakeRequest => certificate({ uris: [uri] });

describe('the value forms', () => {
  it.each([
    ['/a', '/a', true],
    ['/a', '/A', false],
    ['/a', '/a/', false],
    ['/a*', '/ab', true],
    ['/a*', '/b', false],
    ['*.css', '/x.css', true],
    ['*.css', '/x.csv', false],
    ['*', '/anything', true],
    ['/a*b', '/a*b', true],
    ['/a*b', '/axb', false],
    ['*a*', '/xa*', true],
    ['*a*', '/xax', false],
    ['/caf%C3%A9', '/caf%C3%A9', true],
  ])('%s fits the path %s: %s', (value, path, expected) => {
    expect(fits(to({ paths: [value] }), { path })).toBe(expected);
  });

  it('takes letters outside ASCII as their UTF-8 bytes, as requests have them', () => {
    const header: FakeRequest = { headers: [['x-name', Buffer.from('Zoë').toString('latin1')]] };
    expect(fits(when('request.headers[x-name]', ['Zoë']), header)).toBe(true);
    expect(fits(when('request.auth.claims[name]', ['Zoë']), token({ name: 'Zoë' }))).toBe(true);
  });
});

describe('path templates', () => {
  it.each([
    ['/users/{*}', '/users/7', true],
    ['/users/{*}', '/users/', false],
    ['/users/{*}', '/users', false],
    ['/users/{*}', '/users/7/', false],
    ['/users/{*}', '/users/a%2Fb', true],
    ['/users/{*}', '/users/7;x=1', true],
    ['/users/{*}/orders/{*}', '/users/7/orders/8', true],
    ['/users/{*}/orders/{*}', '/users//orders/8', false],
    ['/allow/admin/{**}', '/allow/admin/', true],
    ['/allow/admin/{**}', '/allow/admin', false],
    ['/allow/admin/{**}', '/allow/adminx', false],
    ['/foo/{*}/bar/{**}', '/foo/x/bar/y/z', true],
    ['/foo/{*}/bar/{**}', '/foo//bar/x', false],
    ['/store/{**}/cart', '/store//cart', true],
    ['/store/{**}/cart', '/store/cart', false],
    ['/store/{**}/cart', '/store/a/b/cart', true],
    ['/store/{**}/cart', '/store/a/b/carts', false],
    ['/v1/{*}/x.json', '/v1/a/xyjson', false],
  ])('%s fits %s: %s', (template, path, expected) => {
    expect(fits(to({ paths: [template] }), { path })).toBe(expected);
    expect(fits(to({ paths: [template] }), { path }, DENIES)).toBe(expected);
    expect(fits(to({ notPaths: [template] }), { path })).toBe(!expected);
  });

  it('lets no byte that Envoy would not take past a rule that denies', () => {
    const odd: FakeRequest = { path: '/users/a[b]' };
    expect(fits(to({ paths: ['/users/{*}'] }), odd)).toBe(false);
    expect(fits(to({ paths: ['/users/{*}'] }), odd, DENIES)).toBe(true);
  });
});

describe('hosts, methods and ports', () => {
  it.each([
    ['example.com', 'example.com', true],
    ['example.com', 'EXAMPLE.com', true],
    ['Example.COM', 'example.com', true],
    ['example.com', 'example.com:8080', false],
    ['example.com:*', 'example.com:8080', true],
    ['*.example.com', 'a.EXAMPLE.com', true],
    ['*.example.com', 'example.com', false],
    ['prefix.*', 'PREFIX.x.org', true],
  ])('the host %s fits %s: %s', (value, authority, expected) => {
    expect(fits(to({ hosts: [value] }), { authority })).toBe(expected);
  });

  it.each([
    [{ methods: ['GET'] }, { method: 'GET' }, true],
    [{ methods: ['get'] }, { method: 'GET' }, false],
    [{ methods: ['P*'] }, { method: 'PATCH' }, true],
    [{ notMethods: ['GET'] }, { method: 'GET' }, false],
    [{ ports: ['443'] }, { listenerPort: 443 }, true],
    [{ ports: ['80'] }, { listenerPort: 443 }, false],
    [{ notPorts: ['80'] }, { listenerPort: 443 }, true],
    [{ methods: ['GET'], paths: ['/a'] }, { method: 'GET', path: '/b' }, false],
  ] as const)('%j fits %j: %s', (operation, request, expected) => {
    expect(fits(to(operation), request)).toBe(expected);
  });
});

describe('addresses', () => {
  it.each([
    [{ ipBlocks: ['10.0.0.0/8'] }, { peerAddress: '10.1.2.3' }, true],
    [{ ipBlocks: ['10.0.0.0/8'] }, { peerAddress: '11.1.2.3' }, false],
    [{ ipBlocks: ['192.0.2.7'] }, { peerAddress: '192.0.2.7' }, true],
    [{ ipBlocks: ['10.0.0.0/8'] }, { peerAddress: '1.1.1.1', clientAddress: '10.1.2.3' }, false],
    [{ remoteIpBlocks: ['10.0.0.0/8'] }, { peerAddress: '1.1.1.1', clientAddress: '10.1.2.3' }, true],
    [{ notRemoteIpBlocks: ['10.0.0.0/8'] }, { clientAddress: '10.1.2.3' }, false],
    [{ ipBlocks: ['2001:db8::/32'] }, { peerAddress: '2001:db8::1' }, true],
    [{ ipBlocks: ['::/0'] }, { peerAddress: '10.1.2.3' }, false],
    [{ ipBlocks: ['0.0.0.0/0'] }, { peerAddress: '::1' }, false],
  ] as const)('%j fits %j: %s', (source, request, expected) => {
    expect(fits(from(source), request)).toBe(expected);
  });

  it('knows them by key as well', () => {
    expect(fits(when('source.ip', ['10.0.0.0/8']), { peerAddress: '10.0.0.1' })).toBe(true);
    expect(fits(when('remote.ip', undefined, ['10.0.0.0/8']), { clientAddress: '10.0.0.1' })).toBe(false);
    expect(fits(when('destination.ip', ['198.18.0.0/15']), {})).toBe(true);
    expect(fits(when('destination.port', ['80']), { listenerPort: 80 })).toBe(true);
  });
});

describe('headers', () => {
  const lines = (...values: string[]): FakeRequest => ({ headers: values.map((value) => ['X-Role', value] as const) });

  it.each([
    ['*', [''], true],
    ['*', [], false],
    ['user', ['user'], true],
    ['user', ['User'], false],
    ['user,admin', ['user', 'admin'], false],
  ])('the value %s fits the lines %j: %s', (value, values, expected) => {
    expect(fits(when('request.headers[X-ROLE]', [value]), lines(...values))).toBe(expected);
  });

  it('allow only if every line fits, deny if any does', () => {
    const mixed = lines('user', 'admin');
    expect(fits(when('request.headers[x-role]', ['user']), mixed, ALLOWS)).toBe(false);
    expect(fits(when('request.headers[x-role]', ['user', 'admin']), mixed, ALLOWS)).toBe(true);
    expect(fits(when('request.headers[x-role]', ['admin']), mixed, DENIES)).toBe(true);
  });

  it('deny by notValues if any line is none of them, however good the others are', () => {
    const notAdmin = when('request.headers[x-role]', undefined, ['admin']);
    expect(fits(notAdmin, lines('admin'), DENIES)).toBe(false);
    expect(fits(notAdmin, lines('user', 'admin'), DENIES)).toBe(true);
    expect(fits(notAdmin, lines(), DENIES)).toBe(true);
    expect(fits(notAdmin, lines('user', 'admin'), ALLOWS)).toBe(false);
  });

  it.each([
    ['b', ['a,b,c'], true],
    ['a', ['a,b'], true],
    ['c', ['a,c'], true],
    ['b', ['a, b'], false],
    ['bc', ['a,b,c'], false],
    ['b,c', ['a,b,c'], true],
    ['b*', ['a,bx,c'], true],
    ['b*', ['ab'], false],
    ['*b', ['xb,c'], true],
    ['*b', ['bx'], false],
    ['*', [''], true],
    ['*', [], false],
  ])('the element %s is in a list of %j: %s', (value, values, expected) => {
    const inline = 'request.experimental.inline.headers[X-ROLE]';
    expect(fits(when(inline, [value]), lines(...values))).toBe(expected);
    expect(fits(when(inline, undefined, [value]), lines(...values))).toBe(!expected);
  });

  it.each([
    [':authority', 'api.example.com'],
    ['host', 'api.example.com'],
    [':method', 'GET'],
    [':path', '/a?b=1'],
    [':scheme', 'http'],
  ])('knows %s as a header', (name, value) => {
    expect(fits(when(`request.headers[${name}]`, [value]), { path: '/a', query: '?b=1' })).toBe(true);
  });
});

describe('claims', () => {
  const claims = {
    role: 'admin',
    groups: ['staff', 'ops'],
    org: { unit: 'north' },
    'https://example.com/roles': 'r',
    scope: 'orders:read orders:write',
    roles: 'a b',
    level: 7,
    vip: true,
    aud: ['shop', 'api'],
    azp: 'web',
    'tags[0]': 't',
  };

  it.each([
    ['request.auth.claims[role]', 'admin', true],
    ['request.auth.claims[role]', '*', true],
    ['request.auth.claims[groups]', 'ops', true],
    ['request.auth.claims[groups]', 'staff,ops', false],
    ['request.auth.claims[org][unit]', 'nor*', true],
    ['request.auth.claims[tags[0]]', 't', true],
    ['request.auth.claims[https://example.com/roles]', 'r', true],
    ['request.auth.claims[scope]', 'orders:write', true],
    ['request.auth.claims[roles]', 'b', true],
    ['request.auth.claims[level]', '7', false],
    ['request.auth.claims[vip]', 'true', false],
    ['request.auth.claims[constructor]', '*', false],
    ['request.auth.audiences', 'api', true],
    ['request.auth.presenter', 'web', true],
    ['request.auth.presenter', 'app', false],
  ])('%s with %s: %s', (key, value, expected) => {
    expect(fits(when(key, [value]), token(claims, ['roles']))).toBe(expected);
  });

  it('never fit without a token, and always where they are negated', () => {
    expect(fits(when('request.auth.claims[role]', ['*']), {})).toBe(false);
    expect(fits(when('request.auth.claims[role]', undefined, ['admin']), {})).toBe(true);
  });

  const issued = (iss: string, sub?: string): FakeRequest => token({ iss, ...(sub !== undefined && { sub }) });
  it.each([
    ['*', issued('https://a.b', 'x'), true],
    ['*', issued('https://a.b'), false],
    ['*', {}, false],
    ['https://a.b/x', issued('https://a.b', 'x'), true],
    ['https://a.b/*', issued('https://a.b', 'x'), true],
    ['https://a.b*', issued('https://a.b', 'x'), false],
    ['*/x', issued('https://a.b', 'x'), true],
    ['*.b/x', issued('https://a.b', 'x'), true],
    ['part*', issued('partner', 'x'), true],
    ['*17', issued('https://a.b', 'c-17'), true],
    ['partner/c*', issued('partner', 'c-17'), true],
    ['partner', issued('partner', 'x'), false],
  ])('the request principal %s fits %j: %s', (value, request, expected) => {
    expect(fits(from({ requestPrincipals: [value] }), request)).toBe(expected);
    expect(fits(from({ notRequestPrincipals: [value] }), request)).toBe(!expected);
  });
});

describe('client certificates', () => {
  const shop = 'spiffe://cluster.local/ns/shop/sa/web';

  it.each([
    [{ principals: ['cluster.local/ns/shop/sa/web'] }, spiffe(shop), true],
    [{ principals: ['cluster.local/*'] }, spiffe(shop), true],
    [{ principals: ['*/sa/web'] }, spiffe(shop), true],
    [{ principals: ['*'] }, spiffe(shop), true],
    [{ principals: ['*'] }, certificate({ dnsNames: ['a.example.com'] }), true],
    [{ principals: ['a.example.com'] }, certificate({ dnsNames: ['a.example.com'] }), false],
    [{ principals: ['cluster.local/ns/shop/sa/w.b'] }, spiffe(shop), false],
    [{ namespaces: ['shop'] }, spiffe(shop), true],
    [{ namespaces: ['sh*'] }, spiffe(shop), true],
    [{ namespaces: ['sho'] }, spiffe(shop), false],
    [{ namespaces: ['s.op'] }, spiffe(shop), false],
    [{ serviceAccounts: ['shop/web'] }, spiffe(shop), true],
    [{ serviceAccounts: ['web'] }, spiffe(shop), true],
    [{ serviceAccounts: ['web'] }, spiffe('spiffe://cluster.local/ns/other/sa/web'), false],
    [{ serviceAccounts: ['shop/web'] }, spiffe(`${shop}/x/y`), true],
    [{ serviceAccounts: ['shop/web'] }, spiffe(`${shop}site`), false],
    [{ serviceAccounts: ['shop/web'] }, spiffe('spiffe://td/ns/shop/k/v/sa/web'), true],
    [{ serviceAccounts: ['shop/w.b'] }, spiffe(shop), false],
    [{ trustDomains: ['cluster.local'] }, spiffe(shop), true],
    [{ trustDomains: ['*.local'] }, spiffe(shop), true],
    [{ trustDomains: ['cluster'] }, spiffe(shop), false],
  ] as const)('%j fits %j: %s', (source, request, expected) => {
    expect(fits(from(source), request)).toBe(expected);
  });

  it('never fit without one, and always where they are negated', () => {
    for (const field of ['principals', 'namespaces', 'serviceAccounts', 'trustDomains']) {
      expect(fits(from({ [field]: ['*'] }), {})).toBe(false);
      expect(fits(from({ [`not${field[0]?.toUpperCase()}${field.slice(1)}`]: ['*'] }), {})).toBe(true);
    }
  });

  describe('in a mesh that is called corp, and was called old-td', () => {
    const account = (domain: string): FakeRequest => spiffe(`spiffe://${domain}/ns/shop/sa/web`);
    it.each([
      ['cluster.local/ns/shop/sa/web', ['corp', 'old-td']],
      ['corp/ns/shop/sa/web', ['corp', 'old-td']],
      ['old-td/ns/shop/sa/web', ['corp', 'old-td']],
      ['*-td/ns/shop/sa/web', ['corp', 'old-td', 'new-td']],
      ['old-*/ns/shop/sa/web', ['corp', 'old-td']],
      ['other/ns/shop/sa/web', ['other']],
      ['new-td/ns/shop/sa/web', ['new-td']],
      ['*/ns/shop/sa/web', ['corp', 'old-td', 'new-td', 'other', 'cluster.local']],
      ['cluster.local/ns/shop/*', ['cluster.local']],
    ] as const)('%s is of %j', (principal, domains) => {
      const known = ['corp', 'old-td', 'new-td', 'other', 'cluster.local'];
      for (const written of [from({ principals: [principal] }), when('source.principal', [principal])]) {
        const rule = compileRule(written, 'shop', 'wide', ['corp', 'old-td']);
        const test = rule && bindRule(rule, 'wide');
        expect(known.filter((domain) => test?.(fakeExchange(account(domain))))).toEqual(
          known.filter((domain) => (domains as readonly string[]).includes(domain)),
        );
      }
    });

    it('is the same where nothing is said of names', () => {
      expect(fits(from({ principals: ['cluster.local/ns/shop/sa/web'] }), account('cluster.local'))).toBe(true);
      expect(fits(from({ principals: ['cluster.local/ns/shop/sa/web'] }), account('corp'))).toBe(false);
    });
  });

  it('knows them and the server name by key', () => {
    expect(fits(when('source.namespace', ['shop']), spiffe(shop))).toBe(true);
    expect(fits(when('source.principal', ['*']), spiffe(shop))).toBe(true);
    expect(fits(when('source.serviceAccount', ['shop/web']), spiffe(shop))).toBe(true);
    expect(fits(when('source.trustDomain', ['cluster.local']), spiffe(shop))).toBe(true);
    expect(fits(when('connection.sni', ['*.example.com']), spiffe(shop))).toBe(true);
    expect(fits(when('connection.sni', ['*']), {})).toBe(false);
  });
});

describe('rules', () => {
  it('ask for one of from, one of to and all of when', () => {
    const rule: WrittenRule = {
      from: [{ source: { ipBlocks: ['10.0.0.0/8'] } }, { source: { ipBlocks: ['192.0.2.0/24'] } }],
      to: [{ operation: { paths: ['/a'] } }, { operation: { paths: ['/b'], methods: ['POST'] } }],
      when: [
        { key: 'request.headers[x]', values: ['1', '2'] },
        { key: 'request.headers[y]', values: ['1'] },
      ],
    };
    const good = {
      peerAddress: '192.0.2.1',
      path: '/b',
      method: 'POST',
      headers: [
        ['x', '2'],
        ['y', '1'],
      ],
    } as const;
    expect(fits(rule, good)).toBe(true);
    expect(fits(rule, { ...good, peerAddress: '1.1.1.1' })).toBe(false);
    expect(fits(rule, { ...good, method: 'GET' })).toBe(false);
    expect(fits(rule, { ...good, headers: [['x', '2']] })).toBe(false);
  });

  it.each([{}, { from: [], to: [], when: [] }, { to: [{}] }, { to: [{ operation: { paths: [] } }] }])(
    'fit everything when they ask nothing: %j',
    (rule) => expect(fits(rule, { path: '/any' })).toBe(true),
  );

  it('fall away whole where they allow and a condition cannot be read, and lose it alone where they deny', () => {
    const broken: WrittenRule = { ...to({ paths: ['/a'] }), when: [{ key: 'request.color', values: ['red'] }] };
    expect(compileRule(broken, 'shop', ALLOWS)).toBeUndefined();
    expect(fits(broken, { path: '/a' }, DENIES)).toBe(true);
    expect(fits(broken, { path: '/b' }, DENIES)).toBe(false);
    const badBlock = from({ ipBlocks: ['10.0.0.0/99', '192.0.2.1'] });
    expect(compileRule(badBlock, 'shop', ALLOWS)).toBeUndefined();
    expect(fits(badBlock, { peerAddress: '192.0.2.1' }, DENIES)).toBe(true);
    expect(fits(badBlock, { peerAddress: '10.0.0.1' }, DENIES)).toBe(false);
  });

  it('know Envoy’s metadata by name, and find none', () => {
    expect(fits(when('experimental.envoy.filters.http.x[k]', ['*']), {})).toBe(false);
    expect(fits(when('experimental.envoy.filters.http.x[k]', undefined, ['v']), {})).toBe(true);
  });
});
