import { describe, expect, it } from 'vitest';
import { filterSpecs } from '../../../plugins/specs.ts';
import { createReviewer } from '../../../src/admission/index.ts';
import { createCompiler } from '../../../src/compiler/index.ts';
import type { ResourceSet } from '../../../src/resources/index.ts';
import { meshSettings, resourcesOf } from '../../support/resources.ts';

const GATEWAY = `
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: { name: public, namespace: infra }
spec:
  selector: { istio: ingressgateway }
  servers: [{ port: { number: 80, name: http, protocol: HTTP }, hosts: ['*/*'] }]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: cart, namespace: shop, creationTimestamp: '2025-01-01T00:00:00Z' }
spec:
  hosts: [shop.example.com]
  gateways: [infra/public]
  http: [{ match: [{ uri: { prefix: /cart } }], directResponse: { status: 200 } }]
`;

const OPTIONS = {
  gatewayLabels: { istio: 'ingressgateway' },
  gatewayNamespace: 'istio-system',
  mesh: meshSettings(),
  filters: filterSpecs,
};

function reviewer(resources: ResourceSet | undefined = resourcesOf(GATEWAY), compiler = createCompiler(OPTIONS)) {
  const review = createReviewer({ compile: (given) => compiler.compile(given), resources: () => resources });
  return (object: unknown, namespace = 'shop') => review({ uid: '1', namespace, object });
}

const object = (http: unknown, name = 'new', more: object = {}) => ({
  apiVersion: 'networking.istio.io/v1',
  kind: 'VirtualService',
  metadata: {
    name,
    namespace: 'shop',
    creationTimestamp: '2026-01-01T00:00:00Z',
    managedFields: [{ manager: 'kubectl' }],
  },
  spec: { hosts: ['shop.example.com'], gateways: ['infra/public'], http, ...more },
});
const sound = [{ match: [{ uri: { prefix: '/pay' } }], directResponse: { status: 200 } }];

describe('admission', () => {
  it('lets in what is sound, without a word', () => {
    expect(reviewer()(object(sound))).toEqual({ allowed: true, message: '', warnings: [] });
  });

  it('refuses what the gateway would not apply, and says where and what was meant', () => {
    const answer = reviewer()(object([{ ...sound[0], timout: '2s' }]));
    expect(answer).toMatchObject({ allowed: false, warnings: [] });
    expect(answer.message).toContain('spec.http[0].timout');
    expect(answer.message).toContain('Did you mean timeout?');
  });

  it('lets in a rule that never answers, and says whose requests they are', () => {
    const shadowed = [{ match: [{ uri: { prefix: '/cart/v1' } }], directResponse: { status: 200 } }];
    const answer = reviewer()(object(shadowed));
    expect(answer.allowed).toBe(true);
    expect(answer.warnings.join()).toContain('VirtualService shop/cart');
    expect(answer.warnings.join()).toContain('GET http://shop.example.com/cart/v1');
  });

  it('tells what the object does to another one', () => {
    const older = object([{ match: [{ uri: { prefix: '/car' } }], directResponse: { status: 200 } }], 'elder');
    const answer = reviewer()({ ...older, metadata: { ...older.metadata, creationTimestamp: '2020-01-01T00:00:00Z' } });
    expect(answer.warnings.join()).toContain('VirtualService shop/cart: ');
  });

  // edge-security C-01.02
  describe('credentials for pages of any origin', () => {
    const open = (allowCredentials: boolean, exact = '*') => [
      {
        match: [{ uri: { prefix: '/pay' } }],
        route: [{ destination: { host: 'a' } }],
        corsPolicy: { allowOrigins: [{ exact }], allowCredentials },
      },
    ];

    it('are refused, with the place', () => {
      const answer = reviewer()(object(open(true)));
      expect(answer).toMatchObject({ allowed: false, warnings: [] });
      expect(answer.message).toBe(
        'spec.http[0].corsPolicy.allowOrigins[0]: any origin fits, and its pages may send credentials',
      );
    });

    it.each([
      ['no credentials', open(false)],
      ['one origin', open(true, 'https://app.example.com')],
    ])('are not meant by %s', (_, http) => expect(reviewer()(object(http)).allowed).toBe(true));

    it('that are there already stop no other edit, and stay a warning', () => {
      const there = `${GATEWAY}---\n${JSON.stringify(object(open(true)))}`;
      const answer = reviewer(resourcesOf(there))(object([...open(true), ...sound]));
      expect(answer.allowed).toBe(true);
      expect(answer.warnings.join()).toContain('any origin fits');
    });
  });

  it('tells of a destination that is not there', () => {
    const answer = reviewer()(object([{ route: [{ destination: { host: 'nowhere.shop.svc.cluster.local' } }] }]));
    expect(answer.allowed).toBe(true);
    expect(answer.warnings.length).toBeGreaterThan(0);
  });

  it('says nothing of what was wrong before with other objects', () => {
    const broken = `${GATEWAY}---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: lost, namespace: shop }
spec: { hosts: [lost.example.com], gateways: [infra/none], http: [{ directResponse: { status: 200 } }] }
`;
    expect(reviewer(resourcesOf(broken))(object(sound)).warnings).toEqual([]);
  });

  it('takes the object in place of its last version', () => {
    const changed = object([{ match: [{ uri: { prefix: '/cart' } }], directResponse: { status: 204 } }], 'cart');
    expect(reviewer()(changed)).toMatchObject({ allowed: true, warnings: [] });
  });

  it('leaves no trace in the compiler that it shares with the gateway', () => {
    const compiler = createCompiler(OPTIONS);
    const resources = resourcesOf(GATEWAY);
    const before = compiler.compile(resources);
    const judge = reviewer(resources, compiler);
    judge(object(sound));
    judge(object([{ directResponse: { status: 404 } }], 'cart', { hosts: ['other.example.com'] }));
    judge(object([{ timout: '2s' }], 'cart'));
    const after = compiler.compile(resources);
    expect(after).toEqual(before);
    expect(after.table.revision).toBe(before.table.revision);
  });

  it('judges an object by itself while nothing is known of the others', () => {
    const judge = reviewer(undefined);
    expect(judge(object(sound)).allowed).toBe(true);
    expect(judge(object([{ timout: '2s' }])).allowed).toBe(false);
  });

  it('lets in kinds that are none of its concern', () => {
    expect(reviewer()({ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'x' } }).allowed).toBe(true);
  });

  it('says no more than the API server passes on', () => {
    const http = Array.from({ length: 40 }, (_, i) => ({
      match: [{ uri: { prefix: `/cart/${'x'.repeat(300)}${i}` } }],
      directResponse: { status: 200 },
    }));
    const { warnings } = reviewer()(object(http));
    expect(warnings.length).toBeLessThanOrEqual(10);
    for (const warning of warnings) expect(warning.length).toBeLessThanOrEqual(240);
  });
});
