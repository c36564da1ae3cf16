import { domainKind } from './host.ts';

/** Finds what belongs to a host in a time that does not depend on how many there are (istio-semantics §2.2). */
export interface HostIndex<T> {
  readonly exact: ReadonlyMap<string, T>;
  /** `*.x.com` under `.x.com`: looked up at each dot of the host. */
  readonly byLabel: ReadonlyMap<string, T>;
  /** Suffixes that begin within a label (`*-x.com`), and prefixes; longest first by their distinct lengths. */
  readonly suffixes: ByLength<T>;
  readonly prefixes: ByLength<T>;
  readonly any: T | undefined;
}

interface ByLength<T> {
  readonly lengths: readonly number[];
  readonly values: ReadonlyMap<string, T>;
}

/** Of equal domains the first counts. Domains are in lower case. */
export function buildHostIndex<T>(entries: Iterable<readonly [domain: string, value: T]>): HostIndex<T> {
  const exact = new Map<string, T>();
  const byLabel = new Map<string, T>();
  const suffixes = new Map<string, T>();
  const prefixes = new Map<string, T>();
  let any: T | undefined;
  for (const [domain, value] of entries) {
    const kind = domainKind(domain);
    if (kind === 'any') any ??= value;
    else if (kind === 'exact') putFirst(exact, domain, value);
    else if (kind === 'prefix') putFirst(prefixes, domain.slice(0, -1), value);
    else putFirst(domain.startsWith('*.') ? byLabel : suffixes, domain.slice(1), value);
  }
  return { exact, byLabel, suffixes: byLength(suffixes), prefixes: byLength(prefixes), any };
}

/** exact, longest `*suffix`, longest `prefix*`, `*`; a wildcard stands for at least one character. */
export function lookUpHost<T>(index: HostIndex<T>, host: string): T | undefined {
  const exact = index.exact.get(host);
  if (exact !== undefined) return exact;
  return longestSuffix(index, host) ?? longestPrefix(index.prefixes, host) ?? index.any;
}

function putFirst<T>(map: Map<string, T>, key: string, value: T): void {
  if (!map.has(key)) map.set(key, value);
}

function byLength<T>(values: ReadonlyMap<string, T>): ByLength<T> {
  const lengths = new Set<number>();
  for (const key of values.keys()) lengths.add(key.length);
  return { lengths: [...lengths].sort((a, b) => b - a), values };
}

function longestSuffix<T>(index: HostIndex<T>, host: string): T | undefined {
  let best: T | undefined;
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
    const found = index.suffixes.values.get(host.slice(host.length - length));
    if (found !== undefined) return found;
  }
  return best;
}

function longestPrefix<T>(prefixes: ByLength<T>, host: string): T | undefined {
  for (const length of prefixes.lengths) {
    if (length >= host.length) continue;
    const found = prefixes.values.get(host.slice(0, length));
    if (found !== undefined) return found;
  }
  return undefined;
}
