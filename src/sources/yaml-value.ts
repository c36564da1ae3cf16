import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  type Node,
  type Pair,
  type ParsedNode,
  type Scalar,
} from 'yaml';
import type { Diagnostic, DiagnosticCode } from '../diagnostics/index.ts';

/** How many values aliases may stand for in one document: enough for honest reuse, far too few for a bomb. */
const MAX_ALIASED_VALUES = 20_000;
const MAX_FINDINGS = 20;

type Report = (code: DiagnosticCode, message: string, offset: number) => Diagnostic;

export interface ReadValue {
  /** JSON; null for an empty document. */
  readonly value: unknown;
  readonly diagnostics: readonly Diagnostic[];
}

/** What a document says, as JSON. Aliases are written out, merge keys are merged, keys are text and come once. */
export function jsonOf(document: Document.Parsed, report: Report): ReadValue {
  const reader = new ValueReader(report);
  const value = document.contents === null ? null : reader.read(document.contents);
  return { value, diagnostics: reader.diagnostics };
}

/** One walk over one document, with what it has met so far. */
class ValueReader {
  readonly diagnostics: Diagnostic[] = [];
  readonly #report: Report;
  readonly #anchors = new Map<string, Node>();
  /** Anchored nodes that are being read: an alias to one of them would never end. */
  readonly #open = new Set<Node>();
  #aliasDepth = 0;
  #aliasedValues = 0;

  constructor(report: Report) {
    this.#report = report;
  }

  read(node: Node | null): unknown {
    if (node === null || this.diagnostics.length >= MAX_FINDINGS) return null;
    if (this.#aliasDepth > 0 && ++this.#aliasedValues > MAX_ALIASED_VALUES) {
      if (this.#aliasedValues === MAX_ALIASED_VALUES + 1) {
        this.#find('yaml-limit', `The document’s aliases stand for more than ${MAX_ALIASED_VALUES} values.`, node);
      }
      return null;
    }
    if (isAlias(node)) return this.#throughAlias(node, (target) => this.read(target));
    if (isScalar(node)) {
      if (node.anchor !== undefined) this.#anchors.set(node.anchor, node);
      return node.value;
    }
    const anchor = isMap(node) || isSeq(node) ? node.anchor : undefined;
    if (anchor !== undefined) {
      this.#anchors.set(anchor, node);
      this.#open.add(node);
    }
    const value = isMap(node)
      ? this.#map(node.items as Pair<ParsedNode, ParsedNode | null>[])
      : isSeq(node)
        ? this.#list(node.items as Node[])
        : null;
    if (anchor !== undefined) this.#open.delete(node);
    return value;
  }

  #list(items: readonly Node[]): unknown[] {
    return items.map((item) => this.read(item));
  }

  #map(pairs: readonly Pair<ParsedNode, ParsedNode | null>[]): Record<string, unknown> {
    const map: Record<string, unknown> = {};
    const merged: (Node | null)[] = [];
    for (const { key, value } of pairs) {
      if (isScalar(key) && typeof key.value === 'symbol') {
        merged.push(value);
        continue;
      }
      const name = this.#keyOf(key);
      if (name === undefined) continue;
      if (Object.hasOwn(map, name)) this.#find('yaml-syntax', `The key '${name}' is given twice.`, key);
      put(map, name, this.read(value));
    }
    for (const source of merged) this.#merge(map, source);
    return map;
  }

  #keyOf(key: ParsedNode): string | undefined {
    const scalar: Node | undefined = isAlias(key) ? this.#anchors.get(key.source) : key;
    if (!isScalar(scalar) || scalar.value === null) {
      this.#find(
        'yaml-syntax',
        'A key must be a plain text, and not a mapping (as in {{ … }} of a template) or a list.',
        key,
      );
      return undefined;
    }
    if (scalar.anchor !== undefined) this.#anchors.set(scalar.anchor, scalar);
    return textOf(scalar);
  }

  /** `<<: *defaults`, or a list of such; keys that are there already win. */
  #merge(map: Record<string, unknown>, source: Node | null): void {
    const value = this.read(source);
    for (const part of Array.isArray(value) ? value : [value]) {
      if (typeof part !== 'object' || part === null || Array.isArray(part)) {
        if (source !== null) this.#find('yaml-syntax', 'Only a mapping can be merged with `<<`.', source);
        return;
      }
      for (const [name, item] of Object.entries(part)) if (!Object.hasOwn(map, name)) put(map, name, item);
    }
  }

  #throughAlias(alias: Node & { readonly source: string }, read: (target: Node) => unknown): unknown {
    const target = this.#anchors.get(alias.source);
    if (target === undefined || this.#open.has(target)) {
      this.#find(
        'yaml-syntax',
        target === undefined
          ? `No anchor '${alias.source}' comes before this alias.`
          : 'An alias stands inside what it stands for.',
        alias,
      );
      return null;
    }
    this.#aliasDepth++;
    const value = read(target);
    this.#aliasDepth--;
    return value;
  }

  #find(code: DiagnosticCode, message: string, node: Node): void {
    this.diagnostics.push(this.#report(code, message, node.range?.[0] ?? 0));
  }
}

/** `8080: x` and `on: x` keep the key's letters. */
const textOf = (key: Scalar): string => (typeof key.value === 'string' ? key.value : (key.source ?? String(key.value)));

/** `__proto__` is a key like any other. */
function put(map: Record<string, unknown>, name: string, value: unknown): void {
  if (name === '__proto__')
    Object.defineProperty(map, name, { value, enumerable: true, configurable: true, writable: true });
  else map[name] = value;
}
