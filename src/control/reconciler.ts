import type { Compilation } from '../compiler/compilation.ts';
import type { TimelyFindings } from '../compiler/index.ts';
import type { Diagnostic } from '../diagnostics/diagnostic.ts';
import { report } from '../diagnostics/report.ts';
import type { Clock } from '../kernel/clock.ts';
import type { ResourceSet } from '../resources/set.ts';
import type { FrozenFile, ResourceSource, SourceSnapshot } from '../sources/source.ts';
import { type Compile, compileIsolated, type HeldBack } from './isolation.ts';
import type { Log } from './log.ts';

/** What is in service, and everything there is to say about it. */
export interface ControlState {
  readonly compilation: Compilation;
  /** What was compiled. */
  readonly resources: ResourceSet;
  /** Of reading, of compiling, and of ourselves. */
  readonly diagnostics: readonly Diagnostic[];
  readonly frozen: readonly FrozenFile[];
  readonly heldBack: readonly HeldBackNamespace[];
  /** Milliseconds since 1970. */
  readonly publishedAtMs: number;
  readonly compileMs: number;
  /** When the first change that led to it was seen, by the monotonic clock; undefined: it is the first state, or came of no change. */
  readonly seenAtMs?: number | undefined;
  /** From 1, one more with each publication. */
  readonly generation: number;
}

interface HeldBackNamespace {
  readonly namespace: string;
  readonly sinceMs: number;
  readonly reason: string;
}

export interface ReconcilerOptions {
  readonly source: ResourceSource;
  readonly compile: Compile;
  /** What the time of day has to say of them; default: nothing. */
  readonly timely?: (resources: ResourceSet, nowMs: number) => Pick<TimelyFindings, 'diagnostics' | 'nextAtMs'>;
  /** Puts a state into service. Called for the first state and then for each that differs from the one before. */
  readonly publish: (state: ControlState, previous: ControlState | undefined) => void;
  readonly clock: Clock;
  readonly log: Log;
}

export interface CompilationCounts {
  readonly compilations: number;
  readonly failures: number;
  /** When the compiler last went through everything, in milliseconds since 1970. */
  readonly lastSuccessAtMs?: number | undefined;
}

export interface Reconciler {
  /** undefined: nothing was published yet. */
  current(): ControlState | undefined;
  /** Counts of compilations, those without effect included. */
  readonly counts: CompilationCounts;
  close(): Promise<void>;
}

/** A change is compiled after this long without another one, */
const QUIET_MS = 50;
/** and after this long in any case. */
const LONGEST_WAIT_MS = 500;
/** The clock is asked again after this long at the latest: it may be set, and a timer cannot be far off. */
const LONGEST_SLEEP_MS = 60 * 60 * 1_000;

/**
 * Keeps the state in service up with the source: one compilation at a time, none before the source has been read
 * whole. Resolves when the first state is published; rejects when the source cannot be read.
 */
export async function startReconciler(options: ReconcilerOptions): Promise<Reconciler> {
  const loop = new Loop(options);
  await loop.start();
  return loop;
}

class Loop implements Reconciler {
  readonly #options: ReconcilerOptions;
  readonly counts = { compilations: 0, failures: 0, lastSuccessAtMs: undefined as number | undefined };
  #state: ControlState | undefined;
  #waiting: SourceSnapshot | undefined;
  #waitingSinceMs = 0;
  /** Of the first change that is not in service yet. */
  #seenAtMs: number | undefined;
  #timer: NodeJS.Timeout | undefined;
  /** Rings when time has more to say. */
  #alarm: NodeJS.Timeout | undefined;
  #started = false;

  constructor(options: ReconcilerOptions) {
    this.#options = options;
  }

  current(): ControlState | undefined {
    return this.#state;
  }

  async start(): Promise<void> {
    const first = await this.#options.source.start((snapshot, seenAtMs) => this.#changed(snapshot, seenAtMs));
    this.#started = true;
    this.#reconcile(this.#waiting ?? first);
  }

