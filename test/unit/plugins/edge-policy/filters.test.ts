import { describe, expect, it } from 'vitest';
import { createClientAddressFilter } from '../../../../plugins/edge-policy/client-addresses.ts';
import { clientAddressesSpec, requestLimitsSpec, securityHeadersSpec } from '../../../../plugins/edge-policy/config.ts';
import { createRequestLimitFilter } from '../../../../plugins/edge-policy/request-limits.ts';
import { createSecurityHeaderFilter } from '../../../../plugins/edge-policy/security-headers.ts';
import { HeaderList, type PolicyObject } from '../../../../src/contract/index.ts';
import { type FakeRequest, fakeExchange } from '../../../support/fake-exchange.ts';
import { fakeConnectionFacts } from '../../../support/fake-record.ts';
import { fakeContext } from '../../../support/policy-context.ts';
import { clockAt, exemption, network, routeInput, team } from './support.ts';

type Pair = readonly [string, string];

describe('client addresses', () => {
  const verdict = (policies: readonly PolicyObject[], clientAddress: string, nowMs?: number): number | undefined => {
    const context = fakeContext(policies);
    const settings =
      clientAddressesSpec.compileRoute?.(routeInput(), context) ?? clientAddressesSpec.compileWorkload?.(context);
    if (settings === undefined) return undefined;
    const reply = createClientAddressFilter(clockAt(nowMs)).request?.(fakeExchange({ clientAddress }), settings);
    return (reply as { status: number } | undefined)?.status;
  };
  const lists = (allow?: string[], deny?: string[]): object => ({
    clientAddresses: { ...(allow && { allow }), ...(deny && { deny }) },
  });

  it.each<[string, readonly PolicyObject[], string, number | undefined]>([
    ['in an allowed network', [network(lists(['10.0.0.0/8']))], '10.1.2.3', undefined],
    ['an allowed address', [network(lists(['10.0.0.1']))], '10.0.0.1', undefined],
    ['outside', [network(lists(['10.0.0.0/8']))], '11.0.0.1', 403],
    ['denied within what is allowed', [network(lists(['10.0.0.0/8'], ['10.0.0.9']))], '10.0.0.9', 403],
    ['not denied', [network(lists(undefined, ['10.0.0.9']))], '10.0.0.8', undefined],
    ['IPv6', [network(lists(['2001:db8::/32']))], '2001:db8::1', undefined],
    ['IPv6 outside', [network(lists(['2001:db8::/32']))], '2001:db9::1', 403],
    ['IPv6 where IPv4 is allowed', [network(lists(['0.0.0.0/0']))], '::1', 403],
    ['with a zone', [network(lists(['fe80::/10']))], 'fe80::1%eth0', undefined],
    ['no address', [network(lists(['0.0.0.0/0', '::/0']))], 'unknown', 403],
    ['nobody allowed', [network(lists([]))], '10.0.0.1', 403],
    ['where both layers allow', [network(lists(['10.0.0.0/8'])), team(lists(['10.1.0.0/16']))], '10.1.0.1', undefined],
    [
      'where a team allows what the network team does not',
      [network(lists(['10.0.0.0/8'])), team(lists(['0.0.0.0/0']))],
      '11.0.0.1',
      403,
    ],
    ['where a team does not allow it', [network(lists(['10.0.0.0/8'])), team(lists(['10.1.0.0/16']))], '10.2.0.1', 403],
    [
      'where a team replaces a default',
      [network({ clientAddresses: { level: 'default', allow: ['10.0.0.0/8'] } }), team(lists(['11.0.0.0/8']))],
      '11.0.0.1',
      undefined,
    ],
  ])('%s', (_name, policies, address, status) => {
    expect(verdict(policies, address)).toBe(status);
  });

  it('are let in by an exemption until it expires', () => {
    const policies = [network(lists(['10.0.0.0/8'])), exemption({ sections: ['clientAddresses'] })];
    expect(verdict(policies, '11.0.0.1')).toBeUndefined();
    expect(verdict(policies, '11.0.0.1', Date.UTC(2027, 0, 1))).toBe(403);
  });

  it.each<[string, readonly PolicyObject[], string, boolean]>([
    ['in an allowed network', [network(lists(['10.0.0.0/8']))], '10.1.2.3', true],
    ['outside', [network(lists(['10.0.0.0/8']))], '11.0.0.1', false],
    ['denied', [network(lists(undefined, ['10.0.0.9']))], '10.0.0.9', false],
    [
      'outside of a default',
      [network({ clientAddresses: { level: 'default', allow: ['10.0.0.0/8'] } })],
      '11.0.0.1',
      false,
    ],
    [
      'outside of one list and in another',
      [network(lists(['10.0.0.0/8']), 'a'), network(lists(['11.0.0.0/8']), 'b')],
      '11.0.0.1',
      false,
    ],
    ['outside of a team’s', [network(lists(['0.0.0.0/0'])), team(lists(['10.0.0.0/8']))], '11.0.0.1', true],
    [
      'exempted for requests',
      [network(lists(['10.0.0.0/8'])), exemption({ sections: ['clientAddresses'] })],
      '11.0.0.1',
      false,
    ],
  ])('of raw connections: %s', (_name, policies, clientAddress, admitted) => {
    const settings = clientAddressesSpec.compileWorkload?.(fakeContext(policies));
    if (settings === undefined) throw new Error('no lists');
    const connection = fakeConnectionFacts({ clientAddress });
    expect(createClientAddressFilter(clockAt()).connection?.(connection, settings)).toBe(admitted);
    expect(connection.record).toMatchObject(
      admitted
        ? { cause: undefined, terminationDetails: undefined }
        : { cause: 'address-denied', terminationDetails: 'client_address_denied' },
    );
  });
});

