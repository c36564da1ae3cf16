import { beforeAll, describe, expect, it } from 'vitest';
import {
  authJwtSpec,
  compileJwtRule,
  type JwtRuleSettings,
  normalAudience,
} from '../../../../plugins/auth-jwt/config.ts';
import { createJwtFilter } from '../../../../plugins/auth-jwt/hook.ts';
import { authJwt } from '../../../../plugins/auth-jwt/index.ts';
import type { LocalReply } from '../../../../src/contract/index.ts';
import { systemClock } from '../../../../src/kernel/clock.ts';
import type { JWTRule } from '../../../../src/resources/kinds.ts';
import { type FakeExchange, type FakeRequest, fakeExchange } from '../../../support/fake-exchange.ts';
import { fakeContext, fakePolicy } from '../../../support/policy-context.ts';
import { createIssuer, type Issuer, ruleOf, secondsFromNow } from './issuer.ts';

let login: Issuer;
let partner: Issuer;

beforeAll(async () => {
  login = await createIssuer('https://login.example.com');
  partner = await createIssuer('partner');
});

const options = { clock: systemClock, mayDial: () => true, warn: () => undefined };

interface Outcome {
  readonly reply: LocalReply | undefined;
  readonly exchange: FakeExchange;
}

/** As the policies' rules come, all in one RequestAuthentication. */
async function send(rules: readonly JwtRuleSettings[], request: FakeRequest): Promise<Outcome> {
  const outputs = rules.flatMap((rule) =>
    [rule.payloadHeader ?? [], rule.claimHeaders.map(({ header }) => header)].flat(),
  );
  const settings = JSON.parse(JSON.stringify({ rules, sanitizeHeaders: outputs }));
  const filter = createJwtFilter(options);
  filter.published?.([settings]);
  const exchange = fakeExchange(request);
  filter.prepare?.(exchange, settings);
  return { reply: await filter.request?.(exchange, settings), exchange };
}

const bearer = (token: string, ...more: readonly (readonly [string, string])[]): FakeRequest => ({
  headers: [['Authorization', `Bearer ${token}`], ...more],
});

