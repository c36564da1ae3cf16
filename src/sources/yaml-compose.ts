import { Composer, type CST, type Document, LineCounter, Parser, type ScalarTag, type YAMLError } from 'yaml';
import { type Diagnostic, report, type SourceLocation } from '../diagnostics/index.ts';
import { KUBERNETES_FORMS } from './yaml-scalar.ts';
import type { YamlChunk } from './yaml-split.ts';

export interface ComposedDocument {
  /** undefined: not well-formed. */
  readonly document: Document.Parsed | undefined;
  readonly diagnostics: readonly Diagnostic[];
  /** `offset` in the chunk's text. */
  readonly locate: (offset: number) => SourceLocation;
}

/** No kind needs a tenth of it; parsers and decoders recurse, and their stack is not endless. */
const MAX_DEPTH = 100;
const MAX_SYNTAX_FINDINGS = 20;
/** The library takes close to a kilobyte for each token: so many are 300 MB, and a second or two. */
const MAX_PARTS = 300_000;

const KUBERNETES_TAGS: readonly ScalarTag[] = KUBERNETES_FORMS.map(({ tag, test, read }) => ({
  tag: `tag:yaml.org,2002:${tag}`,
  default: true,
  test,
  resolve: read,
}));

const OPTIONS = {
  version: '1.2',
  merge: true,
  uniqueKeys: false,
  prettyErrors: false,
  logLevel: 'silent',
  customTags: (tags: readonly unknown[]) => [...KUBERNETES_TAGS, ...tags] as never,
} as const;

/** Parses one document; its errors carry the places in the file. */
export function composeDocument(chunk: YamlChunk, file: string): ComposedDocument {
  if (hasTooManyParts(chunk.text)) {
    const message = `The document has more than ${MAX_PARTS} parts, and is not plain enough to be read at that size.`;
    const location = { file, line: chunk.line, column: 1 };
    const diagnostics = [report('yaml-limit', { message, location, refused: true })];
    return { document: undefined, diagnostics, locate: () => location };
  }
  const lines = new LineCounter();
  const tokens = [...new Parser(lines.addNewLine).parse(chunk.text)];
  const locate = (offset: number): SourceLocation => {
    const { line, col } = lines.linePos(offset);
    return { file, line: chunk.line + Math.max(line, 1) - 1, column: Math.max(col, 1) };
  };
  if (isTooDeep(tokens)) {
    const message = `The document is nested more than ${MAX_DEPTH} levels deep.`;
    return {
      document: undefined,
      diagnostics: [report('yaml-limit', { message, location: locate(0), refused: true })],
      locate,
    };
  }
  const [document] = new Composer(OPTIONS).compose(tokens, true, chunk.text.length) as Iterable<Document.Parsed>;
  if (document === undefined) return { document: undefined, diagnostics: [], locate };
  const errors = telling(document.errors, chunk.text).map((error) => syntaxFinding(error, locate, chunk.text));
  const warnings = document.warnings
    .slice(0, MAX_SYNTAX_FINDINGS)
    .map(({ message, pos: [offset] }) =>
      report('yaml-warning', { message: sentence(message), location: locate(offset) }),
    );
  return { document: errors.length > 0 ? undefined : document, diagnostics: [...errors, ...warnings], locate };
}

const REMEDIES: Readonly<Record<string, string>> = {
  TAB_AS_INDENT: 'Indent with spaces: YAML takes no tabs there.',
  BAD_INDENT: 'Line up the keys of one mapping, and the dashes of one list.',
  MISSING_CHAR: 'Add the character that is missing, or put the text in quotes.',
};

/** Of Helm, Jinja and the like. */
const TEMPLATE = /\{\{|\{%/;
const UNRENDERED =
  'It looks like a template: check and serve what it is rendered to, such as the output of `helm template`.';

/** Once the parser has lost its way it finds fault with each word that follows; nobody can mend those. */
function telling(errors: readonly YAMLError[], text: string): readonly YAMLError[] {
  if (TEMPLATE.test(text)) return errors.slice(0, 1);
  const tab = errors.findIndex(({ code }) => code === 'TAB_AS_INDENT');
  const own = errors.filter(({ code, message }, i) =>
    code === 'TAB_AS_INDENT' ? i === tab : i === 0 || !/^Unexpected .* token in YAML stream/.test(message),
  );
  return own.slice(0, MAX_SYNTAX_FINDINGS);
}

function syntaxFinding(error: YAMLError, locate: (offset: number) => SourceLocation, text: string): Diagnostic {
  const remedy = TEMPLATE.test(text) ? UNRENDERED : REMEDIES[error.code];
  return report('yaml-syntax', {
    message: sentence(error.message),
    location: locate(error.pos[0]),
    refused: true,
    ...(remedy !== undefined && { remedy }),
  });
}

const sentence = (text: string): string => (/[.!?]$/.test(text) ? text : `${text}.`);

/** An upper bound of the tokens: what begins or ends one. */
const PART_CHARACTERS: ReadonlySet<string> = new Set('[]{},:"\'&*!-?\n');

function hasTooManyParts(text: string): boolean {
  if (text.length <= MAX_PARTS) return false;
  let parts = 0;
  for (let i = 0; i < text.length; i++) if (PART_CHARACTERS.has(text[i] ?? '') && ++parts > MAX_PARTS) return true;
  return false;
}

/** Without recursion, since that is what it guards. */
function isTooDeep(tokens: readonly CST.Token[]): boolean {
  let level: CST.Token[] = [...tokens];
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > MAX_DEPTH) return true;
    level = level.flatMap(childrenOf);
  }
  return false;
}

function childrenOf(token: CST.Token): CST.Token[] {
  if (token.type === 'document') return token.value === undefined ? [] : [token.value];
  if (token.type !== 'block-map' && token.type !== 'block-seq' && token.type !== 'flow-collection') return [];
  const children: CST.Token[] = [];
  for (const item of token.items) {
    if (item.key != null) children.push(item.key);
    if (item.value !== undefined) children.push(item.value);
  }
  return children;
}
