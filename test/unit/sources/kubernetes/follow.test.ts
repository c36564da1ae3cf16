import { describe, expect, it } from 'vitest';
import { GATEWAYS, VIRTUAL_SERVICES, virtualService } from './fake-api.ts';
import { fakeApi, follow, soon } from './support.ts';

describe('following a cluster', () => {
  it('gives everything at once, and then each change', async () => {
    const api = await fakeApi();
    api.put(VIRTUAL_SERVICES, virtualService('cart'));
    const { started, names } = follow(api);
    const first = await started;
    expect(first.resources.get('VirtualService', 'shop', 'cart')?.body.spec.hosts).toEqual(['cart.example.com']);
    await soon(() => expect(api.watches(VIRTUAL_SERVICES)).toBe(1));
    api.put(VIRTUAL_SERVICES, virtualService('pay'));
    await soon(() => expect(names()).toEqual(['cart', 'pay']));
    api.delete(VIRTUAL_SERVICES, virtualService('cart'));
    await soon(() => expect(names()).toEqual(['pay']));
  });

  it('reads a long list page by page', async () => {
    const api = await fakeApi();
    for (let i = 0; i < 1_201; i++) api.put(VIRTUAL_SERVICES, virtualService(`v${i}`));
    const first = await follow(api).started;
    expect(first.resources.ofKind('VirtualService')).toHaveLength(1_201);
    expect(api.count(VIRTUAL_SERVICES, 'list')).toBe(3);
  });

  it('says where an object stands by its name', async () => {
    const api = await fakeApi();
    api.put(VIRTUAL_SERVICES, virtualService('cart'));
    const object = (await follow(api).started).resources.get('VirtualService', 'shop', 'cart');
    expect(object?.origin.file).toBe('VirtualService/shop/cart');
    expect(object?.origin.locate(['spec', 'http', 0])).toEqual({
      file: 'VirtualService/shop/cart',
      line: 0,
      column: 0,
    });
  });

  it('keeps an object as it last was while its new version is refused, and says so', async () => {
    const api = await fakeApi();
    api.put(VIRTUAL_SERVICES, virtualService('cart'));
    const { started, current } = follow(api);
    await started;
    api.put(VIRTUAL_SERVICES, { ...virtualService('cart'), spec: { hosts: ['cart.example.com'], htpp: [] } });
    await soon(() => expect(current()?.frozen).toHaveLength(1));
    expect(current()?.frozen[0]).toMatchObject({
      file: 'VirtualService/shop/cart',
      object: { kind: 'VirtualService', namespace: 'shop', name: 'cart' },
      namespace: 'shop',
    });
    expect(current()?.resources.get('VirtualService', 'shop', 'cart')?.body.spec.http).toHaveLength(1);
    expect(current()?.diagnostics).toContainEqual(expect.objectContaining({ code: 'unknown-field', refused: true }));
    api.put(VIRTUAL_SERVICES, virtualService('cart', 'new.example.com'));
    await soon(() => expect(current()?.frozen).toEqual([]));
    expect(current()?.resources.get('VirtualService', 'shop', 'cart')?.body.spec.hosts).toEqual(['new.example.com']);
  });

  it('takes no object that is refused from its first version on', async () => {
    const api = await fakeApi();
    api.put(VIRTUAL_SERVICES, { ...virtualService('cart'), spec: { hosts: [] } });
    const first = await follow(api).started;
    expect(first.resources.ofKind('VirtualService')).toEqual([]);
    expect(first.frozen).toEqual([]);
    expect(first.diagnostics.some(({ refused }) => refused)).toBe(true);
  });

  it('hands out the same object when nothing of it changed that matters', async () => {
    const api = await fakeApi();
    const cart = virtualService('cart');
    api.put(VIRTUAL_SERVICES, cart);
    const { started, current, names } = follow(api);
    const before = (await started).resources.get('VirtualService', 'shop', 'cart');
    const metadata = { ...cart.metadata, managedFields: [{ manager: 'kubectl' }] };
    api.put(VIRTUAL_SERVICES, { ...cart, metadata, status: { observedGeneration: 1 } });
    api.put(VIRTUAL_SERVICES, virtualService('other'));
    await soon(() => expect(names()).toContain('other'));
    expect(current()?.resources.get('VirtualService', 'shop', 'cart')).toBe(before);
    expect(before?.body.metadata).not.toHaveProperty('managedFields');
  });

  it('does without the kinds that are not there, and reads them once they are', async () => {
    const api = await fakeApi();
    api.resources.delete('/apis/networking.istio.io/v1');
    const { started, current, names } = follow(api);
    const first = await started;
    expect(first.diagnostics).toEqual([expect.objectContaining({ code: 'kind-not-served', severity: 'hint' })]);
    api.put(VIRTUAL_SERVICES, virtualService('cart'));
    api.resources.set('/apis/networking.istio.io/v1', ['virtualservices']);
    await soon(() => expect(names()).toEqual(['cart']));
    expect(current()?.diagnostics[0]?.message).not.toContain('VirtualService');
  });

  it('takes an older version of a kind where the server has no newer one', async () => {
    const api = await fakeApi();
    const old = '/apis/networking.istio.io/v1beta1';
    api.resources.delete('/apis/networking.istio.io/v1');
    api.resources.set(old, ['virtualservices']);
    api.put(`${old}/virtualservices`, virtualService('cart'));
    const first = await follow(api).started;
    expect(first.resources.ofKind('VirtualService')[0]?.apiVersion).toBe('networking.istio.io/v1beta1');
  });

  it('reads Secrets of the namespace of the gateway alone', async () => {
    const api = await fakeApi();
    await follow(api).started;
    const asked = new Set(api.calls.map(({ path }) => path).filter((path) => path.endsWith('/secrets')));
    expect([...asked]).toEqual(['/api/v1/namespaces/istio-system/secrets']);
  });

  it('keeps of a Pod its labels and addresses', async () => {
    const api = await fakeApi();
    api.put('/api/v1/pods', {
      metadata: { name: 'p', namespace: 'shop', labels: { app: 'cart' } },
      spec: { nodeName: 'n', containers: [{ name: 'c', env: [] }] },
      status: {
        podIP: '10.0.0.1',
        containerStatuses: [{ ready: true }],
        conditions: [{ type: 'Ready', status: 'True' }],
      },
    });
    const [pod] = (await follow(api).started).resources.ofKind('Pod');
    expect(pod?.body.spec).toEqual({ nodeName: 'n' });
    expect(pod?.body.status).toEqual({ podIP: '10.0.0.1', conditions: [{ type: 'Ready', status: 'True' }] });
  });

  it('sends the token that is valid now', async () => {
    const api = await fakeApi();
    api.headers = { authorization: 'Bearer one' };
    await follow(api).started;
    api.headers = { authorization: 'Bearer two' };
    api.dropWatches('end');
    await soon(() => expect(api.calls.at(-1)?.headers.authorization).toBe('Bearer two'));
  });

  it('ends when it is told, while nothing can be read too', async () => {
    const api = await fakeApi();
    api.faults.push(() => true);
    const { source, started } = follow(api);
    await source.close();
    await expect(started).rejects.toThrow('closed');
  });
});