describe('a request', () => {
  it('without a token passes as nobody', async () => {
    const { reply, exchange } = await send([ruleOf(login)], {});
    expect(reply).toBeUndefined();
    expect(exchange.identity).toBeUndefined();
    expect(exchange.reselections).toBe(0);
  });

  it('with a good one passes as somebody, without the token, and with its route chosen anew', async () => {
    const token = await login.token({ aud: ['a', 'b'], azp: 'web', role: 'admin' });
    const { reply, exchange } = await send([ruleOf(login, { spaceDelimitedClaims: ['roles'] })], bearer(token));
    expect(reply).toBeUndefined();
    expect(exchange.identity).toEqual({
      issuer: 'https://login.example.com',
      subject: 'customer-17',
      audiences: ['a', 'b'],
      presenter: 'web',
      claims: { iss: 'https://login.example.com', sub: 'customer-17', aud: ['a', 'b'], azp: 'web', role: 'admin' },
      spaceDelimitedClaims: ['roles'],
    });
    expect(exchange.record.principal).toBe('https://login.example.com/customer-17');
    expect(exchange.headers.has('authorization')).toBe(false);
    expect(exchange.reselections).toBe(1);
  });

  it('with a bad one is refused, and told so', async () => {
    const { reply, exchange } = await send([ruleOf(login)], {
      ...bearer('a.b.c'),
      path: '/x"y',
      query: '?access_token=a.b.c',
    });
    expect(reply).toEqual({
      status: 401,
      cause: 'jwt-invalid',
      side: 'client',
      message: 'Jwt header is an invalid Base64url encoded',
      details: 'jwt_authn_access_denied{Jwt_header_is_an_invalid_Base64url_encoded}',
      headers: [['www-authenticate', 'Bearer realm="http://api.example.com/x%22y", error="invalid_token"']],
    });
    expect(exchange.identity).toBeUndefined();
  });

  it('is told no more than 256 characters of its own address', async () => {
    const { reply } = await send([ruleOf(login)], { ...bearer('a.b.c'), path: `/${'x'.repeat(500)}` });
    expect(reply?.headers?.[0]?.[1]).toHaveLength('Bearer realm="", error="invalid_token"'.length + 256);
  });

  it.each([
    ['expired', { exp: -100 }, 'Jwt is expired'],
    ['not yet valid', { nbf: 100 }, 'Jwt not yet valid'],
    ['within the skew', { exp: -50, nbf: 50 }, undefined],
  ])('with a token that is %s: %s', async (_, offsets, message) => {
    const claims = Object.fromEntries(Object.entries(offsets).map(([name, by]) => [name, secondsFromNow(by)]));
    expect((await send([ruleOf(login)], bearer(await login.token(claims)))).reply?.message).toBe(message);
  });

  it('hears of issuer, time and audience before keys are tried', async () => {
    const forged = await createIssuer(login.name, 'ES256', 'k1');
    const rule = ruleOf(login, { audiences: ['shop'] });
    expect((await send([rule], bearer(await forged.token({ iss: 'x', exp: 1 })))).reply?.message).toBe(
      'Jwt issuer is not configured',
    );
    expect((await send([rule], bearer(await forged.token({ exp: 1 })))).reply?.message).toBe('Jwt is expired');
    const foreign = (await send([rule], bearer(await forged.token({ aud: 'other' })))).reply;
    expect(foreign).toMatchObject({ status: 403, cause: 'jwt-audience', message: 'Audiences in Jwt are not allowed' });
    expect((await send([rule], bearer(await forged.token({ aud: 'shop' })))).reply?.message).toBe(
      'Jwt verification fails',
    );
  });

  it.each([
    [
      'complete',
      [
        ['Origin', 'https://a.b'],
        ['Access-Control-Request-Method', 'GET'],
      ],
      undefined,
    ],
    ['without an origin', [['Access-Control-Request-Method', 'GET']], 401],
    [
      'with an empty method',
      [
        ['Origin', 'https://a.b'],
        ['Access-Control-Request-Method', ''],
      ],
      401,
    ],
  ] as const)('is not asked for credentials as a preflight that is %s', async (_, headers, status) => {
    const request = bearer('a.b.c', ...headers);
    expect((await send([ruleOf(login)], { ...request, method: 'OPTIONS' })).reply?.status).toBe(status);
    expect((await send([ruleOf(login)], { ...request, method: 'GET' })).reply?.status).toBe(401);
  });

  it('keeps its token where the rule says so', async () => {
    const token = await login.token();
    const { exchange } = await send([ruleOf(login, { forwardOriginalToken: true })], bearer(token));
    expect(exchange.headers.get('authorization')).toBe(`Bearer ${token}`);
  });
});

