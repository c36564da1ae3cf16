import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type ControlState, startReconciler } from '../../../src/control/reconciler.ts';
import { report } from '../../../src/diagnostics/report.ts';
import { systemClock } from '../../../src/kernel/clock.ts';
import type { ResourceSet } from '../../../src/resources/set.ts';
import type { OnChange, ResourceSource, SourceSnapshot } from '../../../src/sources/source.ts';
import { compilationOf, silentLog, snapshotOf } from './builders.ts';

class StubSource implements ResourceSource {
  change: (snapshot: SourceSnapshot, seenAtMs?: number) => void = () => {};
  closed = false;
  ready = Promise.withResolvers<SourceSnapshot>();
  start(onChange: OnChange): Promise<SourceSnapshot> {
    this.change = onChange;
    return this.ready.promise;
  }
  async close(): Promise<void> {
    this.closed = true;
  }
}

let source: StubSource;
let published: ControlState[];
let compile: (resources: ResourceSet) => ReturnType<typeof compilationOf>;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance', 'Date'] });
  source = new StubSource();
  published = [];
  compile = compilationOf;
});
afterEach(() => void vi.useRealTimers());

const start = () =>
  startReconciler({
    source,
    compile: (resources) => compile(resources),
    publish: (state) => void published.push(state),
    clock: systemClock,
    log: silentLog,
  });
const revisions = (): string[] => published.map((state) => state.compilation.table.revision);

