import { beforeEach, describe, expect, it, vi } from 'vitest';
import type { ServedState } from '../../../src/control/handover.ts';
import { RestartPace } from '../../../src/control/restart-pace.ts';
import { startSupervisor } from '../../../src/control/supervisor.ts';
import type { FromWorker, ToWorker, WorkerHandle } from '../../../src/control/worker-messages.ts';

type Report = { readonly port: number };

/** A worker's process that does what the test says. */
class FakeProcess implements WorkerHandle<string, Report> {
  readonly pid: number;
  readonly told: ToWorker<string>[] = [];
  killed = false;
  say: (message: FromWorker<Report>) => void = () => {};
  #exit: (how: string) => void = () => {};

  constructor(pid: number) {
    this.pid = pid;
  }
  send(message: ToWorker<string>): void {
    this.told.push(message);
  }
  kill(): void {
    this.killed = true;
    this.exit('SIGKILL');
  }
  onMessage(listener: (message: FromWorker<Report>) => void): void {
    this.say = listener;
  }
  onExit(listener: (how: string) => void): void {
    this.#exit = listener;
  }
  exit(how: string): void {
    this.#exit(how);
  }
  get sequences(): readonly number[] {
    return this.told.flatMap((message) => (message.kind === 'state' ? [message.sequence] : []));
  }
  apply(): void {
    const sequence = this.sequences.at(-1) as number;
    this.say({ kind: 'applied', sequence, reports: [{ port: 80 }] });
  }
}

let processes: FakeProcess[];
let nowMs: number;
let gone: (readonly unknown[])[];
const said = vi.fn();
const log = { debug: said, info: said, warn: said, error: said };

const started = (workers = 2) =>
  startSupervisor<string, Report>({
    workers,
    spawn: () => {
      const process = new FakeProcess(processes.length);
      processes.push(process);
      return process;
    },
    start: 'settings',
    clock: { nowMs: () => nowMs, monotonicMs: () => nowMs },
    log,
    onReports: () => {},
    onGone: (metrics) => gone.push(metrics),
  });

const stateOf = (revision: string): ServedState => ({
  table: {
    revision,
    settings: {},
    listeners: [],
    routeConfigs: [],
    clusters: [],
    filters: {},
  } as unknown as ServedState['table'],
  endpoints: { revision: '', clusters: {} },
  credentials: { revision: '', credentials: {} },
});
const settled = async (promise: Promise<unknown>): Promise<boolean> =>
  Promise.race([promise.then(() => true), new Promise<boolean>((resolve) => setImmediate(() => resolve(false)))]);

beforeEach(() => {
  processes = [];
  gone = [];
  nowMs = 0;
});