describe('limits of requests', () => {
  const ask = (limits: object, request: FakeRequest) => {
    const settings = requestLimitsSpec.compileWorkload?.(fakeContext([network({ limits })]));
    if (settings === undefined) throw new Error('no limits');
    const exchange = fakeExchange(request);
    return { reply: createRequestLimitFilter(clockAt()).request?.(exchange, settings), limit: exchange.bodyLimit };
  };
  const length = (bytes: string): FakeRequest => ({ headers: [['content-length', bytes]] });

  it('refuse at once what says that it is too large', () => {
    expect(ask({ bodyBytes: 10 }, length('11')).reply).toMatchObject({
      status: 413,
      cause: 'payload-too-large',
      side: 'client',
    });
    expect(ask({ bodyBytes: 10 }, length('10')).reply).toBeUndefined();
  });

  it('watch what does not say', () => {
    expect(ask({ bodyBytes: 10 }, {})).toEqual({ reply: undefined, limit: 10 });
    expect(ask({ headerBytes: 300 }, {}).limit).toBe(Number.POSITIVE_INFINITY);
  });

  it.each(['/%00', '/a%0d%0aX', '/a%0A', '/%', '/a/%4', '/%zz', '/%u002e', '/x/..;/a', '/.;a=b/a', '/..%3B'])(
    'refuse the escape in %s if they shall',
    (path) => {
      expect(ask({ unsafeEscapes: 'REFUSE' }, { path }).reply).toMatchObject({ status: 400, cause: 'invalid-path' });
      expect(ask({ unsafeEscapes: 'ALLOW' }, { path }).reply).toBeUndefined();
      expect(ask({ bodyBytes: 1 }, { path }).reply).toBeUndefined();
    },
  );

  it.each(['/', '/%20', '/%2561', '/%c0%ae', '/%09', '/a%25zz', '/a..;/b', '/...;', '/;x/a', '/a;b=.'])(
    'let the escape in %s pass',
    (path) => {
      expect(ask({ unsafeEscapes: 'REFUSE' }, { path }).reply).toBeUndefined();
    },
  );

  it.each(['/admin;a=b', '/;x/admin', '/x/..;/admin', '/admin%3b', '/a%3Bb'])(
    'refuse the parameters in %s if they shall',
    (path) => {
      expect(ask({ pathParameters: 'REFUSE' }, { path }).reply).toMatchObject({ status: 400, cause: 'invalid-path' });
      expect(ask({ pathParameters: 'ALLOW' }, { path }).reply).toBeUndefined();
      expect(ask({ bodyBytes: 1 }, { path }).reply).toBeUndefined();
    },
  );

  it.each([{ path: '/a,b=c' }, { path: '/%253b' }, { path: '/a', query: '?b;c' }])(
    'find no parameters in %j',
    (request) => {
      expect(ask({ pathParameters: 'REFUSE' }, request).reply).toBeUndefined();
    },
  );

  it('count names and values of headers', () => {
    const pairs: Pair[] = [['a'.repeat(100), 'b'.repeat(200)]];
    expect(ask({ headerBytes: 300 }, { headers: pairs }).reply).toBeUndefined();
    expect(ask({ headerBytes: 299 }, { headers: pairs }).reply).toMatchObject({
      status: 431,
      cause: 'headers-too-large',
    });
  });
});

