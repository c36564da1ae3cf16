import type { Compilation } from '../../../src/compiler/compilation.ts';
import type { Resource } from '../../../src/resources/kinds.ts';
import { type ResourceSet, resourceSet } from '../../../src/resources/set.ts';
import type { SourceSnapshot } from '../../../src/sources/source.ts';
import type { RouteTable } from '../../../src/table/model.ts';

/** `namespace/name@version`; equal texts are one object. */
const known = new Map<string, Resource>();
function service(text: string): Resource {
  const [, namespace = '', name = '', version = ''] = /^([^/]*)\/([^@]*)@?(.*)$/.exec(text) ?? [];
  const object: Resource = {
    kind: 'Service',
    apiVersion: 'v1',
    ref: { kind: 'Service', namespace, name },
    meta: { namespace, name, labels: {}, annotations: {}, creationTimestampMs: 0 },
    body: { version } as never,
    origin: {
      file: `${namespace}/${name}.yaml`,
      locate: () => ({ file: `${namespace}/${name}.yaml`, line: 1, column: 1 }),
    },
  };
  if (!known.has(text)) known.set(text, object);
  return known.get(text) as Resource;
}

export const setOf = (...texts: string[]): ResourceSet => resourceSet(texts.map(service));
export const snapshotOf = (...texts: string[]): SourceSnapshot => ({
  resources: setOf(...texts),
  diagnostics: [],
  frozen: [],
});

export const textsOf = (resources: ResourceSet): string[] =>
  resources
    .ofKind('Service')
    .map((object) => {
      const { version } = object.body as { version?: string };
      return `${object.meta.namespace}/${object.meta.name}${version ? `@${version}` : ''}`;
    })
    .sort();

export const emptyTable = (revision = ''): RouteTable => ({
  revision,
  settings: { pathNormalization: 'base', numTrustedProxies: 0, forwardClientCert: 'sanitize-set' },
  listeners: [],
  routeConfigs: [],
  clusters: [],
  filters: {},
});

/** A compilation whose revision is the list of what it was made from. */
export const compilationOf = (resources: ResourceSet): Compilation => {
  const revision = textsOf(resources).join(' ');
  return {
    table: emptyTable(revision),
    endpoints: { revision: '1', clusters: {} },
    credentials: { revision: '1', credentials: {} },
    diagnostics: [],
    statuses: [],
  };
};

export const silentLog = { debug() {}, info() {}, warn() {}, error() {} };
