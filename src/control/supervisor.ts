import type { Clock } from '../kernel/clock.ts';
import type { ServedState } from './handover.ts';
import type { Log } from './log.ts';
import { RestartPace } from './restart-pace.ts';
import type { FromWorker, WorkerHandle } from './worker-messages.ts';
import { Worker } from './worker-slot.ts';

export interface SupervisorOptions<Start, Report> {
  readonly workers: number;
  /** Begins another process; it has nothing yet. */
  readonly spawn: () => WorkerHandle<Start, Report>;
  /** What each is told first. */
  readonly start: Start;
  readonly clock: Clock;
  readonly log: Log;
  /** A worker said what became of its ports, or one is gone. */
  readonly onReports: () => void;
  /** The last metrics of a worker that has ended: counters must not fall. */
  readonly onGone: (metrics: readonly unknown[]) => void;
}

export interface WorkerCounts {
  readonly wanted: number;
  readonly serving: number;
  readonly leaving: number;
  readonly restarts: number;
}

/** Keeps so many workers serving the newest state. */
export interface Supervisor<Report> {
  /** `onServing`: called for each place of a worker once the one there serves this state, or a newer one. */
  publish(state: ServedState, onServing?: (place: number) => void): void;
  /** Resolves when every worker serves the newest state; rejects when a first one cannot even start. */
  applied(): Promise<void>;
  /** Of all workers that serve. */
  reports(): readonly (readonly Report[])[];
  /** Asks all workers; of one that does not answer soon, what it last said. */
  metrics(): Promise<readonly (readonly unknown[])[]>;
  counts(): WorkerCounts;
  drain(graceMs: number): Promise<void>;
  close(): void;
}

/** A scrape must not wait for a worker that hangs. */
const MEASURE_LIMIT_MS = 2_000;
/** Beyond its own grace a worker that leaves is given this long, then it is killed. */
const LEAVE_LIMIT_MS = 2_000;
/** Workers that do not say that they accept no more are not waited for beyond this. */
const ACCEPT_LIMIT_MS = 3_000;

export function startSupervisor<Start, Report>(options: SupervisorOptions<Start, Report>): Supervisor<Report> {
  const supervising = new Supervising(options);
  supervising.start();
  return supervising;
}

/** A state, and the places of workers that do not serve it yet. */
interface WatchedState {
  readonly sequence: number;
  readonly waited: Set<number>;
  readonly onServing: (place: number) => void;
}

/** States that are waited for at once; a worker that hangs must not make them a heap. */
const MOST_WATCHED = 100;

interface Slot<Start, Report> {
  worker: Worker<Start, Report> | undefined;
  readonly pace: RestartPace;
  timer: NodeJS.Timeout | undefined;
}

class Supervising<Start, Report> implements Supervisor<Report> {
  readonly #options: SupervisorOptions<Start, Report>;
  readonly #slots: Slot<Start, Report>[];
  /** All that have a process, those that leave included. */
  readonly #alive = new Set<Worker<Start, Report>>();
  #state: ServedState | undefined;
  #watched: readonly WatchedState[] = [];
  #sequence = 0;
  #question = 0;
  #restarts = 0;
  #stopping = false;
  #served = false;
  #waiting: { resolve(): void; reject(error: Error): void }[] = [];
  readonly #questions = new Map<number, (worker: Worker<Start, Report>) => void>();
  #emptied: (() => void) | undefined;
  /** Workers that have yet to say that they accept no more, and what follows when all have. */
  #accepting: { readonly workers: Set<Worker<Start, Report>>; done(): void } | undefined;

