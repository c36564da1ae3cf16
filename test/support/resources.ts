import type { CompileOptions } from '../../src/compiler/compilation.ts';
import {
  DEFAULT_MESH_SETTINGS,
  decodeObject,
  type MeshSettings,
  type Resource,
  type ResourceSet,
  resourceSet,
} from '../../src/resources/index.ts';
import { parseYaml } from '../../src/sources/yaml.ts';

/** The documents of a file that are admitted; a test that means all of them to be says so by `mustBeGood`. */
export function readResources(text: string, namespace: string, file: string, mustBeGood: boolean): readonly Resource[] {
  return parseYaml(text, file).documents.flatMap(({ value, origin }) => {
    const { resource, diagnostics } = decodeObject(value, origin, namespace);
    if (resource === undefined && mustBeGood) throw new Error(`${file}: ${diagnostics[0]?.message ?? 'refused'}`);
    return resource === undefined ? [] : [resource];
  });
}

/** Resources as tests write them, in a file `<namespace>/test.yaml`; every one has to be valid. */
export const parseResources = (text: string, namespace: string): readonly Resource[] =>
  readResources(text, namespace, `${namespace}/test.yaml`, true);

/** Documents of the namespace `shop`, or of several by name. */
export function resourcesOf(yaml: string | Readonly<Record<string, string>>, previous?: ResourceSet): ResourceSet {
  const texts = typeof yaml === 'string' ? { shop: yaml } : yaml;
  const objects = Object.entries(texts).flatMap(([namespace, text]) => parseResources(text, namespace));
  return resourceSet(objects, previous);
}

/** Istio's defaults, but for what is given. */
export const meshSettings = (changes: Partial<MeshSettings> = {}): MeshSettings => ({
  ...DEFAULT_MESH_SETTINGS,
  pathNormalization: 'base',
  ...changes,
});

export const compileOptions = (changes: Partial<CompileOptions> = {}): CompileOptions => ({
  gatewayLabels: { istio: 'ingressgateway', app: 'istio-ingressgateway' },
  gatewayNamespace: 'istio-system',
  mesh: meshSettings(),
  filters: [],
  ...changes,
});
