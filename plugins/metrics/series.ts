import { emptyHistogram, type StoredHistogram } from './stored.ts';

/** Upper bounds of the duration buckets, in seconds; the last bucket is +Inf. */
export const DURATION_BUCKETS_SECONDS: readonly number[] = [
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30,
];

/** More routes than this are counted together under `other`: a label set must not grow with what people write (edge-security G-03). */
export const MAX_ROUTES = 20_000;
const CLASSES = ['0', '1xx', '2xx', '3xx', '4xx', '5xx'] as const;

export interface RouteSeries {
  readonly namespace: string;
  readonly route: string;
  /** By class of status, in the order of CLASSES. */
  readonly requests: Float64Array;
  readonly durations: StoredHistogram;
  bytesReceived: number;
  bytesSent: number;
  retries: number;
}

/** Counters of every route that was met, in typed arrays: an increment costs nanoseconds, and a scrape reads them when it comes. */
export class SeriesStore {
  readonly #routes = new Map<string, RouteSeries>();

  forRoute(namespace: string, route: string): RouteSeries {
    let series = this.#routes.get(route);
    if (series === undefined) {
      if (this.#routes.size >= MAX_ROUTES && route !== 'other') return this.forRoute('other', 'other');
      series = {
        namespace,
        route,
        requests: new Float64Array(CLASSES.length),
        durations: emptyHistogram(DURATION_BUCKETS_SECONDS),
        bytesReceived: 0,
        bytesSent: 0,
        retries: 0,
      };
      this.#routes.set(route, series);
    }
    return series;
  }

  *[Symbol.iterator](): Iterator<RouteSeries> {
    yield* this.#routes.values();
  }
}

export const classOf = (status: number): number => (status < 100 || status > 599 ? 0 : Math.floor(status / 100));
export const className = (index: number): string => CLASSES[index] ?? '0';
