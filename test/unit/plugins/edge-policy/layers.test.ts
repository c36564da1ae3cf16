import { describe, expect, it } from 'vitest';
import {
  clientAddressesSpec,
  compressionSpec,
  requestLimitsSpec,
  securityHeadersSpec,
} from '../../../../plugins/edge-policy/config.ts';
import { inForce, layersOf } from '../../../../plugins/edge-policy/layers.ts';
import type { PolicyObject } from '../../../../src/contract/index.ts';
import { fakeContext } from '../../../support/policy-context.ts';
import { edge, exemption, NOW_MS, network, routeInput, team } from './support.ts';

const limits = (bodyBytes: number, level?: string): object => ({ limits: { bodyBytes, ...(level && { level }) } });
const JULY_MS = Date.UTC(2026, 6, 1);

/** The smallest limit of a body: for a route of `shop`, else for every request. */
function bodyLimit(policies: readonly PolicyObject[], id = 'shop/web/0', nowMs = NOW_MS): number | undefined {
  const context = fakeContext(policies);
  const settings =
    requestLimitsSpec.compileRoute?.(routeInput(id), context) ?? requestLimitsSpec.compileWorkload?.(context);
  const choice = settings?.bodyBytes;
  const values = [
    ...inForce(choice?.mandatory ?? [], nowMs),
    ...(choice?.otherwise === undefined ? [] : [choice.otherwise]),
  ];
  return values.length === 0 ? undefined : Math.min(...values.map(({ value }) => value));
}

describe('which layer’s value holds', () => {
  it.each<[string, readonly PolicyObject[], number | undefined]>([
    ['nothing without policies', [], undefined],
    ['the network team’s', [network(limits(100))], 100],
    ['the network team’s default', [network(limits(100, 'default'))], 100],
    ['a team’s instead of a default', [network(limits(100, 'default')), team(limits(500))], 500],
    ['a team’s where nobody else says anything', [team(limits(500))], 500],
    ['a team’s below what is mandatory', [network(limits(100)), team(limits(50))], 50],
    ['never a team’s above what is mandatory', [network(limits(100)), team(limits(500))], 100],
    [
      'a route’s before its namespace’s',
      [team(limits(500), 'all'), team({ ...limits(50), targetRefs: [{ kind: 'VirtualService', name: 'web' }] }, 'one')],
      50,
    ],
    [
      'not that of another VirtualService',
      [team({ ...limits(50), targetRefs: [{ kind: 'VirtualService', name: 'other' }] })],
      undefined,
    ],
    ['not that of another namespace', [edge('other', 'own', limits(50))], undefined],
    ['all that is mandatory', [network(limits(100), 'a'), network(limits(70), 'b')], 70],
    ['not of another gateway', [network({ ...limits(100), selector: { matchLabels: { istio: 'other' } } })], undefined],
    ['whatever level a team claims', [network(limits(100)), team(limits(500, 'mandatory'))], 100],
    [
      'of the network team’s own routes for those alone',
      [network({ ...limits(5), targetRefs: [{ kind: 'VirtualService', name: 'web' }] })],
      undefined,
    ],
  ])('%s', (_name, policies, limit) => {
    expect(bodyLimit(policies)).toBe(limit);
  });

  it('is told field by field', () => {
    const context = fakeContext([network({ limits: { headerBytes: 4096, bodyBytes: 100 } }), team(limits(50))]);
    expect(requestLimitsSpec.compileRoute?.(routeInput(), context)).toEqual({
      bodyBytes: {
        mandatory: [
          {
            value: 100,
            layer: 'gateway',
            level: 'mandatory',
            from: { kind: 'EdgePolicy', namespace: 'istio-system', name: 'base' },
          },
        ],
        otherwise: {
          value: 50,
          layer: 'namespace',
          level: 'default',
          from: { kind: 'EdgePolicy', namespace: 'shop', name: 'own' },
        },
      },
      headerBytes: {
        mandatory: [
          {
            value: 4096,
            layer: 'gateway',
            level: 'mandatory',
            from: { kind: 'EdgePolicy', namespace: 'istio-system', name: 'base' },
          },
        ],
        otherwise: undefined,
      },
    });
  });

  it('is not repeated on routes that have nothing of their own', () => {
    const context = fakeContext([network(limits(100)), team(limits(50))]);
    expect(requestLimitsSpec.compileRoute?.(routeInput('other/web/0'), context)).toBeUndefined();
    expect(securityHeadersSpec.compileRoute?.(routeInput(), context)).toBeUndefined();
  });
});

describe('an exemption', () => {
  const policies = (more: object = {}) => [network(limits(100)), team(limits(500)), exemption(more)];

  it('lifts what is mandatory for its routes until it expires, and the secure value is back by itself', () => {
    expect(bodyLimit(policies())).toBe(500);
    expect(bodyLimit(policies(), 'shop/web/0', JULY_MS - 1)).toBe(500);
    expect(bodyLimit(policies(), 'shop/web/0', JULY_MS)).toBe(100);
  });

  it.each<[string, readonly PolicyObject[], string]>([
    ['routes of others', policies(), 'other/web/0'],
    ['routes that it does not name', policies({ routes: ['shop/api'] }), 'shop/web/0'],
    ['routes that merely begin alike', policies({ routes: ['shop/we'] }), 'shop/web/0'],
    ['other sections', policies({ sections: ['compression'] }), 'shop/web/0'],
    ['other policies', policies({ policy: 'strict' }), 'shop/web/0'],
    [
      'anything, from a team’s namespace',
      [network(limits(100)), team(limits(500)), exemption({}, 'shop')],
      'shop/web/0',
    ],
  ])('does not lift it for %s', (_name, all, id) => {
    expect(bodyLimit(all, id)).toBe(100);
  });

  it('is for one of several policies where it names one', () => {
    expect(
      bodyLimit([
        network(limits(100)),
        network(limits(200), 'strict'),
        team(limits(500)),
        exemption({ policy: 'base' }),
      ]),
    ).toBe(200);
  });

  it('travels with the value, so that whoever asks sees who approved it', () => {
    const [value] = layersOf('limits', fakeContext(policies()), routeInput()).mandatory;
    expect(value?.exemptions).toEqual([
      {
        untilMs: JULY_MS,
        approver: 'ada',
        from: { kind: 'PolicyExemption', namespace: 'istio-system', name: 'for-shop' },
      },
    ]);
  });
});

