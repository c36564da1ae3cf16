import type { DiagnosticCode, FieldPath, Severity } from '../diagnostics/index.ts';
import { describe, inQuotes, typeName } from './describe.ts';
import { formatMistake } from './formats.ts';
import type { JsonSchema } from './schema.ts';
import { whereFieldBelongs } from './schema-fields.ts';
import { suggest } from './suggest.ts';

/** What is wrong with one field, before it is known which object it belongs to. */
export interface FieldFinding {
  readonly code: DiagnosticCode;
  readonly severity: Severity;
  readonly path: FieldPath;
  /** Where to point: at the field's name, or at what it says. */
  readonly of: 'key' | 'value';
  readonly message: string;
  readonly remedy?: string;
}

export interface SchemaReading {
  /** In the schema's own form; what could not be understood is left out. */
  readonly value: unknown;
  /** false: something that must be there is missing, so that nobody may take the value for what its type says. */
  readonly complete: boolean;
  readonly findings: readonly FieldFinding[];
}

/**
 * Reads a value by a schema, with the leniency that Istio's decoder has (proto JSON): null is absent, numbers may be
 * quoted, enums may be numbers, fields may be written in snake_case. The result has one form only, so that nobody
 * after this has to think of it. Unlike Istio's, it does not pass over fields that it does not know.
 *
 * Goes no deeper than the schema does. Stops after `limit` findings. What has that form already is handed on as it is, and
 * not copied: that is nearly everything, and parsed JSON takes half the memory of an object to which fields were added.
 */
export function readBySchema(schema: JsonSchema, value: unknown, limit: number): SchemaReading {
  const reader = new SchemaReader(schema, limit);
  const read = reader.read(schema, value);
  return {
    value: read === LEFT_OUT ? undefined : read,
    complete: reader.complete && read !== LEFT_OUT,
    findings: reader.findings,
  };
}

const LEFT_OUT = Symbol('left out');
type Json = Readonly<Record<string, unknown>>;
const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** One walk over one object. */
class SchemaReader {
  readonly findings: FieldFinding[] = [];
  complete = true;
  readonly #root: JsonSchema;
  readonly #limit: number;
  readonly #path: (string | number)[] = [];

  constructor(root: JsonSchema, limit: number) {
    this.#root = root;
    this.#limit = limit;
  }

  read(schema: JsonSchema, value: unknown): unknown {
    const resolved = this.#resolve(schema);
    if (resolved.anyOf !== undefined) return this.#readAnyOf(resolved.anyOf, value);
    switch (resolved.type) {
      case 'object':
        return isObject(value)
          ? this.#readObject(resolved, value)
          : this.#wrongType('a mapping', value, this.#asMapping(resolved, value));
      case 'array':
        return Array.isArray(value)
          ? this.#readList(resolved, value)
          : this.#wrongType('a list', value, isObject(value) ? LIST_OF_ONE : undefined);
      case 'string':
        return resolved.enum === undefined
          ? this.#readText(resolved, value)
          : this.#readWord(resolved, resolved.enum, value);
      case 'integer':
      case 'number':
        return this.#readNumber(resolved, value);
      case 'boolean':
        return typeof value === 'boolean' ? value : this.#wrongType('true or false, without quotes', value);
      default:
        return value;
    }
  }

  #resolve(schema: JsonSchema): JsonSchema {
    return schema.$ref === undefined
      ? schema
      : (this.#root.definitions?.[schema.$ref.slice('#/definitions/'.length)] ?? schema);
  }

