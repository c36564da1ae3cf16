/** So many workers in a row may die young before their successors have to wait. */
const AT_ONCE = 5;
const FIRST_DELAY_MS = 250;
const LONGEST_DELAY_MS = 30_000;
/** Who has served for so long did not die of its start. */
const GROWN_UP_MS = 2_000;

/** How long the place of a dead worker stays empty: not at all at first, longer and longer when each one dies young. */
export class RestartPace {
  #young = 0;

  /** `servedMs`: how long it served; undefined: it never did. The wait before the next one is started. */
  died(servedMs: number | undefined): number {
    if (servedMs !== undefined && servedMs >= GROWN_UP_MS) this.#young = 0;
    this.#young += 1;
    const waiting = this.#young - AT_ONCE;
    return waiting <= 0 ? 0 : Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** (waiting - 1));
  }

  get diedYoung(): number {
    return this.#young;
  }
}