  constructor(options: SupervisorOptions<Start, Report>) {
    this.#options = options;
    this.#slots = Array.from({ length: options.workers }, () => ({
      worker: undefined,
      pace: new RestartPace(),
      timer: undefined,
    }));
  }

  start(): void {
    for (const slot of this.#slots) this.#spawn(slot);
  }

  publish(state: ServedState, onServing?: (place: number) => void): void {
    this.#state = state;
    this.#sequence += 1;
    if (onServing !== undefined) {
      const watched = { sequence: this.#sequence, waited: new Set(this.#slots.keys()), onServing };
      this.#watched = [...this.#watched, watched].slice(-MOST_WATCHED);
    }
    for (const { worker } of this.#slots) this.#handOver(worker);
    this.#settle();
  }

  applied(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      this.#settle();
    });
  }

  reports(): readonly (readonly Report[])[] {
    return this.#slots.flatMap(({ worker }) => (worker?.phase === 'serving' ? [worker.reports] : []));
  }

  counts(): WorkerCounts {
    const phases = [...this.#alive].map(({ phase }) => phase);
    return {
      wanted: this.#slots.length,
      serving: phases.filter((phase) => phase === 'serving').length,
      leaving: phases.filter((phase) => phase === 'leaving').length,
      restarts: this.#restarts,
    };
  }

  async metrics(): Promise<readonly (readonly unknown[])[]> {
    const question = ++this.#question;
    const asked = new Set([...this.#alive].filter(({ phase }) => phase === 'serving' || phase === 'leaving'));
    if (asked.size > 0)
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, MEASURE_LIMIT_MS);
        this.#questions.set(question, (worker) => {
          asked.delete(worker);
          if (asked.size > 0) return;
          clearTimeout(timer);
          resolve();
        });
        for (const worker of asked) worker.send({ kind: 'measure', question });
      });
    this.#questions.delete(question);
    return [...this.#alive].map(({ metrics }) => metrics);
  }

  async drain(graceMs: number): Promise<void> {
    this.#stopping = true;
    for (const { timer } of this.#slots) clearTimeout(timer);
    await this.#noneAccepts();
    for (const worker of this.#alive) this.#leave(worker, graceMs);
    if (this.#alive.size > 0) await new Promise<void>((resolve) => (this.#emptied = resolve));
  }

  close(): void {
    this.#stopping = true;
    for (const { timer } of this.#slots) clearTimeout(timer);
    for (const worker of this.#alive) worker.handle.kill();
  }

  /**
   * All at once before any sends its clients away: those come back at once, and one that is accepted by a socket about to
   * be closed is reset.
   */
  async #noneAccepts(): Promise<void> {
    const workers = new Set([...this.#alive].filter(({ phase }) => phase === 'serving'));
    if (workers.size === 0) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ACCEPT_LIMIT_MS);
      const done = (): void => {
        clearTimeout(timer);
        resolve();
      };
      this.#accepting = { workers, done };
      for (const worker of workers) worker.send({ kind: 'stop-accepting' });
    });
  }

  #acceptsNoMore(worker: Worker<Start, Report>): void {
    const accepting = this.#accepting;
    if (accepting?.workers.delete(worker) === true && accepting.workers.size === 0) accepting.done();
  }

  #spawn(slot: Slot<Start, Report>): void {
    const worker = new Worker(this.#options.spawn());
    slot.worker = worker;
    this.#alive.add(worker);
    worker.handle.onMessage((message) => this.#heard(slot, worker, message));
    worker.handle.onExit((how) => this.#exited(slot, worker, how));
    worker.send({ kind: 'start', start: this.#options.start });
    this.#handOver(worker);
  }

  #handOver(worker: Worker<Start, Report> | undefined): void {
    if (this.#state !== undefined) worker?.handOver(this.#state, this.#sequence);
  }

  #heard(slot: Slot<Start, Report>, worker: Worker<Start, Report>, message: FromWorker<Report>): void {
    const { log, clock } = this.#options;
    worker.heard(message);
    switch (message.kind) {
      case 'applied':
        if (worker.phase === 'starting') {
          worker.phase = 'serving';
          worker.servingSinceMs = clock.monotonicMs();
        }
        this.#handOver(worker);
        this.#options.onReports();
        this.#settle();
        return;
      case 'measured':
        if (message.question !== undefined) this.#questions.get(message.question)?.(worker);
        return;
      case 'log':
        log[message.level](message.message, { worker: worker.handle.pid, ...message.fields });
        return;
      case 'accepts-no-more':
        this.#acceptsNoMore(worker);
        return;
      case 'charged':
        for (const other of this.#alive)
          if (other !== worker) other.send({ kind: 'charged', charges: message.charges });
        return;
      case 'failing':
        log.warn('a worker is replaced', { worker: worker.handle.pid, reason: message.reason });
        this.#vacate(slot, worker);
        this.#leave(worker, message.graceMs);
    }
  }

  /** Drains what is under way there; what does not come to an end is killed. */
  #leave(worker: Worker<Start, Report>, graceMs: number): void {
    if (worker.phase === 'leaving' || worker.phase === 'gone') return;
    const never = worker.phase === 'starting';
    worker.send({ kind: 'drain', graceMs });
    worker.phase = 'leaving';
    if (never) worker.handle.kill();
    const { log } = this.#options;
    setTimeout(() => {
      if (worker.phase === 'gone') return;
      log.warn('a worker did not end in time; it is killed', { worker: worker.handle.pid });
      worker.handle.kill();
    }, graceMs + LEAVE_LIMIT_MS).unref();
  }

  #exited(slot: Slot<Start, Report>, worker: Worker<Start, Report>, how: string): void {
    const { log, onGone, onReports } = this.#options;
    const unexpected = worker.phase !== 'leaving';
    worker.phase = 'gone';
    this.#alive.delete(worker);
    onGone(worker.metrics);
    for (const answered of this.#questions.values()) answered(worker);
    this.#acceptsNoMore(worker);
    if (unexpected && !this.#stopping) log.error('a worker ended', { worker: worker.handle.pid, how });
    this.#vacate(slot, worker);
    onReports();
    if (this.#alive.size === 0) this.#emptied?.();
  }

  /** Another one takes the place, unless it has been taken already. */
  #vacate(slot: Slot<Start, Report>, worker: Worker<Start, Report>): void {
    if (slot.worker !== worker) return;
    slot.worker = undefined;
    if (this.#stopping) return;
    const { clock, log } = this.#options;
    const since = worker.servingSinceMs;
    const waitMs = slot.pace.died(since === undefined ? undefined : clock.monotonicMs() - since);
    if (!this.#served && waitMs > 0) {
      this.#fail(new Error(`a worker ended ${slot.pace.diedYoung} times before it served`));
      return;
    }
    this.#restarts += 1;
    if (waitMs === 0) this.#spawn(slot);
    else {
      log.warn('workers die young; the next one waits', { waitMs });
      slot.timer = setTimeout(() => this.#spawn(slot), waitMs);
    }
  }

  #fail(error: Error): void {
    for (const { reject } of this.#waiting.splice(0)) reject(error);
  }

  #tellServing(): void {
    for (const { sequence, waited, onServing } of this.#watched) {
      for (const place of waited) {
        if ((this.#slots[place]?.worker?.acknowledged ?? 0) < sequence) continue;
        waited.delete(place);
        onServing(place);
      }
    }
    this.#watched = this.#watched.filter(({ waited }) => waited.size > 0);
  }

  #settle(): void {
    this.#tellServing();
    if (this.#sequence === 0) return;
    if (this.#slots.some(({ worker }) => (worker?.acknowledged ?? 0) < this.#sequence)) return;
    this.#served = true;
    for (const { resolve } of this.#waiting.splice(0)) resolve();
  }
}