describe('security headers', () => {
  const answer = (policies: readonly PolicyObject[], given: readonly Pair[] = [], request: FakeRequest = {}) => {
    const context = fakeContext(policies);
    const settings =
      securityHeadersSpec.compileRoute?.(routeInput(), context) ?? securityHeadersSpec.compileWorkload?.(context);
    const head = { status: 200, headers: HeaderList.from(given), origin: 'upstream' as const };
    if (settings !== undefined) createSecurityHeaderFilter(clockAt()).response?.(fakeExchange(request), head, settings);
    return [...head.headers];
  };
  const headers = (set: Record<string, string>, level?: string, remove?: string[]): object => ({
    securityHeaders: { set, ...(level && { level }), ...(remove && { remove }) },
  });

  it.each<[string, readonly PolicyObject[], readonly Pair[], readonly Pair[]]>([
    [
      'mandatory ones replace the service’s, each line of them',
      [network(headers({ 'X-A': '1' }))],
      [
        ['x-a', '2'],
        ['x-a', '3'],
      ],
      [['x-a', '1']],
    ],
    ['default ones are added where there is none', [network(headers({ 'X-A': '1' }, 'default'))], [], [['x-a', '1']]],
    ['default ones leave the service’s', [network(headers({ 'X-A': '1' }, 'default'))], [['x-a', '2']], [['x-a', '2']]],
    [
      'removed ones are gone',
      [network(headers({}, undefined, ['X-Powered-By']))],
      [
        ['x-powered-by', 'x'],
        ['b', '1'],
      ],
      [['b', '1']],
    ],
    [
      'a team adds to them',
      [network(headers({ 'X-A': '1' })), team(headers({ 'X-B': '2' }))],
      [],
      [
        ['x-a', '1'],
        ['x-b', '2'],
      ],
    ],
    [
      'a team replaces defaults',
      [network(headers({ 'X-A': '1' }, 'default')), team(headers({ 'X-A': '2' }))],
      [],
      [['x-a', '2']],
    ],
    [
      'a team does not replace mandatory ones',
      [network(headers({ 'X-A': '1' })), team(headers({ 'X-A': '2' }))],
      [],
      [['x-a', '1']],
    ],
    [
      'names of prototypes are names',
      [network(headers({ __proto: '0', constructor: '1' }))],
      [],
      [
        ['__proto', '0'],
        ['constructor', '1'],
      ],
    ],
    ['nothing without a policy', [], [['x-a', '2']], [['x-a', '2']]],
  ])('%s', (_name, policies, given, wanted) => {
    expect(answer(policies, given)).toEqual(wanted);
  });

  it('speak of strict transport over TLS alone', () => {
    const policies = [network(headers({ 'Strict-Transport-Security': 'max-age=1' }))];
    expect(answer(policies)).toEqual([]);
    expect(answer(policies, [], { scheme: 'https' })).toEqual([['strict-transport-security', 'max-age=1']]);
  });
});
