import { type Diagnostic, report } from '../diagnostics/index.ts';
import type { Origin } from '../resources/object.ts';
import { composeDocument } from './yaml-compose.ts';
import { yamlOrigin } from './yaml-origin.ts';
import { readPlainYaml } from './yaml-plain.ts';
import { splitDocuments, type YamlChunk } from './yaml-split.ts';
import { jsonOf } from './yaml-value.ts';

export const MAX_DOCUMENTS = 50_000;

/** One object of a file: `List` kinds are taken apart already. */
export interface YamlDocument {
  readonly value: unknown;
  readonly origin: Origin;
}

export interface YamlFile {
  readonly file: string;
  readonly documents: readonly YamlDocument[];
  readonly diagnostics: readonly Diagnostic[];
  /** false: some of it is no YAML, or too much of it; what the file said before ought to stay in service as a whole. */
  readonly readable: boolean;
  /** For the next reading of the same file. */
  readonly chunks: ReadonlyMap<string, ParsedChunk>;
}

interface ParsedChunk {
  readonly documents: readonly YamlDocument[];
  readonly diagnostics: readonly Diagnostic[];
}

/**
 * Reads a file's text, however long: whoever reads files limits their size. Never throws: whatever is wrong is a located diagnostic (`yaml-syntax`, `yaml-limit`,
 * `yaml-warning`). `previous` is the same file as read before: documents whose text and place did not change keep
 * their identity. No syntax tree is kept; an origin parses its own document again when it is asked for a place.
 */
export function parseYaml(text: string, file: string, previous?: YamlFile): YamlFile {
  const split = splitDocuments(text, MAX_DOCUMENTS);
  if (!split.ok) return refusedWhole(file, split.error.message, split.error.line);
  const documents: YamlDocument[] = [];
  const diagnostics: Diagnostic[] = [];
  const chunks = new Map<string, ParsedChunk>();
  for (const chunk of split.value) {
    const key = `${chunk.line}\n${chunk.text}`;
    const parsed = previous?.chunks.get(key) ?? parseChunk(chunk, file);
    chunks.set(key, parsed);
    documents.push(...parsed.documents);
    diagnostics.push(...parsed.diagnostics);
  }
  return { file, documents, diagnostics, readable: !diagnostics.some((finding) => finding.refused), chunks };
}

function refusedWhole(file: string, message: string, line = 1): YamlFile {
  const finding = report('yaml-limit', { message, location: { file, line, column: 1 }, refused: true });
  return { file, documents: [], diagnostics: [finding], readable: false, chunks: new Map() };
}

function parseChunk(chunk: YamlChunk, file: string): ParsedChunk {
  const plain = readPlainYaml(chunk.text);
  if (plain !== undefined)
    return { documents: plain.value === null ? [] : flatten(plain.value, [], chunk, file), diagnostics: [] };
  const composed = composeDocument(chunk, file);
  if (composed.document === undefined) return { documents: [], diagnostics: composed.diagnostics };
  const read = jsonOf(composed.document, (code, message, offset) =>
    report(code, { message, location: composed.locate(offset), refused: true }),
  );
  const diagnostics = [...composed.diagnostics, ...read.diagnostics];
  if (diagnostics.some((finding) => finding.refused) || read.value === null) return { documents: [], diagnostics };
  return { documents: flatten(read.value, [], chunk, file), diagnostics };
}

/** `kind: List` (and `VirtualServiceList` …) stands for its items. */
function flatten(
  value: unknown,
  path: readonly (string | number)[],
  chunk: YamlChunk,
  file: string,
): readonly YamlDocument[] {
  const items = itemsOf(value);
  if (items === undefined || path.length > 0) return [{ value, origin: yamlOrigin(file, chunk, path) }];
  return items.flatMap((item, index) => (item === null ? [] : flatten(item, [...path, 'items', index], chunk, file)));
}

function itemsOf(value: unknown): readonly unknown[] | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  const { kind, items } = value as { readonly kind?: unknown; readonly items?: unknown };
  return typeof kind === 'string' && kind.endsWith('List') && Array.isArray(items) ? items : undefined;
}
