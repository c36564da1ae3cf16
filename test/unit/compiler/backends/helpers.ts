import {
  type Backends,
  type BuiltBackends,
  clusterId,
  createBackends,
} from '../../../../src/compiler/backends/index.ts';
import type { CompileOptions } from '../../../../src/compiler/compilation.ts';
import type { Resource } from '../../../../src/resources/kinds.ts';
import { resourceSet } from '../../../../src/resources/set.ts';
import type { Cluster } from '../../../../src/table/model.ts';
import { HTTP, options, rule, service } from './builders.ts';

export const backends = (objects: readonly Resource[], settings: CompileOptions = options()): Backends =>
  createBackends({ resources: resourceSet(objects), options: settings });

export const build = (
  objects: readonly Resource[],
  ids: readonly string[],
  settings: CompileOptions = options(),
): BuiltBackends => backends(objects, settings).build(new Set(ids));

/** `web.shop` for the service, `:81` for another port than 80, `v1@` before it for a subset. */
export function id(name: string): string {
  const [, subset, host = '', port] = /^(?:(\w+)@)?([^:]+)(?::(\d+))?$/.exec(name) ?? [];
  const isService = host.split('.').length === 2;
  return clusterId(isService ? `${host}.svc.cluster.local` : host, Number(port ?? 80), subset);
}

/** The one cluster that is asked for; undefined: there is none. */
export const cluster = (objects: readonly Resource[], name: string, settings?: CompileOptions): Cluster | undefined =>
  build(objects, [id(name)], settings).clusters[0];

/** `127.0.0.1:80`, unhealthy ones with `!`, priority as `^1`; undefined: no such cluster. */
export function addresses(
  objects: readonly Resource[],
  name: string,
  settings?: CompileOptions,
): readonly string[] | undefined {
  return build(objects, [id(name)], settings).endpoints.clusters[id(name)]?.map(
    (e) => `${e.healthy ? '' : '!'}${e.address}:${e.port}${e.priority === 0 ? '' : `^${e.priority}`}`,
  );
}

export const codes = (objects: readonly Resource[], ids: readonly string[] = []): readonly string[] =>
  build(objects, ids.map(id)).diagnostics.map(({ code, object }) => `${code} ${object?.namespace}/${object?.name}`);

export const web = service('shop/web', {
  ports: [HTTP, { name: 'grpc', port: 81 }, { name: 'web', port: 82 }, { name: 'tcp', port: 83 }],
});

/** The cluster of shop/web under a policy. */
export function under(
  trafficPolicy: object,
  name = 'web.shop',
  subsets: readonly object[] = [],
  settings = options(),
): Cluster {
  const found = cluster([web, rule('shop/r', { host: 'web', trafficPolicy, subsets })], name, settings);
  if (found === undefined) throw new Error('no cluster');
  return found;
}
