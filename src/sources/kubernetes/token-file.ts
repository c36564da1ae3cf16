import { readFile } from 'node:fs/promises';
import type { Clock } from '../../kernel/clock.ts';

/** As often as client-go looks: kubelet replaces a Pod's token long before it runs out. */
const PERIOD_MS = 60_000;

/**
 * A bearer token in a file that somebody else replaces in time. As in client-go: the file's last readable content counts
 * before a token that stands in the kubeconfig itself.
 */
export class TokenFile {
  readonly #file: string;
  readonly #clock: Clock;
  #token: string | undefined;
  #readAtMs = Number.NEGATIVE_INFINITY;
  #reading: Promise<string> | undefined;

  constructor(file: string, clock: Clock, fallback?: string) {
    this.#file = file;
    this.#clock = clock;
    this.#token = fallback;
  }

  /** Rejects when the file has never been read and nothing stands in for it. */
  token(): Promise<string> {
    if (this.#token !== undefined && this.#clock.monotonicMs() - this.#readAtMs < PERIOD_MS)
      return Promise.resolve(this.#token);
    // Many requests find it due at once.
    this.#reading ??= this.#read().finally(() => {
      this.#reading = undefined;
    });
    return this.#reading;
  }

  async #read(): Promise<string> {
    try {
      // Whoever writes it by `echo` ends it with a line feed, which no header may have.
      const token = (await readFile(this.#file, 'utf8')).trim();
      if (token === '') throw new Error(`${this.#file} is empty`);
      this.#token = token;
      this.#readAtMs = this.#clock.monotonicMs();
      return token;
    } catch (error) {
      // What was read last may still be good; the next request looks again.
      if (this.#token !== undefined) return this.#token;
      throw new Error(`the token file cannot be read: ${(error as Error).message}`);
    }
  }
}
