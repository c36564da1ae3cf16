import { describe, expect, it } from 'vitest';
import { servicePortProtocol } from '../../../../src/compiler/backends/port-protocol.ts';
import { entry, HTTP, mesh, options, service, slice } from './builders.ts';
import { addresses, backends, cluster, codes } from './helpers.ts';

describe('the protocol of a service port', () => {
  it.each([
    [{ name: 'http' }, 'HTTP'],
    [{ name: 'http2-web' }, 'HTTP2'],
    [{ name: 'GRPC-x' }, 'GRPC'],
    [{ name: 'grpc-web' }, 'GRPC-Web'],
    [{ name: 'gRPC-WEBsocket' }, 'GRPC-Web'],
    [{ name: 'tcp', appProtocol: 'http2' }, 'HTTP2'],
    [{ name: 'web', appProtocol: 'kubernetes.io/h2c' }, 'HTTP2'],
    [{ name: 'web', appProtocol: 'kubernetes.io/ws' }, 'HTTP'],
    [{ name: 'web', appProtocol: 'kubernetes.io/wss' }, 'HTTPS'],
    [{ name: 'http', protocol: 'UDP' }, 'UDP'],
    [{ name: '', port: 3306 }, 'TCP'],
    [{ name: 'http', port: 3306 }, 'HTTP'],
    [{ name: 'http', appProtocol: 'company.example/x' }, 'unsupported'],
    [{ name: 'kubernetes.io/h2c' }, 'unsupported'],
    [{ name: 'h2c' }, 'unsupported'],
    [{ name: 'httpx' }, 'unsupported'],
    [{}, 'unsupported'],
  ])('%o is %s', (port, protocol) => {
    expect(servicePortProtocol({ port: 80, ...port })).toBe(protocol);
  });
});

describe('looking a host up', () => {
  const known = backends([
    service('shop/web', { ports: [HTTP, { name: 'grpc', port: 81 }] }),
    service('shop/alias', { type: 'ExternalName', externalName: 'api.example.net', ports: [] }),
    service('shop/private', {}, { annotations: { 'networking.istio.io/exportTo': '.' } }),
    service('shop/shared', {}, { annotations: { 'networking.istio.io/exportTo': 'x, istio-system' } }),
    service('shop/nobody', {}, { annotations: { 'networking.istio.io/exportTo': '~' } }),
    entry('shop/api', { hosts: ['api.example.net', '*.wild.example.net'] }),
    entry('a/two', { hosts: ['two.example.net'], ports: [{ number: 1, name: 'http', protocol: 'HTTP' }] }, { age: 1 }),
    entry('b/two', { hosts: ['two.example.net'], ports: [{ number: 2, name: 'http', protocol: 'HTTP' }] }, { age: 2 }),
  ]);

  it('finds short names in the namespace of whoever asks, full names from anywhere', () => {
    expect(known.lookup('web', 'shop')).toMatchObject({
      host: 'web.shop.svc.cluster.local',
      clusterHost: 'web.shop.svc.cluster.local',
      namespace: 'shop',
      ports: [
        { number: 80, name: 'http', protocol: 'HTTP' },
        { number: 81, name: 'grpc', protocol: 'GRPC' },
      ],
      object: { kind: 'Service', namespace: 'shop', name: 'web' },
    });
    expect(known.lookup('web.shop.svc.cluster.local', 'other')).toBe(known.lookup('web', 'shop'));
  });

  it.each(['web.shop', 'WEB', 'web.shop.svc.cluster.local.', 'x.wild.example.net', 'private', 'nobody', 'gone', '*'])(
    'knows nothing of %s',
    (host) => {
      expect(known.lookup(host, 'shop')).toBeUndefined();
    },
  );

  it('gives the target of an ExternalName service as the host of its clusters', () => {
    expect(known.lookup('alias', 'shop')?.clusterHost).toBe('api.example.net');
  });

  it('knows a wildcard host by its own name, and what is exported to the gateway by name', () => {
    expect(known.lookup('*.wild.example.net', 'x')?.host).toBe('*.wild.example.net');
    expect(known.lookup('shared', 'shop')?.namespace).toBe('shop');
  });

  it('prefers the entry of the asking namespace, else the oldest', () => {
    expect(known.lookup('two.example.net', 'b')?.ports[0]?.number).toBe(2);
    expect(known.lookup('two.example.net', 'c')?.ports[0]?.number).toBe(1);
  });

  it('says why it knows nothing', () => {
    expect(known.explainHost('private', 'shop')).toMatchObject({ kind: 'hidden', object: { name: 'private' } });
    expect(known.explainHost('wev', 'shop')).toEqual({ kind: 'unknown', nearest: 'web.shop.svc.cluster.local' });
    expect(known.explainHost('inventory', 'shop')).toEqual({ kind: 'unknown', nearest: undefined });
  });

  it('hides services by the mesh’s default, and not those that say otherwise', () => {
    const closed = options({ mesh: mesh({ defaultServiceExportTo: ['.'] }) });
    const objects = [service('a/web'), service('b/web', {}, { annotations: { 'networking.istio.io/exportTo': '*' } })];
    expect(backends(objects, closed).lookup('web', 'a')).toBeUndefined();
    expect(backends(objects, closed).lookup('web', 'b')).toBeDefined();
  });

  it.each([
    [['*'], true],
    [['.'], false],
    [['.', '*'], false],
    [['istio-system'], false],
    [['istio-system', '*'], true],
  ])('honours only . and * of a default %j, be it the gateway’s own namespace', (defaultServiceExportTo, seen) => {
    const known = backends([service('a/web')], options({ mesh: mesh({ defaultServiceExportTo }) }));
    expect(known.lookup('web', 'a') !== undefined).toBe(seen);
  });
});

