import { type Document, isAlias, isMap, isScalar, isSeq, type Node, type Pair, type ParsedNode } from 'yaml';
import type { FieldPath, SourceLocation } from '../diagnostics/index.ts';
import type { Origin } from '../resources/object.ts';
import { type ComposedDocument, composeDocument } from './yaml-compose.ts';
import type { YamlChunk } from './yaml-split.ts';

/**
 * Where an object was written. Places are asked for rarely (for findings, and for the rules that a table names), so
 * the text is kept instead of its tree, and parsed again when somebody asks.
 */
export const yamlOrigin = (file: string, chunk: YamlChunk, root: FieldPath): Origin => ({
  file,
  locate: (path, of = 'value') => locate(file, chunk, [...root, ...path], of),
});

/** Findings come in bunches: the tree of the document asked for last is kept. */
let last: { readonly chunk: YamlChunk; readonly file: string; readonly composed: ComposedDocument } | undefined;

function locate(file: string, chunk: YamlChunk, path: FieldPath, of: 'key' | 'value'): SourceLocation {
  if (last?.chunk !== chunk || last.file !== file) last = { chunk, file, composed: composeDocument(chunk, file) };
  const { document, locate: locationOf } = last.composed;
  return document?.contents == null ? { file, line: chunk.line, column: 1 } : locationOf(offsetOf(document, path, of));
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
  isScalar(node) && node.source === '' ? undefined : node?.range?.[0];
