import type { PolicyObject, RouteInput } from '../../../../src/contract/index.ts';
import { fakePolicy } from '../../../support/policy-context.ts';

export const NOW_MS = Date.UTC(2026, 5, 1);
export const clockAt = (nowMs = NOW_MS) => ({ nowMs: () => nowMs, monotonicMs: () => 0 });

export const edge = (namespace: string, name: string, spec: object): PolicyObject =>
  fakePolicy('EdgePolicy', { namespace, name, spec });

export const network = (spec: object, name = 'base'): PolicyObject => edge('istio-system', name, spec);
export const team = (spec: object, name = 'own'): PolicyObject => edge('shop', name, spec);

export const exemption = (spec: object, namespace = 'istio-system'): PolicyObject =>
  fakePolicy('PolicyExemption', {
    name: 'for-shop',
    namespace,
    spec: {
      approver: 'ada',
      reason: 'uploads',
      expires: '2026-07-01T00:00:00Z',
      namespace: 'shop',
      sections: ['limits'],
      ...spec,
    },
  });

/** A route of the namespace `shop`, or of another one. */
export const routeInput = (id = 'shop/web/0', name = 'web'): RouteInput => ({
  id,
  owner: {
    namespace: id.split('/')[0] ?? '',
    kind: 'VirtualService',
    name,
    delegate: undefined,
    file: '',
    line: 1,
  },
  domain: '*',
  rule: {},
  kind: 'forward',
});
