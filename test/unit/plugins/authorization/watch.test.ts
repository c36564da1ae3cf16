import { Registry } from 'prom-client';
import { describe, expect, it } from 'vitest';
import { type AuthorizationSettings, authorizationSpec } from '../../../../plugins/authorization/config.ts';
import { createAuthorizationFilter } from '../../../../plugins/authorization/hook.ts';
import { authorization, countedAuthorization } from '../../../../plugins/authorization/index.ts';
import type { Filter, LocalReply } from '../../../../src/contract/index.ts';
import { type FakeRequest, fakeExchange, fakeRoute } from '../../../support/fake-exchange.ts';
import { fakeConnectionFacts } from '../../../support/fake-record.ts';
import { frame, startGateway, virtualService } from '../../../support/gateway.ts';
import { fakeContext, fakePolicy, type WrittenPolicy } from '../../../support/policy-context.ts';

const compile = (...policies: readonly WrittenPolicy[]): AuthorizationSettings =>
  authorizationSpec.compileWorkload?.(
    fakeContext(policies.map((written) => fakePolicy('AuthorizationPolicy', written))),
  ) as AuthorizationSettings;

function ask(settings: AuthorizationSettings, request: FakeRequest = {}, filter = createAuthorizationFilter()) {
  const exchange = fakeExchange(request);
  const reply = filter.request?.(exchange, JSON.parse(JSON.stringify(settings))) as LocalReply | undefined;
  return { status: reply?.status, marks: exchange.record.policyMarks?.map(({ kind, rule }) => `${kind} ${rule}`) };
}

const to = (path: string) => ({ rules: [{ to: [{ operation: { paths: [path] } }] }] });
const tried = (name: string, spec: object): WrittenPolicy => ({
  name,
  annotations: { 'istio.io/dry-run': 'true' },
  spec,
});
const ruleOf = (name: string, index = 0, namespace = 'istio-system') =>
  `ns[${namespace}]-policy[${name}]-rule[${index}]`;

// istio-semantics §6.2: AUDIT only marks; a dry run changes no answer.
describe('a policy with the action AUDIT', () => {
  const settings = compile({ name: 'watch', spec: { action: 'AUDIT', ...to('/admin*') } });

  it('marks what its rules fit, and lets it pass', () => {
    expect(ask(settings, { path: '/admin/x' })).toEqual({ status: undefined, marks: [`audited ${ruleOf('watch')}`] });
    expect(ask(settings, { path: '/' })).toEqual({ status: undefined, marks: undefined });
  });

  it('marks what another policy refuses as well', () => {
    const both = compile(
      { name: 'watch', spec: { action: 'AUDIT', rules: [{}] } },
      { name: 'no', spec: { action: 'DENY', rules: [{}] } },
    );
    expect(ask(both)).toEqual({ status: 403, marks: [`audited ${ruleOf('watch')}`] });
  });

  it('marks every rule that fits, up to ten', () => {
    const rules = Array.from({ length: 12 }, () => ({}));
    expect(ask(compile({ name: 'many', spec: { action: 'AUDIT', rules } })).marks).toHaveLength(10);
  });
});

describe('a dry run', () => {
  it('of a policy that denies marks what it would refuse, and refuses nothing', () => {
    const settings = compile(tried('try', { action: 'DENY', ...to('/x') }));
    expect(ask(settings, { path: '/x' })).toEqual({ status: undefined, marks: [`dry-run-denied ${ruleOf('try')}`] });
    expect(ask(settings, { path: '/y' })).toEqual({ status: undefined, marks: undefined });
  });

  it('names the first rule by name, as the policy itself would', () => {
    const settings = compile(tried('z', { action: 'DENY', ...to('/x') }), tried('a', { action: 'DENY', ...to('/x') }));
    expect(ask(settings, { path: '/x' }).marks).toEqual([`dry-run-denied ${ruleOf('a')}`]);
  });

  it.each<[string, number | undefined, string[] | undefined]>([
    ['/in-force', undefined, undefined],
    ['/both', undefined, [`dry-run-allowed ${ruleOf('try')}`]],
    ['/tried', 403, [`dry-run-allowed ${ruleOf('try')}`]],
    ['/neither', 403, ['dry-run-denied none']],
  ])('of a policy that allows is judged with those in force: %s', (path, status, marks) => {
    const allowing = (...paths: string[]) => ({ rules: [{ to: [{ operation: { paths } }] }] });
    const settings = compile(
      { name: 'live', spec: allowing('/in-force', '/both') },
      tried('try', allowing('/tried', '/both')),
    );
    expect(ask(settings, { path })).toEqual({ status, marks });
  });

  it('of the first policy that allows marks what would be closed', () => {
    const settings = compile(tried('try', to('/a')));
    expect(ask(settings, { path: '/a' })).toEqual({ status: undefined, marks: [`dry-run-allowed ${ruleOf('try')}`] });
    expect(ask(settings, { path: '/b' })).toEqual({ status: undefined, marks: ['dry-run-denied none'] });
  });

  it('of a policy that allows nobody marks everything', () => {
    expect(ask(compile(tried('try', {})))).toEqual({ status: undefined, marks: ['dry-run-denied none'] });
  });

  it.each([
    ['another workload’s', tried('try', { action: 'DENY', rules: [{}], selector: { matchLabels: { app: 'shop' } } })],
    ['a team’s', { ...tried('try', { action: 'DENY', rules: [{}] }), namespace: 'shop' }],
  ])('marks nothing: %s', (_, written) => expect(compile(written)).toBeUndefined());

  it('of a team’s policy marks its own routes alone', () => {
    const targetRefs = [{ group: 'networking.istio.io', kind: 'VirtualService', name: 'web' }];
    const settings = compile({ ...tried('try', { action: 'DENY', rules: [{}], targetRefs }), namespace: 'shop' });
    const marks = (route: ReturnType<typeof fakeRoute>) => ask(settings, { route }).marks;
    expect(marks(fakeRoute({ namespace: 'shop', name: 'web' }))).toEqual([
      `dry-run-denied ${ruleOf('try', 0, 'shop')}`,
    ]);
    expect(marks(fakeRoute({ namespace: 'shop', name: 'other' }))).toBeUndefined();
  });
});

