import { describe, expect, it } from 'vitest';
import {
  compileShop,
  findings,
  forwardOf,
  idsOf,
  routesOf,
  service,
  stateOf,
  TO_WEB,
  virtualService,
} from './builders.ts';

const HOST = 'a.example.com';
const root = (rules: string): string =>
  virtualService('root', `hosts: [${HOST}], gateways: [infra/public], http: [${rules}]`);
const delegate = (name: string, rules: string, more = ''): string => virtualService(name, `http: [${rules}]${more}`);
const to = (name: string, match = ''): string => `{ ${match}delegate: { name: ${name}, namespace: team } }`;
const under = (path: string): string => `match: [{ uri: { prefix: ${path} } }], `;
const compileWith = (rules: string, ...delegates: readonly string[]) =>
  compileShop([root(rules)], {}, { team: [service('web'), ...delegates].join('\n---\n') });

describe('a delegate', () => {
  it('adds its rules where the root names it, and resolves its own names', () => {
    const compilation = compileWith(
      `${to('cart', under('/cart'))}, { ${TO_WEB} }`,
      delegate('cart', `{ name: items, match: [{ uri: { prefix: /cart/items } }], ${TO_WEB} }, { ${TO_WEB} }`),
    );
    expect(idsOf(compilation, HOST)).toEqual(['shop/root/0-items', 'shop/root/0-1', 'shop/root/1']);
    const [first, , last] = routesOf(compilation, HOST);
    expect(first).toMatchObject({
      name: 'items',
      owner: { namespace: 'shop', name: 'root', delegate: 'team/cart', file: 'team/test.yaml' },
      match: { path: { kind: 'prefix', value: '/cart/items' } },
      action: { destinations: [{ cluster: 'outbound|80||web.team.svc.cluster.local' }] },
    });
    expect(last).toMatchObject({ action: { destinations: [{ cluster: 'outbound|80||web.shop.svc.cluster.local' }] } });
  });

  it('takes from the root, whole, what it does not say itself', () => {
    const settings = 'timeout: 1s, headers: { request: { set: { a: root } } }, rewrite: { uri: /r }';
    const compilation = compileWith(
      `{ ${settings}, delegate: { name: cart, namespace: team } }`,
      delegate('cart', `{ ${TO_WEB}, timeout: 2s, headers: { response: { set: { b: own } } } }`),
    );
    const [route] = routesOf(compilation, HOST);
    expect(route).toMatchObject({ requestHeaders: { set: [] }, responseHeaders: { set: [['b', 'own']] } });
    expect(forwardOf(compilation, HOST)).toMatchObject({ timeoutMs: 2000, pathRewrite: { replacement: '/r' } });
  });

  it('loses its route to a direct response of the root', () => {
    const compilation = compileWith(
      '{ directResponse: { status: 451 }, delegate: { name: cart, namespace: team } }',
      delegate('cart', `{ ${TO_WEB} }`),
    );
    expect(routesOf(compilation, HOST)[0]?.action).toMatchObject({ kind: 'direct-response', status: 451 });
  });

  it('crosses its matches with the root’s, and tells of those that fit none', () => {
    const compilation = compileWith(
      '{ match: [{ uri: { prefix: /a } }, { uri: { prefix: /b } }], delegate: { name: cart, namespace: team } }',
      delegate(
        'cart',
        `{ match: [{ uri: { prefix: /a/x } }], ${TO_WEB} }, { match: [{ uri: { exact: /c } }], ${TO_WEB} }`,
      ),
    );
    expect(routesOf(compilation, HOST).map(({ match }) => match.path)).toMatchObject([{ value: '/a/x' }]);
    const conflicts = findings(compilation, 'delegate-conflict');
    expect(conflicts.map(({ object, field, related }) => [object?.name, field?.slice(2), related?.length])).toEqual([
      ['cart', [0, 'match', 0], 1],
      ['cart', [1, 'match', 0], 1],
      ['cart', [1, 'match', 0], 1],
    ]);
  });

  it('is served through its root', () => {
    const compilation = compileWith(to('cart'), delegate('cart', `{ ${TO_WEB} }`), delegate('unused', `{ ${TO_WEB} }`));
    expect(stateOf(compilation, 'VirtualService', 'cart')).toBe('serving');
    expect(stateOf(compilation, 'VirtualService', 'unused')).toBe('unattached');
  });
});

describe('a delegate that cannot be had', () => {
  it.each([
    { name: 'missing', rules: to('gone', under('/x')), says: 'there is no VirtualService team/gone' },
    { name: 'hidden', rules: to('hidden', under('/x')), says: 'is not exported to namespace shop' },
    { name: 'no delegate', rules: to('hosted', under('/x')), says: 'has hosts of its own' },
  ])('answers 503 for its own match and leaves the rest alone: $name', ({ rules, says }) => {
    const compilation = compileWith(
      `${rules}, { ${TO_WEB} }`,
      delegate('hidden', `{ ${TO_WEB} }`, ", exportTo: ['.']"),
      virtualService('hosted', `hosts: [h.example.com], gateways: [infra/public], http: [{ ${TO_WEB} }]`),
    );
    const [failed, rest] = routesOf(compilation, HOST);
    expect(failed).toMatchObject({
      id: 'shop/root/0',
      match: { path: { value: '/x' } },
      action: { kind: 'failed', status: 503, cause: 'delegate-missing' },
    });
    expect(rest?.action.kind).toBe('forward');
    const [finding] = findings(compilation, 'delegate-missing');
    expect(finding?.message).toContain(says);
    expect(finding).toMatchObject({ object: { name: 'root' }, field: ['spec', 'http', 0, 'delegate'] });
  });
});
