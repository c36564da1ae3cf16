import { setTimeout as sleep } from 'node:timers/promises';
import type { ObjectRef } from '../../diagnostics/diagnostic.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { ResourceKind } from '../../resources/kinds.ts';
import { type ResourceSet, resourceSet } from '../../resources/set.ts';
import type { ResourceSource, SourceSnapshot } from '../source.ts';
import { Backoff } from './backoff.ts';
import { type ApiClient, ApiError } from './client.ts';
import { discover } from './discovery.ts';
import { kindFindings, savedStateFinding } from './findings.ts';
import type { KindHealth, KindState, KubernetesHealth } from './health.ts';
import { KindStore, type KnownObject } from './kind-store.ts';
import { pathOf, type WatchedKind, watchedKinds } from './kinds.ts';
import { Reflector, type ReflectorTimings, TIMINGS } from './reflector.ts';
import { SavedState } from './saved-state.ts';
import { type SourceLog, Troubles } from './troubles.ts';

export interface KubernetesOptions {
  /** Whoever made it closes it. */
  readonly client: ApiClient;
  readonly gatewayNamespace: string;
  /** Labels that a namespace must have for its objects to count; undefined: all count. */
  readonly namespaceSelector?: string | undefined;
  /** Namespaces that count in any case; the gateway's own does. */
  readonly ownNamespaces?: readonly string[];
  /** Where what is served is saved; undefined: nowhere. */
  readonly stateDir?: string | undefined;
  /** Whether `known` will be asked what status an object has. */
  readonly keepStatus?: boolean;
  readonly clock: Clock;
  readonly log: SourceLog;
  readonly random?: () => number;
  readonly timings?: Partial<KubernetesTimings>;
}

export interface KubernetesTimings extends ReflectorTimings {
  /** How often it is asked for kinds that are not there. */
  readonly rediscoverMs: number;
  /** How long the start waits for the API server before it takes what was saved. */
  readonly graceMs: number;
  /** How long a loss of most objects is held before a second list may confirm it. */
  readonly confirmMs: number;
  readonly saveMs: number;
}

export interface KubernetesSource extends ResourceSource {
  /** Confirms what is held back, and looks for kinds that were missing. */
  refresh(): void;
  health(): KubernetesHealth;
  /** What is known of an object as the API server has it. */
  known(ref: ObjectRef): KnownObject | undefined;
}

const DEFAULT_TIMINGS: KubernetesTimings = {
  ...TIMINGS,
  rediscoverMs: 5_000,
  graceMs: 5_000,
  confirmMs: 30_000,
  saveMs: 5_000,
};
/** Events that come together are told together: for at least this long, */
const TOGETHER_MS = 5;
/** and, where there are many objects, for so many times what it takes to put them together. */
const REST = 2;

export const kubernetesSource = (options: KubernetesOptions): KubernetesSource => new Kubernetes(options);

interface Watched {
  readonly definition: WatchedKind;
  readonly store: KindStore;
  reflector: Reflector | undefined;
  state: KindState;
  /** Listed at least once, or known to be not there. */
  settled: boolean;
  contactMs: number | undefined;
  confirming: 'no' | 'waiting' | 'listing';
}

class Kubernetes implements KubernetesSource {
  readonly #options: KubernetesOptions;
  readonly #timings: KubernetesTimings;
  readonly #troubles: Troubles;
  readonly #kinds: ReadonlyMap<ResourceKind, Watched>;
  readonly #saved: SavedState | undefined;
  readonly #stop = new AbortController();
  readonly #settled = Promise.withResolvers<void>();
  #rediscover = new AbortController();
  #discovering: Promise<void> | undefined;
  #allowed: ReadonlySet<string> | undefined;
  #onChange: ((snapshot: SourceSnapshot) => void) | undefined;
  #resources: ResourceSet | undefined;
  #savedAtMs: number | undefined;
  #synced = false;
  #started = false;
  #telling: NodeJS.Timeout | undefined;
  #tellingTookMs = 0;
  #saving: NodeJS.Timeout | undefined;
  #writing: Promise<void> = Promise.resolve();

