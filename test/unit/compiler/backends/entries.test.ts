import { describe, expect, it } from 'vitest';
import { entry, pod, rule, service, slice, workload } from './builders.ts';
import { addresses, build, cluster, codes, id } from './helpers.ts';

const ports = (...protocols: string[]): object[] =>
  protocols.map((protocol, i) => ({ number: 80 + i, name: `p${i}`, protocol }));

describe('endpoints of a ServiceEntry', () => {
  it('take the endpoint’s port map before the target port before the number', () => {
    const objects = [
      entry('x/a', {
        hosts: ['a.example.net'],
        ports: [
          { number: 80, name: 'http', protocol: 'HTTP', targetPort: 9080 },
          { number: 81, name: 'alt', protocol: 'HTTP' },
        ],
        endpoints: [{ address: '127.0.0.1', ports: { http: 7080 } }, { address: '127.0.0.2' }],
      }),
    ];
    expect(addresses(objects, 'a.example.net')).toEqual(['127.0.0.1:7080', '127.0.0.2:9080']);
    expect(addresses(objects, 'a.example.net:81')).toEqual(['127.0.0.1:81', '127.0.0.2:81']);
  });

  it('may be sockets, which have no port, and have weight and locality', () => {
    const spec = {
      hosts: ['a.example.net'],
      endpoints: [{ address: 'unix:///run/a.sock' }, { address: '::1', weight: 3, locality: 'eu/eu-1' }],
    };
    expect(build([entry('x/a', spec)], [id('a.example.net')]).endpoints.clusters[id('a.example.net')]).toEqual([
      { address: 'unix:///run/a.sock', port: 0, weight: 1, healthy: true, locality: '', priority: 0 },
      { address: '::1', port: 9080, weight: 3, healthy: true, locality: 'eu/eu-1', priority: 0 },
    ]);
  });

  it('are looked up by name where the resolution says so: all addresses, or one at a time', () => {
    const objects = [
      entry('x/a', { hosts: ['a.example.net'], resolution: 'DNS', endpoints: [{ address: 'b.example.net' }] }),
      entry('x/self', { hosts: ['self.example.net'], resolution: 'DNS' }),
      entry('x/one', { hosts: ['one.example.net'], resolution: 'DNS_ROUND_ROBIN' }),
    ];
    expect(addresses(objects, 'a.example.net')).toEqual(['b.example.net:9080']);
    expect(addresses(objects, 'self.example.net')).toEqual(['self.example.net:9080']);
    expect(cluster(objects, 'self.example.net')?.discovery).toEqual({ kind: 'dns', all: true });
    expect(cluster(objects, 'one.example.net')?.discovery).toEqual({ kind: 'dns', all: false });
  });

  it('where none is usable, a name-resolved cluster does not exist, any other is empty', () => {
    const selector = { workloadSelector: { labels: { app: 'gone' } } };
    const objects = [
      entry('x/dns', { hosts: ['dns.example.net'], resolution: 'DNS', ...selector }),
      entry('x/static', { hosts: ['static.example.net'], ...selector }),
      entry('x/none', { hosts: ['none.example.net'], resolution: 'NONE' }),
      entry('x/wild', { hosts: ['*.example.org'], resolution: 'DYNAMIC_DNS' }),
      rule('x/dns', { host: 'self.example.net', subsets: [{ name: 'v1', labels: { version: 'v1' } }] }),
      entry('x/self', { hosts: ['self.example.net'], resolution: 'DNS' }),
    ];
    expect(addresses(objects, 'dns.example.net')).toBeUndefined();
    expect(addresses(objects, 'v1@self.example.net')).toBeUndefined();
    expect(addresses(objects, 'static.example.net')).toEqual([]);
    expect(addresses(objects, 'none.example.net')).toEqual([]);
    expect(addresses(objects, '*.example.org')).toEqual([]);
    expect(addresses(objects, 'x.example.org')).toBeUndefined();
    expect(codes(objects, ['none.example.net', '*.example.org'])).toEqual([
      'destination-without-endpoints x/wild',
      'destination-without-endpoints x/none',
    ]);
  });

  it('are the workloads that a selector chooses in its own namespace: entries, and pods that are ready', () => {
    const objects = [
      entry('x/vms', { hosts: ['vms.example.net'], workloadSelector: { labels: { app: 'vm' } } }),
      workload('x/1', { address: '127.0.0.1', labels: { app: 'vm', v: '1' }, weight: 2 }),
      workload('x/2', { address: '127.0.0.2', labels: { app: 'vm' }, ports: { http: 7080 } }),
      workload('x/3', { address: '127.0.0.3', labels: { app: 'other' } }),
      workload('x/4', { address: 'vm.example.net', labels: { app: 'vm' } }),
      workload('y/1', { address: '127.0.0.4', labels: { app: 'vm' } }),
      pod('x/p', '127.0.0.5', { app: 'vm' }),
      pod('x/q', '127.0.0.6', { app: 'vm' }, false),
      pod('y/r', '127.0.0.7', { app: 'vm' }),
    ];
    expect(addresses(objects, 'vms.example.net')).toEqual(['127.0.0.1:9080', '127.0.0.2:7080', '127.0.0.5:9080']);
  });

  it('a Kubernetes service chooses WorkloadEntries too', () => {
    const objects = [
      service('x/web', { selector: { app: 'vm' }, ports: [{ name: 'http', port: 80, targetPort: 'web' }] }),
      service('x/num', { selector: { app: 'vm' } }),
      service('x/bare', {}),
      slice('x/num', ['127.0.0.9']),
      workload('x/1', { address: '127.0.0.1', labels: { app: 'vm' }, ports: { web: 7080 } }),
      workload('x/2', { address: '127.0.0.2', labels: { app: 'vm' } }),
    ];
    expect(addresses(objects, 'web.x')).toEqual(['127.0.0.1:7080']);
    expect(addresses(objects, 'num.x')).toEqual(['127.0.0.9:9080', '127.0.0.1:9080', '127.0.0.2:9080']);
    expect(addresses(objects, 'bare.x')).toEqual([]);
  });
});

