import { describe, expect, it } from 'vitest';
import { type AuthorizationSettings, authorizationSpec } from '../../../../plugins/authorization/config.ts';
import { createAuthorizationFilter } from '../../../../plugins/authorization/hook.ts';
import type { Identity, ImaginedRequest, LocalReply } from '../../../../src/contract/index.ts';
import { type FakeRequest, fakeExchange, fakeRoute } from '../../../support/fake-exchange.ts';
import { fakeContext, fakePolicy, type WrittenPolicy } from '../../../support/policy-context.ts';
import { seeded } from '../../../support/seeded.ts';

const settingsOf = (...policies: readonly WrittenPolicy[]): AuthorizationSettings =>
  authorizationSpec.compileWorkload?.(
    fakeContext(policies.map((written) => fakePolicy('AuthorizationPolicy', written))),
  ) as AuthorizationSettings;

const foreseen = (settings: AuthorizationSettings, request: FakeRequest): readonly string[] =>
  authorizationSpec.foresee?.(fakeExchange(request) as unknown as ImaginedRequest, settings) ?? [];

const toPath = (path: string): object => ({ operation: { paths: [path] } });
const guards = { targetRefs: [{ group: 'networking.istio.io', kind: 'VirtualService', name: 'web' }] };
const GUEST = { from: [{ source: { notRequestPrincipals: ['*'] } }] };

describe('what would become of a request', () => {
  const rows: readonly (readonly [string, readonly WrittenPolicy[], FakeRequest, readonly string[]])[] = [
    [
      'nothing, where no rule is for it',
      [{ spec: { action: 'DENY', rules: [{ to: [toPath('/a')] }] } }],
      { path: '/b' },
      [],
    ],
    [
      'a DENY that looks at what is asked for alone',
      [{ name: 'd', spec: { action: 'DENY', rules: [{ to: [toPath('/x')] }, { to: [toPath('/a*')] }] } }],
      { path: '/a/b' },
      ['refused, 403: the DENY rule ns[istio-system]-policy[d]-rule[1] fits'],
    ],
    [
      'a DENY that looks at the caller too',
      [{ name: 'd', spec: { action: 'DENY', rules: [{ ...GUEST, to: [toPath('/a')] }] } }],
      { path: '/a' },
      ['refused, 403, if the DENY rule ns[istio-system]-policy[d]-rule[0] fits, which looks at request-principal'],
    ],
    [
      'a DENY for other callers of another path',
      [{ name: 'd', spec: { action: 'DENY', rules: [{ ...GUEST, to: [toPath('/a')] }] } }],
      { path: '/b' },
      [],
    ],
    ['an ALLOW that fits', [{ spec: { rules: [{ to: [toPath('/a')] }, GUEST] } }], { path: '/a' }, []],
    [
      'an ALLOW for others',
      [{ spec: { rules: [{ to: [toPath('/a')] }] } }],
      { path: '/b' },
      ['refused, 403: there are ALLOW rules, and none of them fits'],
    ],
    [
      'an ALLOW for some callers',
      [
        {
          name: 'w',
          spec: { rules: [{ to: [toPath('/b')] }, { from: [{ source: { remoteIpBlocks: ['10.0.0.0/8'] } }] }] },
        },
      ],
      { path: '/a' },
      ['refused, 403, unless an ALLOW rule fits: ns[istio-system]-policy[w]-rule[1], which looks at remote-ip'],
    ],
    [
      'headers that are known, and one that the gateway writes',
      [
        { name: 'a', spec: { action: 'DENY', rules: [{ when: [{ key: 'request.headers[x-a]', values: ['1'] }] }] } },
        {
          name: 'b',
          spec: {
            action: 'DENY',
            rules: [{ when: [{ key: 'request.headers[X-Forwarded-Proto]', values: ['http'] }] }],
          },
        },
      ],
      { headers: [['x-a', '2']] },
      ['refused, 403, if the DENY rule ns[istio-system]-policy[b]-rule[0] fits, which looks at x-forwarded-proto'],
    ],
    [
      'a team’s own rules, after the network team’s',
      [
        { name: 'team', namespace: 'shop', spec: { ...guards, action: 'DENY', rules: [{ to: [toPath('/a')] }] } },
        { name: 'd', spec: { action: 'DENY', rules: [GUEST] } },
      ],
      { path: '/a' },
      ['refused, 403: the DENY rule ns[shop]-policy[team]-rule[0] fits'],
    ],
    [
      'rules of a team whose route it is not',
      [{ namespace: 'shop', spec: { ...guards, action: 'DENY', rules: [{}] } }],
      { route: fakeRoute({ namespace: 'till', name: 'web' }) },
      [],
    ],
  ];
  it.each(rows)('is told: %s', (_what, policies, request, lines) => {
    expect(foreseen(settingsOf(...policies), request)).toEqual(lines);
  });
});

it('is what does become of it, whoever calls', () => {
  const random = seeded(5);
  const one = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T;
  const some = <T>(make: () => T): T[] => Array.from({ length: Math.floor(random() * 3) }, make);
  const source = (): object => ({
    source: one<object>([
      { requestPrincipals: ['login/ada'] },
      { notRequestPrincipals: ['*'] },
      { remoteIpBlocks: ['10.0.0.0/8'] },
      { notRemoteIpBlocks: ['10.0.0.0/8'] },
    ]),
  });
  const operation = (): object => ({
    operation: one<object>([
      { paths: ['/a'] },
      { notPaths: ['/a'] },
      { methods: ['GET'] },
      { paths: ['/b'], methods: ['PUT'] },
    ]),
  });
  const when = (): object =>
    one([
      { key: 'request.headers[x-a]', values: ['1'] },
      { key: 'source.ip', notValues: ['10.0.0.0/8'] },
    ]);
  const rule = (): object => ({ from: some(source), to: some(operation), when: some(when) });
  const callers: readonly FakeRequest[] = [undefined, 'ada', 'bob'].flatMap((subject) =>
    ['10.0.0.1', '192.0.2.1'].map((address) => ({
      clientAddress: address,
      peerAddress: address,
      ...(subject !== undefined && { identity: identityOf(subject) }),
    })),
  );
  const seen = { refused: 0, passed: 0, open: 0 };
  for (let i = 0; i < 2_000; i++) {
    const settings = settingsOf(
      ...Array.from({ length: 1 + Math.floor(random() * 3) }, (_, n) => ({
        name: `p${n}`,
        spec: { action: one(['ALLOW', 'DENY']), rules: [rule(), ...some(rule)] },
      })),
    );
    const request: FakeRequest = {
      path: one(['/a', '/b', '/c']),
      method: one(['GET', 'PUT']),
      headers: one([[], [['x-a', '1'] as const]]),
    };
    const lines = foreseen(settings, request);
    const filter = createAuthorizationFilter();
    filter.published?.([settings]);
    const statuses = callers.map(
      (caller) =>
        (filter.request?.(fakeExchange({ ...request, ...caller }), settings) as LocalReply | undefined)?.status,
    );
    const certain = lines.some((line) => line.startsWith('refused, 403: '));
    if (certain) expect(statuses).toEqual(callers.map(() => 403));
    else if (lines.length === 0) expect(statuses).toEqual(callers.map(() => undefined));
    seen[certain ? 'refused' : lines.length === 0 ? 'passed' : 'open']++;
  }
  for (const count of Object.values(seen)) expect(count).toBeGreaterThan(100);
});

function identityOf(subject: string): Identity {
  return { issuer: 'login', subject, audiences: [], presenter: undefined, claims: {}, spaceDelimitedClaims: [] };
}
