import { describe, expect, it } from 'vitest';
import { compileCors, corsSpec } from '../../../../plugins/cors/config.ts';
import { createCorsFilter } from '../../../../plugins/cors/index.ts';
import { HeaderList, type LocalReply, type ResponseHead, type RouteInput } from '../../../../src/contract/index.ts';
import type { CorsPolicy } from '../../../../src/resources/kinds.ts';
import { fakeExchange } from '../../../support/fake-exchange.ts';
import { fakeContext } from '../../../support/policy-context.ts';

interface Asked {
  readonly method?: string;
  readonly headers?: readonly (readonly [string, string])[];
  readonly answer?: readonly (readonly [string, string])[];
}

const ORIGIN = 'https://shop.example.com';
const from = (origin: string, more: readonly (readonly [string, string])[] = []) =>
  [['origin', origin], ...more] as const;

/** The reply of the filter, if it makes one, and the headers the client gets of the answer. */
function ask(policy: CorsPolicy, { method = 'GET', headers = from(ORIGIN), answer = [] }: Asked = {}) {
  const filter = createCorsFilter();
  const settings = compileCors(policy);
  const exchange = fakeExchange({ method, headers });
  const reply = filter.request?.(exchange, settings) as LocalReply | undefined;
  const head: ResponseHead = {
    status: reply?.status ?? 200,
    headers: HeaderList.from(reply?.headers ?? answer),
    origin: reply === undefined ? 'upstream' : 'gateway',
  };
  filter.response?.(exchange, head, settings);
  return { reply, answer: Object.fromEntries(head.headers) };
}

const preflight = (policy: CorsPolicy, origin = ORIGIN, headers: readonly (readonly [string, string])[] = []) =>
  ask(policy, {
    method: 'OPTIONS',
    headers: from(origin, [['access-control-request-method', 'DELETE'], ...headers]),
  });

const exact = (...values: string[]): CorsPolicy => ({ allowOrigins: values.map((value) => ({ exact: value })) });

describe('which origins fit', () => {
  it.each<[string, CorsPolicy, string]>([
    ['exact', exact(ORIGIN), ORIGIN],
    ['any of several', exact('https://a.com', ORIGIN), ORIGIN],
    ['prefix', { allowOrigins: [{ prefix: 'https://shop.' }] }, ORIGIN],
    ['regex', { allowOrigins: [{ regex: String.raw`https://[a-z]+\.example\.com` }] }, ORIGIN],
    ['a star, echoed', exact('*'), 'https://anybody.test'],
    ['a prefix of a star', { allowOrigins: [{ prefix: '*' }] }, 'https://anybody.test'],
    ['a regex that a star fits', { allowOrigins: [{ regex: String.raw`\*|https://a\.com` }] }, 'https://anybody.test'],
    ['null, where it is listed', exact('null'), 'null'],
    ['the deprecated list', { allowOrigin: [ORIGIN] }, ORIGIN],
  ])('%s', (_name, policy, origin) => {
    expect(ask(policy, { headers: from(origin) }).answer['access-control-allow-origin']).toBe(origin);
  });

  // edge-security C-01.02
  it.each<[string, CorsPolicy, string]>([
    ['a suffix added', exact('https://a.com'), 'https://a.com.evil'],
    ['a prefix added', exact('https://a.com'), 'https://evil-a.com'],
    ['another case', exact('https://a.com'), 'https://A.com'],
    ['another port', exact('https://a.com'), 'https://a.com:8443'],
    ['another scheme', exact('https://a.com'), 'http://a.com'],
    ['null', exact('https://a.com'), 'null'],
    ['a regex that fits a part only', { allowOrigins: [{ regex: 'https://a[.]com' }] }, 'https://a.com.evil'],
    ['a regex that fits behind something', { allowOrigins: [{ regex: 'a[.]com' }] }, 'https://a.com'],
    ['an empty origin under a star', exact('*'), ''],
    ['an empty list', { allowOrigins: [] }, ORIGIN],
    ['no list', {}, ORIGIN],
    ['the deprecated list beside the new one', { allowOrigin: [ORIGIN], ...exact('https://a.com') }, ORIGIN],
  ])('not: %s', (_name, policy, origin) => {
    expect(ask(policy, { headers: from(origin) }).answer).toEqual({});
    expect(preflight(policy, origin).reply).toBeUndefined();
  });

  it('takes several Origin lines for one value', () => {
    const headers = [
      ['origin', 'https://a.com'],
      ['origin', 'https://b.com'],
    ] as const;
    expect(ask(exact('https://a.com', 'https://b.com'), { headers }).answer).toEqual({});
    expect(ask(exact('*'), { headers }).answer['access-control-allow-origin']).toBe('https://a.com,https://b.com');
  });
});

