/** Time as a parameter, so that tests own it. */
export interface Clock {
  /** Wall clock, in milliseconds since 1970: for dates that people read and for `exp` of tokens. */
  nowMs(): number;
  /** Monotonic, in milliseconds: for durations and deadlines; never steps back. */
  monotonicMs(): number;
}

export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
};
