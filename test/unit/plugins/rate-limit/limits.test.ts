import { describe, expect, it } from 'vitest';
import { identityRateLimitSpec, rateLimitSpec } from '../../../../plugins/rate-limit/config.ts';
import { judge } from '../../../../plugins/rate-limit/gcra.ts';
import { Limiter } from '../../../../plugins/rate-limit/limiter.ts';
import type { FakeRequest } from '../../../support/fake-exchange.ts';
import { fakeExchange, fakeRoute } from '../../../support/fake-exchange.ts';
import { fakeContext, fakePolicy } from '../../../support/policy-context.ts';
import { asking, handClock, perClient, settingsOf } from './support.ts';

const claims = (payload: Record<string, unknown>): FakeRequest => ({
  identity: {
    issuer: 'i',
    subject: 's',
    audiences: [],
    presenter: undefined,
    claims: payload,
    spaceDelimitedClaims: [],
  },
});

describe('the algorithm', () => {
  it('lets a burst through at once, then the even rate', async () => {
    const clock = handClock();
    const { passes } = asking(
      settingsOf({ rules: [{ name: 'a', per: 'gateway', limits: [{ requests: 10, window: '1s', burst: 3 }] }] }),
      { clock },
    );
    expect(await passes(10)).toBe(3);
    clock.pass(99);
    expect(await passes(10)).toBe(0);
    clock.pass(1);
    expect(await passes(10)).toBe(1);
    clock.pass(250);
    expect(await passes(10)).toBe(2);
    clock.pass(3_600_000);
    expect(await passes(10)).toBe(3);
  });

  it('never passes more than limit and burst, however the requests are spaced', async () => {
    for (const step of [1, 7, 33, 100, 101, 999]) {
      const clock = handClock();
      const { passes } = asking(settingsOf(perClient(10)), { clock });
      let passed = 0;
      let spentMs = 0;
      while (spentMs < 20_000) {
        passed += await passes(1);
        clock.pass(step);
        spentMs += step;
      }
      expect(passed).toBeLessThanOrEqual(10 + (spentMs / 1000) * 10);
    }
  });

  it('has all windows agree, and charges none when one refuses', async () => {
    const clock = handClock();
    const spec = {
      rules: [
        {
          name: 'a',
          per: 'gateway',
          limits: [
            { requests: 2, window: '1s' },
            { requests: 3, window: '1m' },
          ],
        },
      ],
    };
    const { passes } = asking(settingsOf(spec), { clock });
    expect(await passes(50)).toBe(2);
    clock.pass(1000);
    expect(await passes(50)).toBe(1);
    clock.pass(20_000);
    expect(await passes(50)).toBe(1);
  });

  it('lets nothing pass where nothing may, and says so in numbers', async () => {
    const { ask } = asking(settingsOf(perClient(0, '1m')), { clock: handClock() });
    expect((await ask()).headers).toEqual({
      'retry-after': '60',
      'ratelimit-policy': '"fair";q=0;w=60',
      ratelimit: '"fair";r=0;t=60',
    });
  });

  it.each([
    ['a clock set back', '1s', 3_600_000],
    ['a wider window of old', '1h', 0],
  ])('lets a caller pass a period after %s (edge-security L-07)', async (_what, before, setBackMs) => {
    const clock = handClock();
    const limiter = new Limiter({ clock });
    const passes = async (window: string): Promise<boolean> => {
      const settings = settingsOf(perClient(10, window));
      return (await limiter.filter('rate-limit').request?.(fakeExchange(), settings)) === undefined;
    };
    clock.pass(3_600_000);
    while (await passes(before)) {}
    clock.pass(-setBackMs);
    expect(await passes('1s')).toBe(false);
    clock.pass(1_000);
    expect(await passes('1s')).toBe(true);
  });

  it('does not lock out for longer than a period what a clock set back or a wider window left behind (edge-security L-07)', () => {
    const window = { requests: 10, windowMs: 1000, burst: 10 };
    expect(judge(window, 3_600_000, 0)).toMatchObject({ allowed: false, retryAfterMs: 100 });
  });
});

