import type { Clock } from '../../kernel/clock.ts';
import { type ApiClient, ApiError } from './client.ts';
import { isObject } from './raw.ts';

/** The replicas of one gateway, as the Lease shows them. */
export interface Replicas {
  readonly live: number;
  /** Of these, how many serve the revision that was asked about. */
  readonly serving: number;
}

export interface ElectionOptions {
  readonly client: ApiClient;
  readonly namespace: string;
  /** Of this replica, unlike any other's. */
  readonly identity: string;
  readonly clock: Clock;
  readonly leaseSeconds?: number;
}

interface Lease {
  readonly metadata: {
    readonly resourceVersion?: string;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly spec?: {
    readonly holderIdentity?: string;
    readonly leaseTransitions?: number;
    readonly renewTime?: string;
    readonly acquireTime?: string;
  };
}

const NAME = 'banyan-status';
const LEASE_SECONDS = 15;
const SAFE_SHARE = 2 / 3;
/** `replica.banyan.dev/<identity>: <revision>`; that it is there says that the replica lives. */
const REPLICA = 'replica.banyan.dev/';

/**
 * Who of the replicas writes statuses: the holder of a Lease. Each replica also leaves a note on it of what it serves,
 * so that the holder knows how many they are. The age of another's note or claim is measured by our own clock, from when
 * it was last seen to change: clocks of machines differ.
 */
export class Election {
  readonly #options: Required<ElectionOptions>;
  readonly #path: string;
  readonly #seen = new Map<string, { readonly what: string; readonly atMs: number }>();
  #beat = 0;
  /** When the Lease was last ours for certain. */
  #heldAtMs = Number.NEGATIVE_INFINITY;
  #replicas: ReadonlyMap<string, string> = new Map();

  constructor(options: ElectionOptions) {
    this.#options = { leaseSeconds: LEASE_SECONDS, ...options };
    this.#path = `/apis/coordination.k8s.io/v1/namespaces/${encodeURIComponent(options.namespace)}/leases`;
  }

  /** For less time than others wait before they take the Lease. */
  get leads(): boolean {
    const { clock, leaseSeconds } = this.#options;
    return clock.monotonicMs() - this.#heldAtMs < leaseSeconds * SAFE_SHARE * 1_000;
  }

  replicas(revision: string): Replicas {
    const all = [...this.#replicas.values()];
    return { live: all.length, serving: all.filter((note) => note === revision).length };
  }

  /** Once every few seconds. Rejects when the Lease cannot be had: before long this replica does not lead any more. */
  async round(revision: string): Promise<void> {
    const beganMs = this.#options.clock.monotonicMs();
    try {
      const lease = await this.#read();
      this.#replicas = this.#liveReplicas(lease, revision);
      const mine = this.#mayHold(lease);
      await this.#write(lease, revision, mine);
      this.#heldAtMs = mine ? beganMs : Number.NEGATIVE_INFINITY;
    } catch (error) {
      // Another replica was quicker; the next round will show.
      if (!(error instanceof ApiError && error.status === 409)) throw error;
    }
  }

  /** Gives the Lease away, so that nobody has to wait until it runs out. */
  async resign(): Promise<void> {
    const { client, identity } = this.#options;
    const led = this.leads;
    this.#heldAtMs = Number.NEGATIVE_INFINITY;
    await client.send('PATCH', `${this.#path}/${NAME}`, {
      contentType: 'application/merge-patch+json',
      body: {
        metadata: { annotations: { [REPLICA + identity]: null } },
        ...(led && { spec: { holderIdentity: '', renewTime: null } }),
      },
    });
  }

  async #read(): Promise<Lease> {
    const { client } = this.#options;
    try {
      return await client.send<Lease>('GET', `${this.#path}/${NAME}`);
    } catch (error) {
      if (!(error instanceof ApiError && error.status === 404)) throw error;
    }
    const labels = { 'app.kubernetes.io/part-of': 'banyan' };
    const body = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { name: NAME, labels }, spec: {} };
    return client.send<Lease>('POST', this.#path, { body });
  }

  #mayHold({ spec }: Lease): boolean {
    const holder = spec?.holderIdentity ?? '';
    if (holder === '' || holder === this.#options.identity) return true;
    return this.#isStale('holder', `${holder} ${spec?.renewTime}`);
  }

  #isStale(key: string, what: string): boolean {
    const now = this.#options.clock.monotonicMs();
    const seen = this.#seen.get(key);
    if (seen?.what !== what) this.#seen.set(key, { what, atMs: now });
    return seen?.what === what && now - seen.atMs > this.#options.leaseSeconds * 1_000;
  }

  /** Notes are `<beat> <revision>`; one that does not beat any more is of a replica that is gone. */
  #liveReplicas({ metadata }: Lease, revision: string): ReadonlyMap<string, string> {
    const live = new Map([[this.#options.identity, revision]]);
    for (const [key, note] of Object.entries(isObject(metadata.annotations) ? metadata.annotations : {})) {
      if (!key.startsWith(REPLICA) || key === REPLICA + this.#options.identity || this.#isStale(key, note)) continue;
      live.set(key.slice(REPLICA.length), note.slice(note.indexOf(' ') + 1));
    }
    return live;
  }

  async #write(lease: Lease, revision: string, mine: boolean): Promise<void> {
    const { client, identity, leaseSeconds, clock } = this.#options;
    const now = new Date(clock.nowMs()).toISOString().replace('Z', '000Z');
    const annotations: Record<string, string | null> = { [REPLICA + identity]: `${++this.#beat} ${revision}` };
    if (mine)
      for (const key of Object.keys(lease.metadata.annotations ?? {}))
        if (key.startsWith(REPLICA) && !this.#replicas.has(key.slice(REPLICA.length))) annotations[key] = null;
    const isNew = lease.spec?.holderIdentity !== identity;
    const spec = {
      holderIdentity: identity,
      leaseDurationSeconds: leaseSeconds,
      renewTime: now,
      ...(isNew && { acquireTime: now, leaseTransitions: (lease.spec?.leaseTransitions ?? 0) + 1 }),
    };
    await client.send('PATCH', `${this.#path}/${NAME}`, {
      contentType: 'application/merge-patch+json',
      // The version only where the Lease changes hands: others' notes, which change it too, are in nobody's way.
      body: {
        metadata: { annotations, ...(mine && isNew && { resourceVersion: lease.metadata.resourceVersion }) },
        ...(mine && { spec }),
      },
    });
  }
}
