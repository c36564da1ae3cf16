import type { HeaderList } from '../contract/headers.ts';
import type { HeaderOperations } from '../table/model.ts';
import { type FormatFacts, formatHeaderValue } from './header-format.ts';

/** Has it anything to do? Most have not, and the facts that they would be told take some gathering. */
export const operates = ({ remove, set, add }: HeaderOperations): boolean =>
  remove.length > 0 || set.length > 0 || add.length > 0;

/**
 * Headers of which Envoy keeps one value, so that an `add` joins its own to it. HTTP/1.1 means the same by two lines;
 * of these names an HTTP/2 client may well drop the second (RFC 9110 §5.3).
 */
const ONE_VALUE: ReadonlySet<string> = new Set([
  'access-control-allow-credentials',
  'access-control-max-age',
  'age',
  'content-encoding',
  'content-type',
  'etag',
  'expires',
  'last-modified',
  'location',
]);

/**
 * One evaluation of `headers` (istio-semantics §2.11): all removes, then every value is formatted against the headers
 * as they are then, then sets, then adds. A value that comes out empty does nothing.
 */
export function applyHeaderOperations(headers: HeaderList, operations: HeaderOperations, facts: FormatFacts): void {
  for (const name of operations.remove) headers.remove(name);
  const sets = operations.set.map(([name, format]) => [name, formatHeaderValue(format, facts)] as const);
  const adds = operations.add.map(([name, format]) => [name, formatHeaderValue(format, facts)] as const);
  for (const [name, value] of sets) if (value !== '') headers.set(name, value);
  for (const [name, value] of adds) if (value !== '') add(headers, name, value);
}

function add(headers: HeaderList, name: string, value: string): void {
  const before = ONE_VALUE.has(name) ? headers.get(name) : undefined;
  if (before === undefined) headers.append(name, value);
  else headers.set(name, `${before},${value}`);
}
