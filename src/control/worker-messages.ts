import type { Handover } from './handover.ts';
import type { LogFields } from './log.ts';

/** What goes to a worker. `Start` is what it needs to know once, at its beginning. */
export type ToWorker<Start> =
  | { readonly kind: 'start'; readonly start: Start }
  | { readonly kind: 'state'; readonly sequence: number; readonly handover: Handover }
  | { readonly kind: 'measure'; readonly question: number }
  /** What another worker let through against limits that hold for all of them. */
  | { readonly kind: 'charged'; readonly charges: readonly unknown[] }
  /** Take no further connection, and say so when none can come. */
  | { readonly kind: 'stop-accepting' }
  /** Take nothing new, finish what is under way within the grace, then end. */
  | { readonly kind: 'drain'; readonly graceMs: number };

/** What a worker says. `Report` is what became of one port. */
export type FromWorker<Report> =
  | { readonly kind: 'applied'; readonly sequence: number; readonly reports: readonly Report[] }
  /** Its metrics as prom-client gives them as JSON; without a question: the last ones before it ends. */
  | { readonly kind: 'measured'; readonly question: number | undefined; readonly metrics: readonly unknown[] }
  | {
      readonly kind: 'log';
      readonly level: 'debug' | 'info' | 'warn' | 'error';
      readonly message: string;
      readonly fields: LogFields;
    }
  | { readonly kind: 'accepts-no-more' }
  /** For the other workers: what this one let through. */
  | { readonly kind: 'charged'; readonly charges: readonly unknown[] }
  /** It cannot be relied on any more: it drains by itself, and another one is to take its place. */
  | { readonly kind: 'failing'; readonly reason: string; readonly graceMs: number };

/** A worker's process, as its supervisor holds it. */
export interface WorkerHandle<Start, Report> {
  readonly pid: number | undefined;
  send(message: ToWorker<Start>): void;
  /** At once. */
  kill(): void;
  onMessage(listener: (message: FromWorker<Report>) => void): void;
  /** Once. */
  onExit(listener: (how: string) => void): void;
}