  #readObject(schema: JsonSchema, value: Json): Json {
    const result: Record<string, unknown> = {};
    const properties = schema.properties ?? {};
    const meant = new Set<string | undefined>();
    for (const [key, item] of Object.entries(value)) {
      if (this.#isFull()) break;
      const name = fieldName(properties, key);
      const property = name === undefined ? undefined : properties[name];
      if (property !== undefined && name !== undefined) {
        if (item === null || (name !== key && value[name] != null)) continue;
        this.#put(result, name, property, item);
      } else if (schema.additionalProperties === true) set(result, key, item);
      else if (schema.additionalProperties !== undefined && schema.additionalProperties !== false) {
        this.#putEntry(result, key, schema.additionalProperties, item);
      } else meant.add(this.#unknownField(key, Object.keys(properties)));
    }
    for (const group of schema.exclusive ?? []) this.#keepLast(group, result);
    for (const name of schema.required ?? [])
      if (!Object.hasOwn(result, name)) this.#missing(name, value[name] != null || meant.has(name));
    return sameFields(result, value) ? value : result;
  }

  #keepLast(group: readonly string[], result: Record<string, unknown>): void {
    const given = group.filter((name) => Object.hasOwn(result, name));
    for (const name of given.slice(0, -1)) {
      delete result[name];
      this.#path.push(name);
      this.#find(
        'ignored-field',
        `${name} and ${given.at(-1)} exclude one another; ${given.at(-1)} counts.`,
        undefined,
        'key',
        'warning',
      );
      this.#path.pop();
    }
  }

  #put(result: Record<string, unknown>, name: string, schema: JsonSchema, item: unknown): void {
    this.#path.push(name);
    const read = this.read(schema, item);
    this.#path.pop();
    if (read !== LEFT_OUT) set(result, name, read);
  }

  #putEntry(result: Record<string, unknown>, key: string, schema: JsonSchema, item: unknown): void {
    this.#path.push(key);
    const read = item === null ? this.#readNull(schema) : this.read(schema, item);
    this.#path.pop();
    if (read !== LEFT_OUT) set(result, key, read);
  }

  #readList(schema: JsonSchema, items: readonly unknown[]): readonly unknown[] | typeof LEFT_OUT {
    const itemSchema = schema.items ?? {};
    const result: unknown[] = [];
    for (const [index, item] of items.entries()) {
      if (this.#isFull()) break;
      this.#path.push(index);
      const read = item === null ? this.#readNull(itemSchema) : this.read(itemSchema, item);
      this.#path.pop();
      if (read !== LEFT_OUT) result.push(read);
    }
    if (items.length < (schema.minItems ?? 0))
      return this.#find('missing-field', `${this.#name()} must have at least one entry.`);
    return result.length === items.length && result.every((item, i) => item === items[i]) ? items : result;
  }

  /** In lists and maps null is the zero of texts, and nothing that a message could be made of. */
  #readNull(schema: JsonSchema): unknown {
    const { type, enum: words } = this.#resolve(schema);
    if (type === 'string' && words === undefined) return '';
    return type === undefined ? null : this.#find('wrong-type', `An entry of ${this.#name(-1)} is null.`);
  }

  #readText(schema: JsonSchema, value: unknown): unknown {
    if (typeof value !== 'string')
      return this.#wrongType(
        'a text',
        value,
        schema.format === 'duration' ? 'Write a number with its unit, such as 500ms, 2s or 1h30m.' : quoted(value),
      );
    const mistake = schema.format === undefined ? undefined : formatMistake(schema.format, value);
    if (mistake !== undefined) return this.#find('invalid-value', `${this.#name()}: ${inQuotes(value)} ${mistake}.`);
    if (schema.const !== undefined && value !== schema.const)
      return this.#find('invalid-value', `${this.#name()} must be ${inQuotes(schema.const)}.`);
    if (value.length < (schema.minLength ?? 0))
      return this.#find('invalid-value', `${this.#name()} must not be empty.`);
    if (value.length > (schema.maxLength ?? Number.POSITIVE_INFINITY)) {
      return this.#find(
        'invalid-value',
        `${this.#name()} has ${value.length} characters; at most ${schema.maxLength} are allowed.`,
      );
    }
    return value;
  }

  #readWord(schema: JsonSchema, words: readonly string[], value: unknown): unknown {
    if (typeof value === 'number') {
      const index = (schema.enumNumbers ?? words.map((_, i) => i)).indexOf(value);
      if (index !== -1) return words[index];
    }
    if (typeof value !== 'string' && typeof value !== 'number')
      return this.#wrongType(`one of ${words.join(', ')}`, value);
    if (words.includes(String(value))) return value;
    const meant = suggest(String(value), words);
    return this.#find(
      'unknown-value',
      `${this.#name()}: ${inQuotes(String(value))} is none of ${words.join(', ')}.`,
      meant === undefined ? undefined : `Did you mean ${meant}?`,
    );
  }

  #readNumber(schema: JsonSchema, value: unknown): unknown {
    const whole = schema.type === 'integer';
    const number =
      typeof value === 'string' && (whole ? QUOTED_INTEGER : QUOTED_NUMBER).test(value) ? Number(value) : value;
    if (typeof number !== 'number' || !Number.isFinite(number))
      return this.#wrongType(whole ? 'a whole number' : 'a number', value);
    if (whole && !Number.isInteger(number)) return this.#wrongType('a whole number', value);
    const { minimum = Number.NEGATIVE_INFINITY, maximum = Number.POSITIVE_INFINITY } = schema;
    if (number < minimum || number > maximum) {
      const range = maximum === Number.POSITIVE_INFINITY ? `at least ${minimum}` : `between ${minimum} and ${maximum}`;
      return this.#find('invalid-value', `${this.#name()} must be ${range}, not ${number}.`);
    }
    return number;
  }

  /** At most one alternative has the value's own type and, of mappings, a field of it: that one tells what is wrong. */
  #readAnyOf(alternatives: readonly JsonSchema[], value: unknown): unknown {
    const fitting = alternatives.filter(
      ({ type }) => type === typeName(value) || (type === 'integer' && Number.isInteger(value)),
    );
    const alternative =
      fitting.length > 1 && isObject(value)
        ? (fitting.find(({ properties }) => Object.keys(value).some((key) => Object.hasOwn(properties ?? {}, key))) ??
          fitting[0])
        : fitting[0];
    if (alternative !== undefined) return this.read(alternative, value);
    return this.#wrongType(alternatives.map(shapeOf).join(', or '), value);
  }

  /** Gives the field that is probably meant: it is not to be missed besides. */
  #unknownField(key: string, known: readonly string[]): string | undefined {
    const meant = suggest(key, known);
    const elsewhere = meant === undefined ? whereFieldBelongs(this.#root, key) : undefined;
    this.#path.push(key);
    this.#find(
      'unknown-field',
      `There is no field ${inQuotes(key)} in ${this.#name(-1)}.`,
      meant !== undefined
        ? `Did you mean ${meant}?`
        : elsewhere !== undefined
          ? `It is a field of ${elsewhere}: move it there.`
          : undefined,
      'key',
    );
    this.#path.pop();
    return meant;
  }

  #missing(name: string, isTold: boolean): void {
    this.complete = false;
    if (isTold || this.#isFull()) return;
    this.#path.push(name);
    this.#find('missing-field', `${this.#name()} must be given.`, `Add ${name}.`);
    this.#path.pop();
  }

  /** `uri: /cart` and `port: 80` lack the name of one field. */
  #asMapping(schema: JsonSchema, value: unknown): string | undefined {
    const type = typeName(value);
    const fits = (property: JsonSchema): boolean => {
      const wanted = this.#resolve(property).type;
      return wanted === type || (wanted === 'integer' && Number.isInteger(value));
    };
    const names = Object.entries(schema.properties ?? {}).flatMap(([name, property]) => (fits(property) ? [name] : []));
    const written = (name: string): string =>
      `{ ${name}: ${typeof value === 'string' ? inQuotes(value) : String(value)} }`;
    return type === 'object' || type === 'array' || names.length === 0
      ? undefined
      : `Write ${names.slice(0, MOST_SHAPES).map(written).join(', or ')}.`;
  }

  #wrongType(expected: string, value: unknown, remedy?: string): typeof LEFT_OUT {
    return this.#find('wrong-type', `${this.#name()} must be ${expected}, not ${describe(value)}.`, remedy);
  }

  #find(
    code: DiagnosticCode,
    message: string,
    remedy?: string,
    of: 'key' | 'value' = 'value',
    severity: Severity = 'error',
  ): typeof LEFT_OUT {
    if (!this.#isFull()) {
      this.findings.push({
        code,
        severity,
        path: [...this.#path],
        of,
        message,
        ...(remedy !== undefined && { remedy }),
      });
    }
    return LEFT_OUT;
  }

  #isFull(): boolean {
    if (this.findings.length >= this.#limit) this.complete = false;
    return this.findings.length >= this.#limit;
  }

  /** The last name of the path, for messages; `-1`: that of the parent. */
  #name(offset = 0): string {
    const names = this.#path.slice(0, this.#path.length + offset).filter((part) => typeof part === 'string');
    return names.at(-1) ?? 'the object';
  }
}

