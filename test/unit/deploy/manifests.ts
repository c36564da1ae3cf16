import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { parseAllDocuments } from 'yaml';

export const DEPLOY = path.join(import.meta.dirname, '..', '..', '..', 'deploy');

// biome-ignore lint/suspicious/noExplicitAny: manifests are of many kinds, and looked into deeply
export type Manifest = any;

/** Files below a folder of deploy/, by their path from there. */
export const filesBelow = (folder: string): readonly string[] =>
  readdirSync(path.join(DEPLOY, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(DEPLOY, path.join(entry.parentPath, entry.name)))
    .sort();

export const textOf = (file: string): string => readFileSync(path.join(DEPLOY, file), 'utf8');

/** Refuses what is not sound YAML, keys given twice included. */
export function parseAll(text: string, name: string): readonly Manifest[] {
  const documents = parseAllDocuments(text);
  if (!Array.isArray(documents)) return [];
  for (const { errors, warnings } of documents)
    for (const problem of [...errors, ...warnings]) throw new Error(`${name}: ${problem.message}`);
  return documents.map((document) => document.toJS() as Manifest).filter((value) => value !== null);
}

export const read = (file: string): readonly Manifest[] => parseAll(textOf(file), file);

const isWritten = (file: string): boolean => file.endsWith('.yaml') && !file.includes('/templates/');

/** All files that hold objects as they are applied: no patches, no settings, no kustomizations. */
export function objectFiles(): readonly string[] {
  return ['base', 'components', 'overlays']
    .flatMap(filesBelow)
    .filter(isWritten)
    .filter((file) => !/(kustomization|settings|mesh|-patch|\/remove-[\w-]+)\.yaml$/.test(file));
}

export const allObjects = (): readonly Manifest[] => objectFiles().flatMap(read);

export const find = (objects: readonly Manifest[], kind: string, name: string): Manifest => {
  const found = objects.find((object) => object.kind === kind && object.metadata.name === name);
  if (found === undefined) throw new Error(`there is no ${kind} ${name}`);
  return found;
};

export const KUSTOMIZATIONS = ['base', 'overlays/development', 'overlays/production'];

/** undefined: this machine has none, and what needs it is skipped. */
export const kubectl: string | undefined = [
  process.env['KUBEBUILDER_ASSETS'],
  ...(process.env['PATH'] ?? '').split(path.delimiter),
]
  .filter((folder) => folder !== undefined && folder !== '')
  .map((folder) => path.join(folder as string, 'kubectl'))
  .find((file) => existsSync(file));

export const build = (folder: string): readonly Manifest[] =>
  parseAll(
    execFileSync(kubectl as string, ['kustomize', path.join(DEPLOY, folder)], { encoding: 'utf8', maxBuffer: 1e8 }),
    folder,
  );
