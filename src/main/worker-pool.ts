import { AggregatorRegistry, Counter, Gauge, type Registry } from 'prom-client';
import type { Log } from '../control/log.ts';
import type { Propagation } from '../control/propagation.ts';
import { type Supervisor, startSupervisor } from '../control/supervisor.ts';
import type { ListenerReport } from '../dataplane/index.ts';
import { systemClock } from '../kernel/clock.ts';
import type { Settings } from '../settings.ts';
import type { DataPlane } from './data-plane.ts';
import { LogRelay } from './log-relay.ts';
import { onPublished, type StateHandles } from './published-states.ts';
import { spawnWorker, type WorkerStart } from './worker-process.ts';

export interface WorkerPoolOptions extends StateHandles {
  readonly settings: Settings;
  readonly workers: number;
  /** File of the program, which is started anew for each worker. */
  readonly program: string;
  readonly propagation: Propagation;
  /** This process' own metrics. */
  readonly registry: Registry;
  readonly log: Log;
}

const STANDARD_OUTPUT = 1;
const FLUSH_LIMIT_MS = 500;

/** The data plane as several processes that share the ports. */
export function startWorkerPool(options: WorkerPoolOptions): DataPlane {
  const { settings, workers, program, tables, endpoints, credentials, registry, log } = options;
  const relay = new LogRelay(STANDARD_OUTPUT);
  const ended = new EndedWorkers();
  const supervisor: Supervisor<ListenerReport> = startSupervisor<WorkerStart, ListenerReport>({
    workers,
    spawn: () => spawnWorker(program, relay),
    start: { settings, processes: workers },
    clock: systemClock,
    log,
    onReports: () => {},
    onGone: (metrics) => ended.add(metrics),
  });
  registerPoolMetrics(registry, supervisor, relay);

  const end = onPublished({ tables, endpoints, credentials }, (state) =>
    supervisor.publish(state, options.propagation.handedOver(state.table.revision)),
  );

  return {
    async applied() {
      // What was published just now is handed over first.
      await Promise.resolve();
      await supervisor.applied();
      return mergeReports(supervisor.reports());
    },
    listeners: () => mergeReports(supervisor.reports()),
    serving: () => supervisor.counts().serving > 0,
    metrics: async () => {
      const [own, before, now] = await Promise.all([registry.getMetricsAsJSON(), ended.total(), supervisor.metrics()]);
      return sumOf([own, before, ...now]).metrics();
    },
    async drain(graceMs) {
      end();
      await supervisor.drain(graceMs);
      await relay.flush(FLUSH_LIMIT_MS);
    },
    async close() {
      end();
      supervisor.close();
    },
  };
}

const sumOf = (metrics: readonly (readonly unknown[])[]): Registry =>
  AggregatorRegistry.aggregate<typeof Registry.PROMETHEUS_CONTENT_TYPE>(metrics as object[]);

/** What workers counted that are no more: a counter that falls would look like a restart of everything. */
class EndedWorkers {
  #total: Promise<readonly unknown[]> = Promise.resolve([]);

  add(metrics: readonly unknown[]): void {
    const lasting = metrics.filter((metric) => {
      const { type } = metric as { readonly type: string };
      return type === 'counter' || type === 'histogram';
    });
    this.#total = this.#total.then((total) => sumOf([total, lasting]).getMetricsAsJSON());
  }

  total(): Promise<readonly unknown[]> {
    return this.#total;
  }
}

function registerPoolMetrics(registry: Registry, supervisor: Supervisor<ListenerReport>, relay: LogRelay): void {
  new Gauge({
    name: 'banyan_workers',
    help: 'Processes that serve requests.',
    labelNames: ['state'],
    registers: [registry],
    collect() {
      const { wanted, serving, leaving } = supervisor.counts();
      this.set({ state: 'wanted' }, wanted);
      this.set({ state: 'serving' }, serving);
      this.set({ state: 'leaving' }, leaving);
    },
  });
  const counter = (name: string, help: string, read: () => number): void => {
    new Counter({
      name,
      help,
      registers: [registry],
      collect() {
        this.reset();
        this.inc(read());
      },
    });
  };
  counter(
    'banyan_worker_restarts_total',
    'Workers that took the place of another.',
    () => supervisor.counts().restarts,
  );
  counter('banyan_relay_dropped_lines_total', 'Lines of the access log that nobody read in time.', () => relay.dropped);
}

/** A port listens when it does in every worker; what is wrong in one is worth saying. */
function mergeReports(all: readonly (readonly ListenerReport[])[]): readonly ListenerReport[] {
  const merged = new Map<string, ListenerReport>();
  for (const report of all.flat()) {
    const key = `${report.address} ${report.boundPort}`;
    const known = merged.get(key);
    if (known === undefined || known.state === 'listening') merged.set(key, report);
  }
  return [...merged.values()];
}
