import { describe, expect, it } from 'vitest';
import { identityRateLimitSpec, rateLimitSpec } from '../../../../plugins/rate-limit/config.ts';
import { exceededOf, judgedOf } from '../../../../plugins/rate-limit/service-answers.ts';
import { descriptorOf } from '../../../../plugins/rate-limit/service-descriptors.ts';
import { ServiceHealth } from '../../../../plugins/rate-limit/service-health.ts';
import type { DescriptorStatus } from '../../../../plugins/rate-limit/service-messages.ts';
import type { RateLimitSource } from '../../../../src/resources/kinds.ts';
import { type FakeRequest, fakeExchange } from '../../../support/fake-exchange.ts';
import { fakeContext, fakePolicy } from '../../../support/policy-context.ts';
import { handClock } from './support.ts';

const spec = (changes: object = {}) => ({
  scope: 'service',
  service: { host: 'limiter.edge.svc.cluster.local', port: 8081, domain: 'edge' },
  rules: [
    { name: 'by-path', descriptor: [{ key: 'path', from: 'path' }] },
    {
      name: 'by-claim',
      match: { methods: ['GET'] },
      descriptor: [
        { key: 'a', value: 'b' },
        { key: 's', from: { claim: 'sub' } },
      ],
    },
  ],
  ...changes,
});

describe('the pure half', () => {
  const context = (changes: object, cluster?: string) =>
    fakeContext([fakePolicy('RateLimit', { name: 'asked', spec: spec(changes) })], { resolveCluster: () => cluster });
  const common = {
    cluster: 'c',
    authority: 'limiter.edge.svc.cluster.local:8081',
    domain: 'edge',
    timeoutMs: 50,
    onFailure: 'allow',
  };

  it('asks by claims after the others', () => {
    expect(rateLimitSpec.compileWorkload?.(context({}, 'c'))).toEqual({
      rules: [],
      services: [{ ...common, rules: [{ name: 'by-path', match: {}, entries: [{ key: 'path', from: 'path' }] }] }],
    });
    expect(identityRateLimitSpec.compileWorkload?.(context({}, 'c'))).toMatchObject({
      services: [{ ...common, rules: [{ name: 'by-claim', match: { methods: ['GET'] } }] }],
    });
  });

  it('takes time and failure mode as they are set', () => {
    const service = { host: 'l', port: 1, domain: 'd', timeout: '0.5s' };
    expect(rateLimitSpec.compileWorkload?.(context({ service, onStoreFailure: 'deny' }, 'c'))).toMatchObject({
      services: [{ timeoutMs: 500, onFailure: 'deny', authority: 'l:1' }],
    });
  });

  it('reports a service whose port is spoken to in HTTP/1.1, which gRPC cannot be', () => {
    const policy = fakePolicy('RateLimit', { name: 'asked', spec: spec() });
    const asked: unknown[] = [];
    const speaksHttp2 = (...question: unknown[]): boolean => {
      asked.push(question);
      return false;
    };
    const old = fakeContext([policy], { resolveCluster: () => 'c', speaksHttp2 });
    rateLimitSpec.compileWorkload?.(old);
    expect(old.findings).toMatchObject([
      { code: 'service-needs-http2', field: ['spec', 'service', 'port'], object: { name: 'asked' } },
    ]);
    expect(asked).toEqual([['limiter.edge.svc.cluster.local', 8081, 'istio-system']]);
    const sound = context({}, 'c');
    rateLimitSpec.compileWorkload?.(sound);
    expect(sound.findings).toEqual([]);
  });

  it('reports a service that is not known here', () => {
    const unknown = context({});
    expect(rateLimitSpec.compileWorkload?.(unknown)).toMatchObject({ services: [{ cluster: undefined }] });
    expect(unknown.findings).toMatchObject([
      { code: 'unknown-rate-limit-service', field: ['spec', 'service', 'host'], object: { name: 'asked' } },
    ]);
  });

  it('leaves rules that are counted here as they are', () => {
    const counted = { scope: 'local', rules: [{ name: 'a', per: 'route', limits: [{ requests: 1, window: '1s' }] }] };
    const policies = [fakePolicy('RateLimit', { spec: counted })];
    expect(rateLimitSpec.compileWorkload?.(fakeContext(policies))).not.toHaveProperty('services');
    expect(identityRateLimitSpec.compileWorkload?.(fakeContext(policies))).toBeUndefined();
  });
});