describe('marks', () => {
  async function counting(): Promise<{ filter: Filter<AuthorizationSettings>; registry: Registry }> {
    const registry = new Registry();
    const contributed: Filter<AuthorizationSettings>[] = [];
    const app = { banyan: { contribute: (filter: Filter<AuthorizationSettings>) => contributed.push(filter) } };
    await countedAuthorization(registry).plugin(app as never, {});
    return { filter: contributed[0] as Filter<AuthorizationSettings>, registry };
  }

  const lines = async (registry: Registry): Promise<readonly string[]> =>
    (await registry.metrics()).split('\n').filter((line) => line.startsWith('banyan_'));

  it('are counted by policy', async () => {
    const { filter, registry } = await counting();
    const settings = compile({ name: 'watch', spec: { action: 'AUDIT', rules: [{}] } }, tried('try', to('/a')));
    for (const path of ['/a', '/a', '/b']) ask(settings, { path }, filter);
    expect(await lines(registry)).toEqual([
      'banyan_authorization_marks_total{policy="istio-system/watch",mark="audited"} 3',
      'banyan_authorization_marks_total{policy="istio-system/try",mark="dry-run-allowed"} 2',
      'banyan_authorization_marks_total{policy="none",mark="dry-run-denied"} 1',
    ]);
  });

  it('are counted for raw connections, too', async () => {
    const { filter, registry } = await counting();
    const settings = compile({ name: 'watch', spec: { action: 'AUDIT', rules: [{}] } }, tried('try', to('/a')));
    const connection = fakeConnectionFacts();
    expect(filter.connection?.(connection, settings)).toBe(true);
    expect(connection.record.policyMarks).toEqual([
      { kind: 'audited', rule: ruleOf('watch') },
      { kind: 'dry-run-denied', rule: 'none' },
    ]);
    expect(await lines(registry)).toEqual([
      'banyan_authorization_marks_total{policy="istio-system/watch",mark="audited"} 1',
      'banyan_authorization_marks_total{policy="none",mark="dry-run-denied"} 1',
    ]);
  });

  it('are counted together beyond a thousand policies (edge-security G-03)', async () => {
    const { filter, registry } = await counting();
    for (let i = 0; i < 1_005; i++) ask(compile({ name: `p${i}`, spec: { action: 'AUDIT', rules: [{}] } }), {}, filter);
    const all = await lines(registry);
    expect(all).toHaveLength(1_001);
    expect(all.at(-1)).toBe('banyan_authorization_marks_total{policy="other",mark="audited"} 5');
  });

  it('are on the record of a request that a gateway served', async () => {
    const gateway = await startGateway(
      `${frame({})}${virtualService('web', '- directResponse: { status: 204 }')}
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: { name: watch, namespace: team }
spec:
  action: AUDIT
  targetRefs: [{ group: networking.istio.io, kind: VirtualService, name: web }]
  rules: [{ to: [{ operation: { methods: [DELETE] } }] }]
`,
      { plugins: [authorization] },
    );
    try {
      for (const method of ['GET', 'DELETE']) await fetch(`http://127.0.0.1:${gateway.port}/`, { method });
      expect(gateway.records.map(({ status, policyMarks }) => [status, policyMarks])).toEqual([
        [204, undefined],
        [204, [{ kind: 'audited', rule: ruleOf('watch', 0, 'team') }]],
      ]);
    } finally {
      await gateway.close();
    }
  });
});
