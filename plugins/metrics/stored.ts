import type { Gauge, Registry } from 'prom-client';

/** Counts of a histogram, kept outside of prom-client: an observation costs nanoseconds, and a scrape reads them when it comes. */
export interface StoredHistogram {
  /** One more than there are bounds: the last is +Inf. Not cumulative. */
  readonly buckets: Float64Array;
  sum: number;
}

export const emptyHistogram = (bounds: readonly number[]): StoredHistogram => ({
  buckets: new Float64Array(bounds.length + 1),
  sum: 0,
});

export function observe(histogram: StoredHistogram, bounds: readonly number[], value: number): void {
  histogram.sum += value;
  let i = 0;
  while (i < bounds.length && value > (bounds[i] as number)) i++;
  histogram.buckets[i] = (histogram.buckets[i] ?? 0) + 1;
}

type Labels = Readonly<Record<string, string | number>>;

interface StoredValue {
  readonly metricName: string;
  readonly labels: Labels;
  /** Further labels, the same object for all values that have them: they are written out once. */
  readonly sharedLabels: Labels;
  readonly value: number;
}

export interface StoredMetric {
  readonly name: string;
  readonly help: string;
  readonly type: 'counter' | 'histogram';
  readonly labelNames: readonly string[];
  readonly read: (name: string) => readonly StoredValue[];
}

/** A metric whose values are kept elsewhere and added up over workers. */
export function registerStored(registry: Registry, { name, help, type, labelNames, read }: StoredMetric): void {
  const metric = {
    name,
    help,
    type,
    aggregator: 'sum',
    labelNames: type === 'histogram' ? [...labelNames, 'le'] : labelNames,
    async get() {
      const whole = read(name).map(({ metricName, labels, sharedLabels, value }) => ({
        metricName,
        labels: { ...labels, ...sharedLabels },
        value,
      }));
      return { ...metric, values: whole };
    },
    async getForPromString() {
      return { ...metric, values: read(name) };
    },
    reset() {},
  };
  // prom-client takes any object of this shape; its own classes cannot be filled from counters kept elsewhere.
  registry.registerMetric(metric as unknown as Gauge);
}

const NONE: Labels = {};

/** What a scrape shows of one histogram: cumulative buckets, sum and count. */
export function histogramValues(
  name: string,
  sharedLabels: Labels,
  bounds: readonly number[],
  { buckets, sum }: StoredHistogram,
): readonly StoredValue[] {
  let count = 0;
  const lines = [...buckets].map((inBucket, i) => {
    count += inBucket;
    return { metricName: `${name}_bucket`, labels: { le: bounds[i] ?? '+Inf' }, sharedLabels, value: count };
  });
  return [
    ...lines,
    { metricName: `${name}_sum`, labels: NONE, sharedLabels, value: sum },
    { metricName: `${name}_count`, labels: NONE, sharedLabels, value: count },
  ];
}