describe('the places of a token', () => {
  type Place = readonly [rule: Partial<JWTRule>, request: (token: string) => FakeRequest];
  const header = (value: string, name = 'Authorization'): FakeRequest => ({ headers: [[name, value]] });
  const cookie = (value: string): FakeRequest => header(value, 'Cookie');
  const mine = { fromHeaders: [{ name: 'X-Session', prefix: 'jwt=' }] };

  it.each([
    ['Bearer', [{}, (t) => header(`Bearer ${t}`)]],
    ['more spaces', [{}, (t) => header(`Bearer   ${t}`)]],
    ['behind another scheme', [{}, (t) => header(`Basic x, Bearer ${t}`)]],
    ['access_token', [{}, (t) => ({ query: `?access_token=${t}` })]],
    ['escaped', [{}, (t) => ({ query: `?a=1&%61ccess_token=${t.replaceAll('.', '%2E')}` })]],
    ['own prefix, anywhere', [mine, (t) => header(`notjwt=${t}`, 'x-session')]],
    ['whole header', [{ fromHeaders: [{ name: 'x' }] }, (t) => header(t, 'X')]],
    ['own parameter', [{ fromParams: ['t'] }, (t) => ({ query: `?t=${t}&t=a.b.c` })]],
    ['cookie', [{ fromCookies: ['sso'] }, (t) => cookie(`a=1; sso=${t}; sso=a.b.c`)]],
    ['quoted cookie', [{ fromCookies: ['sso'] }, (t) => cookie(`sso="${t}"`)]],
  ] as readonly (readonly [string, Place])[])('are read: %s', async (_, [rule, request]) => {
    const { reply, exchange } = await send([ruleOf(login, rule)], request(await login.token()));
    expect(reply).toBeUndefined();
    expect(exchange.identity?.subject).toBe('customer-17');
  });

  it.each([
    ['bearer in small letters', [{}, (t) => header(`bearer ${t}`)]],
    ['a tab', [{}, (t) => header(`Bearer\t${t}`)]],
    ['another scheme', [{}, () => header('Basic dXNlcjpwYXNz')]],
    ['the word alone', [{}, () => header('Bearer')]],
    ['a default that was replaced', [mine, () => header('Bearer a.b.c')]],
    ['a default parameter that was replaced', [mine, () => ({ query: '?access_token=a.b.c' })]],
    ['a prefix in other letters', [mine, () => header('JWT=a.b.c', 'x-session')]],
    ['another parameter', [{}, () => ({ query: '?Access_token=a.b.c' })]],
    ['another cookie', [{ fromCookies: ['sso'] }, () => cookie('xsso=a.b.c')]],
  ] as readonly (readonly [string, Place])[])('are not: %s', async (_, [rule, request]) => {
    const { reply, exchange } = await send([ruleOf(login, rule)], request(await login.token()));
    expect(reply).toBeUndefined();
    expect(exchange.identity).toBeUndefined();
  });

  it.each([
    ['something behind it', [{}, (t) => header(`Bearer ${t}; a=b`)]],
    ['a comma', [{}, (t) => header(`Bearer ${t},x`)]],
    [
      'two lines',
      [
        {},
        (t) => ({
          headers: [
            ['Authorization', `Bearer ${t}`],
            ['Authorization', `Bearer ${t}`],
          ],
        }),
      ],
    ],
    ['an empty header', [{ fromHeaders: [{ name: 'x' }] }, () => header('', 'x')]],
    ['nothing behind the prefix', [mine, () => header('jwt=', 'x-session')]],
    ['an empty parameter', [{}, () => ({ query: '?access_token=' })]],
    ['a parameter without a value', [{}, () => ({ query: '?access_token' })]],
    ['a bad one first', [{}, (t) => ({ query: `?access_token=a.b.c&access_token=${t}` })]],
    ['an empty cookie', [{ fromCookies: ['sso'] }, () => cookie('sso=')]],
  ] as readonly (readonly [string, Place])[])('refuse: %s', async (_, [rule, request]) => {
    expect((await send([ruleOf(login, rule)], request(await login.token()))).reply?.status).toBe(401);
  });

  it('lose the parameter with all of its name, and not a byte else', async () => {
    const token = await login.token();
    const query = `?b=%2F&access_token=${token}&&a=x+y&%61ccess_token=z&flag`;
    expect((await send([ruleOf(login)], { query })).exchange.query).toBe('?b=%2F&&a=x+y&flag');
    expect((await send([ruleOf(login)], { query: `?access_token=${token}` })).exchange.query).toBe('');
  });

  it('keep the cookie', async () => {
    const line = `sso=${await login.token()}`;
    expect((await send([ruleOf(login, { fromCookies: ['sso'] })], cookie(line))).exchange.headers.get('cookie')).toBe(
      line,
    );
  });
});

