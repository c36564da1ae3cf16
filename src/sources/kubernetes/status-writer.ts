import { setTimeout as sleep } from 'node:timers/promises';
import { formatObjectRef, type ObjectRef } from '../../diagnostics/diagnostic.ts';
import type { Clock } from '../../kernel/clock.ts';
import { type ApiClient, ApiError } from './client.ts';
import { type DesiredStatus, digestOfDesired, isOthers, type Receipt, statusWith } from './conditions.ts';
import { EventRecorder, eventsOf } from './events.ts';
import type { ObjectFacts } from './kind-store.ts';
import { objectPath } from './kinds.ts';
import { Election } from './leader.ts';
import type { RawObject } from './raw.ts';
import type { SourceLog } from './troubles.ts';

/** What is served, and what is to be said of the objects that it is made of. */
export interface StatusReport {
  readonly revision: string;
  /** Asked for only where they are to be written. */
  readonly statuses: () => readonly DesiredStatus[];
}

export interface StatusWriterOptions {
  readonly client: ApiClient;
  /** Where the Lease lies. */
  readonly namespace: string;
  /** Of the replica. */
  readonly identity: string;
  /** Of the gateway that it is a replica of. */
  readonly gateway: string;
  readonly facts: (ref: ObjectRef) => ObjectFacts | undefined;
  readonly clock: Clock;
  readonly log: SourceLog;
  readonly timings?: Partial<StatusTimings>;
}

export interface StatusTimings {
  /** Between two rounds; what changed in between is written together. */
  readonly roundMs: number;
  /** Between two looks at the Lease. */
  readonly leaseMs: number;
  /** How often all statuses are looked at although nothing was reported: somebody else may have overwritten them. */
  readonly recheckMs: number;
  /** So long a change waits for the other replicas to serve it too; then it is told that they do not. */
  readonly patienceMs: number;
  /** So long a status that did not come to be what was written is left alone. */
  readonly againMs: number;
}

export interface StatusWriter {
  update(report: StatusReport): void;
  readonly leads: boolean;
  /** Statuses written since the start, and tries that failed. */
  readonly counts: { readonly written: number; readonly failed: number };
  close(): Promise<void>;
}

const TIMINGS: StatusTimings = {
  roundMs: 1_000,
  leaseMs: 5_000,
  recheckMs: 30_000,
  patienceMs: 4_000,
  againMs: 600_000,
};
/** At once; more would be felt by the API server. */
const AT_ONCE = 4;

/** Writes to each object what became of it. Only the leader of the replicas does, and only where it is news. */
export const startStatusWriter = (options: StatusWriterOptions): StatusWriter => new Writer(options);

class Writer implements StatusWriter {
  readonly counts = { written: 0, failed: 0 };
  readonly #options: StatusWriterOptions;
  readonly #timings: StatusTimings;
  readonly #election: Election;
  readonly #events: EventRecorder;
  readonly #stop = new AbortController();
  /** What was written of late, for objects that do not come back as they were written. */
  readonly #tried = new Map<string, { readonly digest: string; readonly atMs: number }>();
  #report: StatusReport | undefined;
  #nextLeaseMs = 0;
  #nextCheckMs = 0;
  /** Since when there is something new to be said. */
  #newsSinceMs: number | undefined;
  /** What was said to go wrong with each, until it goes well again. */
  readonly #troubles = new Map<'lease' | 'status', string>();
  readonly #running: Promise<void>;

  constructor(options: StatusWriterOptions) {
    const { client, namespace, identity, clock } = options;
    this.#options = options;
    this.#timings = { ...TIMINGS, ...options.timings };
    this.#election = new Election({ client, namespace, identity, clock });
    this.#events = new EventRecorder(client, clock);
    this.#running = this.#run();
  }

  get leads(): boolean {
    return this.#election.leads;
  }

