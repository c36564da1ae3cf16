import { describe, expect, it } from 'vitest';
import { type BuiltBackends, createBackends } from '../../../../src/compiler/backends/index.ts';
import type { Resource } from '../../../../src/resources/kinds.ts';
import { type ResourceSet, resourceSet } from '../../../../src/resources/set.ts';
import { entry, options, pod, rule, service, slice, workload } from './builders.ts';
import { id } from './helpers.ts';

const settings = options();
const ids = new Set([id('web.shop'), id('v1@web.shop'), id('pay.shop'), id('vms.example.net')]);
const web = slice('shop/web', [{ address: '127.0.0.1', pod: 'p' }]);
const p = pod('shop/p', '127.0.0.1', { version: 'v1' });
const shopRule = rule('shop/r', { host: 'web', subsets: [{ name: 'v1', labels: { version: 'v1' } }] });
const others: readonly Resource[] = [
  service('shop/pay'),
  slice('shop/pay', ['127.0.0.2']),
  entry('x/vms', { hosts: ['vms.example.net'], workloadSelector: { labels: { app: 'vm' } } }),
  workload('x/1', { address: '127.0.0.3', labels: { app: 'vm' } }),
];
const base: readonly Resource[] = [service('shop/web'), web, p, shopRule, ...others];

function twice(next: readonly Resource[], first: readonly Resource[] = base): [BuiltBackends, BuiltBackends] {
  const run = (resources: ResourceSet): BuiltBackends => createBackends({ resources, options: settings }).build(ids);
  const set = resourceSet(first);
  const before = run(set);
  return [before, run(resourceSet(next, set))];
}
const without = (...gone: readonly Resource[]): Resource[] => base.filter((object) => !gone.includes(object));

describe('from one state to the next', () => {
  it('everything is the same object when nothing changed', () => {
    const [before, after] = twice(base.map((object) => object));
    expect(after.clusters).toBe(before.clusters);
    expect(after.endpoints).toBe(before.endpoints);
  });

  it('new endpoints leave all clusters, and the endpoints of all others, alone', () => {
    const [before, after] = twice([...without(web), slice('shop/web', ['127.0.0.1', '127.0.0.9'])]);
    expect(after.clusters).toBe(before.clusters);
    expect(after.endpoints.revision).not.toBe(before.endpoints.revision);
    expect(after.endpoints.clusters[id('web.shop')]).toHaveLength(2);
    for (const same of ['pay.shop', 'vms.example.net']) {
      expect(after.endpoints.clusters[id(same)]).toBe(before.endpoints.clusters[id(same)]);
    }
  });

  it('a pod that changes in nothing that matters leaves everything alone', () => {
    const touched = pod('shop/p', '127.0.0.1', { version: 'v1', note: 'x' });
    const [before, after] = twice([...without(p), touched]);
    expect(after.endpoints).toBe(before.endpoints);
  });

  it('a pod’s new label moves it between subsets', () => {
    const [before, after] = twice([...without(p), pod('shop/p', '127.0.0.1', { version: 'v2' })]);
    expect(before.endpoints.clusters[id('v1@web.shop')]).toHaveLength(1);
    expect(after.endpoints.clusters[id('v1@web.shop')]).toEqual([]);
    expect(after.endpoints.clusters[id('web.shop')]).toBe(before.endpoints.clusters[id('web.shop')]);
    expect(after.clusters).toBe(before.clusters);
  });

  it('a workload that joins is seen', () => {
    const [, after] = twice([...base, workload('x/2', { address: '127.0.0.4', labels: { app: 'vm' } })]);
    expect(after.endpoints.clusters[id('vms.example.net')]).toHaveLength(2);
  });

  it('a service or rule edited without consequence leaves its clusters alone', () => {
    const edited = base.map((object): Resource => {
      if (object.kind === 'Service')
        return { ...object, body: { ...object.body, spec: { ...object.body.spec, clusterIP: 'None' } } };
      return object === shopRule ? rule('shop/r', { ...shopRule.body.spec, exportTo: ['*'] }) : object;
    });
    const [before, after] = twice(edited);
    expect(after.clusters).toBe(before.clusters);
    expect(after.endpoints).toBe(before.endpoints);
  });

  it('a rule that matters changes the clusters of its host alone', () => {
    const stricter = rule('shop/r', { ...shopRule.body.spec, trafficPolicy: { loadBalancer: { simple: 'RANDOM' } } });
    const [before, after] = twice([...without(shopRule), stricter]);
    const kept = after.clusters.filter((cluster) => before.clusters.includes(cluster));
    expect(kept.map(({ id: name }) => name)).toEqual([id('pay.shop'), id('vms.example.net')]);
    expect(after.endpoints.clusters[id('pay.shop')]).toBe(before.endpoints.clusters[id('pay.shop')]);
    expect(after.endpoints).toBe(before.endpoints);
  });

  it('the order of objects never shows', () => {
    const [before, after] = twice([...base].reverse());
    expect(after.endpoints.revision).toBe(before.endpoints.revision);
    expect(after.clusters).toEqual(before.clusters);
  });

  it('equal content has equal revisions, made anew', () => {
    const fresh = (): BuiltBackends =>
      createBackends({
        resources: resourceSet([service('shop/web'), slice('shop/web', ['127.0.0.1'])]),
        options: options(),
      }).build(ids);
    expect(fresh().endpoints.revision).toBe(fresh().endpoints.revision);
  });
});