describe('several tokens', () => {
  const twoPlaces = async (rules: readonly JwtRuleSettings[], inHeader: string, inQuery: string) =>
    send(rules, { ...bearer(inHeader), query: `?access_token=${inQuery}` });
  const both = () => [
    ruleOf(login),
    ruleOf(partner, { outputClaimToHeaders: [{ header: 'x-partner', claim: 'sub' }] }),
  ];

  it('must all be good for one rule', async () => {
    const good = await login.token();
    expect((await twoPlaces([ruleOf(login)], good, good)).reply).toBeUndefined();
    expect((await twoPlaces([ruleOf(login)], good, 'a.b.c')).reply?.status).toBe(401);
    expect((await twoPlaces([ruleOf(login)], 'a.b.c', good)).reply?.status).toBe(401);
  });

  it('may be of two issuers, one each', async () => {
    const tokens = [await login.token(), await partner.token()] as const;
    for (const [one, two] of [tokens, [tokens[1], tokens[0]]] as const) {
      const { reply, exchange } = await twoPlaces(both(), one, two);
      expect(reply).toBeUndefined();
      expect(exchange.query).toBe('');
      expect(exchange.headers.has('authorization')).toBe(false);
    }
  });

  it('say the mistake of the later place', async () => {
    const expired = await login.token({ exp: 1 });
    expect((await twoPlaces(both(), 'a.b.c', expired)).reply?.message).toBe('Jwt is expired');
    expect((await twoPlaces(both(), expired, 'a.b.c')).reply?.message).toMatch('Base64url');
    const foreign = await partner.token({ iss: 'foreign' });
    expect((await twoPlaces(both(), foreign, expired)).reply?.message).toBe('Jwt is expired');
  });

  it('do not hurt in another rule’s place when one rule passes, and stay there', async () => {
    const rules = [
      ruleOf(login, { fromHeaders: [{ name: 'x-user' }] }),
      ruleOf(partner, { fromHeaders: [{ name: 'x-partner' }] }),
    ];
    const headers = [
      ['x-user', 'a.b.c'],
      ['x-partner', await partner.token()],
    ] as const;
    const { reply, exchange } = await send(rules, { headers });
    expect(reply).toBeUndefined();
    expect(exchange.identity?.issuer).toBe('partner');
    expect([...exchange.headers]).toEqual([['x-user', 'a.b.c']]);
  });

  it('of one issuer never pass by another issuer’s key of the same kid', async () => {
    const forged = await partner.token({ iss: login.name });
    expect((await send(both(), bearer(forged))).reply?.message).toBe('Jwt verification fails');
  });
});

describe('claims in headers', () => {
  const rule = (...claims: readonly string[]): Partial<JWTRule> => ({
    outputPayloadToHeader: 'X-Payload',
    outputClaimToHeaders: claims.map((claim, i) => ({ header: `X-${i}`, claim })),
  });

  it.each([
    ['text', 'text'],
    ['', undefined],
    [null, undefined],
    [true, 'true'],
    [false, 'false'],
    [0, '0'],
    [7, '7'],
    [2 ** 63, '9223372036854775808'],
    [-12, '-12.000000'],
    [1.5, '1.500000'],
    [1e21, '1000000000000000000000.000000'],
    [0.0000011, '0.000001'],
    [0.0078125, '0.007812'],
    [0.0234375, '0.023438'],
    [['a', 1], Buffer.from('["a",1]').toString('base64')],
    [{ b: '<' }, Buffer.from('{"b":"\\u003c"}').toString('base64')],
    ['Zoë', Buffer.from('Zoë').toString('latin1')],
  ])('%j is written as %s', async (claim, expected) => {
    const { exchange } = await send([ruleOf(login, rule('it'))], bearer(await login.token({ it: claim })));
    expect(exchange.headers.get('x-0')).toBe(expected);
  });

  it('are found by nested names, and never on what all objects have', async () => {
    const token = await login.token({ a: { b: 'nested' }, 'c.d': 'flat', list: [{ x: 1 }] });
    const { exchange } = await send(
      [ruleOf(login, rule('a.b', 'c.d', 'list.0', '__proto__', 'a.constructor'))],
      bearer(token),
    );
    expect(['x-0', 'x-1', 'x-2', 'x-3', 'x-4'].map((name) => exchange.headers.get(name))).toEqual([
      'nested',
      ...Array(4),
    ]);
  });

  it('carry the payload as it was signed', async () => {
    const token = await login.token();
    const { exchange } = await send([ruleOf(login, rule())], bearer(token));
    expect(exchange.headers.get('x-payload')).toBe(token.split('.')[1]);
  });

  it('are never the client’s own, with a token or without, nor on a preflight', async () => {
    const forged = [
      ['X-0', 'admin'],
      ['x-payload', 'forged'],
    ] as const;
    const preflight = [
      ['Origin', 'https://a.b'],
      ['Access-Control-Request-Method', 'GET'],
    ] as const;
    for (const request of [
      { headers: forged },
      bearer(await login.token(), ...forged),
      { method: 'OPTIONS', headers: [...forged, ...preflight] },
    ]) {
      const { exchange } = await send([ruleOf(login, rule('none'))], request);
      expect(exchange.headers.has('x-0')).toBe(false);
      expect(exchange.headers.getAll('x-payload')).not.toContain('forged');
    }
  });

  it('are off the request before a route is chosen, also those of a rule that is not reached', async () => {
    const settings = authJwtSpec.compileWorkload?.(
      fakeContext([
        fakePolicy('RequestAuthentication', {
          spec: {
            jwtRules: [{ issuer: 'a', jwks: login.jwks, outputClaimToHeaders: [{ header: 'X-A', claim: 'a' }] }],
          },
        }),
      ]),
    );
    const exchange = fakeExchange({
      headers: [
        ['x-a', 'forged'],
        ['x-b', 'stays'],
      ],
    });
    createJwtFilter(options).prepare?.(exchange, settings as never);
    expect([...exchange.headers]).toEqual([['x-b', 'stays']]);
  });

  it.each(['a\r\nx-admin: 1', 'a\n', '\0', 'a\u007f'])('refuse what no header can carry: %j', async (claim) => {
    const { reply } = await send([ruleOf(login, rule('it'))], bearer(await login.token({ it: claim })));
    expect(reply).toMatchObject({ status: 503, cause: 'jwt-claim-unwritable' });
  });
});

