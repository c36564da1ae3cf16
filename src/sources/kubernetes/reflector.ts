import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock } from '../../kernel/clock.ts';
import { Backoff } from './backoff.ts';
import { type ApiClient, ApiError } from './client.ts';
import { linesOf } from './lines.ts';
import { isObject, isOlder, type RawObject, versionOf } from './raw.ts';

/** Where the objects of one kind go. Whatever it throws is told to `onTrouble` and harms no other kind. */
export interface ReflectorSink {
  /** A whole list, page by page; what is not in it is gone when it is committed. Dropped, it changes nothing. */
  listing(): Listing;
  apply(type: 'ADDED' | 'MODIFIED' | 'DELETED', object: RawObject): void;
}

export interface Listing {
  add(items: readonly RawObject[]): Promise<void>;
  commit(): void;
}

export interface ReflectorTimings {
  /** The server ends each watch after this long; one that is silent for longer than this and some is dead. */
  readonly watchSeconds: number;
  readonly silenceMs: number;
  readonly backoffFirstMs: number;
  /** A healed server is found again within this time. */
  readonly backoffMostMs: number;
  /** Waits after 410, which a new list mends. */
  readonly expiredMostMs: number;
}

/** Both so that a dead connection is noticed within a minute, whether or not anything happens on it. */
export const TIMINGS: ReflectorTimings = {
  watchSeconds: 45,
  silenceMs: 55_000,
  backoffFirstMs: 1_000,
  backoffMostMs: 8_000,
  expiredMostMs: 2_000,
};

export interface ReflectorOptions {
  readonly client: ApiClient;
  /** `/apis/networking.istio.io/v1/virtualservices`. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly sink: ReflectorSink;
  readonly clock: Clock;
  readonly random: () => number;
  readonly timings: ReflectorTimings;
  /** Something was heard: a list was read whole, an event came, a watch ended as it should. */
  readonly onContact: (what: 'listed' | 'heard') => void;
  /** A try failed; it is tried again after a while. */
  readonly onTrouble: (error: Error) => void;
}

/** Objects of one page. */
const PAGE = 500;
/** A watch that went well for this long, or brought something, ends the series of failures. */
const LASTING_MS = 5_000;
/** So often a version is tried that only fails; then the kind is listed anew. */
const TRIES_OF_A_VERSION = 3;

/** Keeps a sink up with one kind: lists it, watches it, and whatever happens begins again. */
export class Reflector {
  readonly #options: ReflectorOptions;
  readonly #stop = new AbortController();
  readonly #failing: Backoff;
  readonly #expiring: Backoff;
  #version: string | undefined;
  #failuresOfVersion = 0;
  #heardMs = Number.NEGATIVE_INFINITY;
  #again = new AbortController();
  #running: Promise<void> | undefined;

  constructor(options: ReflectorOptions) {
    const { timings, random } = options;
    this.#options = options;
    this.#failing = new Backoff(timings.backoffFirstMs, timings.backoffMostMs, random);
    this.#expiring = new Backoff(100, timings.expiredMostMs, random);
  }

  start(): void {
    this.#running ??= this.#run();
  }

  /** Lists anew, at once. */
  relist(): void {
    this.#version = undefined;
    this.#again.abort();
  }