describe('endpoints of a Kubernetes service', () => {
  it('are those of its slices by port name, unready ones marked', () => {
    const objects = [
      service('shop/web', { ports: [HTTP, { name: 'admin', port: 81 }] }),
      slice(
        'shop/web',
        ['127.0.0.1', { address: '127.0.0.2', ready: false }],
        [{ name: 'http', port: 9080 }, { name: 'admin', port: 9081 }, { name: 'portless' }],
      ),
      slice('other/web', ['127.0.0.9']),
    ];
    expect(addresses(objects, 'web.shop')).toEqual(['127.0.0.1:9080', '!127.0.0.2:9080']);
    expect(addresses(objects, 'web.shop:81')).toEqual(['127.0.0.1:9081', '!127.0.0.2:9081']);
  });

  it('are not doubled by a second slice, and never names', () => {
    const names = { ...slice('shop/web', ['example.net']).body, addressType: 'FQDN' };
    const fqdn = { ...slice('shop/web', []), body: names };
    const objects = [service('shop/web'), slice('shop/web', ['127.0.0.1']), slice('shop/web', ['127.0.0.1']), fqdn];
    expect(addresses(objects, 'web.shop')).toEqual(['127.0.0.1:9080']);
  });

  it('are none where nothing is listed, and the cluster is there all the same', () => {
    expect(addresses([service('shop/web')], 'web.shop')).toEqual([]);
  });

  it.each([
    ['an unknown port', 'web.shop:81'],
    ['an unknown service', 'gone.shop'],
    ['a UDP port', 'web.shop:53'],
    ['an ExternalName service itself', 'alias.shop'],
    ['a service hidden from the gateway', 'private.shop'],
    ['a subset that no rule defines', 'v1@web.shop'],
  ])('there is no cluster for %s', (_, name) => {
    const objects = [
      service('shop/web', { ports: [HTTP, { name: 'dns', port: 53, protocol: 'UDP' }] }),
      service('shop/alias', { type: 'ExternalName', externalName: 'web.shop.svc.cluster.local' }),
      service('shop/private', {}, { annotations: { 'networking.istio.io/exportTo': '.' } }),
    ];
    expect(cluster(objects, name)).toBeUndefined();
    expect(addresses(objects, name)).toBeUndefined();
  });
});

describe('findings about services', () => {
  it('name ports that tell no protocol, of services that routes go to', () => {
    const objects = [
      service('shop/web', { ports: [HTTP, { name: 'metrics', port: 81 }, { port: 82 }] }),
      service('shop/unused', { ports: [{ name: 'x', port: 80 }] }),
    ];
    expect(codes(objects, ['web.shop'])).toEqual(['port-without-protocol shop/web', 'port-without-protocol shop/web']);
    expect(codes(objects)).toEqual([]);
  });
});
