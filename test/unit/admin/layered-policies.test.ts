import { describe, expect, it } from 'vitest';
import { filterSpecs } from '../../../plugins/specs.ts';
import { explainQuestion } from '../../../src/admin/views/explanation.ts';
import { readQuestion } from '../../../src/admin/views/question.ts';
import { explanationText } from '../../../src/cli/explanation-text.ts';
import { SHOP } from '../cli/run.ts';
import { stateOf } from './state.ts';

const policy = (kind: string, name: string, spec: string): string => `apiVersion: banyan.dev/v1alpha1
kind: ${kind}
metadata: { name: ${name} }
spec: ${spec}
`;
const FILES = {
  ...SHOP,
  'istio-system/base.yaml': policy(
    'EdgePolicy',
    'base',
    '{ limits: { bodyBytes: 100 }, securityHeaders: { set: { X-Frame-Options: DENY }, remove: [Server] } }',
  ),
  'istio-system/exempt.yaml': policy(
    'PolicyExemption',
    'uploads',
    '{ approver: ada, reason: big, expires: 2999-01-01T00:00:00Z, sections: [limits], namespace: shop }',
  ),
  'shop/own.yaml': policy('EdgePolicy', 'own', '{ limits: { bodyBytes: 500 } }'),
};

function explain(request: string, nowMs?: number, more: Readonly<Record<string, string>> = {}) {
  const question = readQuestion(request, []);
  if (!question.ok) throw new Error(question.error);
  const { compilation, resources } = stateOf({ ...FILES, ...more }, filterSpecs);
  return explainQuestion(question.value, {
    compilation,
    resources,
    specs: filterSpecs,
    portOffset: 0,
    ...(nowMs !== undefined && { nowMs }),
  });
}

describe('policies in layers', () => {
  it('are explained value by value, with layer and file', () => {
    const { policies } = explain('http://shop.example.com/cart/');
    const limits = policies.find(({ filter }) => filter === 'request-limits');
    expect(limits).toMatchObject({
      layer: 'route',
      values: [
        {
          name: 'bodyBytes',
          value: 100,
          layer: 'gateway',
          level: 'mandatory',
          source: { object: 'EdgePolicy istio-system/base', place: 'istio-system/base.yaml:1' },
          exemptions: [
            {
              until: '2999-01-01T00:00:00.000Z',
              expired: false,
              approver: 'ada',
              source: { object: 'PolicyExemption istio-system/uploads', place: 'istio-system/exempt.yaml:1' },
            },
          ],
        },
        {
          name: 'bodyBytes',
          value: 500,
          layer: 'namespace',
          level: 'default',
          source: { object: 'EdgePolicy shop/own', place: 'shop/own.yaml:1' },
          exemptions: [],
        },
      ],
    });
    expect(policies.find(({ filter }) => filter === 'security-headers')).toMatchObject({
      layer: 'gateway',
      values: [
        { name: 'headers.x-frame-options', value: 'DENY' },
        { name: 'headers.server', value: null },
      ],
    });
  });

  it('read well', () => {
    const text = explanationText(explain('http://shop.example.com/cart/'), { paint: (_style, words) => words });
    expect(text).toContain('headers.server removed  mandatory, gateway: EdgePolicy istio-system/base');
    expect(text).toContain('bodyBytes = 500  default, namespace: EdgePolicy shop/own (shop/own.yaml:1)');
    expect(text).toContain(
      'mandatory, gateway: EdgePolicy istio-system/base (istio-system/base.yaml:1); lifted until 2999-01-01',
    );
  });

  it('tell what would become of the request, below the filter that would do it', () => {
    const deny = `apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: { name: deny }
spec: { action: DENY, rules: [{ to: [{ operation: { paths: ["/cart/*"], ports: ["80"] } }] }] }
`;
    const explanation = explain('http://shop.example.com/cart/', undefined, { 'istio-system/deny.yaml': deny });
    const told = 'refused, 403: the DENY rule ns[istio-system]-policy[deny]-rule[0] fits';
    expect(explanation.policies.filter(({ foreseen }) => foreseen.length > 0)).toMatchObject([
      { filter: 'authorization', foreseen: [told] },
    ]);
    expect(explanationText(explanation, { paint: (_style, words) => words })).toMatch(
      /\n +authorization +every request: AuthorizationPolicy istio-system\/deny .*\n +refused, 403: the DENY rule/,
    );
    const elsewhere = explain('http://shop.example.com/basket', undefined, { 'istio-system/deny.yaml': deny });
    expect(elsewhere.policies.flatMap(({ foreseen }) => foreseen)).toEqual([]);
  });

  it('are told once, under the filter that they act in, and none that is for other routes', () => {
    const authorization = (name: string, spec: string): string =>
      `apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: { name: ${name} }\nspec: { ${spec}, rules: [{}] }\n`;
    const to = (name: string): string =>
      `targetRefs: [{ group: networking.istio.io, kind: VirtualService, name: ${name} }]`;
    const limits = (name: string, per: string): string =>
      policy('RateLimit', name, `{ rules: [{ name: ${name}, per: ${per}, limits: [{ requests: 9, window: 1s }] }] }`);
    const more = {
      'istio-system/ask.yaml': authorization('ask', 'action: CUSTOM, provider: { name: nobody }'),
      'istio-system/audit.yaml': authorization('audit', 'action: AUDIT'),
      'shop/guard.yaml': authorization('guard', `action: ALLOW, ${to('cart')}`),
      'shop/other.yaml': authorization('other', `action: ALLOW, ${to('another')}`),
      'istio-system/clients.yaml': limits('clients', 'client-address'),
      'istio-system/users.yaml': limits('users', '{ claim: sub }'),
    };
    const told = (request: string): readonly string[] =>
      explain(request, undefined, more).policies.flatMap(({ filter, layer, sources }) =>
        /auth|rate/.test(filter) ? [`${filter} ${layer}: ${sources.map(({ object }) => object).join(', ')}`] : [],
      );
    const everybodys = [
      'rate-limit gateway: RateLimit istio-system/clients',
      'external-authorization gateway: AuthorizationPolicy istio-system/ask',
      'authorization gateway: AuthorizationPolicy istio-system/audit',
      'authorization route: AuthorizationPolicy shop/guard',
      'rate-limit-identity gateway: RateLimit istio-system/users',
    ];
    expect(told('http://shop.example.com/cart/')).toEqual(everybodys);
    expect(told('http://shop.example.com/nothing')).toEqual(everybodys.filter((line) => !line.includes('guard')));
  });

  it('say of an exemption that it has expired', () => {
    const nowMs = Date.parse('2999-01-01T00:00:00Z');
    const text = explanationText(explain('http://shop.example.com/cart/', nowMs), { paint: (_style, words) => words });
    expect(text).toContain('(istio-system/base.yaml:1); was lifted until 2999-01-01');
  });

  it('that a team would weaken are told with the place of the mandatory value', () => {
    const weaker = policy('EdgePolicy', 'own', '{ securityHeaders: { set: { X-Frame-Options: SAMEORIGIN } } }');
    const { diagnostics } = stateOf({ ...FILES, 'shop/own.yaml': weaker }, filterSpecs).compilation;
    expect(diagnostics).toMatchObject([
      {
        code: 'weakens-mandatory-policy',
        location: { file: 'shop/own.yaml', line: 4 },
        related: [{ message: 'the mandatory value', location: { file: 'istio-system/base.yaml', line: 3 } }],
      },
    ]);
  });
});