const QUOTED_INTEGER = /^-?(?:0|[1-9]\d*)$/;
const QUOTED_NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;
/** Enough to see what is asked for. */
const MOST_SHAPES = 3;
const LIST_OF_ONE = 'Begin it with a dash: it is a list, if only of one entry.';

/** What was written is known only of whole numbers: `1.10` has become 1.1, and `yes` true. */
function quoted(value: unknown): string | undefined {
  if (Number.isInteger(value)) return `Put it in quotes: "${String(value)}".`;
  return typeof value === 'number' || typeof value === 'boolean' ? 'Put what is written there in quotes.' : undefined;
}

/** `fixedDelay`, or `fixed_delay` as the proto has it. */
function fieldName(properties: Readonly<Record<string, JsonSchema>>, key: string): string | undefined {
  if (Object.hasOwn(properties, key)) return key;
  if (!key.includes('_')) return undefined;
  const camel = key.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
  return Object.hasOwn(properties, camel) ? camel : undefined;
}

const shapeOf = (schema: JsonSchema): string =>
  schema.enum !== undefined
    ? `one of ${schema.enum.join(', ')}`
    : schema.type === 'object'
      ? `{${Object.keys(schema.properties ?? {}).join(', ')}: …}`
      : schema.type === 'string'
        ? 'a text'
        : 'a whole number';

/** In the same order, too. Of plain objects alone: whatever else comes along is copied. */
function sameFields(result: Json, value: Json): boolean {
  if (Object.getPrototypeOf(value) !== Object.prototype) return false;
  const names = Object.keys(result);
  const given = Object.keys(value);
  return names.length === given.length && names.every((name, i) => name === given[i] && result[name] === value[name]);
}

/** `__proto__` is a key like any other. */
function set(result: Record<string, unknown>, key: string, value: unknown): void {
  if (key === '__proto__')
    Object.defineProperty(result, key, { value, enumerable: true, configurable: true, writable: true });
  else result[key] = value;
}
