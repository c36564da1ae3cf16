import { lstat, readdir, realpath, stat } from 'node:fs/promises';
import path from 'node:path';
import { reasonOf } from '../kernel/reason-of.ts';

/** A file that is read, as it stood when the folder was listed. */
export interface FoundFile {
  /** Relative to the root, with forward slashes. */
  readonly file: string;
  readonly path: string;
  readonly stamp: FileStamp;
}

/** Tells one state of a file from another without reading it. */
export interface FileStamp {
  /** Device, inode, size and both times in nanoseconds: the inode shows a swapped link, ctime an edit that kept size and mtime. */
  readonly key: string;
  readonly size: number;
  readonly modifiedMs: number;
}

export interface FoundDirectory {
  /** Relative to the root; '' is the root. */
  readonly directory: string;
  readonly path: string;
  /** Device and inode. */
  readonly identity: string;
}

export type WalkProblem =
  | { readonly kind: 'unreadable'; readonly file: string; readonly reason: string }
  /** A link that leads out of the root and of its namespace's folder. */
  | { readonly kind: 'outside'; readonly file: string }
  /** A link to a file that is not there. */
  | { readonly kind: 'nowhere'; readonly file: string }
  /** A file that looks like one of routes, but for its ending. */
  | { readonly kind: 'passed-over'; readonly file: string }
  /** A link back to a folder that holds it. */
  | { readonly kind: 'loop'; readonly file: string }
  | { readonly kind: 'too-many'; readonly file: string };

export interface Listing {
  readonly files: readonly FoundFile[];
  readonly directories: readonly FoundDirectory[];
  readonly problems: readonly WalkProblem[];
}

/** A folder with a file of this name is not read, nor what is below it; the root always is. */
export const IGNORE_FILE = '.banyanignore';

const MAX_DEPTH = 32;
const MAX_FILES = 250_000;
const PARALLEL = 32;

/** What is read at all: no dot files, no `node_modules`, no backups of editors (`x.yaml~`, `#x.yaml#`, `x.yaml.swp`). */
const isYamlName = (name: string): boolean => !name.startsWith('.') && /\.ya?ml$/.test(name);
/** What `kubectl apply -f` would read, or somebody's system takes for the same. */
const isNearlyYamlName = (name: string): boolean => !name.startsWith('.') && /\.(?:ya?ml|json)$/i.test(name);
const isFolderName = (name: string): boolean => !name.startsWith('.') && name !== 'node_modules';

/**
 * Lists what is to be read at and below `at`, which is relative to the root. Links are followed, since that is how
 * ConfigMaps are mounted: from the root to anywhere (the operator set them), inside a namespace's folder only to places
 * within that folder or the root, so that no team reads what is not its own. What vanishes meanwhile is just not there.
 * `include`: folders that are read although they are marked not to be.
 */
export async function walk(root: string, at = '', include: readonly string[] = []): Promise<Listing> {
  const walker = new Walker(root, include);
  if (at === '' || (await walker.mayEnter(at))) await walker.visit(at, await ancestry(root, at));
  return walker.listing();
}

class Walker {
  readonly #root: string;
  readonly #include: readonly string[];
  readonly #files: FoundFile[] = [];
  readonly #directories: FoundDirectory[] = [];
  readonly #problems: WalkProblem[] = [];
  readonly #boundaries = new Map<string, Promise<readonly string[]>>();
  readonly #limited = limiter(PARALLEL);

  constructor(root: string, include: readonly string[]) {
    this.#root = root;
    this.#include = include;
  }

