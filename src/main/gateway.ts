import { availableParallelism } from 'node:os';
import { Registry } from 'prom-client';
import { filterSpecsWith } from '../../plugins/specs.ts';
import { registerCertificateMetrics } from '../admin/certificate-metrics.ts';
import { registerExemptionMetrics } from '../admin/exemption-metrics.ts';
import { registerControlMetrics, registerProcessMetrics } from '../admin/own-metrics.ts';
import { measurePropagation } from '../admin/propagation-metrics.ts';
import { buildAdmin, type Readiness } from '../admin/server.ts';
import { registerUpstreamMetrics } from '../admin/upstream-metrics.ts';
import { loadMesh } from '../cli/load.ts';
import { CliError, usageError } from '../cli/terminal.ts';
import { createCompiler, timelyFindings } from '../compiler/index.ts';
import type { FilterSpec } from '../contract/index.ts';
import { createFileCredentials } from '../control/file-credentials.ts';
import { type Stop, untilTold } from '../control/lifecycle.ts';
import { createLog, type Log } from '../control/log.ts';
import { publishState } from '../control/publish.ts';
import { type ControlState, type Reconciler, startReconciler } from '../control/reconciler.ts';
import { reportState } from '../control/report-state.ts';
import { systemClock } from '../kernel/clock.ts';
import type { MeshSettings } from '../resources/index.ts';
import type { Settings } from '../settings.ts';
import { createHandle } from '../table/index.ts';
import type { CredentialTable, EndpointTable, RouteTable } from '../table/model.ts';
import { checkAccessLogFile } from './access-log-file.ts';
import { startClusterDuties } from './cluster-duties.ts';
import type { DataPlane } from './data-plane.ts';
import { settleHeap } from './heap.ts';
import { ListenerLog, nothingListens } from './listener-log.ts';
import { loadOwnPlugins } from './own-plugins.ts';
import { onPublished, type StateHandles } from './published-states.ts';
import { openSources, type Sources } from './sources.ts';
import { workerCount } from './worker-count.ts';
import { startWorkerPool } from './worker-pool.ts';

/** Beyond the drain: closing what is left must not take long. */
const CLOSE_LIMIT_MS = 2_000;

/** Serves until the process is told to end; `program` is what a worker is started from. Resolves with the exit code; rejects with what to say when it cannot start. */
export async function runGateway(settings: Settings, program: string): Promise<number> {
  const log = processLog(settings);
  const running = new RunningGateway(settings, program, log);
  const told = untilTold({ reload: () => running.reload(), log, exit: (code) => process.exit(code) });
  try {
    // What breaks a start need not make it fail: it may as well never come to its end.
    const early = await Promise.race([running.start(), told]);
    return await running.stop(early ?? (await told));
  } catch (error) {
    await running.close();
    throw error;
  }
}

const processLog = ({ logFormat, logLevel }: Settings): Log =>
  createLog({
    format: logFormat === 'auto' ? (process.stderr.isTTY ? 'text' : 'json') : logFormat,
    level: logLevel,
    nowMs: () => systemClock.nowMs(),
    write: (line) => void process.stderr.write(line),
  });

