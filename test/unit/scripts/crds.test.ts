import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { crdFiles } from '../../../scripts/crds.ts';

const files = [...crdFiles()];

/** Every part of a schema, as what Kubernetes takes for one. */
function* partsOf(schema: Readonly<Record<string, unknown>>): Generator<Readonly<Record<string, unknown>>> {
  yield schema;
  const inner = [schema['items'], schema['additionalProperties'], ...Object.values(schema['properties'] ?? {})];
  for (const part of inner)
    if (typeof part === 'object' && part !== null) yield* partsOf(part as Readonly<Record<string, unknown>>);
}

describe('the CRDs', () => {
  it.each(files)('%s is what the schemas say (node scripts/generate-crds.ts)', (file, content) => {
    expect(readFileSync(file, 'utf8')).toBe(content);
  });

  it.each(files)('%s is structural, has a status, and stores its newest version', (_, content) => {
    const { spec } = parse(content);
    for (const version of spec.versions) {
      expect(version.subresources).toEqual({ status: {} });
      for (const part of partsOf(version.schema.openAPIV3Schema)) {
        expect(part).not.toHaveProperty('$ref');
        expect(part).not.toHaveProperty('additionalProperties', false);
        const untyped = part['x-kubernetes-int-or-string'] ?? part['x-kubernetes-preserve-unknown-fields'];
        expect(part['type'] ?? untyped).toBeDefined();
        // Kubernetes has either names or any key, not both.
        if (part['properties'] !== undefined) expect(part).not.toHaveProperty('additionalProperties');
      }
    }
    expect(spec.versions.map(({ storage }: { storage: boolean }) => storage)).toEqual(
      spec.versions.map((_version: unknown, index: number) => index === 0),
    );
  });

  it('leave out the kinds that Kubernetes has itself', () => {
    expect(files.map(([file]) => file).filter((file) => /services\.|pods|secrets/.test(file))).toEqual([
      expect.stringContaining('virtualservices'),
    ]);
  });
});