describe('an entry of a descriptor', () => {
  const identity: NonNullable<FakeRequest['identity']> = {
    issuer: 'i',
    subject: 'ada',
    audiences: [],
    presenter: undefined,
    claims: { sub: 'ada', org: { id: 7 }, list: ['x'] },
    spaceDelimitedClaims: [],
  };
  const v6 = { clientAddress: '2001:db8:1:2:3::4' };
  const lines = (...values: string[]): [string, string][] => values.map((value) => ['x-key', value]);

  it.each<[RateLimitSource, FakeRequest, readonly [string, string]]>([
    ['client-address', { clientAddress: '198.51.100.7' }, ['k', '198.51.100.7']],
    ['client-address', v6, ['k', '2001:db8:1:2::/64']],
    ['route', {}, ['k', 'shop/web/0']],
    ['route', { route: null }, ['k', 'none']],
    ['namespace', {}, ['k', 'shop']],
    ['namespace', { route: null }, ['k', 'none']],
    ['host', { authority: 'Shop.Example.com:8080' }, ['k', 'shop.example.com']],
    ['method', { method: 'PUT' }, ['k', 'PUT']],
    ['path', { path: '/\xc3\xa9', query: '?a' }, ['k', '/é']],
    [{ header: 'X-Key' }, { headers: [['x-key', 'abc']] }, ['k', 'abc']],
    [{ header: 'X-Key' }, v6, ['remote_address', '2001:db8:1:2::/64']],
    [{ header: 'X-Key' }, { headers: lines('abc', 'abc') }, ['k', 'abc']],
    [{ header: 'X-Key' }, { headers: lines('', ''), ...v6 }, ['remote_address', '2001:db8:1:2::/64']],
    [{ header: 'X-Key' }, { headers: lines('forged', 'abc'), ...v6 }, ['remote_address', '2001:db8:1:2::/64']],
    [{ header: 'X-Key' }, { headers: lines('', 'abc'), ...v6 }, ['remote_address', '2001:db8:1:2::/64']],
    [{ claim: 'sub' }, { identity }, ['k', 'ada']],
    [{ claim: 'org.id' }, { identity }, ['k', '7']],
    [{ claim: 'list' }, { identity, ...v6 }, ['remote_address', '2001:db8:1:2::/64']],
    [{ claim: 'sub' }, v6, ['remote_address', '2001:db8:1:2::/64']],
  ])('from %j of %j', (from, request, expected) => {
    const rule = { name: 'r', match: {}, entries: [{ key: 'k', from }] };
    expect(descriptorOf(rule, fakeExchange(request))).toEqual([expected]);
  });
});

describe('what the service says of limits', () => {
  const rules = ['a', 'b'].map((name) => ({ name, match: {}, entries: [] }));
  const status = (changes: Partial<DescriptorStatus>): DescriptorStatus => ({
    code: 1,
    requests: 0,
    unitMs: 0,
    remaining: 0,
    resetMs: undefined,
    ...changes,
  });

  it('is told of those that there are', () => {
    const statuses = [status({}), status({ requests: 5, unitMs: 1_000, remaining: 4 }), status({ unitMs: 1_000 })];
    expect(judgedOf(rules, statuses)).toMatchObject([
      { rule: { name: 'b' }, window: { requests: 5, windowMs: 1_000 }, verdict: { remaining: 4, resetMs: 1_000 } },
      { rule: { name: '' } },
    ]);
  });

  it.each([
    [[], { name: 'a', judged: undefined, retryAfterMs: 1_000 }],
    [[status({ code: 2 })], { name: 'a', judged: undefined, retryAfterMs: 1_000 }],
    [[status({ code: 1, resetMs: 9_000 })], { name: 'a', retryAfterMs: 1_000 }],
    [[status({}), status({ code: 2, resetMs: 7_000 })], { name: 'b', judged: undefined, retryAfterMs: 7_000 }],
    [[status({ code: 2, resetMs: 0, unitMs: 60_000 })], { name: 'a', judged: undefined, retryAfterMs: 1_000 }],
    [[status({ code: 2, unitMs: 60_000 }), status({ code: 2, resetMs: 7_000 })], { name: 'a', retryAfterMs: 60_000 }],
    [[status({}), status({}), status({ code: 2, resetMs: 7_000 })], { name: 'a', retryAfterMs: 1_000 }],
  ])('%j', (statuses, expected) => {
    expect(exceededOf(rules, statuses)).toMatchObject(expected);
  });
});

describe('asking a service', () => {
  it('has bounds on how many wait at once', () => {
    const health = new ServiceHealth(handClock());
    let asked = 0;
    while (health.begin()) asked++;
    expect(asked).toBe(1_000);
    health.ended('abandoned');
    expect([health.begin(), health.begin()]).toEqual([true, false]);
  });

  const asking = () => {
    const clock = handClock();
    const health = new ServiceHealth(clock);
    const ask = (outcome: 'answered' | 'late' | undefined): boolean => {
      const begun = health.begin();
      if (begun) health.ended(outcome);
      return begun;
    };
    return { clock, ask };
  };

  it('ends when all answers are late for half a second, but for one request a second', () => {
    const { clock, ask } = asking();
    for (const outcome of ['late', 'late', 'late', 'late', undefined] as const) expect(ask(outcome)).toBe(true);
    clock.pass(500);
    expect([ask('late'), ask('answered')]).toEqual([true, false]);
    clock.pass(999);
    expect(ask('answered')).toBe(false);
    clock.pass(1);
    expect([ask('late'), ask('late')]).toEqual([true, false]);
    clock.pass(1_000);
    expect([ask('answered'), ask('answered'), ask('answered')]).toEqual([true, true, true]);
  });

  it('goes on over a moment’s stall, and over single late answers', () => {
    const { clock, ask } = asking();
    for (let i = 0; i < 16; i++) ask('late');
    clock.pass(499);
    expect(ask('answered')).toBe(true);
    for (const outcome of ['late', 'late', 'answered', 'late', 'late'] as const) {
      clock.pass(1_000);
      expect(ask(outcome)).toBe(true);
    }
  });
});