  listing(): Listing {
    const byFile = (a: { file: string }, b: { file: string }): number =>
      a.file < b.file ? -1 : a.file > b.file ? 1 : 0;
    return { files: this.#files.sort(byFile), directories: this.#directories, problems: this.#problems.sort(byFile) };
  }

  /** What a walk from the root would have asked on its way down to `at`. */
  async mayEnter(at: string): Promise<boolean> {
    const parts = at.split('/');
    if (!parts.every(isFolderName)) return false;
    const found = await lstat(path.join(this.#root, at)).catch(() => undefined);
    return found?.isSymbolicLink() !== true || (await this.#mayFollow(at));
  }

  async visit(at: string, ancestors: readonly string[]): Promise<void> {
    const absolute = path.join(this.#root, at);
    try {
      const found = await this.#limited(() => stat(absolute, { bigint: true }));
      const identity = `${found.dev}:${found.ino}`;
      if (found.isDirectory()) await this.#enter({ directory: at, path: absolute, identity }, ancestors);
      else if (at === '') this.#problems.push({ kind: 'unreadable', file: at, reason: 'it is not a directory' });
      else if (!isYamlName(path.basename(at))) {
        if (isNearlyYamlName(path.basename(at))) this.#problems.push({ kind: 'passed-over', file: at });
      } else if (!found.isFile())
        this.#problems.push({ kind: 'unreadable', file: at, reason: 'it is not a regular file' });
      else this.#add({ file: at, path: absolute, stamp: stampOf(found) });
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'ELOOP') this.#problems.push({ kind: 'loop', file: at });
      else if (code !== 'ENOENT' && code !== 'ENOTDIR')
        this.#problems.push({ kind: 'unreadable', file: at, reason: reasonOf(error) });
      else if (at === '') this.#problems.push({ kind: 'unreadable', file: at, reason: reasonOf(error) });
      else if (isYamlName(path.basename(at)) && (await isLink(absolute)))
        this.#problems.push({ kind: 'nowhere', file: at });
    }
  }

  #add(file: FoundFile): void {
    if (this.#files.length < MAX_FILES) this.#files.push(file);
    else if (!this.#problems.some((problem) => problem.kind === 'too-many'))
      this.#problems.push({ kind: 'too-many', file: file.file });
  }

  async #enter(directory: FoundDirectory, ancestors: readonly string[]): Promise<void> {
    if (ancestors.includes(directory.identity) || ancestors.length > MAX_DEPTH) {
      this.#problems.push({ kind: 'loop', file: directory.directory });
      return;
    }
    const entries = await this.#limited(() => readdir(directory.path, { withFileTypes: true }));
    const wanted = directory.directory === '' || this.#include.includes(directory.directory);
    if (!wanted && entries.some((entry) => entry.name === IGNORE_FILE)) {
      // Watched all the same: the folder is read again as soon as the mark is taken away.
      this.#directories.push(directory);
      return;
    }
    this.#directories.push(directory);
    const chain = [...ancestors, directory.identity];
    await Promise.all(
      entries.map(async (entry) => {
        if (!(entry.isFile() ? isNearlyYamlName(entry.name) : isFolderName(entry.name))) return;
        const at = directory.directory === '' ? entry.name : `${directory.directory}/${entry.name}`;
        if (!entry.isSymbolicLink() || (await this.#mayFollow(at))) await this.visit(at, chain);
      }),
    );
  }

  async #mayFollow(at: string): Promise<boolean> {
    if (!at.includes('/')) return true;
    const follow = await this.#leadsInside(at);
    if (!follow) this.#problems.push({ kind: 'outside', file: at });
    return follow;
  }

  async #leadsInside(at: string): Promise<boolean> {
    const folder = at.slice(0, at.indexOf('/'));
    let boundaries = this.#boundaries.get(folder);
    if (boundaries === undefined) {
      boundaries = Promise.all([realpath(this.#root), realpath(path.join(this.#root, folder))]);
      this.#boundaries.set(folder, boundaries);
    }
    try {
      const target = await this.#limited(() => realpath(path.join(this.#root, at)));
      return (await boundaries).some(
        (boundary) => target === boundary || target.startsWith(boundary === '/' ? '/' : `${boundary}/`),
      );
    } catch {
      // A link to nothing: `visit` finds nothing there either.
      return true;
    }
  }
}

const isLink = (absolute: string): Promise<boolean> =>
  lstat(absolute).then(
    (found) => found.isSymbolicLink(),
    () => false,
  );

/** Identities of the folders from the root down to the one that holds `at`. */
async function ancestry(root: string, at: string): Promise<readonly string[]> {
  if (at === '') return [];
  const parts = at.split('/').slice(0, -1);
  const chain: string[] = [];
  for (let depth = 0; depth <= parts.length; depth++) {
    const found = await stat(path.join(root, ...parts.slice(0, depth)), { bigint: true }).catch(() => undefined);
    if (found === undefined) break;
    chain.push(`${found.dev}:${found.ino}`);
  }
  return chain;
}

interface BigStat {
  readonly dev: bigint;
  readonly ino: bigint;
  readonly size: bigint;
  readonly mtimeNs: bigint;
  readonly ctimeNs: bigint;
}

export const stampOf = (found: BigStat): FileStamp => ({
  key: `${found.dev}:${found.ino}:${found.size}:${found.mtimeNs}:${found.ctimeNs}`,
  size: Number(found.size),
  modifiedMs: Number(found.mtimeNs / 1_000_000n),
});

/** At most `parallel` of the given calls at a time. Calls must not wait for one another. */
export function limiter(parallel: number): <T>(call: () => Promise<T>) => Promise<T> {
  let running = 0;
  const waiting: (() => void)[] = [];
  return async (call) => {
    if (running < parallel) running++;
    else await new Promise<void>((resolve) => waiting.push(resolve));
    try {
      return await call();
    } finally {
      // The place is handed on, not given back: nobody gets in between.
      const next = waiting.shift();
      if (next === undefined) running--;
      else next();
    }
  };
}
