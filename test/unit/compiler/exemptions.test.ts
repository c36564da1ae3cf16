import { describe, expect, it } from 'vitest';
import { timelyFindings } from '../../../src/compiler/index.ts';
import { formatObjectRef } from '../../../src/diagnostics/index.ts';
import { meshSettings, resourcesOf } from '../../support/resources.ts';

const EXPIRES = '2026-06-15T12:00:00Z';
const EXPIRES_MS = Date.parse(EXPIRES);
const DAY = 86_400_000;

const exemption = (name = 'uploads', namespace = 'istio-system', expires = EXPIRES): string => `
apiVersion: banyan.dev/v1alpha1
kind: PolicyExemption
metadata: { name: ${name}, namespace: ${namespace} }
spec: { approver: ada, reason: move, expires: ${expires}, sections: [limits], namespace: archive }
---`;
const policy = (namespace: string, section: string): string => `
apiVersion: banyan.dev/v1alpha1
kind: EdgePolicy
metadata: { name: own, namespace: ${namespace} }
spec: { ${section} }
---`;

const OPTIONS = { gatewayNamespace: 'istio-ingress', mesh: meshSettings() };
const at = (nowMs: number, ...texts: string[]) => timelyFindings(resourcesOf(texts.join('')), OPTIONS, nowMs);

describe('an exemption', () => {
  it.each([
    [EXPIRES_MS - 15 * DAY, undefined, EXPIRES_MS - 14 * DAY],
    [EXPIRES_MS - 14 * DAY - 1, undefined, EXPIRES_MS - 14 * DAY],
    [EXPIRES_MS - 14 * DAY, 'exemption-expires-soon', EXPIRES_MS],
    [EXPIRES_MS - 1, 'exemption-expires-soon', EXPIRES_MS],
    [EXPIRES_MS, 'exemption-expired', undefined],
    [EXPIRES_MS + 900 * DAY, 'exemption-expired', undefined],
  ])('at %d is %s, and there is more to say at %s', (nowMs, code, nextAtMs) => {
    const found = at(nowMs, exemption());
    expect(found.diagnostics.map((finding) => finding.code)).toEqual(code === undefined ? [] : [code]);
    expect(found.nextAtMs).toBe(nextAtMs);
  });

  it('that has expired is told to its owner, with the policies that it was for', () => {
    const [finding] = at(
      EXPIRES_MS,
      exemption(),
      policy('archive', 'limits: { bodyBytes: 9 }'),
      policy('other', 'limits: { bodyBytes: 9 }'),
    ).diagnostics;
    expect(finding).toMatchObject({
      severity: 'warning',
      object: { kind: 'PolicyExemption', namespace: 'istio-system', name: 'uploads' },
      field: ['spec', 'expires'],
      location: { line: 5 },
      message: `what is mandatory in limits for routes of archive, approved by ada, holds again since ${EXPIRES}`,
    });
    expect(finding?.related?.map(({ object }) => object && formatObjectRef(object))).toEqual([
      'EdgePolicy archive/own',
    ]);
  });

  it('names no policy of another section', () => {
    const [finding] = at(EXPIRES_MS, exemption(), policy('archive', 'compression: { enabled: true }')).diagnostics;
    expect(finding?.related).toEqual([]);
  });

  it('acts, and is told, from the network team’s namespaces alone', () => {
    const all = [exemption('a', 'istio-system'), exemption('b', 'istio-ingress'), exemption('c', 'archive')];
    const found = at(EXPIRES_MS, ...all);
    expect(found.diagnostics.map(({ object }) => object?.name)).toEqual(['a', 'b']);
    expect(found.exemptions).toEqual({ active: 0, expiring: 0, expired: 2 });
  });
});

it('counts exemptions by what becomes of them, and wakes for the next one', () => {
  const found = at(
    EXPIRES_MS,
    exemption('past', 'istio-system', '2026-06-01T00:00:00Z'),
    exemption('soon', 'istio-system', '2026-06-20T00:00:00+02:00'),
    exemption('far', 'istio-system', '2027-01-01T00:00:00Z'),
  );
  expect(found.exemptions).toEqual({ active: 1, expiring: 1, expired: 1 });
  expect(found.nextAtMs).toBe(Date.parse('2026-06-19T22:00:00Z'));
});

it('has nothing to say where there are none', () => {
  expect(at(EXPIRES_MS)).toEqual({
    diagnostics: [],
    nextAtMs: undefined,
    exemptions: { active: 0, expiring: 0, expired: 0 },
  });
});
