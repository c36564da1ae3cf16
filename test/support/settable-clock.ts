import { type Clock, systemClock } from '../../src/kernel/clock.ts';

/** The system's clock, whose time of day somebody may set, and whose time may pass quicker. */
export function settableClock(): Clock & { set(aheadMs: number): void; pass(ms: number): void } {
  let aheadMs = 0;
  let passedMs = 0;
  return {
    nowMs: () => systemClock.nowMs() + aheadMs + passedMs,
    monotonicMs: () => systemClock.monotonicMs() + passedMs,
    set(ms) {
      aheadMs = ms;
    },
    pass(ms) {
      passedMs += ms;
    },
  };
}
