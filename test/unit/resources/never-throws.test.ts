import { Ajv, type ValidateFunction } from 'ajv';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatMistake } from '../../../src/resources/formats.ts';
import { decodeObject, KINDS, type ResourceKind } from '../../../src/resources/index.ts';
import type { Format, JsonSchema } from '../../../src/resources/schema.ts';
import { readBySchema } from '../../../src/resources/schema-decode.ts';

const origin = { file: 'a.yaml', locate: () => ({ file: 'a.yaml', line: 1, column: 1 }) };
const kinds = Object.keys(KINDS) as ResourceKind[];

/** Values that have the shape of a schema mostly, and something else now and then. */
function likely(root: JsonSchema, schema: JsonSchema, strange: number): fc.Arbitrary<unknown> {
  const resolved =
    schema.$ref === undefined ? schema : (root.definitions?.[schema.$ref.slice('#/definitions/'.length)] ?? {});
  const good = fitting(root, resolved, strange);
  return strange === 0
    ? good
    : fc.oneof({ weight: 20, arbitrary: good }, { weight: strange, arbitrary: fc.jsonValue({ maxDepth: 2 }) });
}

function fitting(root: JsonSchema, schema: JsonSchema, strange: number): fc.Arbitrary<unknown> {
  if (schema.anyOf !== undefined)
    return fc.oneof(...schema.anyOf.map((alternative) => likely(root, alternative, strange)));
  if (schema.enum !== undefined) return fc.constantFrom(...schema.enum);
  switch (schema.type) {
    case 'object': {
      const fields = Object.entries(schema.properties ?? {}).map(
        ([name, property]) => [name, likely(root, property, strange)] as const,
      );
      const required = schema.required ?? [];
      const known = fc.record(Object.fromEntries(fields), { requiredKeys: [...required] });
      if (typeof schema.additionalProperties !== 'object') return known;
      return fc.dictionary(words, likely(root, schema.additionalProperties, strange), { maxKeys: 3 });
    }
    case 'array':
      return fc.array(likely(root, schema.items ?? {}, strange), { minLength: schema.minItems ?? 0, maxLength: 3 });
    case 'string':
      return schema.format === undefined
        ? schema.const === undefined
          ? words
          : fc.constant(schema.const)
        : fc.constantFrom(...FORMATTED[schema.format]);
    case 'integer':
      return fc.oneof(
        fc.integer({ min: schema.minimum ?? -10, max: Math.min(schema.maximum ?? 100, 100_000) }),
        fc.constantFrom(0, 1, 80, 200, 503),
      );
    case 'number':
      return fc.constantFrom(0, 0.5, 1, 99.9, 1000, -1);
    case 'boolean':
      return fc.boolean();
    default:
      return fc.jsonValue({ maxDepth: 1 });
  }
}

const words = fc.constantFrom(
  '',
  'a',
  'web',
  '*',
  '.',
  '~',
  'a.example.com',
  '*.example.com',
  '/v1',
  '(',
  '.*',
  '10.0.0.0/8',
  '::1',
  'x-a',
  'Host',
  ':path',
  '%REQ(x)%',
  '50%',
  'HTTP',
  'TLS',
  'a/b',
  'shops',
  '__proto__',
  'unix:///s',
  '5xx,503',
  'é',
  '{"keys":[]}',
  '{**}',
  '/{*}/x',
  'request.headers[a]',
  'source.ip',
  'a'.repeat(300),
);
const FORMATTED: Readonly<Record<Format, readonly string[]>> = {
  duration: ['1s', '0s', '1.5s', '100us', '-1s', '1h30m'],
  base64: ['', 'YQ==', 'YWJj'],
  'date-time': ['2026-01-01T00:00:00Z'],
};

describe('decoding never throws, and refuses what it does not give', () => {
  test('for any JSON', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.constantFrom(...kinds), (value, kind) => {
        for (const object of [
          value,
          { apiVersion: KINDS[kind].apiVersions[0], kind, metadata: { name: 'a' }, spec: value },
          { apiVersion: KINDS[kind].apiVersions[0], kind, metadata: value, spec: {} },
        ]) {
          const { resource, diagnostics } = decodeObject(object, origin);
          expect(resource === undefined).toBe(
            diagnostics.some(({ refused }) => refused) || diagnostics.some(({ code }) => code === 'unknown-kind'),
          );
        }
      }),
      { numRuns: 300 },
    );
  });

  test.each(kinds)('for objects that are nearly %ss', (kind) => {
    const { schema, apiVersions } = KINDS[kind];
    fc.assert(
      fc.property(likely(schema, schema, 1), (value) => {
        const object =
          typeof value === 'object' && value !== null ? { ...value, apiVersion: apiVersions[0], kind } : value;
        const { resource, diagnostics } = decodeObject(object, origin);
        expect(resource === undefined).toBe(diagnostics.some(({ refused }) => refused));
      }),
      { numRuns: 60 },
    );
  });
});

/** The same schemas, read by a validator that is nobody's relative. */
const ajv = new Ajv({
  strict: true,
  strictRequired: false,
  allowUnionTypes: true,
  allErrors: false,
  keywords: ['enumNumbers', 'exclusive'],
});
for (const format of ['duration', 'base64', 'date-time'] as const)
  ajv.addFormat(format, (text: string) => formatMistake(format, text) === undefined);
const validators = new Map<ResourceKind, ValidateFunction>(
  kinds.map((kind) => [kind, ajv.compile(KINDS[kind].schema)]),
);

describe('reading by a schema agrees with ajv', () => {
  test.each(kinds)('on %ss', (kind) => {
    const { schema } = KINDS[kind];
    const isValid = validators.get(kind) as ValidateFunction;
    fc.assert(
      fc.property(fc.oneof(likely(schema, schema, 0), likely(schema, schema, 1)), (value) => {
        const { value: read, complete, findings } = readBySchema(schema, value, 50);
        const isSound = complete && findings.every(({ severity }) => severity !== 'error');
        if (isSound) expect([isValid(read), isValid.errors]).toEqual([true, null]);
        if (isValid(value)) expect(findings.filter(({ severity }) => severity === 'error')).toEqual([]);
      }),
      { numRuns: 60 },
    );
  });
});
