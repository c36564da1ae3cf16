import type { Clock } from '../../kernel/clock.ts';
import type { SavedState } from './saved-state.ts';
import type { SourceLog } from './troubles.ts';
import type { Watched } from './watched.ts';

export interface SaverOptions {
  readonly state: SavedState;
  readonly kinds: readonly Watched[];
  readonly saveMs: number;
  readonly clock: Clock;
  readonly log: SourceLog;
}

/** Puts what is served on disk now and then, and back into service at the start. */
export class Saver {
  readonly #options: SaverOptions;
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<void> = Promise.resolve();

  constructor(options: SaverOptions) {
    this.#options = options;
  }

  /** When the newest of it was saved; undefined: there is nothing. */
  async restore(): Promise<number | undefined> {
    const { state, kinds, log } = this.#options;
    let savedAtMs: number | undefined;
    for (const { definition, store } of kinds) {
      const saved = await state.read(definition.kind, (problem) => log.warn(problem));
      if (saved === undefined) continue;
      store.restore(saved.objects);
      savedAtMs = Math.max(savedAtMs ?? 0, saved.savedAtMs);
    }
    return savedAtMs;
  }

  schedule(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      void this.save();
    }, this.#options.saveMs).unref();
  }

  save(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const { state, kinds, clock, log } = this.#options;
    const write = async (): Promise<void> => {
      for (const { definition, store } of kinds) await state.write(definition.kind, store.resources(), clock.nowMs());
    };
    this.#writing = this.#writing.then(write).catch((error: Error) => {
      log.warn(`what is served cannot be saved: ${error.message}`);
    });
    return this.#writing;
  }
}
