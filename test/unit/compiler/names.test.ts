import { describe, expect, it } from 'vitest';
import { resolveGateway, resolveHost } from '../../../src/compiler/names.ts';

describe('hosts of resources', () => {
  it.each([
    { host: 'web', is: 'web.shop.svc.cluster.local' },
    { host: 'WEB', is: 'WEB.shop.svc.cluster.local' },
    { host: 'reviews.prod', is: 'reviews.prod' },
    { host: 'web.shop.svc.cluster.local', is: 'web.shop.svc.cluster.local' },
    { host: 'api.x.net.', is: 'api.x.net.' },
    { host: '*', is: '*' },
    { host: '*.example.com', is: '*.example.com' },
    { host: '10.20.30.40', is: '10.20.30.40' },
    { host: '2001:db8::7', is: '2001:db8::7' },
  ])('$host means $is in namespace shop', ({ host, is }) => {
    expect(resolveHost(host, 'shop', 'cluster.local')).toBe(is);
  });
});

describe('names of Gateways', () => {
  it.each([
    { name: 'public', is: 'shop/public' },
    { name: 'infra/public', is: 'infra/public' },
    { name: './public', is: 'shop/public' },
    { name: 'public.infra', is: 'infra/public' },
    { name: 'public.infra.svc', is: 'infra/public' },
    { name: 'public.infra.svc.cluster.local', is: 'infra/public' },
    { name: 'mesh', is: 'mesh' },
  ])('$name is $is in namespace shop', ({ name, is }) => {
    expect(resolveGateway(name, 'shop')).toBe(is);
  });
});
