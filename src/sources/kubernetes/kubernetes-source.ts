import { setTimeout as sleep } from 'node:timers/promises';
import type { ObjectRef } from '../../diagnostics/diagnostic.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { Resource, ResourceKind } from '../../resources/kinds.ts';
import { type ResourceSet, resourceSet } from '../../resources/set.ts';
import type { OnChange, ResourceSource, SourceSnapshot } from '../source.ts';
import type { ApiClient } from './client.ts';
import { Confirmations } from './confirmations.ts';
import { kindFindings, savedStateFinding } from './findings.ts';
import { Following } from './following.ts';
import type { KubernetesHealth } from './health.ts';
import { KindStore, type KnownObject } from './kind-store.ts';
import { type WatchedKind, watchedKinds } from './kinds.ts';
import { type NamespaceChoice, OwnNamespaces } from './own-namespaces.ts';
import type { PulseTimings } from './pulse.ts';
import { type ReflectorTimings, TIMINGS } from './reflector.ts';
import { SavedState } from './saved-state.ts';
import { Saver } from './saver.ts';
import { type SourceLog, Troubles } from './troubles.ts';
import { healthOf, type Watched } from './watched.ts';

export interface KubernetesOptions extends NamespaceChoice {
  /** Whoever made it closes it. */
  readonly client: ApiClient;
  /** Where what is served is saved; undefined: nowhere. */
  readonly stateDir?: string | undefined;
  /** Whether `known` will be asked what status an object has. */
  readonly keepStatus?: boolean;
  readonly clock: Clock;
  readonly log: SourceLog;
  readonly random?: () => number;
  readonly timings?: Partial<KubernetesTimings>;
}

export interface KubernetesTimings extends ReflectorTimings, PulseTimings {
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
  /** Objects that do not count for their namespaces' sake, and still have a status that this gateway wrote. */
  dismissed(gateway: string): readonly ObjectRef[];
}

const DEFAULT_TIMINGS: KubernetesTimings = {
  ...TIMINGS,
  pulseMs: 4_000,
  rediscoverMs: 5_000,
  graceMs: 5_000,
  confirmMs: 30_000,
  saveMs: 5_000,
};
/** Events that come together are told together: for at least this long, */
const TOGETHER_MS = 5;
/** and, where there are many objects, for so many times what it takes to put them together. */
const REST = 2;

const NO_RESOURCES: readonly Resource[] = [];

export const kubernetesSource = (options: KubernetesOptions): KubernetesSource => new Kubernetes(options);

class Kubernetes implements KubernetesSource {
  readonly #options: KubernetesOptions;
  readonly #timings: KubernetesTimings;
  readonly #troubles: Troubles;
  readonly #namespaces: OwnNamespaces;
  readonly #kinds: ReadonlyMap<ResourceKind, Watched>;
  readonly #following: Following;
  readonly #confirmations: Confirmations;
  readonly #saver: Saver | undefined;
  readonly #stop = new AbortController();
  readonly #settled = Promise.withResolvers<void>();
  #onChange: OnChange | undefined;
  #resources: ResourceSet | undefined;
  #savedAtMs: number | undefined;
  #synced = false;
  #started = false;
  #telling: NodeJS.Timeout | undefined;
  #tellingTookMs = 0;

