import { Registry } from 'prom-client';
import type { PeerCharge, Peers } from '../../plugins/rate-limit/index.ts';
import { registerProcessMetrics } from '../admin/own-metrics.ts';
import { registerUpstreamMetrics } from '../admin/upstream-metrics.ts';
import { HandoverReceiver } from '../control/handover.ts';
import type { LogFields } from '../control/log.ts';
import type { FromWorker, ToWorker } from '../control/worker-messages.ts';
import type { Gateway, ListenerReport } from '../dataplane/index.ts';
import { createHandle } from '../table/index.ts';
import type { CredentialTable, EndpointTable, RouteTable } from '../table/model.ts';
import { settleHeap } from './heap.ts';
import { startDataPlane } from './start-data-plane.ts';
import type { WorkerStart } from './worker-process.ts';

type Command = ToWorker<WorkerStart>;

/**
 * A worker: a data plane and nothing else. It reads no files, holds no cluster token, and serves what it is handed by the
 * process that started it. Resolves with the exit code.
 */
export async function runWorker(): Promise<number> {
  const worker = new RunningWorker();
  return worker.run();
}

class RunningWorker {
  readonly #tables = createHandle<RouteTable>();
  readonly #endpoints = createHandle<EndpointTable>();
  readonly #credentials = createHandle<CredentialTable>();
  readonly #registry = new Registry();
  readonly #receiver = new HandoverReceiver();
  #gateway: Gateway | undefined;
  /** Commands are carried out one after the other. */
  #turn: Promise<unknown> = Promise.resolve();
  #graceMs = 0;
  #ending = false;
  #end: (exitCode: number) => void = () => {};
  #heardOf: (charges: readonly PeerCharge[]) => void = () => {};

  run(): Promise<number> {
    return new Promise((resolve) => {
      this.#end = resolve;
      process.on('message', (message: Command) => this.#told(message));
      // Whoever is to say what happens next is gone; nothing may go on serving behind its back.
      process.once('disconnect', () => void this.#leave(0));
      // A terminal's Ctrl-C reaches every process of the group: the supervisor decides.
      process.on('SIGINT', () => {});
      process.on('SIGHUP', () => {});
      process.on('SIGTERM', () => this.#failing('told by SIGTERM'));
      // Where nobody listens for it, it opens a debugger (edge-security A-03).
      process.on('SIGUSR1', () => {});
      process.on('uncaughtException', (error) => this.#broken('an error that nobody caught', error));
      process.on('unhandledRejection', (error) => this.#broken('a rejection that nobody caught', error));
    });
  }

  #told(command: Command): void {
    if (command.kind === 'drain') {
      void this.#leave(command.graceMs);
      return;
    }
    if (command.kind === 'stop-accepting') {
      void this.#stopAccepting();
      return;
    }
    if (command.kind === 'charged') {
      this.#heardOf(command.charges as readonly PeerCharge[]);
      return;
    }
    this.#turn = this.#turn.then(() => this.#carryOut(command)).catch((error) => this.#broken('a failure', error));
  }

  async #carryOut(command: Exclude<Command, { kind: 'drain' | 'stop-accepting' | 'charged' }>): Promise<void> {
    switch (command.kind) {
      case 'start':
        await this.#start(command.start);
        return;
      case 'state':
        await this.#serve(command);
        return;
      case 'measure':
        await this.#measure(command.question);
    }
  }

  async #start({ settings, processes }: WorkerStart): Promise<void> {
    this.#graceMs = settings.drainSeconds * 1_000;
    this.#gateway = await startDataPlane({
      settings,
      processes,
      peers: this.#peers(processes),
      tables: this.#tables,
      endpoints: this.#endpoints,
      credentials: this.#credentials,
      registry: this.#registry,
      log: (level, message, fields) => this.#log(level, message, fields),
    });
    const gateway = this.#gateway;
    registerProcessMetrics(this.#registry, () => gateway.connections());
    registerUpstreamMetrics(this.#registry, () => gateway.clusters());
  }

  #peers(processes: number): Peers | undefined {
    if (processes === 1) return undefined;
    return {
      processes,
      tell: (charges) => this.#say({ kind: 'charged', charges }),
      listen: (listener) => {
        this.#heardOf = listener;
      },
    };
  }

  async #serve({ sequence, handover }: Extract<Command, { kind: 'state' }>): Promise<void> {
    const isFirst = this.#tables.current() === undefined;
    const { table, endpoints, credentials } = this.#receiver.receive(handover);
    if (this.#credentials.current()?.revision !== credentials.revision) this.#credentials.publish(credentials);
    if (this.#endpoints.current()?.revision !== endpoints.revision) this.#endpoints.publish(endpoints);
    if (this.#tables.current()?.revision !== table.revision) this.#tables.publish(table);
    // It is bound by now, and nothing listens yet: nobody waits for this.
    if (isFirst) settleHeap();
    const reports = (await this.#gateway?.applied()) ?? [];
    this.#say({ kind: 'applied', sequence, reports });
  }

  async #measure(question: number | undefined): Promise<void> {
    const metrics = await this.#registry.getMetricsAsJSON();
    // Plain data alone: what a metric is made of does not travel.
    const plain = metrics.map(({ name, help, type, aggregator, values }) => ({ name, help, type, aggregator, values }));
    this.#say({ kind: 'measured', question, metrics: plain });
  }

  #broken(what: string, error: unknown): void {
    this.#log('error', what, { error: error instanceof Error ? error.stack : String(error) });
    if (this.#gateway === undefined) this.#end(1);
    else this.#failing(what);
  }

  /** Nothing new is taken; another worker comes while what is under way here finishes. */
  #failing(reason: string): void {
    if (this.#ending) return;
    this.#say({ kind: 'failing', reason, graceMs: this.#graceMs });
    void this.#leave(this.#graceMs);
  }

  async #stopAccepting(): Promise<void> {
    await this.#gateway?.stopAccepting();
    this.#say({ kind: 'accepts-no-more' });
  }

  async #leave(graceMs: number): Promise<void> {
    if (this.#ending) return;
    this.#ending = true;
    await this.#gateway?.drain(graceMs).catch(() => {});
    await this.#measure(undefined).catch(() => {});
    await this.#gateway?.close().catch(() => {});
    this.#end(0);
  }

  #log(level: 'info' | 'warn' | 'error', message: string, fields: LogFields): void {
    this.#say({ kind: 'log', level, message, fields });
  }

  #say(message: FromWorker<ListenerReport>): void {
    if (process.connected) process.send?.(message, () => {});
  }
}
