import { hash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import type { Diagnostic, ObjectRef } from '../diagnostics/diagnostic.ts';
import { report } from '../diagnostics/report.ts';
import { reasonOf } from '../kernel/reason-of.ts';
import type { Resource } from '../resources/kinds.ts';
import { type FoundFile, stampOf } from './walk.ts';

interface FileText {
  /** Relative to the root. */
  readonly file: string;
  readonly text: string;
  /** The folder's; undefined for a file at the root, whose objects must say theirs. */
  readonly namespace: string | undefined;
}

interface DecodedText {
  readonly objects: readonly Resource[];
  readonly diagnostics: readonly Diagnostic[];
  /** Whatever the decoder wants back when it reads the next text of the same file. */
  readonly memory?: unknown;
}

/** Reads the documents of one file; pure, and never throws for what a team wrote. `previous`: its answer to the file's last text. */
export type DecodeFile = (input: FileText, previous: DecodedText | undefined) => DecodedText;

/** What one file says, as far as it can be told from this file alone. */
export interface FileContent {
  readonly objects: readonly Resource[];
  readonly diagnostics: readonly Diagnostic[];
  /** One for each document that is not applied: the object it was to be, where that can be told. */
  readonly refusals: readonly (ObjectRef | undefined)[];
  /** undefined: there was no text to decode. */
  readonly decoded?: DecodedText;
}

/** A file as it was last read. */
export interface FileState {
  readonly found: FoundFile;
  readonly namespace: string | undefined;
  /** Of the bytes; undefined: they could not be read. */
  readonly digest: string | undefined;
  /** It may have changed again without a trace in its stamp, so that it must be read to be sure. */
  readonly uncertain: boolean;
  readonly content: FileContent;
}

export interface ReadOptions {
  readonly decode: DecodeFile;
  readonly maxFileBytes: number;
}

/** Clocks of file systems tick this slowly; two writes within a tick look like one. */
const TICK_MS = 50;

/** The folder below the root; undefined for a file at the root. */
export function namespaceOf(file: string): string | undefined {
  const slash = file.indexOf('/');
  return slash === -1 ? undefined : file.slice(0, slash);
}

/** What the file says now. Equal bytes keep the content's identity, and with it that of its objects. */
export async function readFileState(
  found: FoundFile,
  previous: FileState | undefined,
  options: ReadOptions,
  nowMs: number,
): Promise<FileState> {
  if (previous !== undefined && previous.found.stamp.key === found.stamp.key && !previous.uncertain) return previous;
  const namespace = namespaceOf(found.file);
  const unread = (code: 'file-unreadable' | 'yaml-limit', message: string): FileState => ({
    found,
    namespace,
    digest: undefined,
    uncertain: code === 'file-unreadable',
    content: sameProblem(previous, message) ?? refusedFile(found.file, code, message),
  });
  if (found.stamp.size > options.maxFileBytes)
    return unread('yaml-limit', tooLarge(found.stamp.size, options.maxFileBytes));
  try {
    const bytes = await readFile(found.path);
    if (bytes.length > options.maxFileBytes) return unread('yaml-limit', tooLarge(bytes.length, options.maxFileBytes));
    const digest = hash('sha1', bytes, 'base64');
    const uncertain =
      Math.abs(nowMs - found.stamp.modifiedMs) < TICK_MS ||
      stampOf(await stat(found.path, { bigint: true })).key !== found.stamp.key;
    if (digest === previous?.digest) return { ...previous, found, uncertain };
    return {
      found,
      namespace,
      digest,
      uncertain,
      content: decodeBytes(found.file, bytes, namespace, options.decode, previous?.content.decoded),
    };
  } catch (error) {
    return unread('file-unreadable', `the file cannot be read: ${reasonOf(error)}`);
  }
}

function decodeBytes(
  file: string,
  bytes: Uint8Array,
  namespace: string | undefined,
  decode: DecodeFile,
  previous: DecodedText | undefined,
): FileContent {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return refusedFile(file, 'yaml-syntax', 'the file is not UTF-8 text');
  }
  const decoded = decode({ file, text, namespace }, previous);
  const refusals = decoded.diagnostics.filter((finding) => finding.refused).map((finding) => finding.object);
  if (namespace === undefined) {
    const assumed = decoded.objects.filter((object) => object.meta.namespace !== '' && !object.body.metadata.namespace);
    return {
      objects: decoded.objects,
      diagnostics: [...decoded.diagnostics, ...assumed.map(namespaceAssumed)],
      refusals,
      decoded,
    };
  }
  const strangers = decoded.objects.filter(
    (object) => object.meta.namespace !== '' && object.meta.namespace !== namespace,
  );
  return {
    objects: strangers.length === 0 ? decoded.objects : decoded.objects.filter((object) => !strangers.includes(object)),
    diagnostics: [...decoded.diagnostics, ...strangers.map((object) => namespaceMismatch(object, namespace))],
    // Whoever misspells the namespace means the object that was there before.
    refusals: [...refusals, ...strangers.map((object) => ({ ...object.ref, namespace }))],
    decoded,
  };
}

const namespaceAssumed = (object: Resource): Diagnostic =>
  report('namespace-assumed', {
    message: `neither a folder nor metadata.namespace names a namespace; it is taken for '${object.meta.namespace}'`,
    object: object.ref,
    field: ['metadata', 'namespace'],
    location: object.origin.locate(['metadata', 'namespace']),
  });

const namespaceMismatch = (object: Resource, namespace: string): Diagnostic =>
  report('namespace-mismatch', {
    message: `metadata.namespace is '${object.meta.namespace}', but the file is in the folder of namespace '${namespace}'`,
    object: object.ref,
    field: ['metadata', 'namespace'],
    location: object.origin.locate(['metadata', 'namespace']),
    refused: true,
  });

function refusedFile(
  file: string,
  code: 'file-unreadable' | 'yaml-limit' | 'yaml-syntax',
  message: string,
): FileContent {
  return {
    objects: [],
    diagnostics: [report(code, { message, location: { file, line: 1, column: 1 }, refused: true })],
    refusals: [undefined],
  };
}

/** A file that stays unreadable for the same reason is no news. */
function sameProblem(previous: FileState | undefined, message: string): FileContent | undefined {
  if (previous === undefined || previous.digest !== undefined) return undefined;
  return previous.content.diagnostics[0]?.message === message ? previous.content : undefined;
}

const tooLarge = (bytes: number, limit: number): string =>
  `the file has ${Math.ceil(bytes / 1_048_576)} MiB; more than ${Math.floor(limit / 1_048_576)} MiB are not read`;