  update(report: StatusReport): void {
    if (report.revision !== this.#report?.revision) this.#nextLeaseMs = 0;
    this.#newsSinceMs ??= this.#options.clock.monotonicMs();
    this.#report = report;
    this.#nextCheckMs = 0;
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#running;
    await this.#election.resign().catch(() => {});
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      try {
        await this.#round();
      } catch (error) {
        this.#failed('lease', error as Error);
      }
      await sleep(this.#timings.roundMs, undefined, { signal }).catch(() => {});
    }
  }

  async #round(): Promise<void> {
    const report = this.#report;
    if (report === undefined) return;
    const now = this.#options.clock.monotonicMs();
    if (now >= this.#nextLeaseMs) {
      this.#nextLeaseMs = now + this.#timings.leaseMs;
      await this.#election.round(report.revision);
      this.#troubles.delete('lease');
      // Meanwhile there was news, of which nobody must think that it is done with.
      if (report !== this.#report) return;
    }
    if (!this.#election.leads || now < this.#nextCheckMs || this.#waitsForOthers(report.revision, now)) return;
    this.#newsSinceMs = undefined;
    this.#nextCheckMs = now + this.#timings.recheckMs;
    await this.#writeAll(report);
  }

  /** Whoever waits for an object wants it served by whichever replica is asked. */
  #waitsForOthers(revision: string, now: number): boolean {
    const { live, serving } = this.#election.replicas(revision);
    if (serving === live || this.#newsSinceMs === undefined) return false;
    if (now - this.#newsSinceMs >= this.#timings.patienceMs) return false;
    this.#nextLeaseMs = now;
    return true;
  }

  async #writeAll({ revision, statuses }: StatusReport): Promise<void> {
    const todo = statuses().filter((status) => this.#isNews(status));
    const { live, serving } = this.#election.replicas(revision);
    const receipt = { gateway: this.#options.gateway, revision, replicas: `${serving}/${live}` };
    const work = async (): Promise<void> => {
      for (let status = todo.shift(); status !== undefined; status = todo.shift()) {
        // A long list must not cost the Lease, nor be finished when it is stale.
        if (this.#stop.signal.aborted || this.#options.clock.monotonicMs() >= this.#nextLeaseMs) return;
        await this.#write(status, receipt);
      }
    };
    const failures = this.counts.failed;
    await Promise.all(Array.from({ length: AT_ONCE }, work));
    if (todo.length > 0 || this.counts.failed > failures) this.#nextCheckMs = 0;
  }

  #isNews(status: DesiredStatus): boolean {
    const facts = this.#options.facts(status.ref);
    if (facts === undefined || facts.generation !== status.generation) return false;
    const digest = digestOfDesired(status);
    if (facts.statusDigest === digest) return false;
    const tried = this.#tried.get(formatObjectRef(status.ref));
    return tried?.digest !== digest || this.#options.clock.monotonicMs() - tried.atMs > this.#timings.againMs;
  }

  async #write(status: DesiredStatus, receipt: Receipt): Promise<void> {
    const { client, facts, clock } = this.#options;
    const apiVersion = facts(status.ref)?.apiVersion;
    if (apiVersion === undefined) return;
    const path = objectPath(status.ref, apiVersion);
    try {
      const current = await client.send<RawObject>('GET', path);
      const { resourceVersion, generation } = current.metadata ?? {};
      // Changed meanwhile: what is known is about its past, and what it is now will be told soon.
      if (generation !== undefined && generation !== status.generation) return;
      if (isOthers(current.status, status, receipt.gateway)) return this.#remember(status);
      const now = `${new Date(clock.nowMs()).toISOString().slice(0, 19)}Z`;
      await client.send('PATCH', `${path}/status`, {
        contentType: 'application/merge-patch+json',
        body: { metadata: { resourceVersion }, status: statusWith(current.status, status, receipt, now) },
      });
      this.#remember(status);
      this.#troubles.delete('status');
      this.counts.written++;
      // Nobody waits for an event, and where it may not be written it is not.
      const subject = { ref: status.ref, apiVersion, object: current };
      await this.#events.record(subject, eventsOf(current.status, status), now).catch(() => {});
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) return;
      if (error instanceof ApiError && error.status === 409) {
        this.#nextCheckMs = 0;
        return;
      }
      // Refused, it will be refused again: the other objects are not to wait for this one.
      if (error instanceof ApiError && error.status < 500 && error.status !== 429) this.#remember(status);
      this.#failed('status', error as Error);
    }
  }

  #remember(status: DesiredStatus): void {
    const atMs = this.#options.clock.monotonicMs();
    this.#tried.set(formatObjectRef(status.ref), { digest: digestOfDesired(status), atMs });
  }

  #failed(what: 'lease' | 'status', { message }: Error): void {
    this.counts.failed++;
    if (message !== this.#troubles.get(what)) this.#options.log.warn(`statuses cannot be written: ${message}`);
    this.#troubles.set(what, message);
  }
}
