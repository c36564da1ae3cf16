import { describe, expect, it } from 'vitest';
import { type AuthorizationSettings, authorizationSpec } from '../../../../plugins/authorization/config.ts';
import { createAuthorizationFilter } from '../../../../plugins/authorization/hook.ts';
import { authorization } from '../../../../plugins/authorization/index.ts';
import type { LocalReply } from '../../../../src/contract/index.ts';
import { type FakeRequest, fakeExchange, fakeRoute } from '../../../support/fake-exchange.ts';
import { fakeContext, fakePolicy, type WrittenPolicy } from '../../../support/policy-context.ts';

const policy = (written: WrittenPolicy) => fakePolicy('AuthorizationPolicy', written);

function compile(...policies: readonly WrittenPolicy[]): AuthorizationSettings | undefined {
  return authorizationSpec.compileWorkload?.(fakeContext(policies.map(policy)));
}

function judge(settings: AuthorizationSettings | undefined, request: FakeRequest = {}): LocalReply | undefined {
  if (settings === undefined) return undefined;
  const filter = createAuthorizationFilter();
  const travelled = JSON.parse(JSON.stringify(settings)) as AuthorizationSettings;
  filter.published?.([travelled]);
  return filter.request?.(fakeExchange(request), travelled) as LocalReply | undefined;
}

const deny = (path: string) => ({ action: 'DENY', rules: [{ to: [{ operation: { paths: [path] } }] }] });
const allow = (path: string) => ({ rules: [{ to: [{ operation: { paths: [path] } }] }] });
const guards = (name: string) => ({
  targetRefs: [{ group: 'networking.istio.io', kind: 'VirtualService', name }],
});

describe('the gateway’s policies', () => {
  it('deny before they allow, and refuse what nothing allows', () => {
    const settings = compile({ name: 'a', spec: allow('/a*') }, { name: 'd', spec: deny('/a/secret') });
    expect(judge(settings, { path: '/a/x' })).toBeUndefined();
    expect(judge(settings, { path: '/a/secret' })).toMatchObject({
      status: 403,
      cause: 'rbac-denied',
      details: 'rbac_access_denied_matched_policy[ns[istio-system]-policy[d]-rule[0]]',
    });
    expect(judge(settings, { path: '/b' })).toMatchObject({
      status: 403,
      details: 'rbac_access_denied_matched_policy[none]',
    });
  });

  it('allow nothing without rules, and everything with an empty one', () => {
    expect(judge(compile({ spec: {} }))?.status).toBe(403);
    expect(judge(compile({ name: 'none', spec: {} }, { name: 'all', spec: { rules: [{}] } }))).toBeUndefined();
    expect(judge(compile({ spec: { action: 'DENY', rules: [{}] } }))?.status).toBe(403);
  });

  it('name the first of several rules by name, as Envoy does', () => {
    const settings = compile({ name: 'z', spec: deny('/x') }, { name: 'a', spec: deny('/x') });
    expect(judge(settings, { path: '/x' })?.details).toContain('policy[a]');
  });

  it.each([
    ['CUSTOM, which is another filter’s', { spec: { action: 'CUSTOM', provider: { name: 'p' }, rules: [{}] } }],
    ['another workload’s', { spec: { ...deny('/'), selector: { matchLabels: { app: 'shop' } } } }],
    ['a team’s', { namespace: 'shop', spec: deny('/') }],
    ['a target that is not served here', { spec: { ...deny('/'), targetRefs: [{ kind: 'Gateway', name: 'g' }] } }],
  ])('change nothing: %s', (_, written) => expect(compile(written)).toBeUndefined());

  it.each([
    ['an empty selector', { spec: { ...deny('/'), selector: {} } }],
    ['fitting labels', { spec: { ...deny('/'), selector: { matchLabels: { app: 'istio-ingressgateway' } } } }],
    ['a dry run that is none', { annotations: { 'istio.io/dry-run': 'false' }, spec: deny('/') }],
  ])('act: %s', (_, written) => expect(judge(compile(written))?.status).toBe(403));

  it('act from the root namespace and from the gateway’s own', () => {
    const context = (namespace: string) =>
      fakeContext([policy({ namespace, spec: deny('/') })], { rootNamespace: 'mesh' });
    for (const [namespace, acts] of [
      ['mesh', true],
      ['istio-system', true],
      ['infra', false],
    ] as const)
      expect(authorizationSpec.compileWorkload?.(context(namespace)) !== undefined).toBe(acts);
  });

  it('know the trust domains of the mesh', () => {
    const source = { principals: ['cluster.local/ns/shop/sa/web'] };
    const denies = policy({ spec: { action: 'DENY', rules: [{ from: [{ source }] }] } });
    const client = {
      pem: '',
      hash: '',
      subject: '',
      uris: ['spiffe://corp/ns/shop/sa/web'],
      dnsNames: [],
      serverUri: undefined,
    };
    const judged = (mesh: object) =>
      judge(authorizationSpec.compileWorkload?.(fakeContext([denies], { mesh: { ...mesh } })), {
        tls: { serverName: 'api.example.com', client },
      });
    expect(judged({ trustDomains: ['corp', 'old-td'] })?.status).toBe(403);
    expect(judged({})).toBeUndefined();
  });

  it('say when a rule can never be met', () => {
    const context = fakeContext([policy({ spec: { rules: [{ when: [{ key: 'no.such', values: ['x'] }] }] } })]);
    const settings = authorizationSpec.compileWorkload?.(context);
    expect(context.findings).toMatchObject([{ code: 'ineffective-rule', field: ['spec', 'rules', 0] }]);
    expect(judge(settings)?.status).toBe(403);
  });
});

