import { type FSWatcher, watch } from 'node:fs';
import path from 'node:path';
import { type FoundDirectory, IGNORE_FILE } from './walk.ts';

/**
 * Hints where something may have changed. One watch per folder rather than node's recursive one, which on Linux opens
 * a watch per file. A hint may be late, wrong or missing; the source looks for itself, and polls as well.
 */
export class DirectoryWatch {
  readonly #root: string;
  readonly #hint: (at: string) => void;
  readonly #warn: (message: string) => void;
  readonly #watchers = new Map<string, { readonly identity: string; readonly watcher: FSWatcher }>();
  #rootName: FSWatcher | undefined;
  #warned = false;

  constructor(root: string, hint: (at: string) => void, warn: (message: string) => void) {
    this.#root = path.resolve(root);
    this.#hint = hint;
    this.#warn = warn;
  }

  /** Watches exactly these. Returns those that are watched only now, which may have changed since they were listed. */
  sync(directories: ReadonlyMap<string, FoundDirectory>): readonly string[] {
    for (const [directory, { identity, watcher }] of this.#watchers) {
      if (directories.get(directory)?.identity === identity) continue;
      watcher.close();
      this.#watchers.delete(directory);
    }
    this.#rootName ??= this.#watchRootName();
    const added: string[] = [];
    for (const [directory, found] of directories) {
      if (this.#watchers.has(directory)) continue;
      const watcher = this.#open(found.path, (name) => this.#changed(directory, name));
      if (watcher === undefined) continue;
      this.#watchers.set(directory, { identity: found.identity, watcher });
      added.push(directory);
    }
    return added;
  }

  close(): void {
    for (const { watcher } of this.#watchers.values()) watcher.close();
    this.#watchers.clear();
    this.#rootName?.close();
  }

  /** The root may be a link that is swapped as a whole, as git-sync does. */
  #watchRootName(): FSWatcher | undefined {
    const name = path.basename(this.#root);
    return this.#open(path.dirname(this.#root), (changed) => {
      if (changed === name) this.#hint('');
    });
  }

  #changed(directory: string, name: string | null): void {
    // `..data` is how a mounted ConfigMap is swapped; other dot files are editors' and never read.
    if (name === null || name === IGNORE_FILE || name.startsWith('..')) this.#hint(directory);
    else if (!name.startsWith('.')) this.#hint(directory === '' ? name : `${directory}/${name}`);
  }

  #open(folder: string, changed: (name: string | null) => void): FSWatcher | undefined {
    try {
      const watcher = watch(folder, { persistent: false }, (_event, name) => changed(name));
      watcher.on('error', () => watcher.close());
      return watcher;
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      if (code !== 'ENOENT' && !this.#warned) {
        this.#warned = true;
        this.#warn(
          `cannot watch ${folder} (${message}); changes are seen by polling alone, within a few seconds. Raise fs.inotify.max_user_watches`,
        );
      }
      return undefined;
    }
  }
}
