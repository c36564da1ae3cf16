import { normalizePath, type PathNormalization, toBytes } from '../../table/index.ts';

/** Where in a path the text is to stand. */
type Matching = 'exact' | 'prefix' | 'suffix' | 'anywhere';

/** What may stand before or behind what is written, so that the whole is a path: an escape may be cut in two. */
const AFTER = ['', 'x', '0', '20'];
const BEFORE = ['/', '/x', '', '/%', '/%2'];
const ALONE = [''];
const AROUND: Readonly<Record<Matching, readonly [before: readonly string[], after: readonly string[]]>> = {
  exact: [ALONE, ALONE],
  prefix: [ALONE, AFTER],
  suffix: [BEFORE, ALONE],
  anywhere: [BEFORE, AFTER],
};

/** Dots with parameters: escaped ones are left as they are, and look as if they had to be resolved (edge-security P-19). */
const DOT_PARAMETERS = /\/\.\.?;/;
/** What no request line has, however paths are normalised (istio-semantics §7.1). */
const NEVER_RAW = /[^\x21-\x7e]/;

/**
 * Why no request has such a path, in words that follow the text: routes are chosen, and policies asked, by the normalised
 * path without query (istio-semantics §7.1). undefined: some request may have it.
 */
export function whyNeverMet(matching: Matching, text: string, mode: PathNormalization): string | undefined {
  if (text === '' || DOT_PARAMETERS.test(text)) return undefined;
  const fromStart = matching === 'exact' || matching === 'prefix';
  if (fromStart && !text.startsWith('/')) return 'begins with no slash, and every path does';
  if (text.includes('?')) return 'has a query, and a path has none';
  if (text.includes('#')) return 'has a fragment, which is cut off every path';
  const value = toBytes(text);
  const [before, after] = AROUND[matching];
  if (before.some((start) => after.some((end) => isNormal(start + value + end, mode)))) return undefined;
  if (mode === 'none') return 'has characters that a request has only escaped';
  const normal = fromStart ? normalizePath(value, mode) : undefined;
  const becomes = normal?.ok === true ? `: such a path becomes ${JSON.stringify(normal.path)}` : '';
  return `is no part of a normalised path${becomes}`;
}

function isNormal(path: string, mode: PathNormalization): boolean {
  if (NEVER_RAW.test(path)) return false;
  const normal = normalizePath(path, mode);
  return normal.ok && normal.path === path;
}
