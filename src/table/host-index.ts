import { domainKind } from './host.ts';

/** Finds what belongs to a host in a time that does not depend on how many there are (istio-semantics §2.2). */
export interface HostIndex<T> {
  readonly places: Places;
  readonly values: readonly T[];
}

/** Where in a list of domains one stands: lists with other values for the same domains share it. */
interface Places {
  readonly exact: ReadonlyMap<string, number>;
  /** `*.x.com` under `.x.com`: looked up at each dot of the host. */
  readonly byLabel: ReadonlyMap<string, number>;
  /** Suffixes that begin within a label (`*-x.com`), and prefixes; longest first by their distinct lengths. */
  readonly suffixes: ByLength;
  readonly prefixes: ByLength;
  readonly any: number | undefined;
}

interface ByLength {
  readonly lengths: readonly number[];
  readonly places: ReadonlyMap<string, number>;
}

/** Of equal domains the first counts. Domains are in lower case. */
export function buildHostIndex<T>(domains: readonly string[], values: readonly T[]): HostIndex<T> {
  const exact = new Map<string, number>();
  const byLabel = new Map<string, number>();
  const suffixes = new Map<string, number>();
  const prefixes = new Map<string, number>();
  let any: number | undefined;
  for (const [place, domain] of domains.entries()) {
    const kind = domainKind(domain);
    if (kind === 'any') any ??= place;
    else if (kind === 'exact') putFirst(exact, domain, place);
    else if (kind === 'prefix') putFirst(prefixes, domain.slice(0, -1), place);
    else putFirst(domain.startsWith('*.') ? byLabel : suffixes, domain.slice(1), place);
  }
  return { places: { exact, byLabel, suffixes: byLength(suffixes), prefixes: byLength(prefixes), any }, values };
}

/** The same domains with other values. */
export const withValues = <T>({ places }: HostIndex<unknown>, values: readonly T[]): HostIndex<T> => ({
  places,
  values,
});

/** exact, longest `*suffix`, longest `prefix*`, `*`; a wildcard stands for at least one character. */
export function lookUpHost<T>({ places, values }: HostIndex<T>, host: string): T | undefined {
  const place =
    places.exact.get(host) ?? longestSuffix(places, host) ?? longestPrefix(places.prefixes, host) ?? places.any;
  return place === undefined ? undefined : values[place];
}

function putFirst(map: Map<string, number>, key: string, place: number): void {
  if (!map.has(key)) map.set(key, place);
}

function byLength(places: ReadonlyMap<string, number>): ByLength {
  const lengths = new Set<number>();
  for (const key of places.keys()) lengths.add(key.length);
  return { lengths: [...lengths].sort((a, b) => b - a), places };
}

function longestSuffix(index: Places, host: string): number | undefined {
  let best: number | undefined;
  let bestLength = -1;
  if (index.byLabel.size > 0) {
    for (let dot = host.indexOf('.', 1); dot > 0 && best === undefined; dot = host.indexOf('.', dot + 1)) {
      best = index.byLabel.get(host.slice(dot));
      bestLength = host.length - dot;
    }
  }
  for (const length of index.suffixes.lengths) {
    if (length >= host.length) continue;
    if (best !== undefined && length <= bestLength) break;
    const found = index.suffixes.places.get(host.slice(host.length - length));
    if (found !== undefined) return found;
  }
  return best;
}

function longestPrefix(prefixes: ByLength, host: string): number | undefined {
  for (const length of prefixes.lengths) {
    if (length >= host.length) continue;
    const found = prefixes.places.get(host.slice(0, length));
    if (found !== undefined) return found;
  }
  return undefined;
}