describe('findings', () => {
  const findings = (policies: readonly PolicyObject[]): string[] => {
    const context = fakeContext(policies);
    for (const spec of [clientAddressesSpec, requestLimitsSpec, securityHeadersSpec, compressionSpec])
      spec.compileWorkload?.(context);
    return context.findings.map(({ code, object, field }) => `${code} ${object.namespace} ${field.join('.')}`);
  };
  const headers = (set: Record<string, string>, remove: string[] = []): object => ({
    securityHeaders: { set, remove },
  });

  it.each<[string, readonly PolicyObject[], string[]]>([
    [
      'a larger body',
      [network(limits(100)), team(limits(101))],
      ['weakens-mandatory-policy shop spec.limits.bodyBytes'],
    ],
    [
      'unsafe escapes',
      [network({ limits: { unsafeEscapes: 'REFUSE' } }), team({ limits: { unsafeEscapes: 'ALLOW' } })],
      ['weakens-mandatory-policy shop spec.limits.unsafeEscapes'],
    ],
    [
      'parameters of paths',
      [network({ limits: { pathParameters: 'REFUSE' } }), team({ limits: { pathParameters: 'ALLOW' } })],
      ['weakens-mandatory-policy shop spec.limits.pathParameters'],
    ],
    [
      'all that is weaker, at once',
      [
        network({ limits: { bodyBytes: 1, headerBytes: 300 }, ...headers({ 'X-A': 'a', 'X-B': 'b' }) }),
        team({ limits: { bodyBytes: 2, headerBytes: 301 }, ...headers({ 'X-A': 'c' }, ['x-b']) }),
      ],
      [
        'weakens-mandatory-policy shop spec.limits.bodyBytes',
        'weakens-mandatory-policy shop spec.limits.headerBytes',
        'weakens-mandatory-policy shop spec.securityHeaders.remove.0',
        'weakens-mandatory-policy shop spec.securityHeaders.set.X-A',
      ],
    ],
    [
      'nothing, by refusing more',
      [network({ limits: { pathParameters: 'ALLOW' } }), team({ limits: { pathParameters: 'REFUSE' } })],
      [],
    ],
    [
      'larger headers',
      [network({ limits: { headerBytes: 300 } }), team({ limits: { headerBytes: 301, bodyBytes: 1 } })],
      ['weakens-mandatory-policy shop spec.limits.headerBytes'],
    ],
    [
      'another value of a header',
      [network(headers({ 'X-Frame-Options': 'DENY' })), team(headers({ 'x-frame-options': 'SAMEORIGIN' }))],
      ['weakens-mandatory-policy shop spec.securityHeaders.set.x-frame-options'],
    ],
    [
      'a header taken out',
      [network(headers({ 'X-Frame-Options': 'DENY' })), team(headers({}, ['a', 'x-frame-options']))],
      ['weakens-mandatory-policy shop spec.securityHeaders.remove.1'],
    ],
    [
      'a removed header put back',
      [network(headers({}, ['server'])), team(headers({ Server: 'x' }))],
      ['weakens-mandatory-policy shop spec.securityHeaders.set.Server'],
    ],
    [
      'compression turned on',
      [network({ compression: { enabled: false } }), team({ compression: { enabled: true } })],
      ['weakens-mandatory-policy shop spec.compression.enabled'],
    ],
    ['an exemption of a team', [exemption({}, 'shop')], ['policy-without-effect shop metadata.namespace']],
    [
      'a selector of a team',
      [team({ ...limits(1), selector: { matchLabels: {} } })],
      ['policy-without-effect shop spec.selector'],
    ],
    ['a level of a team', [team(limits(1, 'mandatory'))], ['questionable-value shop spec.limits.level']],
    ['none: what is as strict', [network(limits(100)), team(limits(100))], []],
    ['none: what is a default', [network(limits(100, 'default')), team(limits(500))], []],
    ['none: the same header', [network(headers({ 'X-A': '1' })), team(headers({ 'x-a': '1', 'x-b': '2' }))], []],
    [
      'none: addresses, which only add',
      [network({ clientAddresses: { allow: ['10.0.0.0/8'] } }), team({ clientAddresses: { allow: ['0.0.0.0/0'] } })],
      [],
    ],
    ['none: what is exempted', [network(limits(100)), team(limits(500)), exemption({})], []],
    ['none: nothing', [], []],
  ])('%s', (_name, policies, wanted) => {
    expect(findings(policies)).toEqual(wanted);
  });

  it('names the layer that is in the way, and what it wants', () => {
    const context = fakeContext([network(limits(100)), team(limits(500))]);
    requestLimitsSpec.compileWorkload?.(context);
    expect(context.findings[0]?.message).toMatch(/EdgePolicy istio-system\/base .*: 100$/);
  });
});
