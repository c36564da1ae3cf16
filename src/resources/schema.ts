/**
 * The few words in which the schemas of resources are written. Each gives plain JSON Schema (draft-07): the generated
 * types, the generated validators, the leniency of proto JSON and "did you mean" all read the same data.
 */
export interface JsonSchema {
  readonly $ref?: string;
  readonly title?: string;
  readonly description?: string;
  readonly type?: 'object' | 'array' | 'string' | 'integer' | 'number' | 'boolean';
  readonly anyOf?: readonly JsonSchema[];
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly additionalProperties?: boolean | JsonSchema;
  readonly required?: readonly string[];
  readonly items?: JsonSchema;
  readonly minItems?: number;
  readonly enum?: readonly string[];
  readonly const?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly pattern?: string;
  readonly format?: Format;
  /** Numbers of an enum's names in the proto, where they are not 0, 1, 2, … */
  readonly enumNumbers?: readonly number[];
  /** Fields that exclude one another (oneof), in the proto's order: of several the last one counts. */
  readonly exclusive?: readonly (readonly string[])[];
  readonly definitions?: Readonly<Record<string, JsonSchema>>;
}

/** `duration`: as Go writes it; `base64`: standard alphabet, padded; `date-time`: RFC 3339. */
export type Format = 'duration' | 'base64' | 'date-time';

export type Fields = Readonly<Record<string, JsonSchema>>;

/** A closed message: a field that is not listed is a mistake. */
export const message = (fields: Fields, required: readonly string[] = []): JsonSchema => ({
  type: 'object',
  properties: fields,
  additionalProperties: false,
  ...(required.length > 0 && { required }),
});

/** An object of which only some fields concern us. */
export const open = (fields: Fields, required: readonly string[] = []): JsonSchema => ({
  ...message(fields, required),
  additionalProperties: true,
});

/** The proto's oneof: see `exclusive`. */
export const withOneOf = (schema: JsonSchema, ...groups: readonly (readonly string[])[]): JsonSchema => ({
  ...schema,
  exclusive: groups,
});

export const ref = (name: string): JsonSchema => ({ $ref: `#/definitions/${name}` });
export const list = (items: JsonSchema): JsonSchema => ({ type: 'array', items });
export const listOf = (name: string): JsonSchema => list(ref(name));
export const mapOf = (values: JsonSchema): JsonSchema => ({ type: 'object', additionalProperties: values });
export const oneWordOf = (...names: readonly string[]): JsonSchema => ({ type: 'string', enum: names });
export const described = (description: string, schema: JsonSchema): JsonSchema => ({ ...schema, description });

export const text: JsonSchema = { type: 'string' };
export const texts: JsonSchema = list(text);
export const flag: JsonSchema = { type: 'boolean' };
export const double: JsonSchema = { type: 'number' };
export const int32: JsonSchema = { type: 'integer', minimum: -2_147_483_648, maximum: 2_147_483_647 };
export const uint32: JsonSchema = { type: 'integer', minimum: 0, maximum: 4_294_967_295 };
export const uint64: JsonSchema = { type: 'integer', minimum: 0 };
export const duration: JsonSchema = { type: 'string', format: 'duration' };
export const base64: JsonSchema = { type: 'string', format: 'base64' };
export const stringMap: JsonSchema = mapOf(text);
/** Any object, taken as it is. */
export const anyObject: JsonSchema = { type: 'object', additionalProperties: true };

/** Every field of Kubernetes' ObjectMeta; those that we read are typed. */
const META_FIELDS: Fields = {
  name: text,
  namespace: text,
  labels: stringMap,
  annotations: stringMap,
  creationTimestamp: { type: 'string', format: 'date-time' },
  generateName: text,
  uid: text,
  resourceVersion: text,
  selfLink: text,
  clusterName: text,
  generation: { type: 'integer' },
  deletionTimestamp: text,
  deletionGracePeriodSeconds: { type: 'integer' },
  finalizers: texts,
  ownerReferences: list({}),
  managedFields: list({}),
};

const closedMeta = message(META_FIELDS, ['name']);
const openMeta = open(META_FIELDS, ['name']);

/** An Istio kind or one of ours: closed throughout; `spec` is always there once decoded. */
export const resourceSchema = (kind: string, spec: JsonSchema, definitions: Fields): JsonSchema => ({
  title: `${kind}Body`,
  ...message(
    {
      apiVersion: text,
      kind: { type: 'string', const: kind },
      metadata: ref('ObjectMeta'),
      spec: ref(`${kind}Spec`),
      status: anyObject,
    },
    ['apiVersion', 'kind', 'metadata', 'spec'],
  ),
  definitions: { ObjectMeta: closedMeta, [`${kind}Spec`]: spec, ...definitions },
});

/** A kind of Kubernetes itself: dozens of fields that don't concern a gateway stay open. */
export const coreSchema = (
  kind: string,
  fields: Fields,
  definitions: Fields = {},
  required: readonly string[] = [],
): JsonSchema => ({
  title: `${kind}Body`,
  ...open({ apiVersion: text, kind: { type: 'string', const: kind }, metadata: ref('ObjectMeta'), ...fields }, [
    'apiVersion',
    'kind',
    'metadata',
    ...required,
  ]),
  definitions: { ObjectMeta: openMeta, ...definitions },
});
