/** How many hosts a priority has, and how many of them may be used. */
export interface PriorityLevel {
  readonly total: number;
  readonly healthy: number;
}

export interface PriorityLoads {
  /** Percent of the requests that go to each priority; sums to 100, or to 0 when nobody can take any. */
  readonly loads: readonly number[];
  /** Too few healthy hosts: all of that priority are used, whatever their health. */
  readonly panic: readonly boolean[];
}

/** A priority counts as whole as long as 1/1.4 of its hosts are healthy; below that the next one takes the rest. */
const OVERPROVISIONING = 140;

/** How much of what it should take so many usable hosts can, 1 being all of it. */
export const isEnough = (usable: number, total: number): number =>
  Math.min(1, (OVERPROVISIONING * usable) / (100 * total));

/** Envoy's distribution over priorities, which is how Istio's failover works (istio-semantics §3.3, §3.5). */
export function priorityLoads(levels: readonly PriorityLevel[], minHealthPercent: number): PriorityLoads {
  const health = levels.map(({ total, healthy }) =>
    total === 0 ? 0 : Math.min(100, Math.trunc((OVERPROVISIONING * healthy) / total)),
  );
  const available = Math.min(100, sum(health));
  const panic = levels.map(
    ({ total, healthy }) => available < 100 && (total === 0 ? 0 : (100 * healthy) / total) < minHealthPercent,
  );
  if (minHealthPercent > 0 && panic.length > 0 && panic.every(Boolean)) {
    const all = sum(levels.map((level) => level.total));
    return { loads: distribute(levels.map((level) => (all === 0 ? 0 : (100 * level.total) / all))), panic };
  }
  if (available === 0) return { loads: health, panic };
  return { loads: distribute(health.map((share) => (share * 100) / available)), panic };
}

/** As much as it can take to each priority in turn, until 100 are dealt out; what rounding leaves goes to the first that has any. */
function distribute(shares: readonly number[]): number[] {
  let left = 100;
  const loads = shares.map((share) => {
    const load = Math.min(left, Math.trunc(share));
    left -= load;
    return load;
  });
  const first = shares.findIndex((share) => share > 0);
  if (first !== -1) loads[first] = (loads[first] as number) + left;
  return loads;
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0);