  constructor(options: KubernetesOptions) {
    this.#options = options;
    this.#timings = { ...DEFAULT_TIMINGS, ...options.timings };
    this.#troubles = new Troubles(options.client.server, options.log);
    this.#saved = options.stateDir === undefined ? undefined : new SavedState(options.stateDir, options.client.server);
    const { gatewayNamespace, namespaceSelector } = options;
    this.#kinds = new Map(
      watchedKinds({ gatewayNamespace, namespaceSelector }).map((kind) => [kind.kind, this.#watched(kind)]),
    );
  }

  async start(onChange: (snapshot: SourceSnapshot) => void): Promise<SourceSnapshot> {
    this.#onChange = onChange;
    await this.#restore();
    this.#discovering = this.#discoverForEver();
    const waits = [this.#settled.promise];
    if (this.#savedAtMs !== undefined)
      waits.push(sleep(this.#timings.graceMs, undefined, { signal: this.#stop.signal }));
    await Promise.race(waits);
    this.#stop.signal.throwIfAborted();
    if (!this.#synced) this.#options.log.warn('the API server does not answer; what was saved is served');
    this.#started = true;
    return this.#snapshot();
  }

  refresh(): void {
    for (const watched of this.#kinds.values())
      if (watched.store.departures.heldSinceMs !== undefined) this.#confirm(watched);
    this.#rediscover.abort();
  }

  health(): KubernetesHealth {
    return {
      server: this.#options.client.server,
      synced: this.#synced,
      kinds: [...this.#kinds.values()].map((one) => this.#healthOf(one)),
    };
  }

  known({ kind, namespace, name }: ObjectRef): KnownObject | undefined {
    return this.#kinds.get(kind as ResourceKind)?.store.known(namespace, name);
  }

  async close(): Promise<void> {
    if (this.#stop.signal.aborted) return;
    this.#stop.abort(new Error('the source was closed'));
    this.#settled.resolve();
    clearTimeout(this.#telling);
    clearTimeout(this.#saving);
    await Promise.all([this.#discovering, ...[...this.#kinds.values()].map(({ reflector }) => reflector?.close())]);
    await this.#save();
  }

  #watched(definition: WatchedKind): Watched {
    const { clock, keepStatus = false } = this.#options;
    const store = new KindStore({
      kind: definition.kind,
      accepts: (namespace) => this.#accepts(namespace),
      nowMs: () => clock.nowMs(),
      guarded: definition.guarded,
      keepStatus,
      onChange: () => this.#changed(watched),
    });
    const watched: Watched = {
      definition,
      store,
      reflector: undefined,
      state: 'waiting',
      settled: false,
      contactMs: undefined,
      confirming: 'no',
    };
    return watched;
  }

  /* ------------------------------------------------------ what is followed */

  async #discoverForEver(): Promise<void> {
    const { signal } = this.#stop;
    const backoff = new Backoff(this.#timings.backoffFirstMs, this.#timings.backoffMostMs, this.#random);
    while (!signal.aborted) {
      this.#rediscover = new AbortController();
      let waitMs = this.#timings.rediscoverMs;
      try {
        await this.#discover(signal);
        backoff.reset();
        this.#troubles.end('discovery');
      } catch (error) {
        if (signal.aborted) return;
        this.#troubles.add('discovery', error as Error);
        waitMs = backoff.next();
      }
      const wake = AbortSignal.any([signal, this.#rediscover.signal]);
      await sleep(waitMs, undefined, { signal: wake }).catch(() => {});
    }
  }

  async #discover(signal: AbortSignal): Promise<void> {
    const without = [...this.#kinds.values()].filter(({ reflector }) => reflector === undefined);
    if (without.length === 0) return;
    const served = await discover(
      this.#options.client,
      without.map(({ definition }) => definition),
      signal,
    );
    for (const watched of without) {
      const version = served.get(watched.definition);
      if (version === undefined) this.#isMissing(watched);
      else if (this.#mayStart(watched)) this.#follow(watched, version);
    }
    this.#judge();
  }

  /** Whose objects count has to be known before they are read. */
  #mayStart({ definition }: Watched): boolean {
    const namespaces = this.#kinds.get('Namespace');
    return definition.kind === 'Namespace' || namespaces === undefined || namespaces.settled;
  }

  #isMissing(watched: Watched): void {
    if (watched.state === 'missing') return;
    watched.state = 'missing';
    watched.settled = true;
    watched.store.listing().commit();
  }

  #follow(watched: Watched, version: string): void {
    const { client, clock } = this.#options;
    const { definition, store } = watched;
    store.apiVersion = version;
    watched.state = watched.settled ? 'failing' : 'waiting';
    watched.reflector = new Reflector({
      client,
      path: pathOf(definition, version),
      query: definition.query,
      sink: store,
      clock,
      random: this.#random,
      timings: this.#timings,
      onContact: (what) => this.#inContact(watched, what),
      onTrouble: (error) => this.#inTrouble(watched, error),
    });
    watched.reflector.start();
  }

  #inContact(watched: Watched, what: 'listed' | 'heard'): void {
    const before = watched.state;
    watched.state = 'live';
    watched.contactMs = this.#options.clock.nowMs();
    this.#troubles.end(watched.definition.kind);
    if (what === 'listed') this.#listed(watched);
    else if (before !== 'live') this.#tell();
  }

  #listed(watched: Watched): void {
    if (watched.confirming === 'listing') this.#confirm(watched);
    const first = !watched.settled;
    watched.settled = true;
    if (watched.definition.kind === 'Namespace') this.#namespacesChanged(watched);
    if (first && watched.definition.kind === 'Namespace') this.#rediscover.abort();
    this.#judge();
    this.#tell();
  }

  #inTrouble(watched: Watched, error: Error): void {
    const { kind, optional } = watched.definition;
    this.#troubles.add(kind, error);
    const status = error instanceof ApiError ? error.status : 0;
    const before = watched.state;
    watched.state = status === 403 ? 'denied' : 'failing';
    if (status === 404) {
      // The CRD is gone. Whether it comes back, and in which version, discovery will say.
      void watched.reflector?.close();
      watched.reflector = undefined;
      this.#troubles.end(kind);
    }
    if (watched.state === 'denied' && optional && !watched.settled) {
      watched.settled = true;
      this.#judge();
    }
    if (before !== watched.state) this.#tell();
  }

  /** All kinds are known: only now what is missing is known to be missing. */
  #judge(): void {
    if (this.#synced || ![...this.#kinds.values()].every(({ settled }) => settled)) return;
    this.#synced = true;
    this.#settled.resolve();
    this.#scheduleSave();
    this.#tell();
  }

  /* -------------------------------------------------------- whose objects */

  #accepts(namespace: string): boolean {
    const { gatewayNamespace, ownNamespaces = [], namespaceSelector } = this.#options;
    if (namespaceSelector === undefined || namespace === gatewayNamespace || ownNamespaces.includes(namespace))
      return true;
    return this.#allowed?.has(namespace) ?? true;
  }

  #namespacesChanged({ store }: Watched): void {
    const before = this.#allowed;
    this.#allowed = new Set(store.resources().map(({ meta }) => meta.name));
    const isNew = [...this.#allowed].some((namespace) => before !== undefined && !before.has(namespace));
    for (const watched of this.#kinds.values()) {
      if (watched.store === store) continue;
      watched.store.purge();
      if (isNew) watched.reflector?.relist();
    }
  }

  /* ---------------------------------------------------- what is told, saved */

  #changed(watched: Watched): void {
    if (watched.definition.kind === 'Namespace' && watched.settled) this.#namespacesChanged(watched);
    this.#watchDepartures(watched);
    this.#scheduleSave();
    this.#tell();
  }

  #watchDepartures(watched: Watched): void {
    const held = watched.store.departures.heldSinceMs !== undefined;
    if (!held) watched.confirming = 'no';
    if (!held || watched.confirming !== 'no') return;
    watched.confirming = 'waiting';
    const { kind } = watched.definition;
    const seconds = this.#timings.confirmMs / 1_000;
    this.#options.log.warn(
      `more than half of the ${kind} objects are gone at once; they stay in service until a list confirms it in ${seconds} s, or SIGHUP does now`,
    );
    setTimeout(() => {
      if (watched.confirming !== 'waiting') return;
      watched.confirming = 'listing';
      if (watched.reflector === undefined) this.#confirm(watched);
      else watched.reflector.relist();
    }, this.#timings.confirmMs).unref();
  }

  #confirm(watched: Watched): void {
    watched.confirming = 'no';
    if (watched.store.departures.heldSinceMs === undefined) return;
    this.#options.log.info(`the loss of ${watched.definition.kind} objects is confirmed; they leave service`);
    watched.store.confirmDepartures();
  }

  #tell(): void {
    if (!this.#started || this.#stop.signal.aborted || this.#telling !== undefined) return;
    this.#telling = setTimeout(
      () => {
        this.#telling = undefined;
        const beganMs = this.#options.clock.monotonicMs();
        const snapshot = this.#snapshot();
        this.#tellingTookMs = this.#options.clock.monotonicMs() - beganMs;
        this.#onChange?.(snapshot);
      },
      Math.max(TOGETHER_MS, this.#tellingTookMs * REST),
    );
  }

  #snapshot(): SourceSnapshot {
    const all = [...this.#kinds.values()];
    this.#resources = resourceSet(
      all.flatMap(({ store }) => store.resources()),
      this.#resources,
    );
    const saved = this.#synced || this.#savedAtMs === undefined ? [] : [savedStateFinding(this.#savedAtMs)];
    return {
      resources: this.#resources,
      diagnostics: [...saved, ...kindFindings(this.health().kinds), ...all.flatMap(({ store }) => store.diagnostics())],
      frozen: all.flatMap(({ store }) => store.frozen()),
    };
  }

  #healthOf({ definition, state, store, contactMs }: Watched): KindHealth {
    const { kind } = definition;
    const trouble = this.#troubles.of(kind);
    return { kind, state, objects: store.size, contactMs, trouble, heldSinceMs: store.departures.heldSinceMs };
  }

  async #restore(): Promise<void> {
    if (this.#saved === undefined) return;
    for (const { definition, store } of this.#kinds.values()) {
      const saved = await this.#saved.read(definition.kind, (problem) => this.#options.log.warn(problem));
      if (saved === undefined) continue;
      store.restore(saved.objects);
      this.#savedAtMs = Math.max(this.#savedAtMs ?? 0, saved.savedAtMs);
    }
  }

  #scheduleSave(): void {
    if (this.#saved === undefined || !this.#synced || this.#saving !== undefined || this.#stop.signal.aborted) return;
    this.#saving = setTimeout(() => {
      this.#saving = undefined;
      void this.#save();
    }, this.#timings.saveMs).unref();
  }

  /** Only what was read whole is saved: half a state is none. */
  #save(): Promise<void> {
    const saved = this.#saved;
    if (saved === undefined || !this.#synced) return Promise.resolve();
    const write = async (): Promise<void> => {
      for (const { definition, store } of this.#kinds.values())
        await saved.write(definition.kind, store.resources(), this.#options.clock.nowMs());
    };
    this.#writing = this.#writing.then(write).catch((error: Error) => {
      this.#options.log.warn(`what is served cannot be saved: ${error.message}`);
    });
    return this.#writing;
  }

  get #random(): () => number {
    return this.#options.random ?? Math.random;
  }
}
