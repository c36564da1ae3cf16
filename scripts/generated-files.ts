import { compile } from 'json-schema-to-typescript';
import { meshConfigSchema } from '../src/resources/mesh-config.schema.ts';
import { KINDS } from '../src/resources/registry.ts';
import type { JsonSchema } from '../src/resources/schema.ts';
import { diagnosticsPage } from './diagnostics-page.ts';
import { resourcePages } from './generate-resource-docs.ts';
import { istioPage } from './istio-page.ts';

/** Every generated file: path from the project's root → content. */
export async function generatedFiles(): Promise<ReadonlyMap<string, string>> {
  const files = new Map<string, string>();
  for (const [kind, { schema }] of Object.entries(KINDS)) files.set(typesPath(kind), await typesOf(schema));
  files.set(typesPath('MeshConfig'), await typesOf(meshConfigSchema));
  files.set('docs/diagnostics.md', diagnosticsPage());
  files.set('docs/istio.md', istioPage());
  for (const [path, page] of resourcePages()) files.set(path, page);
  return files;
}

const typesPath = (kind: string): string =>
  `src/resources/generated/${kind.replace(/(?<=[a-z])(?=[A-Z])/g, '-').toLowerCase()}.ts`;

async function typesOf(schema: JsonSchema): Promise<string> {
  const types = await compile(structuredClone(schema) as unknown as Parameters<typeof compile>[0], schema.title ?? '', {
    additionalProperties: false,
    bannerComment: '/* Generated from the schema by scripts/generate-resources.ts; not to be edited. */',
    ignoreMinAndMaxItems: true,
    style: { singleQuote: true, printWidth: 120 },
  });
  return asReadonly(types);
}

/** Resources are never written to, so every member and every array is read-only. */
const asReadonly = (types: string): string =>
  types
    .replace(/^( +)((?:\w+|'[^']+')\??:|\[k: string\]:)/gm, '$1readonly $2')
    .replace(/(\b\w+|\([^()]*\))\[\]/g, 'readonly $1[]');
