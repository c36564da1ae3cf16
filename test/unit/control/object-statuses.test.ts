import { describe, expect, it } from 'vitest';
import { filterSpecs } from '../../../plugins/specs.ts';
import { compile, timelyFindings } from '../../../src/compiler/index.ts';
import { dismissedStatuses, objectStatuses } from '../../../src/control/object-statuses.ts';
import type { ControlState } from '../../../src/control/reconciler.ts';
import { type Diagnostic, type ObjectRef, report } from '../../../src/diagnostics/index.ts';
import type { ResourceKind } from '../../../src/resources/index.ts';
import type { KnownObject } from '../../../src/sources/kubernetes.ts';
import { meshSettings, resourcesOf } from '../../support/resources.ts';

const GATEWAY = `
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: { name: public, namespace: infra }
spec:
  selector: { istio: ingressgateway }
  servers: [{ port: { number: 80, name: http, protocol: HTTP }, hosts: ['*/*'] }]
---
`;
const route = (name: string, path: string, gateway = 'infra/public'): string => `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: ${name}, namespace: shop }
spec:
  hosts: [shop.example.com]
  gateways: [${gateway}]
  http: [{ match: [{ uri: { prefix: ${path} } }], directResponse: { status: 200 } }]
---
`;

function stateOf(yaml: string, changes: Partial<ControlState> = {}): ControlState {
  const resources = resourcesOf(yaml);
  const options = {
    gatewayLabels: { istio: 'ingressgateway' },
    gatewayNamespace: 'istio-system',
    mesh: meshSettings(),
  };
  const compilation = compile(resources, { ...options, filters: filterSpecs });
  return {
    compilation,
    resources,
    diagnostics: [...compilation.diagnostics, ...(changes.diagnostics ?? [])],
    frozen: changes.frozen ?? [],
    heldBack: changes.heldBack ?? [],
    publishedAtMs: 0,
    compileMs: 0,
    generation: 1,
  };
}

/** A cluster that knows what the state was made from, and no more. */
const knows =
  (state: ControlState, changes: Partial<KnownObject> = {}) =>
  ({ kind, namespace, name }: ObjectRef): KnownObject => ({
    apiVersion: 'networking.istio.io/v1',
    version: '1',
    generation: 3,
    statusDigest: undefined,
    gateway: undefined,
    diagnostics: [],
    resource: state.resources.get(kind as ResourceKind, namespace, name),
    ...changes,
  });

function verdictsOf(state: ControlState, name: string, known = knows(state)) {
  const found = objectStatuses(state, known).find(({ ref }) => ref.name === name);
  return (
    found &&
    Object.fromEntries(
      Object.entries(found.verdicts).map(([type, { status, reason }]) => [type, `${status} ${reason}`]),
    )
  );
}