describe('whose requests are counted together', () => {
  const passed = async (spec: object, requests: readonly FakeRequest[], from = rateLimitSpec): Promise<number> => {
    const { ask } = asking(settingsOf(spec, from), { clock: handClock() });
    let count = 0;
    for (const request of requests) if ((await ask(request)).reply === undefined) count++;
    return count;
  };
  const one = (per: unknown, match: object = {}): object => ({
    rules: [{ name: 'a', per, match, limits: [{ requests: 1, window: '1h' }] }],
  });
  const addresses = (...all: string[]): FakeRequest[] => all.map((clientAddress) => ({ clientAddress }));

  it.each<[string, unknown, readonly FakeRequest[], number]>([
    ['addresses of IPv4 apart', 'client-address', addresses('198.51.100.1', '198.51.100.2', '198.51.100.1'), 2],
    [
      'a /64 as one (edge-security L-02)',
      'client-address',
      addresses('2001:db8:1:2::1', '2001:db8:1:2:ffff::9', '2001:DB8:1:2:3:4:5:6', '2001:db8:1:3::1'),
      2,
    ],
    [
      'a /64 however its zeros are written',
      'client-address',
      addresses('2001:db8::1', '2001:0db8:0:0:1::', '2001:db8:0:0:0:0:0:9', '2001:db8::'),
      1,
    ],
    [
      'an IPv4 address as the same, however a proxy writes it, and others apart',
      'client-address',
      addresses('198.51.100.1', '::ffff:198.51.100.1', '0:0:0:0:0:FFFF:198.51.100.1', '::ffff:198.51.100.2'),
      2,
    ],
    [
      'another forwarded line as the same client (L-01)',
      'client-address',
      [{ headers: [['x-forwarded-for', '1.1.1.1']] }, { headers: [['x-forwarded-for', '2.2.2.2']] }],
      1,
    ],
    [
      'by header',
      { header: 'X-Api-Key' },
      [{ headers: [['x-api-key', 'a']] }, { headers: [['x-api-key', 'b']] }, { headers: [['x-api-key', 'a']] }],
      2,
    ],
    [
      'by each line of the header, whatever stands before it',
      { header: 'X-Api-Key' },
      ['a', 'b', 'c', 'd'].map((other) => ({
        headers: [
          ['x-api-key', other],
          ['x-api-key', 'mine'],
        ],
      })),
      1,
    ],
    [
      'the same line twice as once',
      { header: 'X-Api-Key' },
      [
        {
          headers: [
            ['x-api-key', 'a'],
            ['x-api-key', 'a'],
          ],
        },
        { headers: [['x-api-key', 'a']] },
        { headers: [['x-api-key', 'b']] },
      ],
      2,
    ],
    [
      'without the header, by address',
      { header: 'x-api-key' },
      [...addresses('198.51.100.1', '198.51.100.1'), { clientAddress: '198.51.100.1', headers: [['x-api-key', '']] }],
      1,
    ],
    [
      'a header that is an address is no address',
      { header: 'x-api-key' },
      [{ clientAddress: '198.51.100.1' }, { clientAddress: '198.51.100.2', headers: [['x-api-key', '198.51.100.1']] }],
      2,
    ],
    ['by route', 'route', [{ path: '/a' }, { path: '/b', clientAddress: '198.51.100.1' }], 1],
    [
      'by namespace',
      'namespace',
      [
        { route: { ...fakeRoute(), id: 'shop/web/0' } },
        { route: { ...fakeRoute(), id: 'shop/web/1' } },
        { route: fakeRoute({ namespace: 'other' }) },
      ],
      2,
    ],
    ['all', 'gateway', [{ clientAddress: '198.51.100.1' }, { clientAddress: '198.51.100.2', route: null }], 1],
  ])('%s', async (_name, per, requests, count) => {
    expect(await passed(one(per), requests)).toBe(count);
  });

  it.each<[string, string, readonly FakeRequest[], number]>([
    ['by claim', 'sub', [claims({ sub: 'a' }), claims({ sub: 'b' }), claims({ sub: 'a' })], 2],
    [
      'by nested claim',
      'org.id',
      [claims({ org: { id: 1 } }), claims({ org: { id: '1' } }), claims({ org: { id: 2 } })],
      2,
    ],
    ['without the claim, by address', 'sub', [claims({}), claims({ sub: ['a'] }), {}], 1],
    ['by no inherited property', '__proto__', [claims({}), claims({})], 1],
  ])('%s', async (_name, claim, requests, count) => {
    expect(await passed(one({ claim }), requests, identityRateLimitSpec)).toBe(count);
  });

  it.each<[string, object, FakeRequest, boolean]>([
    ['host', { hosts: ['API.example.com'] }, { authority: 'api.EXAMPLE.com:8443' }, true],
    ['host by suffix', { hosts: ['*.example.com'] }, { authority: 'a.b.example.com' }, true],
    ['not the suffix alone', { hosts: ['*.example.com'] }, { authority: 'example.com' }, false],
    ['exact path', { paths: [{ exact: '/a' }] }, { path: '/a' }, true],
    ['path by prefix', { paths: [{ exact: '/b' }, { prefix: '/a' }] }, { path: '/a/b' }, true],
    ['another path', { paths: [{ exact: '/a' }] }, { path: '/a/' }, false],
    ['method', { methods: ['POST'] }, { method: 'POST' }, true],
    ['another method', { methods: ['POST'] }, { method: 'GET' }, false],
    ['owner', { namespaces: ['shop'] }, {}, true],
    ['another owner', { namespaces: ['other'] }, {}, false],
    ['no owner', { namespaces: ['shop'] }, { route: null }, false],
    ['route', { routes: ['shop/web/0'] }, {}, true],
    ['routes under an id', { routes: ['shop/web'] }, {}, true],
    ['no route that merely begins alike', { routes: ['shop/we'] }, {}, false],
    ['all that are given', { methods: ['GET'], paths: [{ prefix: '/b' }] }, { path: '/a' }, false],
  ])('match: %s', async (_name, match, request, counts) => {
    expect(await passed(one('gateway', match), [request, request])).toBe(counts ? 1 : 2);
  });
});