  async close(): Promise<void> {
    const silence = (): void => {
      clearTimeout(this.#timer);
      clearTimeout(this.#alarm);
    };
    silence();
    await this.#options.source.close();
    silence();
  }

  #changed(snapshot: SourceSnapshot, seenAtMs: number | undefined): void {
    const now = this.#options.clock.monotonicMs();
    if (this.#waiting === undefined) this.#waitingSinceMs = now;
    this.#waiting = snapshot;
    if (!this.#started) return;
    this.#seenAtMs ??= seenAtMs ?? now;
    clearTimeout(this.#timer);
    const delay = Math.max(0, Math.min(QUIET_MS, this.#waitingSinceMs + LONGEST_WAIT_MS - now));
    this.#timer = setTimeout(() => this.#reconcile(snapshot), delay);
  }

  #reconcile(snapshot: SourceSnapshot): void {
    this.#waiting = undefined;
    const { clock, log, compile } = this.#options;
    const beganMs = clock.monotonicMs();
    this.counts.compilations++;
    try {
      const { compilation, resources, heldBack } = compileIsolated(compile, snapshot.resources, this.#state?.resources);
      if (heldBack.length > 0) this.counts.failures++;
      else this.counts.lastSuccessAtMs = clock.nowMs();
      const seenAtMs = this.#seenAtMs;
      this.#seenAtMs = undefined;
      const since = this.#sinceOf(heldBack);
      this.#publish({
        compilation,
        resources,
        diagnostics: [
          ...snapshot.diagnostics,
          ...heldBack.map(heldBackFinding),
          ...compilation.diagnostics,
          ...this.#timely(snapshot, resources),
        ],
        frozen: snapshot.frozen,
        heldBack: since,
        publishedAtMs: clock.nowMs(),
        compileMs: clock.monotonicMs() - beganMs,
        seenAtMs,
        generation: (this.#state?.generation ?? 0) + 1,
      });
    } catch (error) {
      this.counts.failures++;
      log.error('compiling failed as a whole; what was in service stays', { error: (error as Error).stack });
    }
  }

  /** And the same snapshot once more when there is more to say. */
  #timely(snapshot: SourceSnapshot, resources: ResourceSet): readonly Diagnostic[] {
    const { clock, timely } = this.#options;
    clearTimeout(this.#alarm);
    if (timely === undefined) return [];
    const nowMs = clock.nowMs();
    const { diagnostics, nextAtMs } = timely(resources, nowMs);
    if (nextAtMs !== undefined) this.#sleep(snapshot, nextAtMs);
    return diagnostics;
  }

  #sleep(snapshot: SourceSnapshot, untilMs: number): void {
    const leftMs = untilMs - this.#options.clock.nowMs();
    const wake = (): void => {
      // A change that waits says it as well.
      if (this.#waiting !== undefined) return;
      if (leftMs > LONGEST_SLEEP_MS) this.#sleep(snapshot, untilMs);
      else this.#reconcile(snapshot);
    };
    this.#alarm = setTimeout(wake, Math.min(Math.max(0, leftMs), LONGEST_SLEEP_MS)).unref();
  }

  #publish(state: ControlState): void {
    const previous = this.#state;
    this.#state = state;
    this.#options.publish(state, previous);
  }

  #sinceOf(heldBack: readonly HeldBack[]): readonly HeldBackNamespace[] {
    const before = new Map(this.#state?.heldBack.map((entry) => [entry.namespace, entry.sinceMs]));
    return heldBack.map(({ namespace, error }) => {
      const sinceMs = before.get(namespace);
      if (sinceMs === undefined)
        this.#options.log.error('the compiler failed on a namespace; it keeps its last good state', {
          namespace,
          error: error.stack,
        });
      return { namespace, sinceMs: sinceMs ?? this.#options.clock.nowMs(), reason: error.message };
    });
  }
}

const heldBackFinding = ({ namespace, error }: HeldBack): Diagnostic =>
  report('namespace-held-back', {
    message: `namespace '${namespace}' could not be compiled: ${error.message}`,
    refused: true,
  });
