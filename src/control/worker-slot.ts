import { HandoverSender, type ServedState } from './handover.ts';
import type { FromWorker, ToWorker, WorkerHandle } from './worker-messages.ts';

/** From `starting` to `serving` with the first state applied; `leaving` once it drains. */
type Phase = 'starting' | 'serving' | 'leaving' | 'gone';

/** One process, what it has been handed, and what it said. Only one hand-over is under way at a time; the newest state follows. */
export class Worker<Start, Report> {
  readonly handle: WorkerHandle<Start, Report>;
  readonly #sender = new HandoverSender();
  phase: Phase = 'starting';
  reports: readonly Report[] = [];
  /** The newest metrics it gave. */
  metrics: readonly unknown[] = [];
  /** The newest state that it serves. */
  acknowledged = 0;
  servingSinceMs: number | undefined;
  #underWay = 0;

  constructor(handle: WorkerHandle<Start, Report>) {
    this.handle = handle;
  }

  get busy(): boolean {
    return this.#underWay > this.acknowledged;
  }

  send(message: ToWorker<Start>): void {
    if (this.phase !== 'gone') this.handle.send(message);
  }

  /** Nothing while an earlier state has not been acknowledged: the caller comes again when it has. */
  handOver(state: ServedState, sequence: number): void {
    if (this.phase === 'gone' || this.phase === 'leaving' || this.busy || this.#underWay >= sequence) return;
    this.#underWay = sequence;
    const handover = this.#sender.next(state);
    if (handover === undefined) this.acknowledged = sequence;
    else this.send({ kind: 'state', sequence, handover });
  }

  /** Takes note of what concerns this worker alone. */
  heard(message: FromWorker<Report>): void {
    if (message.kind === 'measured') this.metrics = message.metrics;
    if (message.kind !== 'applied') return;
    this.acknowledged = message.sequence;
    this.reports = message.reports;
  }
}