  /** Goes on where it is, by another connection, unless something was heard after the server was last missed. */
  renew(missedMs: number): void {
    if (this.#heardMs <= missedMs) this.#again.abort();
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      this.#again = new AbortController();
      const signal = AbortSignal.any([this.#stop.signal, this.#again.signal]);
      try {
        this.#version ??= await this.#list(signal);
        await this.#watch(this.#version, signal);
      } catch (error) {
        if (this.#stop.signal.aborted) return;
        if (this.#again.signal.aborted) continue;
        const waitMs = this.#afterFailure(error as Error);
        await sleep(waitMs, undefined, { signal }).catch(() => {});
      }
    }
  }

  /** What is to be done differently, and how long to wait. */
  #afterFailure(error: Error): number {
    this.#options.onTrouble(error);
    this.#failuresOfVersion++;
    if (isExpired(error) || error instanceof OutOfOrder) {
      this.#version = undefined;
      return this.#expiring.next();
    }
    if (this.#failuresOfVersion >= TRIES_OF_A_VERSION) this.#version = undefined;
    const waitMs = this.#failing.next();
    return error instanceof ApiError
      ? Math.max(waitMs, Math.min(error.retryAfterMs ?? 0, MOST_RETRY_AFTER_MS))
      : waitMs;
  }

  async #list(signal: AbortSignal): Promise<string> {
    const { client, sink, onContact } = this.#options;
    const listing = sink.listing();
    let page = '';
    for (;;) {
      const answer = await client.send<List>('GET', this.#address({ limit: String(PAGE), continue: page }), { signal });
      this.#heardMs = this.#options.clock.monotonicMs();
      const { items, metadata } = readList(answer);
      await listing.add(items);
      signal.throwIfAborted();
      page = metadata.continue ?? '';
      if (page !== '') continue;
      listing.commit();
      this.#failuresOfVersion = 0;
      onContact('listed');
      return metadata.resourceVersion;
    }
  }

  async #watch(version: string, outer: AbortSignal): Promise<void> {
    const { client, clock, timings, onContact } = this.#options;
    const beganMs = clock.monotonicMs();
    const silence = new AbortController();
    const giveUp = (): void => silence.abort(new Error(`nothing was heard for ${timings.silenceMs / 1_000} s`));
    const timer = setTimeout(giveUp, timings.silenceMs);
    const signal = AbortSignal.any([outer, silence.signal]);
    const query = {
      watch: '1',
      allowWatchBookmarks: 'true',
      resourceVersion: version,
      timeoutSeconds: String(timings.watchSeconds),
    };
    try {
      const chunks = await client.stream(this.#address(query), signal);
      const heard = (): void => {
        timer.refresh();
        this.#heardMs = clock.monotonicMs();
      };
      heard();
      for await (const line of linesOf(each(chunks, heard))) {
        this.#event(line);
        onContact('heard');
        this.#calm();
      }
      onContact('heard');
      // Closed at once and empty is what a server does that cannot serve watches now: not in a tight loop.
      if (clock.monotonicMs() - beganMs < LASTING_MS && this.#version === version)
        await sleep(this.#expiring.next(), undefined, { signal });
      else this.#calm();
    } catch (error) {
      if (clock.monotonicMs() - beganMs >= LASTING_MS) this.#calm();
      throw silence.signal.aborted && !outer.aborted ? silence.signal.reason : error;
    } finally {
      clearTimeout(timer);
    }
  }

  #calm(): void {
    this.#failing.reset();
    this.#expiring.reset();
    this.#failuresOfVersion = 0;
  }

  #event(line: string): void {
    const event = readEvent(line);
    if (event.type === 'ERROR') throw errorInStream(event.object);
    const version = versionOf(event.object);
    if (version === '') throw new Error('an event has no resourceVersion');
    if (this.#version !== undefined && isOlder(version, this.#version)) throw new OutOfOrder(version, this.#version);
    if (event.type !== 'BOOKMARK' && version !== this.#version) {
      try {
        this.#options.sink.apply(event.type, event.object);
      } catch (error) {
        this.#options.onTrouble(error as Error);
      }
    }
    this.#version = version;
  }

  #address(query: Readonly<Record<string, string>>): string {
    const all = Object.entries({ ...this.#options.query, ...query }).filter(([, value]) => value !== '');
    return `${this.#options.path}?${new URLSearchParams(all)}`;
  }
}

async function* each<T>(values: AsyncIterable<T>, seen: () => void): AsyncGenerator<T> {
  for await (const value of values) {
    seen();
    yield value;
  }
}

/** No server has a good reason to keep us away for longer. */
const MOST_RETRY_AFTER_MS = 30_000;

/** An event that is older than the one before: what the server says in between cannot be relied on. */
class OutOfOrder extends Error {
  constructor(version: string, after: string) {
    super(`events came out of order: version ${version} after ${after}`);
  }
}

const isExpired = (error: Error): boolean =>
  error instanceof ApiError && (error.status === 410 || error.reason === 'Expired' || error.reason === 'Gone');

interface List {
  readonly items?: unknown;
  readonly metadata?: unknown;
}

function readList({ items, metadata }: List): {
  readonly items: readonly RawObject[];
  readonly metadata: { readonly resourceVersion: string; readonly continue?: string };
} {
  if (!isObject(metadata) || typeof metadata['resourceVersion'] !== 'string') throw new Error('the answer is no list');
  if (items !== null && items !== undefined && !Array.isArray(items)) throw new Error('the answer is no list');
  const next = metadata['continue'];
  return {
    items: ((items ?? []) as unknown[]).filter(isObject) as readonly RawObject[],
    metadata: { resourceVersion: metadata['resourceVersion'], ...(typeof next === 'string' && { continue: next }) },
  };
}

interface WatchEvent {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR';
  readonly object: RawObject;
}

function readEvent(line: string): WatchEvent {
  let parsed: unknown;
  try {
    parsed = JSON.parse(line);
  } catch {
    throw new Error('an event is no JSON');
  }
  if (!isObject(parsed) || !isObject(parsed['object']) || !EVENT_TYPES.has(String(parsed['type'])))
    throw new Error('an event is not of a form that is known');
  return parsed as unknown as WatchEvent;
}

const EVENT_TYPES = new Set(['ADDED', 'MODIFIED', 'DELETED', 'BOOKMARK', 'ERROR']);

function errorInStream(status: RawObject): ApiError {
  const code = typeof status['code'] === 'number' ? status['code'] : 500;
  return new ApiError(
    code,
    String(status['reason'] ?? ''),
    String(status['message'] ?? `the watch ended with ${code}`),
  );
}
