/** Within a turn of the event loop as short as this, hardly any connection comes unseen. */
const SHORT_MS = 0.5;
/** One short turn may be luck between two stalls. */
const IN_A_ROW = 3;
/** A loop that is busy all the time is not waited for, as long as nobody stands in the line. */
const CALM_PATIENCE_MS = 300;
const PATIENCE_MS = 2_000;

/**
 * Calls back right behind a look for new connections that found none, in a moment when there is little else to do. A listening
 * socket that is closed takes with it what the kernel has accepted and nobody has fetched (each client sees a reset), and libuv
 * fetches one connection a turn. `connections`: how many have been fetched so far.
 */
export function atCalmTurn(connections: () => number, act: () => void): void {
  const beganMs = performance.now();
  let lastMs = beganMs;
  let seen = connections();
  let calm = 0;
  const turn = (): void => {
    const nowMs = performance.now();
    const tookMs = nowMs - lastMs;
    const none = connections() === seen;
    lastMs = nowMs;
    seen = connections();
    calm = none && tookMs <= SHORT_MS ? calm + 1 : 0;
    const waitedMs = nowMs - beganMs;
    if (calm >= IN_A_ROW || (none && waitedMs >= CALM_PATIENCE_MS) || waitedMs >= PATIENCE_MS) act();
    else setImmediate(turn);
  };
  setImmediate(turn);
}
