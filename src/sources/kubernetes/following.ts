import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock } from '../../kernel/clock.ts';
import { Backoff } from './backoff.ts';
import { type ApiClient, ApiError } from './client.ts';
import { discover } from './discovery.ts';
import { pathOf } from './kinds.ts';
import { Pulse, type PulseTimings } from './pulse.ts';
import { Reflector, type ReflectorTimings } from './reflector.ts';
import type { Troubles } from './troubles.ts';
import type { Watched } from './watched.ts';

export interface FollowingOptions {
  readonly client: ApiClient;
  readonly kinds: readonly Watched[];
  readonly troubles: Troubles;
  readonly clock: Clock;
  readonly random: () => number;
  readonly timings: ReflectorTimings &
    PulseTimings & {
      /** How often it is asked for kinds that are not there. */
      readonly rediscoverMs: number;
    };
  /** A kind was read whole. */
  readonly onListed: (watched: Watched) => void;
  /** How well a kind is followed has changed. */
  readonly onState: () => void;
}

/** Finds out which kinds the server has, and follows each for as long as it is there. */
export class Following {
  readonly #options: FollowingOptions;
  readonly #stop = new AbortController();
  readonly #pulse: Pulse;
  #rediscover = new AbortController();
  #discovering: Promise<void> | undefined;

  constructor(options: FollowingOptions) {
    this.#options = options;
    this.#pulse = new Pulse({
      ...options,
      onMissed: (error) => options.troubles.add('contact', error),
      onReturned: (missedMs) => this.#renew(missedMs),
    });
  }

  start(): void {
    this.#discovering ??= this.#discoverForEver();
    this.#pulse.start();
  }

  /** Looks for missing kinds now. */
  rediscover(): void {
    this.#rediscover.abort();
  }

  async close(): Promise<void> {
    this.#stop.abort();
    const reflectors = this.#options.kinds.map(({ reflector }) => reflector?.close());
    await Promise.all([this.#discovering, this.#pulse.close(), ...reflectors]);
  }

  #renew(missedMs: number): void {
    const { client, kinds, troubles } = this.#options;
    troubles.end('contact');
    client.renew();
    this.rediscover();
    for (const { reflector } of kinds) reflector?.renew(missedMs);
  }

  async #discoverForEver(): Promise<void> {
    const { signal } = this.#stop;
    const { timings, random, troubles } = this.#options;
    const backoff = new Backoff(timings.backoffFirstMs, timings.backoffMostMs, random);
    while (!signal.aborted) {
      this.#rediscover = new AbortController();
      let waitMs = timings.rediscoverMs;
      try {
        await this.#discover(AbortSignal.any([signal, this.#rediscover.signal]));
        backoff.reset();
        troubles.end('discovery');
      } catch (error) {
        if (signal.aborted) return;
        if (this.#rediscover.signal.aborted) continue;
        troubles.add('discovery', error as Error);
        waitMs = backoff.next();
      }
      const wake = AbortSignal.any([signal, this.#rediscover.signal]);
      await sleep(waitMs, undefined, { signal: wake }).catch(() => {});
    }
  }

  async #discover(signal: AbortSignal): Promise<void> {
    const { client, kinds, onState } = this.#options;
    const without = kinds.filter(({ reflector }) => reflector === undefined);
    if (without.length === 0) return;
    const served = await discover(
      client,
      without.map(({ definition }) => definition),
      signal,
    );
    for (const watched of without) {
      const version = served.get(watched.definition);
      if (version === undefined) isMissing(watched);
      else if (this.#mayStart(watched)) this.#follow(watched, version);
    }
    onState();
  }

  /** Whose objects count has to be known before they are read. */
  #mayStart({ definition }: Watched): boolean {
    const namespaces = this.#options.kinds.find((one) => one.definition.kind === 'Namespace');
    return definition.kind === 'Namespace' || namespaces === undefined || namespaces.settled;
  }

  #follow(watched: Watched, version: string): void {
    const { client, clock, random, timings } = this.#options;
    const { definition, store } = watched;
    store.apiVersion = version;
    watched.state = watched.settled ? 'failing' : 'waiting';
    watched.reflector = new Reflector({
      client,
      path: pathOf(definition, version),
      query: definition.query,
      sink: store,
      clock,
      random,
      timings,
      onContact: (what) => this.#inContact(watched, what),
      onTrouble: (error) => this.#inTrouble(watched, error),
    });
    watched.reflector.start();
  }

  #inContact(watched: Watched, what: 'listed' | 'heard'): void {
    const { clock, troubles, onListed, onState } = this.#options;
    const before = watched.state;
    watched.state = 'live';
    watched.contactMs = clock.monotonicMs();
    troubles.end(watched.definition.kind);
    if (what === 'listed') {
      const first = !watched.settled;
      watched.settled = true;
      if (first && watched.definition.kind === 'Namespace') this.rediscover();
      onListed(watched);
    } else if (before !== 'live') onState();
  }

  #inTrouble(watched: Watched, error: Error): void {
    const { troubles, onState } = this.#options;
    const { kind, optional } = watched.definition;
    troubles.add(kind, error);
    const status = error instanceof ApiError ? error.status : 0;
    const before = watched.state;
    watched.state = status === 403 ? 'denied' : 'failing';
    if (status === 404) {
      // The CRD is gone. Whether it comes back, and in which version, discovery will say.
      void watched.reflector?.close();
      watched.reflector = undefined;
      troubles.end(kind);
    }
    if (watched.state === 'denied' && optional) watched.settled = true;
    if (before !== watched.state) onState();
  }
}

/** What is not there has no objects. */
function isMissing(watched: Watched): void {
  if (watched.state === 'missing') return;
  watched.state = 'missing';
  watched.settled = true;
  watched.store.listing().commit();
}
