import { type Clock, systemClock } from '../kernel/clock.ts';
import { DirectoryState, settleMs } from './directory-state.ts';
import type { DecodeFile } from './file-state.ts';
import type { OnChange, ResourceSource, SourceSnapshot } from './source.ts';
import { DirectoryWatch } from './watch.ts';

export interface DirectoryOptions {
  readonly directory: string;
  readonly decode: DecodeFile;
  /** Folders, relative to the directory, that are read although they hold a file `.banyanignore`. */
  readonly include?: readonly string[];
  /** Larger files are refused unread. Default 10 MiB. */
  readonly maxFileBytes?: number;
  readonly clock?: Clock;
  /** How often everything is looked at although nothing was heard. Default 2 s; more where a look takes long. */
  readonly pollMs?: number;
  /** For things that nobody's file is to blame for. */
  readonly warn?: (message: string) => void;
}

export interface DirectorySource extends ResourceSource {
  /** Looks at everything now. */
  refresh(): void;
}

/** Larger files are not read at all: at this size a slip, or an attack, is likelier than a configuration. */
const MAX_FILE_BYTES = 10 * 1_048_576;
const POLL_MS = 2_000;
/** An editor's write is several events; a checkout is hundreds. */
const QUIET_MS = 25;
const QUIET_LIMIT_MS = 250;
/** Polling takes at most this share of the time. */
const POLL_SHARE = 0.02;

/**
 * A directory of routes: `<directory>/<namespace>/**` with files `*.yaml` and `*.yml`. Files at the root itself hold objects that name
 * their namespace. Not read: names that begin with a dot, `node_modules`, and folders with a file `.banyanignore`.
 */
export function directorySource(options: DirectoryOptions): DirectorySource {
  return new Directory(options);
}

/** Reads everything once. Rejects when the directory itself cannot be read. */
export async function readDirectory(options: DirectoryOptions): Promise<SourceSnapshot> {
  const state = newState(options);
  await readAll(state, options);
  return state.snapshot();
}

const newState = (options: DirectoryOptions): DirectoryState =>
  new DirectoryState(options.directory, {
    decode: options.decode,
    include: options.include ?? [],
    maxFileBytes: options.maxFileBytes ?? MAX_FILE_BYTES,
  });

async function readAll(state: DirectoryState, options: DirectoryOptions): Promise<void> {
  await state.apply([''], options.clock ?? systemClock);
  if (state.rootProblem !== undefined) throw new Error(`the directory ${options.directory} ${state.rootProblem}`);
}

class Directory implements DirectorySource {
  readonly #options: DirectoryOptions;
  readonly #clock: Clock;
  readonly #state: DirectoryState;
  readonly #watch: DirectoryWatch;
  readonly #hinted = new Set<string>();
  #onChange: OnChange | undefined;
  #firstHintMs: number | undefined;
  #wake: NodeJS.Timeout | undefined;
  #poll: NodeJS.Timeout | undefined;
  #pass: Promise<void> | undefined;
  #closed = false;

  constructor(options: DirectoryOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#state = newState(options);
    this.#watch = new DirectoryWatch(options.directory, (at) => this.#hint(at), options.warn ?? (() => {}));
  }

  async start(onChange: OnChange): Promise<SourceSnapshot> {
    this.#onChange = onChange;
    const beganMs = this.#clock.monotonicMs();
    await readAll(this.#state, this.#options);
    const snapshot = this.#state.snapshot();
    if (!this.#closed) {
      for (const directory of this.#watch.sync(this.#state.directories)) this.#hint(directory);
      this.#schedulePoll(this.#clock.monotonicMs() - beganMs);
    }
    return snapshot;
  }

  refresh(): void {
    this.#hint('');
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#wake);
    clearTimeout(this.#poll);
    this.#watch.close();
    await this.#pass;
  }

  /** Waits for a moment's quiet, but not for ever: somebody may be saving all the time. */
  #hint(at: string, afterMs = QUIET_MS): void {
    if (this.#closed) return;
    this.#hinted.add(at);
    const now = this.#clock.monotonicMs();
    this.#firstHintMs ??= now;
    if (this.#pass !== undefined) return;
    clearTimeout(this.#wake);
    const delay = Math.max(0, Math.min(afterMs, this.#firstHintMs + QUIET_LIMIT_MS - now));
    this.#wake = setTimeout(() => this.#begin(), delay).unref();
  }

  #begin(): void {
    const seenAtMs = this.#firstHintMs;
    this.#firstHintMs = undefined;
    const places = topmost(this.#hinted);
    this.#hinted.clear();
    const beganMs = this.#clock.monotonicMs();
    this.#pass = this.#look(places, seenAtMs)
      .catch((error: unknown) =>
        this.#options.warn?.(`looking for changes failed, and is tried again: ${(error as Error).stack}`),
      )
      .finally(() => {
        this.#pass = undefined;
        if (this.#closed) return;
        if (places.includes('')) this.#schedulePoll(this.#clock.monotonicMs() - beganMs);
        // What was heard meanwhile.
        const [next] = this.#hinted;
        if (next !== undefined) this.#hint(next);
      });
  }

  async #look(places: readonly string[], seenAtMs: number | undefined): Promise<void> {
    const { changed, unsettled } = await this.#state.apply(places, this.#clock);
    if (this.#closed) return;
    for (const directory of this.#watch.sync(this.#state.directories)) this.#hinted.add(directory);
    if (unsettled.length > 0) this.#lookAgain(unsettled);
    if (changed) this.#onChange?.(this.#state.snapshot(), seenAtMs);
  }

  #lookAgain(files: readonly string[]): void {
    const again = (): void => {
      for (const file of files) this.#hint(file, 0);
    };
    setTimeout(again, settleMs).unref();
  }

  #schedulePoll(lastTookMs: number): void {
    clearTimeout(this.#poll);
    const delay = Math.max(this.#options.pollMs ?? POLL_MS, lastTookMs / POLL_SHARE);
    this.#poll = setTimeout(() => this.#hint('', 0), delay).unref();
  }
}

/** Without the places that lie within others. */
function topmost(places: ReadonlySet<string>): readonly string[] {
  if (places.has('')) return [''];
  return [...places].filter((place) => {
    for (let slash = place.lastIndexOf('/'); slash !== -1; slash = place.lastIndexOf('/', slash - 1))
      if (places.has(place.slice(0, slash))) return false;
    return true;
  });
}