class RunningGateway {
  readonly #settings: Settings;
  readonly #program: string;
  readonly #log: Log;
  readonly #tables = createHandle<RouteTable>();
  readonly #endpoints = createHandle<EndpointTable>();
  readonly #credentials = createHandle<CredentialTable>();
  readonly #handles: StateHandles = {
    tables: this.#tables,
    endpoints: this.#endpoints,
    credentials: this.#credentials,
  };
  readonly #registry = new Registry();
  readonly #propagation = measurePropagation(this.#registry, systemClock);
  readonly #listeners: ListenerLog;
  #specs: readonly FilterSpec[] = [];
  #readiness: Readiness = { ready: false, reason: 'the routes are being read' };
  #sources: Sources | undefined;
  #dataPlane: DataPlane | undefined;
  #reconciler: Reconciler | undefined;
  /** What was started, to be ended in the opposite order. */
  readonly #ends: (() => unknown)[] = [];

  constructor(settings: Settings, program: string, log: Log) {
    this.#settings = settings;
    this.#program = program;
    this.#log = log;
    this.#listeners = new ListenerLog(log);
  }

  reload(): void {
    this.#sources?.refresh();
  }

  /** Resolves when the first state is served. */
  async start(): Promise<void> {
    const mesh = await soundMesh(this.#settings);
    if (this.#settings.proxyProtocolFrom !== undefined && !mesh.proxyProtocol)
      this.#log.warn(
        '--proxy-protocol-from is without effect: the mesh configuration does not have the PROXY protocol',
      );
    await checkAccessLogFile(this.#settings);
    const own = await loadOwnPlugins(this.#settings.plugin);
    this.#specs = filterSpecsWith(own.map(({ spec }) => spec));
    // Workers take their time to begin: they do it while the routes are read.
    const dataPlane = await this.#startDataPlane();
    this.#sources = await openSources(this.#settings, mesh, this.#log);
    const admin = await this.#startAdmin(dataPlane);
    await this.#startControl(mesh, dataPlane, this.#sources);
    const reports = await dataPlane.applied();
    this.#listeners.report(reports);
    if (reports.length > 0 && reports.every((report) => report.state === 'failed')) throw nothingListens(reports);
    this.#ends.push(settleHeap());
    this.#readiness = { ready: true };
    if (this.#reconciler?.current() === undefined) {
      this.#log.error(
        'nothing is in service: the compiler failed on the first routes; it is not ready until they compile',
      );
      return;
    }
    this.#log.info('ready', {
      listening:
        reports
          .filter((report) => report.state === 'listening')
          .map((report) => `${report.address}:${report.boundPort}`)
          .join(', ') || 'nowhere: no Gateway in service names a port',
      admin,
    });
  }

  /** Lets requests under way finish, within the limit that the settings give. */
  async stop({ reason, exitCode }: Stop): Promise<number> {
    const graceMs = this.#settings.drainSeconds * 1_000;
    this.#readiness = { ready: false, reason: 'it is being stopped' };
    this.#log.info('stopping', { reason, drainSeconds: this.#settings.drainSeconds });
    setTimeout(() => {
      this.#log.warn('the drain took too long; what is left is cut off');
      process.exit(1);
    }, graceMs + CLOSE_LIMIT_MS).unref();
    await this.#reconciler?.close();
    await this.#dataPlane?.drain(graceMs);
    await this.close();
    this.#log.info('stopped');
    return exitCode;
  }

  async close(): Promise<void> {
    for (const end of this.#ends.splice(0).reverse()) await end();
  }

  /** Where it listens: which port 0 has come to is told nowhere else. */
  async #startAdmin(dataPlane: DataPlane): Promise<string> {
    const { adminHosts, adminAddress, adminPort, portOffset } = this.#settings;
    const admin = buildAdmin({
      hosts: adminHosts,
      readiness: () => this.#readinessNow(dataPlane),
      state: () => this.#reconciler?.current(),
      specs: this.#specs,
      portOffset,
      metrics: { contentType: this.#registry.contentType, read: () => dataPlane.metrics() },
    });
    const url = await admin.listen({ host: adminAddress, port: adminPort }).catch((error: NodeJS.ErrnoException) => {
      const why = error.code === 'EADDRINUSE' ? 'the port is in use; is another banyan running?' : error.message;
      throw new CliError(`the admin listener cannot listen on ${adminAddress}:${adminPort}: ${why}`, {
        exitCode: 1,
        hint: 'choose another one by --admin-port',
      });
    });
    this.#ends.push(() => admin.close());
    return `${adminAddress}:${new URL(url).port || adminPort}`;
  }

  #readinessNow(dataPlane: DataPlane): Readiness {
    if (this.#readiness.ready && this.#reconciler?.current() === undefined)
      return { ready: false, reason: 'the routes could not be compiled; the log says why' };
    if (this.#readiness.ready && !dataPlane.serving()) return { ready: false, reason: 'no worker serves' };
    return this.#readiness;
  }

  async #startDataPlane(): Promise<DataPlane> {
    const workers = workerCount(this.#settings, availableParallelism());
    const dataPlane = workers === 'here' ? await this.#serveHere() : this.#serveByWorkers(workers);
    this.#dataPlane = dataPlane;
    this.#ends.push(() => dataPlane.close());
    registerControlMetrics(this.#registry, {
      state: () => this.#reconciler?.current(),
      counts: () => this.#reconciler?.counts ?? { compilations: 0, failures: 0 },
      listeners: () => {
        const failed = dataPlane.listeners().filter((report) => report.state === 'failed').length;
        return { bound: dataPlane.listeners().length - failed, failed };
      },
    });
    return dataPlane;
  }

  async #serveHere(): Promise<DataPlane> {
    // Loaded by those alone who serve: beside workers, this process needs no data plane.
    const { startDataPlane } = await import('./start-data-plane.ts');
    const gateway = await startDataPlane({
      settings: this.#settings,
      processes: 1,
      ...this.#handles,
      registry: this.#registry,
      log: (level, message, fields) => this.#log[level](message, fields),
    });
    registerProcessMetrics(this.#registry, () => gateway.connections());
    registerUpstreamMetrics(this.#registry, () => gateway.clusters());
    const end = onPublished(this.#handles, ({ table }) => {
      const live = this.#propagation.handedOver(table.revision);
      void gateway.applied().then(
        () => live(0),
        () => {},
      );
    });
    this.#ends.push(end);
    return {
      applied: () => gateway.applied(),
      listeners: () => gateway.listeners(),
      serving: () => true,
      metrics: () => this.#registry.metrics(),
      drain: (graceMs) => gateway.drain(graceMs),
      close: () => gateway.close(),
    };
  }

  #serveByWorkers(workers: number): DataPlane {
    registerProcessMetrics(this.#registry, () => ({ open: 0, activeRequests: 0, refused: {} }));
    return startWorkerPool({
      settings: this.#settings,
      workers,
      program: this.#program,
      ...this.#handles,
      propagation: this.#propagation,
      registry: this.#registry,
      log: this.#log,
    });
  }

  /** Changes with whatever those who serve will notice. */
  #served(): string {
    return Object.values(this.#handles)
      .map((handle: StateHandles[keyof StateHandles]) => handle.current()?.revision)
      .join();
  }

  async #startControl(mesh: MeshSettings, dataPlane: DataPlane, sources: Sources): Promise<void> {
    const { gatewayLabels, gatewayNamespace, dir } = this.#settings;
    const compile = { gatewayLabels, gatewayNamespace, mesh, filters: this.#specs };
    const compiler = createCompiler(compile);
    const credentials = createFileCredentials({ target: this.#credentials, log: this.#log });
    this.#ends.push(() => credentials.close());
    const state = (): ControlState | undefined => this.#reconciler?.current();
    const duties = await startClusterDuties({
      settings: this.#settings,
      sources,
      compile: (resources) => compiler.compile(resources),
      state,
      registry: this.#registry,
      log: this.#log,
    });
    const publish = (state: ControlState, previous: ControlState | undefined): void => {
      const before = this.#served();
      publishState({ tables: this.#tables, endpoints: this.#endpoints, credentials }, state);
      if (this.#served() !== before) this.#propagation.published(state.seenAtMs);
      reportState(state, previous, this.#log);
      void dataPlane.applied().then(
        (reports) => {
          this.#listeners.report(reports);
          duties.published(state);
        },
        () => {},
      );
    };
    registerCertificateMetrics(this.#registry, () => this.#credentials.current());
    registerExemptionMetrics(this.#registry, () => {
      const resources = state()?.resources;
      return resources && timelyFindings(resources, compile, systemClock.nowMs()).exemptions;
    });
    this.#ends.push(() => sources.close());
    this.#ends.push(() => duties.close());
    this.#reconciler = await startReconciler({
      source: sources.source,
      compile: (resources) => compiler.compile(resources),
      timely: (resources, nowMs) => timelyFindings(resources, compile, nowMs),
      publish,
      clock: systemClock,
      log: this.#log,
    }).catch((error: Error) => {
      const hint = `--dir ${dir}: name the directory that holds a folder for each namespace`;
      throw usageError(error.message, dir === undefined ? undefined : hint);
    });
    const reconciler = this.#reconciler;
    this.#ends.push(() => reconciler.close());
  }
}

/** A gateway ought not to start with a setting that nobody wrote: a mesh configuration that is wrong ends it. */
async function soundMesh(settings: Settings): Promise<MeshSettings> {
  const { settings: mesh, diagnostics } = await loadMesh(settings);
  const errors = diagnostics.filter((finding) => finding.severity === 'error');
  if (errors.length === 0) return mesh;
  const lines = errors.map(({ message, location }) => `${location?.file}:${location?.line}: ${message}`);
  throw usageError(`the mesh configuration is wrong\n        ${lines.join('\n        ')}`);
}