describe('the settings', () => {
  const compile = (...rules: readonly Partial<JWTRule>[]) =>
    authJwtSpec.compileWorkload?.(fakeContext([fakePolicy('RequestAuthentication', { spec: { jwtRules: rules } })]));

  it('are none without a rule that acts here', () => {
    expect(compile()).toBeUndefined();
    const elsewhere = [
      { namespace: 'shop' },
      { selector: { matchLabels: { app: 'x' } } },
      { targetRefs: [{ kind: 'Service', name: 's' }] },
    ];
    for (const { namespace = 'istio-system', ...spec } of elsewhere) {
      const policy = fakePolicy('RequestAuthentication', { namespace, spec: { ...spec, jwtRules: [{ issuer: 'a' }] } });
      expect(authJwtSpec.compileWorkload?.(fakeContext([policy]))).toBeUndefined();
    }
  });

  it('have the rules of all policies by issuer', () => {
    expect(
      compile({ issuer: 'b' }, { issuer: 'a' }, { jwksUri: 'https://k' })?.rules.map(({ issuer }) => issuer),
    ).toEqual(['', 'a', 'b']);
  });

  it.each([
    [
      { jwks: 'x', jwksUri: 'https://k' },
      { kind: 'inline', jwks: 'x' },
    ],
    [{ jwksUri: 'https://k' }, { kind: 'uri', uri: 'https://k', timeoutMs: 5000 }],
    [
      { jwksUri: 'https://k', timeout: '250ms' },
      { kind: 'uri', uri: 'https://k', timeoutMs: 250 },
    ],
    [{ issuer: 'https://i/' }, { kind: 'discovery', issuer: 'https://i/', timeoutMs: 5000 }],
  ] as const)('%j has its keys from %j', (rule, keys) => expect(compileJwtRule(rule).keys).toEqual(keys));

  it.each([
    ['https://till/', 'till'],
    ['http://till', 'till'],
    ['till//', 'till/'],
    ['HTTP://till', 'HTTP://till'],
    ['/', ''],
    ['', ''],
  ])('compare the audience %s as %s', (audience, normal) => expect(normalAudience(audience)).toBe(normal));

  it('sort the places of tokens, each once', () => {
    const { locations } = compileJwtRule({
      fromHeaders: [{ name: 'X', prefix: 'b' }, { name: 'a' }, { name: 'x', prefix: 'b' }],
      fromParams: ['q', 'p', 'q'],
      fromCookies: ['d', 'c'],
    });
    expect(locations).toEqual({
      headers: [
        { name: 'a', prefix: '' },
        { name: 'x', prefix: 'b' },
      ],
      params: ['p', 'q'],
      cookies: ['c', 'd'],
    });
  });
});

it('is a Fastify plugin that contributes one filter and ends with the server', async () => {
  const contributed: unknown[] = [];
  const closing: (() => Promise<void>)[] = [];
  const banyan = { ...options, contribute: (filter: unknown) => contributed.push(filter) };
  await authJwt.plugin(
    { banyan, log: console, addHook: (_: string, hook: () => Promise<void>) => closing.push(hook) } as never,
    {},
  );
  expect(contributed).toMatchObject([{ name: 'auth-jwt' }]);
  await Promise.all(closing.map((hook) => hook()));
});
