/** Names and values as they stand in a query, percent-encoded. */
export interface QueryChange {
  readonly set: readonly (readonly [name: string, value: string])[];
  readonly remove: readonly string[];
}

/** What may stand in a query without ending a parameter or the query itself (RFC 3986 §3.4). */
export const isQueryName = (text: string): boolean => /^[\w\-.~!$'()*+,;:@/?%]*$/.test(text);
export const isQueryValue = (text: string): boolean => isQueryName(text.replaceAll('=', ''));

/**
 * A parameter that is set stands where the first of its name stood, or at the end; all of a removed name go, however
 * they are written. The rest stays byte for byte (product.md "a token taken out of the query": Istio sorts it).
 */
export function changeQuery(query: string, { set, remove }: QueryChange): string {
  let pairs = query.length <= 1 ? [] : query.slice(1).split('&');
  for (const [name, value] of set) {
    const pair = `${name}=${value}`;
    const first = pairs.findIndex((one) => isNamed(one, name));
    pairs =
      first < 0 ? [...pairs, pair] : pairs.with(first, pair).filter((one, i) => i <= first || !isNamed(one, name));
  }
  pairs = pairs.filter((pair) => !remove.some((name) => isNamed(pair, name)));
  return pairs.length === 0 ? '' : `?${pairs.join('&')}`;
}

const isNamed = (pair: string, name: string): boolean => decoded(pair.split('=', 1)[0] as string) === decoded(name);

/** Byte by byte, as services do it: another spelling of a name must not escape. */
const decoded = (text: string): string =>
  text
    .replaceAll('+', ' ')
    .replace(/%([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
