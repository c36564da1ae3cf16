import { type FSWatcher, watch } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { createSecureContext } from 'node:tls';

export interface KeyPair {
  readonly cert: string;
  readonly key: string;
}

/** What a watch misses is seen within this time. */
const POLL_MS = 10_000;
/** Both files are written one after the other. */
const QUIET_MS = 100;

/**
 * `tls.crt` and `tls.key` of a folder, as cert-manager writes them and Kubernetes mounts them. `onPair` hears the first
 * sound pair, and each that differs from the one before; a pair that does not fit together is told, and not used.
 */
export class CertificateFolder {
  readonly #folder: string;
  readonly #onPair: (pair: KeyPair) => void;
  readonly #onProblem: (message: string) => void;
  readonly #poll: NodeJS.Timeout;
  #watcher: FSWatcher | undefined;
  #soon: NodeJS.Timeout | undefined;
  #current = '';
  #problem = '';

  constructor(folder: string, onPair: (pair: KeyPair) => void, onProblem: (message: string) => void) {
    this.#folder = folder;
    this.#onPair = onPair;
    this.#onProblem = onProblem;
    this.#poll = setInterval(() => void this.look(), POLL_MS).unref();
    this.#watch();
  }

  async look(): Promise<void> {
    try {
      const [cert, key] = await Promise.all(
        ['tls.crt', 'tls.key'].map((name) => readFile(path.join(this.#folder, name), 'utf8')),
      );
      if (cert === undefined || key === undefined || cert + key === this.#current) return;
      createSecureContext({ cert, key });
      this.#current = cert + key;
      this.#problem = '';
      this.#onPair({ cert, key });
    } catch (error) {
      const { message } = error as Error;
      if (message !== this.#problem) this.#onProblem(message);
      this.#problem = message;
    }
  }

  close(): void {
    clearInterval(this.#poll);
    clearTimeout(this.#soon);
    this.#watcher?.close();
  }

  #watch(): void {
    try {
      this.#watcher = watch(this.#folder, { persistent: false }, () => {
        clearTimeout(this.#soon);
        this.#soon = setTimeout(() => void this.look(), QUIET_MS).unref();
      });
      this.#watcher.on('error', () => this.#watcher?.close());
    } catch {
      // Not there yet: the poll sees it when it is.
    }
  }
}
