import { Counter, collectDefaultMetrics, Gauge, type Registry } from 'prom-client';
import type { ControlState, Reconciler } from '../control/reconciler.ts';
import type { Severity } from '../diagnostics/diagnostic.ts';

export interface ControlMetricsOptions {
  readonly state: () => ControlState | undefined;
  readonly counts: () => Reconciler['counts'];
  /** Listeners that are wanted, and of these the ones that could not be bound. */
  readonly listeners: () => { readonly bound: number; readonly failed: number };
}

/** What every process of the gateway says about itself; those of several workers are added up. */
export function registerProcessMetrics(
  registry: Registry,
  connections: () => {
    readonly open: number;
    readonly activeRequests: number;
    readonly refused: Readonly<Record<string, number>>;
  },
): void {
  collectDefaultMetrics({ register: registry });
  const gauge = gaugesOf(registry);
  gauge('banyan_in_flight_requests', 'Requests under way.', () => connections().activeRequests);
  gauge('banyan_open_connections', 'Connections of clients.', () => connections().open);
  new Counter({
    name: 'banyan_refused_connections_total',
    help: 'Connections of clients that were closed before anything was served on them.',
    labelNames: ['reason'],
    registers: [registry],
    collect() {
      this.reset();
      for (const [reason, count] of Object.entries(connections().refused)) this.inc({ reason }, count);
    },
  });
}

/** What the control part says about itself, read when it is asked; requests are counted by the plugin `metrics`. */
export function registerControlMetrics(registry: Registry, options: ControlMetricsOptions): void {
  const gauge = gaugesOf(registry);
  const { state } = options;
  gauge(
    'banyan_config_generation',
    'Number of states that were put into service since the start.',
    () => state()?.generation ?? 0,
  );
  gauge('banyan_config_published_timestamp_seconds', 'When the state in service was put there.', () =>
    seconds(state()?.publishedAtMs),
  );
  gauge('banyan_compile_duration_seconds', 'How long the state in service took to compile.', () =>
    seconds(state()?.compileMs),
  );
  gauge(
    'banyan_compile_last_success_timestamp_seconds',
    'When the compiler last went through everything, without a namespace that it failed on.',
    () => seconds(options.counts().lastSuccessAtMs),
  );
  gauge(
    'banyan_frozen_files',
    'Files that are served as they last were because they cannot be read now.',
    () => state()?.frozen.length ?? 0,
  );
  gauge(
    'banyan_held_back_namespaces',
    'Namespaces that are served as they last were because the compiler fails on them.',
    () => state()?.heldBack.length ?? 0,
  );
  addLabelled(registry, options);
}

const gaugesOf =
  (registry: Registry) =>
  (name: string, help: string, read: () => number | undefined): void => {
    new Gauge({
      name,
      help,
      registers: [registry],
      collect() {
        const value = read();
        if (value !== undefined) this.set(value);
      },
    });
  };

const seconds = (ms: number | undefined): number | undefined => (ms === undefined ? undefined : ms / 1000);

function addLabelled(registry: Registry, { state, counts, listeners }: ControlMetricsOptions): void {
  new Gauge({
    name: 'banyan_config_info',
    help: 'Always 1; the label is the revision of the route table in service.',
    labelNames: ['revision'],
    registers: [registry],
    collect() {
      this.reset();
      const revision = state()?.compilation.table.revision;
      if (revision !== undefined) this.set({ revision }, 1);
    },
  });
  new Gauge({
    name: 'banyan_diagnostics',
    help: 'Findings about the files in service.',
    labelNames: ['severity'],
    registers: [registry],
    collect() {
      for (const severity of ['error', 'warning', 'hint'] satisfies Severity[])
        this.set({ severity }, state()?.diagnostics.filter((finding) => finding.severity === severity).length ?? 0);
    },
  });
  new Gauge({
    name: 'banyan_listeners',
    help: 'Ports of Gateways.',
    labelNames: ['state'],
    registers: [registry],
    collect() {
      const { bound, failed } = listeners();
      this.set({ state: 'bound' }, bound);
      this.set({ state: 'failed' }, failed);
    },
  });
  new Counter({
    name: 'banyan_compilations_total',
    help: 'Runs of the compiler; failed: it threw, wholly or on some namespace.',
    labelNames: ['outcome'],
    registers: [registry],
    collect() {
      this.reset();
      const { compilations, failures } = counts();
      this.inc({ outcome: 'failed' }, failures);
      this.inc({ outcome: 'ok' }, compilations - failures);
    },
  });
}