describe('the supervisor', () => {
  it('is done when every worker serves the newest state', async () => {
    const supervisor = started();
    supervisor.publish(stateOf('1'));
    const applied = supervisor.applied();
    expect(processes.map(({ told }) => told.map(({ kind }) => kind))).toEqual([
      ['start', 'state'],
      ['start', 'state'],
    ]);
    processes[0]?.apply();
    expect(await settled(applied)).toBe(false);
    processes[1]?.apply();
    expect(await settled(applied)).toBe(true);
    expect(supervisor.reports()).toEqual([[{ port: 80 }], [{ port: 80 }]]);
  });

  it('hands over one state at a time, and of those that wait the newest alone', () => {
    const supervisor = started(1);
    for (const revision of ['1', '2', '3', '4']) supervisor.publish(stateOf(revision));
    expect(processes[0]?.sequences).toEqual([1]);
    processes[0]?.apply();
    expect(processes[0]?.sequences).toEqual([1, 4]);
  });

  it('says of each place when a state, or a newer one, is served there, once', () => {
    const supervisor = started();
    const told: string[] = [];
    const publish = (revision: string) =>
      supervisor.publish(stateOf(revision), (place) => void told.push(`${revision} at ${place}`));
    publish('1');
    processes[1]?.apply();
    publish('2');
    publish('3');
    expect(told).toEqual(['1 at 1']);
    processes[0]?.apply();
    processes[0]?.apply();
    expect(told.slice(1)).toEqual(['1 at 0', '2 at 0', '3 at 0']);
    processes[1]?.exit('SIGKILL');
    processes[2]?.apply();
    expect(told.slice(4)).toEqual(['2 at 1', '3 at 1']);
  });

  it('replaces a worker that dies, and hands everything to the new one', async () => {
    const supervisor = started();
    supervisor.publish(stateOf('1'));
    for (const process of [...processes]) process.apply();
    processes[0]?.exit('SIGKILL');
    expect(supervisor.counts()).toEqual({ wanted: 2, serving: 1, leaving: 0, restarts: 1 });
    expect(processes[2]?.sequences).toEqual([1]);
    processes[2]?.apply();
    expect(await settled(supervisor.applied())).toBe(true);
  });

  it('puts another one beside a worker that says it fails, and lets that finish', () => {
    const supervisor = started();
    supervisor.publish(stateOf('1'));
    for (const process of [...processes]) process.apply();
    processes[1]?.say({ kind: 'failing', reason: 'an error', graceMs: 1000 });
    expect(supervisor.counts()).toMatchObject({ serving: 1, leaving: 1, restarts: 1 });
    expect(processes[1]?.told.at(-1)).toEqual({ kind: 'drain', graceMs: 1000 });
    processes[1]?.exit('exit code 0');
    expect(processes).toHaveLength(3);
  });

  it('gives up a start at which no worker comes to serve', async () => {
    const supervisor = started(1);
    supervisor.publish(stateOf('1'));
    const applied = supervisor.applied();
    for (let i = 0; i < 6; i++) processes.at(-1)?.exit('exit code 1');
    await expect(applied).rejects.toThrow('6 times before it served');
    expect(processes).toHaveLength(6);
  });

  it('asks all for metrics and does not wait for one that dies meanwhile', async () => {
    const supervisor = started();
    supervisor.publish(stateOf('1'));
    for (const process of [...processes]) process.apply();
    const metrics = supervisor.metrics();
    processes[0]?.say({ kind: 'measured', question: 1, metrics: ['one'] });
    processes[1]?.say({ kind: 'measured', question: undefined, metrics: ['last words'] });
    processes[1]?.exit('SIGKILL');
    expect(await metrics).toEqual([['one'], []]);
    expect(gone).toEqual([['last words']]);
  });

  it('sends no client away while a worker still accepts, to which it might come', async () => {
    const supervisor = started(3);
    supervisor.publish(stateOf('1'));
    for (const process of [...processes]) process.apply();
    void supervisor.drain(500);
    const last = (): readonly string[] => processes.map(({ told }) => told.at(-1)?.kind ?? '');
    processes[0]?.say({ kind: 'accepts-no-more' });
    processes[1]?.exit('SIGKILL');
    await new Promise(setImmediate);
    expect(last()).toEqual(['stop-accepting', 'stop-accepting', 'stop-accepting']);
    processes[2]?.say({ kind: 'accepts-no-more' });
    await new Promise(setImmediate);
    expect(last()).toEqual(['drain', 'stop-accepting', 'drain']);
  });

  it('drains all when it is told to stop, and starts none in their place', async () => {
    const supervisor = started();
    supervisor.publish(stateOf('1'));
    for (const process of [...processes]) process.apply();
    const drained = supervisor.drain(500);
    for (const process of processes) process.say({ kind: 'accepts-no-more' });
    await new Promise(setImmediate);
    expect(processes.map(({ told }) => told.at(-1))).toEqual([
      { kind: 'drain', graceMs: 500 },
      { kind: 'drain', graceMs: 500 },
    ]);
    processes[0]?.exit('exit code 0');
    expect(await settled(drained)).toBe(false);
    processes[1]?.exit('exit code 0');
    expect(await settled(drained)).toBe(true);
    expect(processes).toHaveLength(2);
  });
});

describe('the pace of restarts', () => {
  it('is immediate five times, then doubles up to half a minute', () => {
    const pace = new RestartPace();
    const waits = Array.from({ length: 14 }, () => pace.died(undefined));
    expect(waits).toEqual([0, 0, 0, 0, 0, 250, 500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]);
  });

  it('begins anew after a worker that served for a while', () => {
    const pace = new RestartPace();
    for (let i = 0; i < 7; i++) pace.died(100);
    expect(pace.died(60_000)).toBe(0);
  });
});