describe('namespaces by label', () => {
  const NAMESPACES = '/api/v1/namespaces';
  const options = { namespaceSelector: 'routes=yes' };

  it('are asked for by the selector, and others do not count', async () => {
    const api = await fakeApi();
    api.put(NAMESPACES, { metadata: { name: 'shop' } });
    api.put(VIRTUAL_SERVICES, virtualService('cart'));
    api.put(VIRTUAL_SERVICES, virtualService('alien', 'alien.example.com', 'elsewhere'));
    api.put(GATEWAYS, { ...GATEWAY, metadata: { name: 'own', namespace: 'istio-system' } });
    const { started, names } = follow(api, options);
    const first = await started;
    expect(names()).toEqual(['cart']);
    expect(names('Gateway')).toEqual(['own']);
    expect(first.resources.ofKind('Namespace')).toHaveLength(1);
    expect(api.calls.find(({ path }) => path === NAMESPACES)?.query.get('labelSelector')).toBe('routes=yes');
  });

  it('come and go with their objects', async () => {
    const api = await fakeApi();
    api.put(NAMESPACES, { metadata: { name: 'shop' } });
    api.put(VIRTUAL_SERVICES, virtualService('cart'));
    api.put(VIRTUAL_SERVICES, virtualService('late', 'late.example.com', 'elsewhere'));
    const { started, names } = follow(api, options);
    await started;
    api.put(NAMESPACES, { metadata: { name: 'elsewhere' } });
    await soon(() => expect(names()).toEqual(['cart', 'late']));
    api.delete(NAMESPACES, { metadata: { name: 'elsewhere' } });
    await soon(() => expect(names()).toEqual(['cart']));
  });

  it('that do not count leave objects behind that say what this gateway once told them', async () => {
    const api = await fakeApi();
    api.put(NAMESPACES, { metadata: { name: 'shop' } });
    const told = (gateway: string): object => ({
      status: {
        banyan: { gateway },
        conditions: ['Accepted', 'Programmed', 'Conflicted', 'Frozen'].map((type) => ({ type, status: 'True' })),
      },
    });
    const put = (name: string, namespace: string, more: object = {}) =>
      api.put(VIRTUAL_SERVICES, { ...virtualService(name, `${name}.example.com`, namespace), ...more });
    put('never-told', 'elsewhere');
    put('of-another', 'elsewhere', told('other'));
    const early = put('early', 'elsewhere', told('own'));
    put('leaves', 'shop', told('own'));
    const { started, names, source } = follow(api, { ...options, keepStatus: true });
    await started;
    const dismissed = () => source.dismissed('own').map(({ namespace, name }) => `${namespace}/${name}`);
    expect(dismissed()).toEqual(['elsewhere/early']);
    expect(source.known({ kind: 'VirtualService', namespace: 'elsewhere', name: 'early' })).toMatchObject({
      generation: 1,
      resource: undefined,
    });
    api.delete(NAMESPACES, { metadata: { name: 'shop' } });
    await soon(() => expect(dismissed()).toEqual(['elsewhere/early', 'shop/leaves']));
    api.delete(VIRTUAL_SERVICES, early);
    await soon(() => expect(dismissed()).toEqual(['shop/leaves']));
    api.put(NAMESPACES, { metadata: { name: 'shop' } });
    await soon(() => expect(names()).toEqual(['leaves']));
    expect(dismissed()).toEqual([]);
  });
});

const GATEWAY = {
  spec: {
    selector: { istio: 'ingressgateway' },
    servers: [{ port: { number: 80, name: 'http', protocol: 'HTTP' }, hosts: ['*'] }],
  },
};