describe('what an object is told', () => {
  it('is of an exemption that it has expired, once it has', () => {
    const exemption = `${GATEWAY}${route('cart', '/cart')}
apiVersion: banyan.dev/v1alpha1
kind: PolicyExemption
metadata: { name: uploads, namespace: istio-system }
spec: { approver: ada, reason: move, expires: '2026-06-15T12:00:00Z', sections: [limits], namespace: shop }
`;
    const at = (now: string): ControlState => {
      const options = { gatewayNamespace: 'istio-system', mesh: meshSettings() };
      const { diagnostics } = timelyFindings(resourcesOf(exemption), options, Date.parse(now));
      return stateOf(exemption, { diagnostics });
    };
    expect(verdictsOf(at('2026-06-15T11:59:59Z'), 'uploads')).toMatchObject({ Programmed: 'True Serving' });
    expect(verdictsOf(at('2026-06-15T12:00:00Z'), 'uploads')).toMatchObject({
      Accepted: 'True Accepted',
      Programmed: 'False Expired',
    });
  });

  it('is that nobody reads it, where its namespace does not count any more', () => {
    const state = stateOf(GATEWAY + route('cart', '/cart'));
    const refs = ['VirtualService', 'DestinationRule'].map((kind) => ({ kind, namespace: 'shop', name: 'cart' }));
    const told = dismissedStatuses([...refs, { ...refs[0], name: 'gone' } as ObjectRef], (ref) =>
      ref.name === 'gone' ? undefined : knows(state)(ref),
    );
    expect(told).toMatchObject([
      {
        ref: refs[0],
        generation: 3,
        verdicts: { Accepted: { status: 'Unknown' }, Programmed: { status: 'False', reason: 'Unattached' } },
      },
    ]);
  });

  it('is that it serves', () => {
    const state = stateOf(GATEWAY + route('cart', '/cart'));
    expect(verdictsOf(state, 'cart')).toEqual({
      Accepted: 'True Accepted',
      Programmed: 'True Serving',
      Conflicted: 'False NoConflict',
      Frozen: 'False UpToDate',
    });
    expect(verdictsOf(state, 'public')).toMatchObject({ Programmed: 'True Serving' });
    expect(objectStatuses(state, knows(state))[0]?.generation).toBe(3);
  });

  it('is whose rules it meets, with a request that shows it', () => {
    const state = stateOf(GATEWAY + route('a', '/cart') + route('b', '/cart/v1'));
    expect(verdictsOf(state, 'b')).toMatchObject({ Programmed: 'True PartlyServing', Conflicted: 'True Shadowed' });
    expect(verdictsOf(state, 'a')).toMatchObject({ Programmed: 'True Serving', Conflicted: 'True Overlap' });
    const told = objectStatuses(state, knows(state)).find(({ ref }) => ref.name === 'b')?.verdicts.Conflicted.message;
    expect(told).toContain('VirtualService shop/a');
    expect(told).toContain('GET http://shop.example.com/cart/v1');
  });

  it('is said of policies of ours too, and of no kind whose status is others’', () => {
    const policies = `
apiVersion: banyan.dev/v1alpha1
kind: EdgePolicy
metadata: { name: edge, namespace: istio-system }
spec: { compression: { enabled: true } }
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: entry, namespace: shop }
spec: { hosts: [x.internal], ports: [{ number: 80, name: http, protocol: HTTP }], resolution: DNS }
---
`;
    const state = stateOf(GATEWAY + policies);
    expect(verdictsOf(state, 'edge')).toMatchObject({ Accepted: 'True Accepted', Programmed: 'True Serving' });
    expect(verdictsOf(state, 'entry')).toBeUndefined();
  });

  it('is that no listener takes it', () => {
    expect(verdictsOf(stateOf(GATEWAY + route('lost', '/', 'infra/none')), 'lost')).toMatchObject({
      Accepted: 'True Accepted',
      Programmed: 'False Unattached',
    });
  });

  const refusal = (name: string): Diagnostic =>
    report('unknown-field', {
      message: 'There is no field ‘htpp’',
      field: ['spec', 'htpp'],
      object: { kind: 'VirtualService', namespace: 'shop', name },
      refused: true,
    });

  it('is why it is refused', () => {
    const found = refusal('new');
    const state = stateOf(GATEWAY, { diagnostics: [found] });
    const known = knows(state, { diagnostics: [found] });
    expect(verdictsOf(state, 'new', known)).toMatchObject({ Accepted: 'False Invalid', Programmed: 'False Invalid' });
    const told = objectStatuses(state, known).find(({ ref }) => ref.name === 'new');
    expect(told?.verdicts.Accepted.message).toBe('spec.htpp: There is no field ‘htpp’');
    expect(told?.verdicts.Frozen).toMatchObject({ status: 'False', message: 'no earlier version of it serves' });
  });

  it('is that its last good version serves while the new one is refused', () => {
    const found = refusal('cart');
    const frozen = [{ file: 'VirtualService/shop/cart', namespace: 'shop', sinceMs: 0, reason: 'no such field' }];
    const state = stateOf(GATEWAY + route('cart', '/'), { diagnostics: [found], frozen });
    expect(verdictsOf(state, 'cart', knows(state, { diagnostics: [found] }))).toMatchObject({
      Accepted: 'False Invalid',
      Programmed: 'False LastGood',
      Frozen: 'True LastGood',
    });
  });

  it('is that its namespace is held back', () => {
    const heldBack = [{ namespace: 'shop', sinceMs: 0, reason: 'our mistake' }];
    const state = stateOf(GATEWAY + route('cart', '/'), { heldBack });
    expect(verdictsOf(state, 'cart', knows(state, { resource: undefined }))).toMatchObject({ Frozen: 'True LastGood' });
  });

  it.each([
    ['of which something newer is known', { resource: undefined }],
    ['whose refusal is newer than the state', { diagnostics: [refusal('cart')] }],
  ])('is nothing yet for an object %s', (_, changes) => {
    const state = stateOf(GATEWAY + route('cart', '/'));
    expect(verdictsOf(state, 'cart', knows(state, changes))).toBeUndefined();
  });

  it('is nothing for kinds that have no such status, and for objects of a directory', () => {
    const service = 'apiVersion: v1\nkind: Service\nmetadata: { name: s, namespace: shop }\n';
    const state = stateOf(GATEWAY + service);
    expect(verdictsOf(state, 's')).toBeUndefined();
    expect(objectStatuses(state, () => undefined)).toEqual([]);
  });
});
