import { type Document, isAlias, isMap, isScalar, isSeq, type Node, type Pair, type ParsedNode } from 'yaml';
import type { FieldPath, SourceLocation } from '../diagnostics/index.ts';
import type { Origin } from '../resources/object.ts';
import { type ComposedDocument, composeDocument } from './yaml-compose.ts';
import { type PlainField, type PlainNode, readPlainYaml } from './yaml-plain.ts';
import type { YamlChunk } from './yaml-split.ts';

/**
 * Where an object was written. Places are asked for rarely (for findings, and for the rules that a table names), so
 * the text is kept instead of its tree, and parsed again when somebody asks.
 */
export const yamlOrigin = (file: string, chunk: YamlChunk, root: FieldPath): Origin => ({
  file,
  locate: (path, of = 'value') => locate(file, chunk, [...root, ...path], of),
});

/**
 * Findings come in bunches, and those that tell two objects apart go back and forth between them: what was read of the
 * documents asked for last is kept, as far as they are small. The latest stands at the end.
 */
const readings = new Map<YamlChunk, { readonly file: string; readonly reading: Reading }>();
const KEPT_READINGS = 16;
/** Trees are a hundred times the text. */
const KEPT_CHARACTERS = 256 * 1024;

type Reading =
  | { readonly kind: 'plain'; readonly root: PlainNode }
  | { readonly kind: 'composed'; readonly composed: ComposedDocument };

function read(chunk: YamlChunk, file: string): Reading {
  const root = readPlainYaml(chunk.text);
  return root === undefined ? { kind: 'composed', composed: composeDocument(chunk, file) } : { kind: 'plain', root };
}

function reading(chunk: YamlChunk, file: string): Reading {
  const kept = readings.get(chunk);
  readings.delete(chunk);
  const now = kept?.file === file ? kept : { file, reading: read(chunk, file) };
  readings.set(chunk, now);
  if (now !== kept) forgetOldReadings();
  return now.reading;
}

function forgetOldReadings(): void {
  let characters = 0;
  for (const chunk of readings.keys()) characters += chunk.text.length;
  for (const chunk of readings.keys()) {
    if (readings.size === 1 || (readings.size <= KEPT_READINGS && characters <= KEPT_CHARACTERS)) return;
    characters -= chunk.text.length;
    readings.delete(chunk);
  }
}

function locate(file: string, chunk: YamlChunk, path: FieldPath, of: 'key' | 'value'): SourceLocation {
  const known = reading(chunk, file);
  if (known.kind === 'plain') return placeOf(chunk, file, plainOffset(known.root, path, of));
  const { document, locate: locationOf } = known.composed;
  return document?.contents == null ? { file, line: chunk.line, column: 1 } : locationOf(offsetOf(document, path, of));
}

function placeOf({ text, line }: YamlChunk, file: string, offset: number): SourceLocation {
  let start = 0;
  let lines = 0;
  for (let newline = text.indexOf('\n'); newline !== -1 && newline < offset; newline = text.indexOf('\n', start)) {
    start = newline + 1;
    lines++;
  }
  return { file, line: line + lines, column: offset - start + 1 };
}

function plainOffset(root: PlainNode, path: FieldPath, of: 'key' | 'value'): number {
  let node = root;
  let offset = root.at ?? 0;
  for (const [index, part] of path.entries()) {
    const field: PlainField | undefined = typeof part === 'string' ? fieldOf(node, part) : undefined;
    const child = typeof part === 'number' ? node.items?.[part] : field?.node;
    if (child === undefined) return offset;
    const isKeyAsked = of === 'key' && index === path.length - 1;
    offset = (isKeyAsked ? field?.keyAt : undefined) ?? child.at ?? field?.keyAt ?? offset;
    node = child;
  }
  return offset;
}

function fieldOf({ fields }: PlainNode, name: string): PlainField | undefined {
  const exact = fields?.get(name);
  if (exact !== undefined || fields === undefined) return exact;
  for (const [key, field] of fields) if (camelCase(key) === name) return field;
  return undefined;
}

function offsetOf(document: Document.Parsed, path: FieldPath, of: 'key' | 'value'): number {
  let node: Node | null = document.contents;
  let offset = startOf(node) ?? 0;
  for (const [index, part] of path.entries()) {
    const child = childOf(document, node, part);
    if (child === undefined) return offset;
    const isLast = index === path.length - 1;
    const key = startOf(child.key);
    const value = startOf(child.value);
    offset = (isLast && of === 'key' ? key : undefined) ?? value ?? key ?? offset;
    node = child.value;
  }
  return offset;
}

interface Child {
  readonly key: Node | null;
  readonly value: Node | null;
}

function childOf(document: Document.Parsed, parent: Node | null, part: string | number): Child | undefined {
  const node = isAlias(parent) ? (parent.resolve(document) ?? null) : parent;
  if (isSeq(node)) {
    const item = typeof part === 'number' ? (node.items[part] as Node | undefined) : undefined;
    return item === undefined ? undefined : { key: null, value: item };
  }
  if (!isMap(node)) return undefined;
  const pairs = node.items as Pair<ParsedNode, ParsedNode | null>[];
  const pair =
    pairs.find(({ key }) => nameOf(key) === part) ?? pairs.find(({ key }) => camelCase(nameOf(key)) === part);
  return pair === undefined ? undefined : { key: pair.key, value: pair.value };
}

const nameOf = (key: ParsedNode): string | undefined =>
  isScalar(key) ? (typeof key.value === 'string' ? key.value : key.source) : undefined;

/** Fields may be written as the proto has them (`http_status`); paths name them as JSON does. */
const camelCase = (name: string | undefined): string | undefined =>
  name?.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());

/** A value that is not written (`route:`) has no place of its own. */
const startOf = (node: Node | null): number | undefined =>
  isScalar(node) && node.source === '' && node.type === 'PLAIN' ? undefined : node?.range?.[0];