describe('a preflight', () => {
  it('is answered with what the policy allows, whatever was asked', () => {
    const policy: CorsPolicy = {
      ...exact(ORIGIN),
      allowMethods: ['POST', 'GET'],
      allowHeaders: ['x-a', 'x-b'],
      exposeHeaders: ['x-c'],
      maxAge: '86400s',
      allowCredentials: true,
    };
    const { reply, answer } = preflight(policy);
    expect(reply).toMatchObject({ status: 200, details: 'cors_response', verbatim: true, applyRouteHeaders: false });
    expect(reply?.body?.bytes.length).toBe(0);
    expect(answer).toEqual({
      'access-control-allow-origin': ORIGIN,
      'access-control-allow-credentials': 'true',
      'access-control-allow-methods': 'POST,GET',
      'access-control-allow-headers': 'x-a,x-b',
      'access-control-expose-headers': 'x-c',
      'access-control-max-age': '86400',
    });
  });

  it('repeats what was asked for a star, an empty line where nothing was', () => {
    const policy: CorsPolicy = { ...exact(ORIGIN), allowMethods: ['*'], allowHeaders: ['*'] };
    expect(preflight(policy, ORIGIN, [['access-control-request-headers', 'x-z']]).answer).toMatchObject({
      'access-control-allow-methods': 'DELETE',
      'access-control-allow-headers': 'x-z',
    });
    expect(preflight(policy).answer['access-control-allow-headers']).toBe('');
  });

  it('leaves out what the policy does not say', () => {
    expect(preflight(exact(ORIGIN)).answer).toEqual({ 'access-control-allow-origin': ORIGIN });
  });

  it('of another origin goes on, or is answered without allow-origin', () => {
    expect(preflight(exact('https://a.com')).reply).toBeUndefined();
    const ignored = preflight({
      ...exact('https://a.com'),
      unmatchedPreflights: 'IGNORE',
      allowMethods: ['GET'],
      exposeHeaders: ['x-c'],
    });
    expect(ignored.reply?.status).toBe(200);
    expect(ignored.answer).toEqual({ 'access-control-allow-methods': 'GET' });
  });

  it.each<[string, Asked]>([
    ['another method', { method: 'POST', headers: from(ORIGIN, [['access-control-request-method', 'GET']]) }],
    ['no requested method', { method: 'OPTIONS' }],
    [
      'an empty requested method',
      { method: 'OPTIONS', headers: from(ORIGIN, [['access-control-request-method', '']]) },
    ],
    ['no origin', { method: 'OPTIONS', headers: [['access-control-request-method', 'GET']] }],
  ])('is not: %s', (_name, asked) => {
    expect(ask(exact(ORIGIN), asked).reply).toBeUndefined();
  });
});

describe('a real request', () => {
  it('gets the policy’s headers instead of the service’s, each once', () => {
    const { reply, answer } = ask(
      { ...exact(ORIGIN), exposeHeaders: ['x-c'] },
      {
        answer: [
          ['access-control-allow-origin', '*'],
          ['access-control-expose-headers', 'x-own'],
          ['vary', 'accept'],
        ],
      },
    );
    expect(reply).toBeUndefined();
    expect(answer).toEqual({
      'access-control-allow-origin': ORIGIN,
      'access-control-expose-headers': 'x-c',
      vary: 'accept',
    });
  });

  it('of another origin keeps the service’s headers', () => {
    const own = [['access-control-allow-origin', 'https://own.test']] as const;
    expect(ask(exact('https://a.com'), { answer: own }).answer).toEqual(Object.fromEntries(own));
  });
});

describe('the pure half', () => {
  const input = (rule: Record<string, unknown>, kind: RouteInput['kind'] = 'forward'): RouteInput => ({
    id: 'shop/web/0',
    owner: { namespace: 'shop', kind: 'VirtualService', name: 'web', delegate: undefined, file: '', line: 1 },
    domain: '*',
    rule,
    kind,
  });

  it('acts on forwarding routes alone', () => {
    const rule = { corsPolicy: exact(ORIGIN) };
    expect(corsSpec.compileRoute?.(input(rule), fakeContext([]))).toBeDefined();
    expect(corsSpec.compileRoute?.(input(rule, 'redirect'), fakeContext([]))).toBeUndefined();
    expect(corsSpec.compileRoute?.(input({}), fakeContext([]))).toBeUndefined();
  });

  it('rounds a maxAge down to whole seconds', () => {
    expect(compileCors({ maxAge: '1500ms' }).maxAgeSeconds).toBe(1);
  });
});