describe('the reconciler', () => {
  it('publishes nothing before the source has been read whole, and then at once', async () => {
    const starting = start();
    source.change(snapshotOf('a/x@0'));
    await vi.advanceTimersByTimeAsync(5_000);
    expect(published).toEqual([]);
    source.ready.resolve(snapshotOf('a/x@1'));
    await starting;
    expect(revisions()).toEqual(['a/x@0']);
    expect(published[0]).toMatchObject({ generation: 1, heldBack: [], frozen: [] });
  });

  it('waits for a moment of quiet, and compiles only the last of several changes', async () => {
    source.ready.resolve(snapshotOf('a/x@1'));
    await start();
    for (const version of [2, 3, 4]) {
      source.change(snapshotOf(`a/x@${version}`));
      await vi.advanceTimersByTimeAsync(30);
    }
    expect(revisions()).toEqual(['a/x@1']);
    await vi.advanceTimersByTimeAsync(50);
    expect(revisions()).toEqual(['a/x@1', 'a/x@4']);
    await vi.advanceTimersByTimeAsync(5_000);
    expect(published).toHaveLength(2);
  });

  it('does not wait for ever while changes keep coming', async () => {
    source.ready.resolve(snapshotOf('a/x@1'));
    await start();
    for (let i = 0; i < 30; i++) {
      source.change(snapshotOf(`a/x@${i}`));
      await vi.advanceTimersByTimeAsync(40);
    }
    expect(published.length).toBeGreaterThanOrEqual(3);
    expect(published.length).toBeLessThanOrEqual(4);
  });

  it('says when the first change that a state brings was seen, and nothing of the first state', async () => {
    source.ready.resolve(snapshotOf('a/x@1'));
    await start();
    const [first, second] = [systemClock.monotonicMs() - 20, systemClock.monotonicMs()];
    source.change(snapshotOf('a/x@2'), first);
    source.change(snapshotOf('a/x@3'), second);
    await vi.advanceTimersByTimeAsync(100);
    const without = systemClock.monotonicMs();
    source.change(snapshotOf('a/x@4'));
    await vi.advanceTimersByTimeAsync(100);
    expect(published.map(({ seenAtMs }) => seenAtMs)).toEqual([undefined, first, without]);
  });

  it('still knows it of a change that could not be compiled at first', async () => {
    source.ready.resolve(snapshotOf('a/x@1'));
    await start();
    compile = () => {
      throw new Error('once');
    };
    source.change(snapshotOf('a/x@2'), 7);
    await vi.advanceTimersByTimeAsync(100);
    compile = compilationOf;
    source.change(snapshotOf('a/x@3'), 400);
    await vi.advanceTimersByTimeAsync(100);
    expect(published.map(({ seenAtMs }) => seenAtMs)).toEqual([undefined, 7]);
  });

  describe('with findings that depend on the time of day', () => {
    const HOUR = 3_600_000;
    let expiresMs: number;
    const startTimely = () =>
      startReconciler({
        source,
        compile: (resources) => compile(resources),
        timely: (_, nowMs) => ({
          diagnostics: nowMs < expiresMs ? [] : [report('exemption-expired', { message: 'past' })],
          nextAtMs: nowMs < expiresMs ? expiresMs : undefined,
        }),
        publish: (state) => void published.push(state),
        clock: systemClock,
        log: silentLog,
      });
    const told = () => published.map(({ diagnostics }) => diagnostics.map(({ code }) => code));

    it('says them when their time has come, without a change, once', async () => {
      expiresMs = Date.now() + 2.5 * HOUR;
      source.ready.resolve(snapshotOf('a/x@1'));
      await startTimely();
      await vi.advanceTimersByTimeAsync(2.4 * HOUR);
      expect(told()).toEqual([[]]);
      await vi.advanceTimersByTimeAsync(0.2 * HOUR);
      expect(told()).toEqual([[], ['exemption-expired']]);
      expect(published[1]?.seenAtMs).toBeUndefined();
      await vi.advanceTimersByTimeAsync(100 * HOUR);
      expect(published).toHaveLength(2);
    });

    it('says them of what is there by then', async () => {
      expiresMs = Date.now() + HOUR;
      source.ready.resolve(snapshotOf('a/x@1'));
      await startTimely();
      source.change(snapshotOf('a/x@2'));
      await vi.advanceTimersByTimeAsync(2 * HOUR);
      expect(revisions()).toEqual(['a/x@1', 'a/x@2', 'a/x@2']);
      expect(told()).toEqual([[], [], ['exemption-expired']]);
    });

    it('is silent once it is closed', async () => {
      expiresMs = Date.now() + HOUR;
      source.ready.resolve(snapshotOf('a/x@1'));
      const reconciler = await startTimely();
      await reconciler.close();
      await vi.advanceTimersByTimeAsync(2 * HOUR);
      expect(published).toHaveLength(1);
    });
  });

  it('rejects when the source cannot be read', async () => {
    source.ready.reject(new Error('no such directory'));
    await expect(start()).rejects.toThrow('no such directory');
  });

  it('keeps what is in service when compiling fails as a whole, and goes on with the next change', async () => {
    source.ready.resolve(snapshotOf('a/x@1'));
    const startedAtMs = Date.now();
    const reconciler = await start();
    compile = () => {
      throw new Error('always');
    };
    source.change(snapshotOf('a/x@2'));
    await vi.advanceTimersByTimeAsync(100);
    expect(revisions()).toEqual(['a/x@1']);
    expect(reconciler.counts).toEqual({ compilations: 2, failures: 1, lastSuccessAtMs: startedAtMs });
    compile = compilationOf;
    source.change(snapshotOf('a/x@3'));
    await vi.advanceTimersByTimeAsync(100);
    expect(revisions()).toEqual(['a/x@1', 'a/x@3']);
  });

  it('reports a namespace that it holds back, since when, and lets it go on once it compiles', async () => {
    compile = (resources) => {
      if (resources.get('Service', 'a', 'bad') !== undefined) throw new Error('boom');
      return compilationOf(resources);
    };
    source.ready.resolve(snapshotOf('a/x@1', 'b/y@1'));
    const reconciler = await start();
    source.change(snapshotOf('a/bad', 'b/y@2'));
    await vi.advanceTimersByTimeAsync(100);
    const since = reconciler.current()?.heldBack[0]?.sinceMs;
    source.change(snapshotOf('a/bad', 'b/y@3'));
    await vi.advanceTimersByTimeAsync(1_000);
    expect(revisions()).toEqual(['a/x@1 b/y@1', 'a/x@1 b/y@2', 'a/x@1 b/y@3']);
    expect(reconciler.current()?.heldBack).toEqual([{ namespace: 'a', sinceMs: since, reason: 'boom' }]);
    expect(reconciler.current()?.diagnostics).toMatchObject([{ code: 'namespace-held-back', refused: true }]);
    source.change(snapshotOf('a/x@2', 'b/y@3'));
    await vi.advanceTimersByTimeAsync(100);
    expect(reconciler.current()).toMatchObject({ heldBack: [], diagnostics: [], generation: 4 });
  });

  it('compiles nothing more once it is closed', async () => {
    source.ready.resolve(snapshotOf('a/x@1'));
    const reconciler = await start();
    source.change(snapshotOf('a/x@2'));
    await reconciler.close();
    await vi.advanceTimersByTimeAsync(5_000);
    expect(published).toHaveLength(1);
    expect(source.closed).toBe(true);
  });
});
