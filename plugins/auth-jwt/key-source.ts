import { redactTarget } from '../../src/contract/index.ts';
import type { Clock } from '../../src/kernel/clock.ts';
import type { KeySource } from './config.ts';
import { type KeySet, parseKeySet } from './key-set.ts';

/** Where the keys of a rule come from, at every moment one answer. */
export interface Keys {
  /** undefined: none are there yet. */
  current(): KeySet | undefined;
  /** For a token with that key id ('': none); waits where something may come, and then bounded in time. */
  forToken(keyId: string): KeySet | undefined | Promise<KeySet | undefined>;
  stop(): void;
}

export const inlineKeys = (jwks: string): Keys => {
  const set = parseKeySet(jwks);
  return { current: () => set, forToken: () => set, stop() {} };
};

export interface RemoteKeyOptions {
  readonly clock: Clock;
  readonly fetch: (address: string, timeoutMs: number) => Promise<string>;
  readonly warn: (message: string) => void;
  readonly info?: (message: string) => void;
  readonly timing?: Partial<RemoteTiming>;
}

/** Milliseconds. */
export interface RemoteTiming {
  /** Between two fetches that succeed; as istiod. */
  readonly refreshMs: number;
  /** After one that failed, and at least between two that unknown key ids ask for. */
  readonly retryMs: number;
  /** How long keys serve that can no longer be fetched. */
  readonly staleMs: number;
}

const TIMING: RemoteTiming = { refreshMs: 20 * 60_000, retryMs: 30_000, staleMs: 24 * 3_600_000 };

/**
 * An issuer's keys, fetched in the background, one fetch at a time. Requests wait for the very first fetch, and for one
 * that an unknown key id asks for; never for one that follows a failure. When the issuer is down its last good
 * keys serve on for a day; without any, every token is refused (edge-security J-20).
 */
export class RemoteKeys implements Keys {
  readonly #source: Exclude<KeySource, { readonly kind: 'inline' }>;
  readonly #options: RemoteKeyOptions;
  readonly #timing: RemoteTiming;
  /** An address, without what is secret in it. */
  readonly name: string;
  #set: KeySet | undefined;
  #text: string | undefined;
  #fetchedAtMs = 0;
  #attemptedAtMs = Number.NEGATIVE_INFINITY;
  /** Why the last fetch failed; undefined: it did not. */
  #failure: string | undefined;
  #underway: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;

  constructor(source: Exclude<KeySource, { readonly kind: 'inline' }>, options: RemoteKeyOptions) {
    this.#source = source;
    this.#options = options;
    this.#timing = { ...TIMING, ...options.timing };
    this.name = redactTarget(source.kind === 'uri' ? source.uri : source.issuer);
    void this.#refresh();
  }

  /** Since they were last fetched; undefined: never. */
  get ageMs(): number | undefined {
    return this.#set === undefined ? undefined : this.#options.clock.monotonicMs() - this.#fetchedAtMs;
  }

  current(): KeySet | undefined {
    const age = this.#options.clock.monotonicMs() - this.#fetchedAtMs;
    return this.#set !== undefined && age <= this.#timing.staleMs ? this.#set : undefined;
  }

  forToken(keyId: string): KeySet | undefined | Promise<KeySet | undefined> {
    const set = this.current();
    if (set === undefined) return this.#failure !== undefined ? undefined : this.#afterFetch();
    if (keyId === '' || set.knows(keyId) || this.#failure !== undefined) return set;
    if (this.#underway !== undefined) return this.#afterFetch();
    const since = this.#options.clock.monotonicMs() - this.#attemptedAtMs;
    return since < this.#timing.retryMs ? set : this.#afterFetch();
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  async #afterFetch(): Promise<KeySet | undefined> {
    await this.#refresh();
    return this.current();
  }

  /** Joins the fetch that is under way. Never rejects. */
  #refresh(): Promise<void> {
    this.#underway ??= this.#fetch().finally(() => {
      this.#underway = undefined;
      this.#schedule();
    });
    return this.#underway;
  }

  async #fetch(): Promise<void> {
    const { clock, warn, info } = this.#options;
    this.#attemptedAtMs = clock.monotonicMs();
    try {
      const text = await this.#keyText();
      const set = text === this.#text ? this.#set : parseKeySet(text);
      if (set === undefined) throw new Error('the answer is no key set');
      this.#set = set;
      this.#text = text;
      this.#fetchedAtMs = clock.monotonicMs();
      if (this.#failure !== undefined) info?.(`keys of ${this.#described} are there again`);
      this.#failure = undefined;
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      // It is tried again every half minute, for a day if need be: what has been said is said once.
      if (why !== this.#failure) warn(`keys of ${this.#described} cannot be had: ${why}`);
      this.#failure = why;
    }
  }

  async #keyText(): Promise<string> {
    const source = this.#source;
    const { fetch, clock } = this.#options;
    if (source.kind === 'uri') return fetch(source.uri, source.timeoutMs);
    const startedMs = clock.monotonicMs();
    const address = `${source.issuer.replace(/\/$/, '')}/.well-known/openid-configuration`;
    const document: unknown = JSON.parse(await fetch(address, source.timeoutMs));
    const uri = (document as { readonly jwks_uri?: unknown } | null)?.jwks_uri;
    if (typeof uri !== 'string') throw new Error('the discovery document has no jwks_uri');
    return fetch(uri, Math.max(1, Math.floor(source.timeoutMs - (clock.monotonicMs() - startedMs))));
  }

  get #described(): string {
    return this.#source.kind === 'uri' ? this.name : `the issuer ${this.name}`;
  }

  #schedule(): void {
    clearTimeout(this.#timer);
    if (this.#stopped) return;
    const { refreshMs, retryMs } = this.#timing;
    this.#timer = setTimeout(() => void this.#refresh(), this.#failure === undefined ? refreshMs : retryMs);
    this.#timer.unref();
  }
}