describe('what the caller is told', () => {
  it('has the tightest limit on every answer', async () => {
    const spec = {
      rules: [
        {
          name: 'q"\\\u00fc',
          per: 'gateway',
          limits: [
            { requests: 5, window: '1m' },
            { requests: 3, window: '1s' },
          ],
        },
      ],
    };
    const { ask } = asking(settingsOf(spec), { clock: handClock() });
    expect((await ask()).headers).toEqual({
      'ratelimit-policy': String.raw`"q\"\\?";q=3;w=1`,
      ratelimit: String.raw`"q\"\\?";r=2;t=1`,
    });
  });

  it('is 429 with a time to come back that holds', async () => {
    const clock = handClock();
    const { ask, passes } = asking(settingsOf(perClient(2, '10s')), { clock });
    await passes(2);
    const { reply, headers } = await ask();
    expect(reply).toMatchObject({ status: 429, cause: 'rate-limited', side: 'client', flag: 'RL' });
    expect(headers).toEqual({
      'retry-after': '5',
      'ratelimit-policy': '"fair";q=2;w=10',
      ratelimit: '"fair";r=0;t=10',
    });
    clock.pass(5000);
    expect((await ask()).reply).toBeUndefined();
  });

  it('is the refusal of a limit by identity too, not what the limit before it had left', async () => {
    const limiter = new Limiter({ clock: handClock() });
    const [before, behind] = [limiter.filter('rate-limit'), limiter.filter('rate-limit-identity')];
    const loose = settingsOf(perClient(100));
    const strict = settingsOf(
      { rules: [{ name: 'strict', per: { claim: 'sub' }, limits: [{ requests: 0, window: '1s' }] }] },
      identityRateLimitSpec,
    );
    const exchange = fakeExchange(claims({ sub: 'a' }));
    expect(before.request?.(exchange, loose)).toBeUndefined();
    expect(behind.request?.(exchange, strict)).toMatchObject({ status: 429 });
    const { HeaderList } = await import('../../../../src/contract/index.ts');
    const head = { status: 429, headers: HeaderList.empty(), origin: 'gateway' as const };
    behind.response?.(exchange, head, strict);
    before.response?.(exchange, head, loose);
    expect(head.headers.get('ratelimit')).toContain('"strict";r=0');
  });

  it('is nothing where no rule fits', async () => {
    const { ask } = asking(settingsOf(perClient(1, '1s', { match: { paths: [{ exact: '/x' }] } })), {
      clock: handClock(),
    });
    expect(await ask()).toEqual({ reply: undefined, headers: {} });
  });
});

describe('the pure half', () => {
  const compile = (policies: Parameters<typeof fakeContext>[0], spec = rateLimitSpec) => {
    const context = fakeContext(policies);
    return { settings: spec.compileWorkload?.(context), findings: context.findings };
  };

  it('acts in the network team’s namespaces alone, and says so elsewhere', () => {
    const { settings, findings } = compile([fakePolicy('RateLimit', { namespace: 'shop', spec: perClient(1) })]);
    expect(settings).toBeUndefined();
    expect(findings).toMatchObject([{ code: 'policy-without-effect' }]);
  });

  it('acts at the gateways that its selector fits, and says so at others', () => {
    const fits = { ...perClient(1), selector: { matchLabels: { istio: 'ingressgateway' } } };
    const other = { ...perClient(1), selector: { matchLabels: { istio: 'other' } } };
    const here = compile([fakePolicy('RateLimit', { spec: fits })]);
    expect([here.settings?.rules.length, here.findings]).toEqual([1, []]);
    const elsewhere = compile([fakePolicy('RateLimit', { spec: other })]);
    expect(elsewhere.settings).toBeUndefined();
    expect(elsewhere.findings).toMatchObject([{ code: 'policy-without-effect', field: ['spec', 'selector'] }]);
  });

  it('reports a window of no length', () => {
    const { settings, findings } = compile([fakePolicy('RateLimit', { spec: perClient(1, '0s') })]);
    expect(settings?.rules[0]?.windows).toEqual([]);
    expect(findings).toMatchObject([{ code: 'invalid-value', field: ['spec', 'rules', 0, 'limits', 0, 'window'] }]);
  });

  it('puts rules by claim behind authentication, and no others', () => {
    const policies = [
      fakePolicy('RateLimit', {
        spec: { rules: [{ name: 'c', per: { claim: 'sub' }, limits: [{ requests: 1, window: '1s' }] }] },
      }),
    ];
    expect(compile(policies).settings).toBeUndefined();
    expect(compile(policies, identityRateLimitSpec).settings?.rules).toMatchObject([{ name: 'c' }]);
  });
});