  constructor(options: KubernetesOptions) {
    const { client, clock, log, stateDir, random = Math.random } = options;
    this.#options = options;
    this.#timings = { ...DEFAULT_TIMINGS, ...options.timings };
    this.#troubles = new Troubles(client.server, log);
    this.#namespaces = new OwnNamespaces(options);
    this.#confirmations = new Confirmations(this.#timings.confirmMs, log);
    const { gatewayNamespace, namespaceSelector } = options;
    const definitions = watchedKinds({ gatewayNamespace, namespaceSelector });
    this.#kinds = new Map(definitions.map((definition) => [definition.kind, this.#watched(definition)]));
    const kinds = [...this.#kinds.values()];
    this.#following = new Following({
      client,
      kinds,
      troubles: this.#troubles,
      clock,
      random,
      timings: this.#timings,
      onListed: (watched) => this.#listed(watched),
      onState: () => this.#stateChanged(),
    });
    if (stateDir !== undefined) {
      const { saveMs } = this.#timings;
      this.#saver = new Saver({ state: new SavedState(stateDir, client.server), kinds, saveMs, clock, log });
    }
  }

  async start(onChange: OnChange): Promise<SourceSnapshot> {
    this.#onChange = onChange;
    this.#savedAtMs = await this.#saver?.restore();
    this.#following.start();
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
      if (watched.store.departures.heldSinceMs !== undefined) this.#confirmations.confirm(watched);
    this.#following.rediscover();
  }

  health(): KubernetesHealth {
    const kinds = [...this.#kinds.values()].map((one) => healthOf(one, this.#troubles));
    return { server: this.#options.client.server, synced: this.#synced, kinds };
  }

  known({ kind, namespace, name }: ObjectRef): KnownObject | undefined {
    return this.#kinds.get(kind as ResourceKind)?.store.known(namespace, name);
  }

  dismissed(gateway: string): readonly ObjectRef[] {
    return [...this.#kinds.values()].flatMap(({ store }) => store.dismissed(gateway));
  }

  async close(): Promise<void> {
    if (this.#stop.signal.aborted) return;
    this.#stop.abort(new Error('the source was closed'));
    this.#settled.resolve();
    clearTimeout(this.#telling);
    await this.#following.close();
    // Only what was read whole is saved: half a state is none.
    if (this.#synced) await this.#saver?.save();
  }

  #watched(definition: WatchedKind): Watched {
    const { clock, keepStatus = false } = this.#options;
    const store = new KindStore({
      kind: definition.kind,
      accepts: (namespace) => this.#namespaces.accepts(namespace),
      clock,
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
    };
    return watched;
  }

  #listed(watched: Watched): void {
    this.#confirmations.listed(watched);
    if (watched.definition.kind === 'Namespace') this.#namespaces.changed(watched, this.#kinds.values());
    this.#stateChanged();
  }

  #changed(watched: Watched): void {
    if (watched.definition.kind === 'Namespace' && watched.settled)
      this.#namespaces.changed(watched, this.#kinds.values());
    this.#confirmations.changed(watched);
    this.#scheduleSave();
    this.#tell();
  }

  /** Once all kinds are known what is missing is known to be missing. */
  #stateChanged(): void {
    if (!this.#synced && [...this.#kinds.values()].every(({ settled }) => settled)) {
      this.#synced = true;
      this.#settled.resolve();
      this.#scheduleSave();
    }
    this.#tell();
  }

  #scheduleSave(): void {
    if (this.#synced && !this.#stop.signal.aborted) this.#saver?.schedule();
  }

  #tell(): void {
    if (!this.#started || this.#stop.signal.aborted || this.#telling !== undefined) return;
    const seenAtMs = this.#options.clock.monotonicMs();
    this.#telling = setTimeout(
      () => {
        this.#telling = undefined;
        const beganMs = this.#options.clock.monotonicMs();
        const snapshot = this.#snapshot();
        this.#tellingTookMs = this.#options.clock.monotonicMs() - beganMs;
        this.#onChange?.(snapshot, seenAtMs);
      },
      Math.max(TOGETHER_MS, this.#tellingTookMs * REST),
    );
  }

  #snapshot(): SourceSnapshot {
    const all = [...this.#kinds.values()];
    this.#resources = resourceSet(NO_RESOURCES.concat(...all.map(({ store }) => store.resources())), this.#resources);
    const saved = this.#synced || this.#savedAtMs === undefined ? [] : [savedStateFinding(this.#savedAtMs)];
    return {
      resources: this.#resources,
      diagnostics: [...saved, ...kindFindings(this.health().kinds), ...all.flatMap(({ store }) => store.diagnostics())],
      frozen: all.flatMap(({ store }) => store.frozen()),
    };
  }
}
