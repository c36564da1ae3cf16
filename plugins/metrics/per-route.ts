import { Counter, type Registry } from 'prom-client';

interface OfRoute {
  readonly namespace: string;
  readonly route: string;
}

/** A counter by namespace and route whose values are kept elsewhere: `all` is asked when a scrape comes. */
export function registerPerRoute<S extends OfRoute>(
  registry: Registry,
  { name, help }: { readonly name: string; readonly help: string },
  all: () => Iterable<S>,
  read: (series: S) => number,
): void {
  new Counter({
    name,
    help,
    labelNames: ['namespace', 'route'],
    registers: [registry],
    collect() {
      this.reset();
      for (const series of all()) this.inc({ namespace: series.namespace, route: series.route }, read(series));
    },
  });
}

const OTHER = 'other';

/** Counts a word; words beyond `most` different ones, which only plugins of one's own can make up, are counted together. */
export function countWord(counts: Map<string, number>, word: string, most: number): void {
  const name = counts.has(word) || counts.size < most ? word : OTHER;
  counts.set(name, (counts.get(name) ?? 0) + 1);
}
