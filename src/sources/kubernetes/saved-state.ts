import { mkdir, open, readFile, rename, unlink } from 'node:fs/promises';
import path from 'node:path';
import type { Resource, ResourceKind } from '../../resources/kinds.ts';
import { isObject } from './raw.ts';

export interface SavedKind {
  readonly kind: ResourceKind;
  readonly savedAtMs: number;
  readonly objects: readonly Readonly<Record<string, unknown>>[];
}

interface Header {
  readonly banyan: typeof FORMAT;
  readonly server: string;
  readonly savedAtMs: number;
  readonly objects: number;
}

const FORMAT = 1;
/** After so many objects the event loop gets its turn. */
const SLICE = 100;

/**
 * What was in service, on disk: a file per kind, so that endpoints that change all the time do not rewrite routes that
 * hardly do. Each is written beside the old one and then takes its place; one that is damaged, or of another cluster, is
 * passed over. Secrets are among it: the files are for their owner alone.
 */
export class SavedState {
  readonly #directory: string;
  readonly #server: string;
  readonly #saved = new Map<ResourceKind, readonly Resource[]>();

  constructor(directory: string, server: string) {
    this.#directory = directory;
    this.#server = server;
  }

  /** undefined: there is none to be used; `problem` says why, where that is worth a word. */
  async read(kind: ResourceKind, problem: (message: string) => void): Promise<SavedKind | undefined> {
    const file = this.#fileOf(kind);
    try {
      const [head = '', ...lines] = (await readFile(file, 'utf8')).split('\n');
      const header = JSON.parse(head) as Partial<Header>;
      const objects = lines.filter((line) => line !== '').map((line) => JSON.parse(line) as unknown);
      if (header.banyan !== FORMAT || header.objects !== objects.length || !objects.every(isObject))
        throw new Error('it is damaged');
      if (header.server !== this.#server) throw new Error(`it is of another API server, ${header.server}`);
      return { kind, savedAtMs: Number(header.savedAtMs), objects };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT')
        problem(`the saved state ${file} is not used: ${(error as Error).message}`);
      return undefined;
    }
  }

  /** Writes what changed since the last time. */
  async write(kind: ResourceKind, objects: readonly Resource[], nowMs: number): Promise<void> {
    if (this.#saved.get(kind) === objects) return;
    await mkdir(this.#directory, { recursive: true, mode: 0o700 });
    const file = this.#fileOf(kind);
    const draft = `${file}.${process.pid}.tmp`;
    const handle = await open(draft, 'w', 0o600);
    try {
      const header: Header = { banyan: FORMAT, server: this.#server, savedAtMs: nowMs, objects: objects.length };
      await handle.writeFile(`${JSON.stringify(header)}\n`);
      for (let from = 0; from < objects.length; from += SLICE) {
        const slice = objects.slice(from, from + SLICE);
        await handle.writeFile(slice.map(({ body }) => `${JSON.stringify(body)}\n`).join(''));
      }
      await handle.sync();
    } catch (error) {
      await unlink(draft).catch(() => {});
      throw error;
    } finally {
      await handle.close();
    }
    await rename(draft, file);
    this.#saved.set(kind, objects);
  }

  #fileOf(kind: ResourceKind): string {
    return path.join(this.#directory, `${kind}.jsonl`);
  }
}
