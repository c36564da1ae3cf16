import { parseAllDocuments } from 'yaml';
import type { CompileOptions } from '../../src/compiler/compilation.ts';
import type { Resource } from '../../src/resources/kinds.ts';
import type { MeshSettings } from '../../src/resources/mesh-config.ts';
import type { Origin } from '../../src/resources/object.ts';
import { KINDS } from '../../src/resources/registry.ts';
import { type ResourceSet, resourceSet } from '../../src/resources/set.ts';

/* Resources as tests write them: YAML that is taken as it stands, valid by assumption. */

/** The age that objects without one had when Istio's answers were recorded: as old as the eldest that say theirs, not older. */
const RECORDED_AGE = '2026-01-01T00:00:00Z';

interface Written {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Record<string, string>;
    readonly annotations?: Record<string, string>;
    readonly creationTimestamp?: string;
  };
}

const originOf = (file: string): Origin => ({ file, locate: () => ({ file, line: 1, column: 1 }) });

/** `keep`: which documents of the file are taken, by place. */
export function parseResources(
  text: string,
  namespace: string,
  file = `${namespace}/test.yaml`,
  keep: (index: number) => boolean = () => true,
): readonly Resource[] {
  const documents = parseAllDocuments(text);
  return [...documents].flatMap((document, index) => {
    const written = document.toJS() as Written | null;
    if (written === null || !keep(index) || !Object.hasOwn(KINDS, written.kind)) return [];
    return [asResource(written, namespace, file)];
  });
}

function asResource(written: Written, folder: string, file: string): Resource {
  const { metadata, kind } = written;
  const namespace = metadata.namespace ?? folder;
  return {
    kind,
    apiVersion: written.apiVersion,
    meta: {
      namespace,
      name: metadata.name,
      labels: metadata.labels ?? {},
      annotations: metadata.annotations ?? {},
      creationTimestampMs: Date.parse(metadata.creationTimestamp ?? RECORDED_AGE),
    },
    ref: { kind, namespace, name: metadata.name },
    body: written,
    origin: originOf(file),
  } as unknown as Resource;
}

/** Documents of one namespace, or of several by name. */
export function resourcesOf(yaml: string | Readonly<Record<string, string>>, previous?: ResourceSet): ResourceSet {
  const texts = typeof yaml === 'string' ? { shop: yaml } : yaml;
  const objects = Object.entries(texts).flatMap(([namespace, text]) => parseResources(text, namespace));
  return resourceSet(objects, previous);
}

/** Istio's defaults, but for what is given. */
export const meshSettings = (changes: Partial<MeshSettings> = {}): MeshSettings => ({
  rootNamespace: 'istio-system',
  clusterDomain: 'cluster.local',
  pathNormalization: 'base',
  numTrustedProxies: 0,
  forwardClientCert: 'sanitize-set',
  defaultVirtualServiceExportTo: ['*'],
  defaultDestinationRuleExportTo: ['*'],
  defaultServiceExportTo: ['*'],
  defaultHttpRetryPolicy: undefined,
  connectTimeoutMs: 10_000,
  h2Upgrade: false,
  extensionProviders: [],
  ...changes,
});

export const compileOptions = (changes: Partial<CompileOptions> = {}): CompileOptions => ({
  gatewayLabels: { istio: 'ingressgateway', app: 'istio-ingressgateway' },
  gatewayNamespace: 'istio-system',
  mesh: meshSettings(),
  filters: [],
  ...changes,
});