describe('several objects for one host', () => {
  const at = (address: string, more: object = {}): object => ({
    hosts: ['a.example.net'],
    endpoints: [{ address }],
    ...more,
  });

  it('the oldest counts, of equal age that of the first namespace', () => {
    const objects = [entry('x/a', at('127.0.0.1'), { age: 2 }), entry('y/a', at('127.0.0.2'), { age: 1 })];
    expect(addresses(objects, 'a.example.net')).toEqual(['127.0.0.2:9080']);
    expect(codes(objects)).toEqual(['host-provided-twice x/a']);
    expect(addresses([entry('y/a', at('127.0.0.2')), entry('x/b', at('127.0.0.1'))], 'a.example.net')).toEqual([
      '127.0.0.1:9080',
    ]);
  });

  it('a Kubernetes service counts before any entry', () => {
    const host = 'web.back.svc.cluster.local';
    const objects = [
      entry('front/kube', { hosts: [host], endpoints: [{ address: '127.0.0.1' }] }, { age: 1 }),
      service('back/web', {}, { age: 9 }),
      slice('back/web', ['127.0.0.2']),
    ];
    expect(addresses(objects, 'web.back')).toEqual(['127.0.0.2:9080']);
    expect(codes(objects)).toEqual(['host-provided-twice front/kube']);
  });

  it('one that is hidden from the gateway neither counts nor conflicts', () => {
    const objects = [
      entry('x/a', at('127.0.0.1', { exportTo: ['.'] }), { age: 1 }),
      entry('y/a', at('127.0.0.2'), { age: 2 }),
    ];
    expect(addresses(objects, 'a.example.net')).toEqual(['127.0.0.2:9080']);
    expect(codes(objects)).toEqual([]);
  });

  it('those of one namespace share their endpoints, by port name', () => {
    const objects = [entry('x/a', at('127.0.0.1'), { age: 1 }), entry('x/b', at('127.0.0.2'), { age: 2 })];
    expect(addresses(objects, 'a.example.net')).toEqual(['127.0.0.1:9080', '127.0.0.2:9080']);
    expect(codes(objects)).toEqual([]);
  });

  it('a port of the younger alone makes an empty cluster, and a conflict of protocols is told', () => {
    const objects = [
      entry('x/a', at('127.0.0.1', { ports: ports('HTTP') }), { age: 1 }),
      entry('y/a', at('127.0.0.2', { ports: ports('HTTP2', 'HTTP') }), { age: 2 }),
    ];
    expect(addresses(objects, 'a.example.net:81')).toEqual([]);
    expect(codes(objects)).toEqual(['host-provided-twice y/a', 'entry-protocol-conflict y/a']);
  });
});