describe('a team’s policy for its own VirtualService', () => {
  const ours = { route: fakeRoute({ namespace: 'shop', name: 'web' }) };
  const others = { route: fakeRoute({ namespace: 'shop', name: 'other' }) };
  const sameNameElsewhere = { route: fakeRoute({ namespace: 'orders', name: 'web' }) };

  it('guards its routes and no others', () => {
    const settings = compile({ namespace: 'shop', spec: { ...deny('/x'), ...guards('web') } });
    expect(judge(settings, { path: '/x', ...ours })?.status).toBe(403);
    expect(judge(settings, { path: '/y', ...ours })).toBeUndefined();
    expect(judge(settings, { path: '/x', ...others })).toBeUndefined();
    expect(judge(settings, { path: '/x', ...sameNameElsewhere })).toBeUndefined();
    expect(judge(settings, { path: '/x', route: null })).toBeUndefined();
  });

  it('adds to the network team’s, and opens nothing that is closed', () => {
    const settings = compile(
      { name: 'closed', spec: deny('/closed') },
      { name: 'open', spec: allow('/o*') },
      { name: 'team', namespace: 'shop', spec: { rules: [{}], ...guards('web') } },
    );
    expect(judge(settings, { path: '/closed', ...ours })?.status).toBe(403);
    expect(judge(settings, { path: '/unknown', ...ours })?.status).toBe(403);
    expect(judge(settings, { path: '/o', ...ours })).toBeUndefined();
  });

  it('narrows by ALLOW to what it lists', () => {
    const settings = compile({ namespace: 'shop', spec: { ...allow('/a'), ...guards('web') } });
    expect(judge(settings, { path: '/a', ...ours })).toBeUndefined();
    expect(judge(settings, { path: '/b', ...ours })?.details).toBe('rbac_access_denied_matched_policy[none]');
    expect(judge(settings, { path: '/b', ...others })).toBeUndefined();
  });

  it('guards the rules of a delegate wherever they are led to', () => {
    const settings = compile({ namespace: 'shop', spec: { ...deny('/x'), ...guards('web') } });
    const delegated = fakeRoute({ namespace: 'platform', name: 'root', delegate: 'shop/web' });
    expect(judge(settings, { path: '/x', route: delegated })?.status).toBe(403);
  });

  it('follows the route that is chosen when the filter is asked, not an earlier one', () => {
    const settings = compile({ namespace: 'shop', spec: { ...deny('/x'), ...guards('web') } });
    const filter = createAuthorizationFilter();
    const exchange = fakeExchange({ path: '/x', ...others });
    exchange.route = ours.route;
    expect(filter.request?.(exchange, settings as AuthorizationSettings)).toMatchObject({ status: 403 });
  });
});

it('is a Fastify plugin that contributes one filter', async () => {
  const contributed: unknown[] = [];
  await authorization.plugin({ banyan: { contribute: (filter: unknown) => contributed.push(filter) } } as never, {});
  expect(contributed).toMatchObject([{ name: 'authorization' }]);
});
