import type { JsonSchema } from './schema.ts';

/** Where in an object a field of that name could stand: `spec.http[]`. The shortest place wins; undefined: nowhere. */
export function whereFieldBelongs(root: JsonSchema, field: string): string | undefined {
  let level: readonly (readonly [place: string, schema: JsonSchema])[] = [['', root]];
  const seen = new Set<JsonSchema>();
  while (level.length > 0) {
    const next: (readonly [string, JsonSchema])[] = [];
    for (const [place, unresolved] of level) {
      const schema = resolve(root, unresolved);
      if (seen.has(schema)) continue;
      seen.add(schema);
      if (place !== '' && Object.hasOwn(schema.properties ?? {}, field)) return place;
      next.push(...childrenOf(place, schema));
    }
    level = next;
  }
  return undefined;
}

function childrenOf(place: string, schema: JsonSchema): readonly (readonly [string, JsonSchema])[] {
  const fields = Object.entries(schema.properties ?? {}).map(
    ([name, property]) => [place === '' ? name : `${place}.${name}`, property] as const,
  );
  const items = schema.items === undefined ? [] : [[`${place}[]`, schema.items] as const];
  const values =
    typeof schema.additionalProperties === 'object' ? [[`${place}.*`, schema.additionalProperties] as const] : [];
  return [...fields, ...items, ...values];
}

const resolve = (root: JsonSchema, schema: JsonSchema): JsonSchema =>
  schema.$ref === undefined ? schema : (root.definitions?.[schema.$ref.slice('#/definitions/'.length)] ?? schema);
